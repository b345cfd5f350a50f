//! Searches: what a base, a scope and a filter find, and what a controller says about itself.

use std::cell::OnceCell;

use directory::{DistinguishedName, ObjectGuid, Sid};
use ldap3_proto::proto::{LdapFilter, LdapResultCode, LdapSearchScope};
use protocol::Timestamp;

use crate::answer::Refused;
use crate::controller::Controller;
use crate::filter;
use crate::modify::Token;
use crate::object::Object;
use crate::render::{Row, Seen, generalized_time};
use crate::replica::Replica;
use crate::rules::Flavour;

/// One search.
pub(crate) struct Query<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: &'a LdapSearchScope,
    pub(crate) filter: &'a LdapFilter,
    pub(crate) attributes: &'a [String],
    /// What the SD-flags control asks for.
    pub(crate) sd_parts: Option<u32>,
}

/// An entry that was found; the rootDSE has no name.
pub(crate) type Found = (Option<DistinguishedName>, Row);

impl Replica {
    /// Runs a search, at the controller that has this copy; nobody in particular sees only the
    /// rootDSE.
    pub(crate) fn search(
        &self,
        controller: &Controller,
        token: Option<&Token>,
        query: &Query<'_>,
        now: Timestamp,
    ) -> Result<Vec<Found>, Refused> {
        if query.base.is_empty() && *query.scope == LdapSearchScope::Base {
            return Ok(vec![self.root_dse(controller, token, query.attributes, now)]);
        }
        let anonymous = || {
            let text = "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563";
            Refused::new(LdapResultCode::OperationsError, text)
        };
        let token = token.ok_or_else(anonymous)?;
        let base = self.base(query.base)?;
        if !self.shows(token, base) {
            return Err(Refused::no_such_object(self.flavour, query.base));
        }
        let within = |object: &&Object| match query.scope {
            LdapSearchScope::Base => object.guid == base.guid,
            LdapSearchScope::OneLevel => object.dn.parent().as_ref() == Some(&base.dn),
            LdapSearchScope::Subtree => object.dn.is_at_or_below(&base.dn),
            LdapSearchScope::Children => object.dn.is_below(&base.dn),
        };
        let sd_parts = query.sd_parts;
        let seen = |object| {
            let access = OnceCell::new();
            Seen { replica: self, object, token, sd_parts, now, access }
        };
        // One object is found by its place: nothing else is looked at.
        let candidates: Vec<&Object> = match query.scope {
            LdapSearchScope::Base => vec![base],
            _ => self.objects().filter(within).collect(),
        };
        let found = candidates
            .into_iter()
            .map(seen)
            .filter(|seen| filter::matches(query.filter, seen) == Some(true))
            .filter(|seen| seen.object.guid == base.guid || self.shows(token, seen.object));
        let row = |seen: Seen<'_>| (Some(seen.object.dn.clone()), seen.row(query.attributes));
        Ok(found.map(row).collect())
    }

    /// The object that a base names: by a DN, `<GUID=…>` or `<SID=…>` (MS-ADTS 3.1.1.3.1.2.4).
    pub(crate) fn base(&self, base: &str) -> Result<&Object, Refused> {
        let inner = |kind: &str| base.strip_prefix(kind).and_then(|rest| rest.strip_suffix('>'));
        let found = if let Some(guid) = inner("<GUID=") {
            guid.parse::<ObjectGuid>().ok().and_then(|guid| self.object(guid))
        } else if let Some(sid) = inner("<SID=") {
            sid.parse::<Sid>().ok().and_then(|sid| self.with_sid(&sid))
        } else {
            let dn: DistinguishedName = base.parse().map_err(|_| {
                let text = "0000208F: NameErr: DSID-0310022D, problem 2006 (BAD_NAME)";
                Refused::new(LdapResultCode::InvalidDNSyntax, text)
            })?;
            let domain = dn.domain_head();
            if self.flavour == Flavour::Windows && domain.levels() > 0 && domain != self.head {
                return Err(Refused::elsewhere(&domain));
            }
            self.named(&dn)
        };
        found.ok_or_else(|| Refused::no_such_object(self.flavour, base))
    }

    /// The SIDs of a token as the rootDSE tells them. No order is documented (MS-ADTS 3.1.1.3.2): as
    /// Samba, the account comes first, as was seen; as Windows last, so that nobody relies on it.
    fn told(&self, token: &Token) -> Vec<Vec<u8>> {
        let sids = token.sids.iter().map(Sid::to_value);
        match self.flavour {
            Flavour::Samba => sids.collect(),
            Flavour::Windows => sids.rev().collect(),
        }
    }

    /// What a controller says about itself (MS-ADTS 3.1.1.3.2).
    fn root_dse(
        &self,
        controller: &Controller,
        token: Option<&Token>,
        asked: &[String],
        now: Timestamp,
    ) -> Found {
        let one = |text: String| vec![text.into_bytes()];
        let server = controller.settings.parent().map(|dn| dn.to_string()).unwrap_or_default();
        let configuration = format!("CN=Configuration,{}", self.head);
        let controls = controller.controls().iter().map(|oid| oid.as_bytes().to_vec()).collect();
        let mut all: Row = vec![
            ("dsServiceName".to_owned(), one(controller.settings.to_string())),
            ("serverName".to_owned(), one(server)),
            ("defaultNamingContext".to_owned(), one(self.head.to_string())),
            ("rootDomainNamingContext".to_owned(), one(self.head.to_string())),
            ("configurationNamingContext".to_owned(), one(configuration.clone())),
            (
                "namingContexts".to_owned(),
                [self.head.to_string(), configuration].map(String::into_bytes).to_vec(),
            ),
            ("dnsHostName".to_owned(), one(controller.host.clone())),
            ("currentTime".to_owned(), one(generalized_time(now))),
            ("highestCommittedUSN".to_owned(), one(self.usn.to_string())),
            ("supportedControl".to_owned(), controls),
            ("supportedLDAPVersion".to_owned(), vec![b"3".to_vec()]),
        ];
        if self.flavour == Flavour::Samba {
            let vendor = "Samba Team (https://www.samba.org)";
            all.push(("vendorName".to_owned(), one(vendor.to_owned())));
        }
        if asked.is_empty() || asked.iter().any(|name| name == "*") {
            return (None, all);
        }
        let token = token.map(|token| self.told(token));
        all.extend(token.map(|sids| ("tokenGroups".to_owned(), sids)));
        all.retain(|(name, _)| asked.iter().any(|other| other.eq_ignore_ascii_case(name)));
        (None, all)
    }
}
