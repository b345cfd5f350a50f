//! The nodes of the service, as its agents are told about them.

use protocol::limits::NODES_MAX;
use settings::{Section, SettingsError};
use url::Url;

/// Reads them; all must be such that agents accept them.
pub(super) fn read(relay: &Section, public_url: &Url) -> Result<Vec<String>, SettingsError> {
    let names = relay.texts("nodes")?;
    if !names.is_empty() && relay.optional_text("url").is_some() {
        return Err(relay.wrong("nodes", "does not go together with `relay.url`"));
    }
    if names.len() > NODES_MAX {
        return Err(relay.wrong("nodes", &format!("must be at most {NODES_MAX}")));
    }
    let (nodes, others) = ::relay::nodes_of(&names, public_url);
    if let Some(other) = others.first() {
        let host = public_url.host_str().unwrap_or_default();
        let expected =
            format!("{other:?} is not of the form wss://NAME, with NAME {host} or below");
        return Err(relay.wrong("nodes", &expected));
    }
    Ok(nodes.into_iter().map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::read;

    const NONE: &str = "#nodes = []";

    #[test]
    fn nodes_stand_below_the_public_host_because_agents_go_nowhere_else() {
        assert_eq!(read(&[]).unwrap().relay_nodes, [""; 0]);
        let names =
            r#"nodes = ["wss://node-1.reset.example.org", "wss://reset.example.org:8443/"]"#;
        let nodes = read(&[(NONE, names)]).unwrap().relay_nodes;
        assert_eq!(nodes, ["wss://node-1.reset.example.org/", "wss://reset.example.org:8443/"]);
        for name in ["wss://node.example.org", "https://reset.example.org", "node-1"] {
            let error = read(&[(NONE, &format!("nodes = [{name:?}]"))]).unwrap_err();
            assert!(error.contains("reset.example.org or below"), "{error}");
        }
    }

    #[test]
    fn there_are_not_more_nodes_than_an_answer_to_a_heartbeat_holds() {
        let names: Vec<_> = (0..9).map(|at| format!("wss://n{at}.reset.example.org")).collect();
        let error = read(&[(NONE, &format!("nodes = {names:?}"))]).unwrap_err();
        assert!(error.contains("must be at most 8"), "{error}");
    }
}
