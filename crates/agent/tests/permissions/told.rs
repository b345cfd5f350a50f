//! Snapshots of what `explain` says of one account, on a real Active Directory and on the fake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Place;

/// Accounts that every lab has, and that are not in the unit of a test: the snapshot and the login.
pub const OUTSIDE: [(&str, &str); 4] = [
    ("administrator", "Administrator"),
    ("krbtgt", "krbtgt"),
    ("own_account", "svc-passback"),
    ("out_of_scope", "anna"),
];

impl Place {
    /// Compares what is said of an account, to people and to programs, with the two snapshots of this name.
    /// First comes what `change` makes of the text; then goes what the account is called, which a test made up.
    pub fn told(&self, name: &str, user: &str, called: &str, change: impl Fn(&str) -> String) {
        let without = |text: &str| change(&decoded(text)).replace(called, "PERSON");
        let said = self.agent(&["explain", user]);
        self.snapshot(&format!("explain_{name}.txt"), &without(&said.out));
        let said = self.agent(&["explain", user, "--json"]);
        let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        self.snapshot(&format!("explain_{name}.json"), &without(&pretty));
    }
}

/// A name in base64, which a command writes, as the name that it is.
fn decoded(text: &str) -> String {
    let mut parts = text.split("'dn:: ");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (encoded, rest) = part.split_once('\'').unwrap();
        let name = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
        whole += &format!("'dn:: BASE64 OF {name}'{rest}");
    }
    whole
}
