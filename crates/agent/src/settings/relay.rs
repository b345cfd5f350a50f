//! `[relay]` where a relay of somebody else's takes the place of the cloud service's.

use std::path::PathBuf;

use relay::RelayAddress;
use relay::token::KeyFile;
use settings::{Section, SettingsError};

/// A relay of somebody else's. That it is local to the agent is what keeps the cloud service from
/// sending the agent elsewhere (SPEC A-5).
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Where it is.
    pub address: RelayAddress,
    /// The rule with the right to listen, and the file with its key.
    pub listen_key: KeyFile,
    /// A CA to trust instead of the public ones.
    pub ca: Option<PathBuf>,
}

/// Reads it; none where the agent listens at the cloud service.
pub(super) fn read(section: &Section) -> Result<Option<RelaySettings>, SettingsError> {
    let rule = section.optional_text("listen_rule");
    let (file, ca) = (section.optional_path("listen_key_file"), section.optional_path("ca"));
    let Some(url) = section.optional_text("url") else {
        let alone = [
            ("listen_rule", rule.is_some()),
            ("listen_key_file", file.is_some()),
            ("ca", ca.is_some()),
        ];
        return match alone.into_iter().find(|(_, there)| *there) {
            Some((name, _)) => Err(section.wrong(
                name,
                "needs `relay.url`: at the cloud service the agent listens with a key of its own",
            )),
            None => Ok(None),
        };
    };
    let address = RelayAddress::parse(&url);
    let address = address.map_err(|error| section.wrong("url", &error.to_string()))?;
    let needed = |name| section.wrong("url", &format!("needs `relay.{name}`"));
    let rule = rule.ok_or_else(|| needed("listen_rule"))?;
    if rule.trim().is_empty() {
        return Err(section.wrong("listen_rule", "must not be empty"));
    }
    let listen_key = KeyFile::new(rule, file.ok_or_else(|| needed("listen_key_file"))?);
    Ok(Some(RelaySettings { address, listen_key, ca }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::read_all;

    const URL: (&str, &str) = ("#url = \"sb:", "url = \"sb:");
    const RULE: (&str, &str) = ("#listen_rule", "listen_rule");
    const FILE: (&str, &str) = ("#listen_key_file", "listen_key_file");

    #[test]
    fn the_agent_listens_at_the_cloud_service_unless_a_relay_is_configured() {
        assert!(read_all(&[]).unwrap().relay.is_none());
        let relay = read_all(&[URL, RULE, FILE]).unwrap().relay.unwrap();
        assert_eq!(relay.address.listen_url(), "wss://contoso.servicebus.windows.net/");
        assert_eq!(relay.listen_key.rule(), "listen-rule");
        assert_eq!(relay.listen_key.path(), Path::new("/etc/passback/relay-listen.key"));
    }

    #[test]
    fn half_of_a_relay_is_refused_by_name() {
        let http = ("#url = \"sb:", "url = \"http:");
        let with_key = ("#url = \"sb://", "url = \"sb://:secret@");
        let path = ("windows.net/\"", "windows.net/a//b\"");
        let no_rule = ("#listen_rule = \"listen-rule\"", "listen_rule = \" \"");
        for (changes, problem) in [
            (vec![URL], "`relay.url` needs `relay.listen_rule`"),
            (vec![URL, RULE], "`relay.url` needs `relay.listen_key_file`"),
            (vec![URL, FILE], "`relay.url` needs `relay.listen_rule`"),
            (vec![RULE], "`relay.listen_rule` needs `relay.url`"),
            (vec![FILE], "`relay.listen_key_file` needs `relay.url`"),
            (vec![("#ca = \"relay-ca", "ca = \"relay-ca")], "`relay.ca` needs `relay.url`"),
            (vec![http, RULE, FILE], "`relay.url` must be of the form sb://host"),
            (vec![with_key, RULE, FILE], "`relay.url` must hold no name, password"),
            (vec![URL, path, RULE, FILE], "`relay.url` may have a path of letters"),
            (vec![URL, no_rule, FILE], "`relay.listen_rule` must not be empty"),
        ] {
            let error = read_all(&changes).unwrap_err();
            assert!(error.contains(problem), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
