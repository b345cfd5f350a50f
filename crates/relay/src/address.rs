//! Where a relay of somebody else's is, as people write it down: `sb://`, `https://` or `wss://`, a
//! host, and the path below which all entities stand there, if there is one.

use url::Url;

use crate::entity::{ENTITY_MAX, Entity};

/// The longest entity of an agent, in bytes, with a slash before it: see [`Entity::of`].
const AGENTS_ENTITY: usize = 78;

/// The address of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayAddress {
    host: String,
    /// None: 443.
    port: Option<u16>,
    base: Option<Entity>,
}

/// No address that a relay can have. The text goes on after the name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayAddressError {
    /// Not one of the three schemes, or no host.
    #[error(
        "must be of the form sb://host, https://host or wss://host, with a port where it is not 443"
    )]
    Form,
    /// It would be sent, and logged, by whoever reads it.
    #[error("must hold no name, password, query or fragment: the key stands in a file of its own")]
    Secret,
    /// Entities could not stand below it.
    #[error(
        "may have a path of letters, digits, dots, hyphens and underscores between single slashes, at most 182 bytes long"
    )]
    Path,
}

impl RelayAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// [`RelayAddressError`].
    pub fn parse(text: &str) -> Result<Self, RelayAddressError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(RelayAddressError::Form)?;
        if !["sb", "https", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(RelayAddressError::Form);
        }
        // As one of a scheme whose hosts this library checks.
        let url: Url = format!("https://{rest}").parse().map_err(|_| RelayAddressError::Form)?;
        let host = url.host_str().ok_or(RelayAddressError::Form)?.to_owned();
        let credentials = !url.username().is_empty() || url.password().is_some();
        if credentials || url.query().is_some() || url.fragment().is_some() {
            return Err(RelayAddressError::Secret);
        }
        // The library resolves dots: what was written is what is looked at.
        let written = rest.split_once('/').map_or("", |(_, path)| path);
        let written = written.strip_suffix('/').unwrap_or(written);
        let base = match written {
            "" => None,
            path if path.len() > ENTITY_MAX - AGENTS_ENTITY => return Err(RelayAddressError::Path),
            path => Some(Entity::parse(path).map_err(|_| RelayAddressError::Path)?),
        };
        Ok(Self { host, port: url.port(), base })
    }

    /// The host, as URLs have it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(443)
    }

    /// Host and port, as a request names them: the port only where it is not 443.
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// Where the entity that is `own` with us stands at that relay.
    #[must_use]
    pub fn entity(&self, own: &Entity) -> Entity {
        self.base.as_ref().map_or_else(|| own.clone(), |base| own.below(base))
    }

    /// What a token for an entity there is made for.
    pub fn resource(&self, entity: &Entity) -> String {
        format!("http://{}/{entity}", self.host)
    }

    /// The address as listeners are told it.
    pub fn listen_url(&self) -> String {
        let base = self.base.as_ref().map_or("", Entity::as_str);
        format!("wss://{}/{base}", self.authority())
    }

    /// Where listeners dial: a `wss:` URL without entities.
    ///
    /// # Errors
    /// None for an address that was read by [`RelayAddress::parse`].
    pub fn dialled(&self) -> Result<Url, url::ParseError> {
        format!("wss://{}/", self.authority()).parse()
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AgentId, TenantId};

    use super::*;

    #[test]
    fn one_relay_can_be_written_in_three_ways() {
        let own = Entity::parse("t/x/a/y").unwrap();
        for text in [
            "sb://Contoso.servicebus.windows.net/",
            "https://contoso.servicebus.windows.net",
            "wss://contoso.servicebus.windows.net:443/",
        ] {
            let read = RelayAddress::parse(text).unwrap();
            assert_eq!(
                (read.host(), read.port()),
                ("contoso.servicebus.windows.net", 443),
                "{text}"
            );
            assert_eq!(read.authority(), "contoso.servicebus.windows.net");
            assert_eq!(read.entity(&own), own);
            assert_eq!(read.resource(&own), "http://contoso.servicebus.windows.net/t/x/a/y");
            assert_eq!(read.listen_url(), "wss://contoso.servicebus.windows.net/");
        }
    }

    #[test]
    fn entities_stand_below_the_path_and_tokens_are_for_the_host_without_its_port() {
        let read = RelayAddress::parse("https://[::1]:9443/Pass-back/prod/").unwrap();
        let entity = read.entity(&Entity::parse("t/x/a/y").unwrap());
        assert_eq!(entity.as_str(), "pass-back/prod/t/x/a/y");
        assert_eq!(read.resource(&entity), "http://[::1]/pass-back/prod/t/x/a/y");
        assert_eq!(read.listen_url(), "wss://[::1]:9443/pass-back/prod");
        assert_eq!(read.dialled().unwrap().as_str(), "wss://[::1]:9443/");
        assert_eq!(RelayAddress::parse(&read.listen_url()).unwrap(), read);
    }

    #[test]
    fn an_agent_fits_below_the_longest_path() {
        let agent = Entity::of(TenantId::from_bytes([1; 16]), AgentId::from_bytes([2; 16]));
        let longest = "p".repeat(ENTITY_MAX - AGENTS_ENTITY);
        let read = RelayAddress::parse(&format!("sb://host/{longest}")).unwrap();
        assert_eq!(read.entity(&agent).as_str().len(), ENTITY_MAX);
        let longer = RelayAddress::parse(&format!("sb://host/{longest}p"));
        assert_eq!(longer, Err(RelayAddressError::Path));
    }

    #[test]
    fn what_cannot_be_an_address_is_refused_with_the_reason() {
        for (text, wrong) in [
            ("http://relay.example.org", RelayAddressError::Form),
            ("ws://relay.example.org", RelayAddressError::Form),
            ("relay.example.org", RelayAddressError::Form),
            ("sb://", RelayAddressError::Form),
            ("https://relay.example.org:0x1", RelayAddressError::Form),
            ("sb://user@relay.example.org/", RelayAddressError::Secret),
            ("sb://:key@relay.example.org/", RelayAddressError::Secret),
            ("https://relay.example.org/?sig=x", RelayAddressError::Secret),
            ("https://relay.example.org/#x", RelayAddressError::Secret),
            ("https://relay.example.org/a//b", RelayAddressError::Path),
            ("https://relay.example.org/a/../b", RelayAddressError::Path),
            ("https://relay.example.org/$hc", RelayAddressError::Path),
        ] {
            assert_eq!(RelayAddress::parse(text), Err(wrong), "{text}");
        }
    }
}
