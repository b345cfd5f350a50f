//! The nodes of a cloud service, as it names them to its agents. An agent listens only where it was
//! told to by its own configuration, or below that: whoever answers in the service's place shall not
//! be able to have it dial elsewhere (INTERFACES "Agent's HTTPS routes on the cloud").

use protocol::limits::{NODE_NAME_MAX, NODES_MAX};
use url::Url;

/// The address that `name` is, if a relay's node may be there: `wss:`, at the host of `service` or
/// below it, with a port or without, and nothing else.
pub fn node_of(name: &str, service: &Url) -> Option<Url> {
    if name.len() > NODE_NAME_MAX {
        return None;
    }
    let url: Url = name.parse().ok()?;
    let (host, own) = (url.host_str()?, service.host_str()?);
    // Nothing is below an address of numbers.
    let below = service.domain().is_some()
        && host.strip_suffix(own).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (url.scheme() == "wss" && bare && (host == own || below)).then_some(url)
}

/// The nodes among `names`, each once, as many as [`NODES_MAX`]; and the names that are none.
pub fn nodes_of<'a>(names: &'a [String], service: &Url) -> (Vec<Url>, Vec<&'a str>) {
    let (mut nodes, mut others) = (Vec::new(), Vec::new());
    for name in names {
        match node_of(name, service) {
            Some(node) if nodes.contains(&node) => {}
            Some(node) if nodes.len() < NODES_MAX => nodes.push(node),
            _ => others.push(name.as_str()),
        }
    }
    (nodes, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Url {
        "https://reset.example.org/".parse().unwrap()
    }

    #[test]
    fn a_node_is_at_the_services_host_or_below_it_and_nowhere_else() {
        for name in [
            "wss://reset.example.org",
            "wss://RESET.example.org:8443/",
            "wss://node-1.reset.example.org",
            "wss://a.b.reset.example.org:443",
        ] {
            assert!(node_of(name, &service()).is_some(), "{name}");
        }
        for name in [
            "https://node-1.reset.example.org",
            "ws://reset.example.org",
            "wss://example.org",
            "wss://node.example.org",
            "wss://evilreset.example.org",
            "wss://.reset.example.org",
            "wss://reset.example.org.evil.example",
            "wss://reset.example.org./",
            "wss://reset.example.org@evil.example",
            "wss://user@reset.example.org",
            "wss://reset.example.org/path",
            "wss://reset.example.org/?query",
            "wss://reset.example.org/#fragment",
            "reset.example.org",
            "",
        ] {
            assert_eq!(node_of(name, &service()), None, "{name}");
        }
    }

    #[test]
    fn nothing_is_below_an_address_of_numbers() {
        let service = "https://127.0.0.1:8443/".parse().unwrap();
        assert!(node_of("wss://127.0.0.1:9443", &service).is_some());
        assert_eq!(node_of("wss://1.127.0.0.1", &service), None);
        assert_eq!(node_of("wss://127.0.0.2", &service), None);
    }

    #[test]
    fn names_are_bounded_in_length_and_number_and_each_counts_once() {
        let long = format!("wss://{}.reset.example.org", "a".repeat(NODE_NAME_MAX));
        assert_eq!(node_of(&long, &service()), None);
        let name = |number: usize| format!("wss://node-{number}.reset.example.org");
        let mut names: Vec<_> = (0..=NODES_MAX).map(name).collect();
        names.insert(1, format!("{}/", name(0)));
        let (nodes, others) = nodes_of(&names, &service());
        assert_eq!(nodes.len(), NODES_MAX);
        assert_eq!(others, [name(NODES_MAX)]);
    }
}
