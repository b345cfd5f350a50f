//! The example is a configuration, and what cannot be is refused by the key's name.

use super::*;

fn read(from: &str, to: &str) -> Result<AgentSettings, String> {
    read_all(&[(from, to)])
}

/// The example with these changes.
pub(super) fn read_all(changes: &[(&str, &str)]) -> Result<AgentSettings, String> {
    let mut text = settings::example(TITLE, KEYS);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let settings = Settings::parse(Path::new("/etc/passback/agent.toml"), &text, KEYS);
    settings.and_then(|one| AgentSettings::read(&one)).map_err(|error| error.to_string())
}

#[test]
fn the_example_that_is_checked_in_is_the_generated_one() {
    let file = include_str!("../../../../docs/passback-agent.example.toml");
    assert_eq!(file, settings::example(TITLE, KEYS), "run `passback-agent config example`");
}

#[test]
fn the_example_is_a_configuration() {
    let read = read("", "").unwrap();
    assert_eq!(read.set_time_limit(), protocol::limits::SET_TIME_LIMIT);
    assert_eq!(read.cloud_origin(), "https://reset.example.org");
}

#[test]
fn people_are_matched_by_nothing_unless_it_is_configured_and_what_is_needed_is_read() {
    assert_eq!(read("", "").unwrap().match_people_by, None);
    let read = read("#match_people_by = \"mail\"", "match_people_by = \"employee-ID\"").unwrap();
    assert_eq!(read.match_people_by.as_deref(), Some("employee-ID"));
    assert_eq!(read.directories[0].people_attributes, ["otherMailbox", "employee-ID"]);
}

#[test]
fn controllers_and_encryption_are_read_as_they_stand() {
    let first = |from: &str, to: &str| read(from, to).unwrap().directories.remove(0);
    let default = first("", "");
    assert_eq!((default.encryption, default.ldap_port), (Encryption::Ldaps, 389));
    assert_eq!((default.controllers.len(), default.only_preferred), (0, false));
    let starttls = first("#encryption = \"ldaps\"", "encryption = \"starttls\"");
    assert_eq!(starttls.encryption, Encryption::StartTls);
    let preferred = first(
        "#controllers = []",
        "only_preferred = true\ncontrollers = [\"dc2.corp.example.org\", \"DC-3\"]",
    );
    assert_eq!(preferred.controllers, ["dc2.corp.example.org", "DC-3"]);
    assert!(preferred.only_preferred);
}

#[test]
fn administrators_obey_history_and_least_age_unless_it_is_configured_for_the_directory() {
    let spares = |from: &str, to: &str| {
        read(from, to).unwrap().directories[0].administrator_reset_without_history_and_age
    };
    let key = "administrator_reset_without_history_and_age = ";
    assert!(!spares("", ""));
    assert!(spares(&format!("#{key}false"), &format!("{key}true")));
}

#[test]
fn there_is_no_proxy_unless_it_is_configured_and_its_password_is_a_file() {
    assert!(read("", "").unwrap().proxy.is_none());
    let proxy = read("#url = \"http://proxy", "url = \"http://proxy").unwrap().proxy.unwrap();
    assert!(proxy.credentials.is_none());
    let text = "url = \"http://p:8080\"\nuser = \"svc\"\npassword_file = \"p.txt\"";
    let proxy = read("#url = \"http://proxy.example.org:3128\"", text).unwrap().proxy.unwrap();
    assert_eq!(proxy.credentials.unwrap(), ("svc".to_owned(), "/etc/passback/p.txt".into()));
    assert_eq!(format!("{:?}", proxy.proxy), "Proxy(p:8080)");
}

#[test]
fn the_transport_is_chosen_by_itself_unless_it_is_configured() {
    assert_eq!(read("", "").unwrap().relay_transport, RelayTransport::Auto);
    let parked = read("#transport = \"auto\"", "transport = \"long_polling\"").unwrap();
    assert_eq!(parked.relay_transport, RelayTransport::LongPolling);
    let socket = read("#transport = \"auto\"", "transport = \"websocket\"").unwrap();
    assert_eq!(socket.relay_transport, RelayTransport::WebSocket);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (from, to, problem) in [
        ("https://reset.example.org", "http://reset.example.org", "must be an https: address"),
        ("OU=People,DC=corp,DC=example,DC=org", "People", "is not a distinguished name"),
        ("#protected_groups = []", "protected_groups = [\"x\"]", "is not a SID"),
        ("name = \"corp\"", "name = \"cloud\"", "must be a connector's name"),
        (
            "#address_attributes = [\"otherMailbox\"]",
            "address_attributes = [\"a b\"]",
            "a b is not",
        ),
        ("#match_people_by = \"mail\"", "match_people_by = \"\"", "must be the name of an attrib"),
        ("#match_people_by = \"mail\"", "match_people_by = \"2mail\"", "must be the name of"),
        ("#match_people_by = \"mail\"", "match_people_by = \"m;binary\"", "must be the name of"),
        ("#encryption = \"ldaps\"", "encryption = \"none\"", "must be \"ldaps\" or"),
        ("#controllers = []", "controllers = [\"10.0.0.1\"]", "10.0.0.1 is not the DNS name"),
        ("#controllers = []", "controllers = [\"dc2.corp:636\"]", "dc2.corp:636 is not the"),
        ("#controllers = []", "controllers = [\"\"]", "is not the DNS name"),
        ("#only_preferred = false", "only_preferred = true", "needs `controllers`"),
        ("#percent_of_people = 1", "percent_of_people = 101", "must be at most 100"),
        ("#resets_per_hour = 60", "resets_per_hour = 0", "resets_per_hour"),
        ("#transport = \"auto\"", "transport = \"http\"", "`relay.transport` must be \"auto\","),
        ("#url = \"http://proxy", "url = \"https://proxy", "`proxy.url` must be of the form"),
        ("#url = \"http://proxy", "url = \"http://jan:secret@proxy", "`proxy.url` must be of"),
        ("#user = \"svc-passback\"", "user = \"svc\"", "`proxy.user` needs `password_file`"),
        ("#password_file = \"proxy", "password_file = \"proxy", "needs `user`"),
        (
            "#user = \"svc-passback\"",
            "user = \"svc\"\npassword_file = \"p\"",
            "`proxy.user` needs `url`",
        ),
        ("#dns = \"10.0.0.1:53\"", "dns = \"10.0.0.1\"", "is not an address and a port"),
    ] {
        let error = read(from, to).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
}

impl AgentSettings {
    fn set_time_limit(&self) -> Duration {
        self.directories[0].set_time_limit
    }
}
