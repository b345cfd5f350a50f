//! What the forests of a lab are called.

/// One of the two forests that a lab can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one that every lab has.
    Corp,
    /// The second one, of a company that was bought.
    Fabriek,
}

/// The names of a forest of one domain.
#[derive(Debug)]
pub(crate) struct Names {
    /// The DNS name.
    pub(crate) domain: &'static str,
    /// The same as Kerberos writes it.
    pub(crate) realm: &'static str,
    /// The name before the backslash.
    pub(crate) workgroup: &'static str,
    /// The name of the forest's root in LDAP.
    pub(crate) base_dn: &'static str,
    /// The built-in administrator's password: known to everybody, as is every one of a lab.
    pub(crate) administrator_password: &'static str,
    /// The password of the account that Passback's agent signs in with.
    pub(crate) service_password: &'static str,
}

impl Which {
    /// Its names.
    pub(crate) fn names(self) -> &'static Names {
        match self {
            Self::Corp => &Names {
                domain: "corp.passback.test",
                realm: "CORP.PASSBACK.TEST",
                workgroup: "CORP",
                base_dn: "DC=corp,DC=passback,DC=test",
                administrator_password: "Lab-Administrator-2024",
                service_password: "Lab-Service-Account-2024",
            },
            Self::Fabriek => &Names {
                domain: "fabriek.passback.test",
                realm: "FABRIEK.PASSBACK.TEST",
                workgroup: "FABRIEK",
                base_dn: "DC=fabriek,DC=passback,DC=test",
                administrator_password: "Fabriek-Beheerder-2024",
                service_password: "Fabriek-Dienstaccount-2024",
            },
        }
    }
}

impl Names {
    /// The DNS name of a controller, the first or a further one.
    pub(crate) fn controller(&self, index: usize) -> String {
        format!("{}.{}", short(index), self.domain)
    }
}

/// A controller's name within its domain: dc1, dc2.
pub(crate) fn short(index: usize) -> String {
    format!("dc{}", index + 1)
}
