//! `[relay]` where a relay of somebody else's takes the place of the one inside.

use std::path::PathBuf;
use std::time::Duration;

use relay::RelayAddress;
use relay::token::KeyFile;
use settings::{Section, SettingsError};

/// A relay of somebody else's.
#[derive(Debug, Clone)]
pub struct RelayElsewhere {
    /// Where it is.
    pub address: RelayAddress,
    /// The rule with the right to send, and the file with its key.
    pub send_key: KeyFile,
    /// A CA to trust instead of the public ones.
    pub ca: Option<PathBuf>,
    /// How long connecting may take.
    pub connect: Duration,
}

/// Reads it; none where agents listen at this service.
pub(super) fn read(relay: &Section) -> Result<Option<RelayElsewhere>, SettingsError> {
    let (rule, file) = (relay.optional_text("send_rule"), relay.optional_path("send_key_file"));
    let ca = relay.optional_path("ca");
    let Some(url) = relay.optional_text("url") else {
        let alone = [("send_rule", rule.is_some()), ("send_key_file", file.is_some())];
        return match alone.into_iter().chain([("ca", ca.is_some())]).find(|(_, there)| *there) {
            Some((name, _)) => {
                Err(relay.wrong(name, "needs `relay.url`: the relay inside has no use for it"))
            }
            None => Ok(None),
        };
    };
    if !relay.texts("nodes")?.is_empty() {
        return Err(relay.wrong("nodes", "and `relay.url` exclude each other: agents listen there"));
    }
    let address = RelayAddress::parse(&url);
    let address = address.map_err(|error| relay.wrong("url", &error.to_string()))?;
    let needed = |name| relay.wrong("url", &format!("needs `relay.{name}`"));
    let rule = rule.ok_or_else(|| needed("send_rule"))?;
    if rule.trim().is_empty() {
        return Err(relay.wrong("send_rule", "must not be empty"));
    }
    let send_key = KeyFile::new(rule, file.ok_or_else(|| needed("send_key_file"))?);
    Ok(Some(RelayElsewhere { address, send_key, ca, connect: relay.duration("connect_seconds")? }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::tests::read;

    const URL: (&str, &str) = ("#url = \"sb:", "url = \"sb:");
    const RULE: (&str, &str) = ("#send_rule", "send_rule");
    const FILE: (&str, &str) = ("#send_key_file", "send_key_file");

    #[test]
    fn a_relay_elsewhere_is_there_if_it_is_configured_and_agents_are_told_its_address() {
        assert!(read(&[]).unwrap().relay_elsewhere.is_none());
        let read = read(&[URL, RULE, FILE, ("windows.net/\"", "windows.net/Prod\"")]).unwrap();
        assert_eq!(read.relay_url(), "wss://contoso.servicebus.windows.net/prod");
        let elsewhere = read.relay_elsewhere.unwrap();
        assert_eq!(elsewhere.send_key.rule(), "send-rule");
        assert_eq!(elsewhere.send_key.path(), Path::new("/etc/passback/relay-send.key"));
        assert_eq!(elsewhere.connect, Duration::from_secs(10));
    }

    #[test]
    fn half_of_a_relay_elsewhere_is_refused_by_name() {
        let http = ("#url = \"sb:", "url = \"http:");
        let with_key = ("#url = \"sb://", "url = \"sb://:secret@");
        let nodes = ("#nodes = []", "nodes = [\"wss://reset.example.org\"]");
        let no_rule = ("#send_rule = \"send-rule\"", "send_rule = \" \"");
        for (changes, problem) in [
            (vec![URL], "`relay.url` needs `relay.send_rule`"),
            (vec![URL, RULE], "`relay.url` needs `relay.send_key_file`"),
            (vec![URL, FILE], "`relay.url` needs `relay.send_rule`"),
            (vec![RULE], "`relay.send_rule` needs `relay.url`"),
            (vec![FILE], "`relay.send_key_file` needs `relay.url`"),
            (vec![("#ca = \"relay-ca", "ca = \"relay-ca")], "`relay.ca` needs `relay.url`"),
            (vec![http, RULE, FILE], "`relay.url` must be of the form sb://host"),
            (vec![with_key, RULE, FILE], "`relay.url` must hold no name, password"),
            (vec![URL, no_rule, FILE], "`relay.send_rule` must not be empty"),
            (vec![URL, RULE, FILE, nodes], "`relay.nodes` and `relay.url` exclude each other"),
        ] {
            let error = read(&changes).unwrap_err();
            assert!(error.contains(problem), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
