//! The host's programs that the lab runs, and the packages that bring them.

use std::env;
use std::path::Path;

/// A package of the host (Debian's name) that the lab needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPackage {
    /// The package's name, as `apt-get install` takes it.
    pub name: &'static str,
    /// A file whose presence shows that it is installed: a program's name, or a whole path.
    pub shown_by: &'static str,
}

/// The signatures of Debian's archive, without which debootstrap trusts no mirror.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const NEEDED: [HostPackage; 5] = [
    HostPackage { name: "debootstrap", shown_by: "debootstrap" },
    HostPackage { name: "debian-archive-keyring", shown_by: KEYRING },
    HostPackage { name: "ldap-utils", shown_by: "ldapmodify" },
    HostPackage { name: "mount", shown_by: "mount" },
    HostPackage { name: "util-linux", shown_by: "unshare" },
];

// Present on every Debian, but outside the PATH of many accounts.
const ALSO_IN: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The packages that must be installed on the host before a lab can be built; none if all is
/// there.
pub fn needs() -> Vec<HostPackage> {
    NEEDED.into_iter().filter(|package| !present(package.shown_by)).collect()
}

/// Whether a program of this name, or a file at this path, is there.
pub(crate) fn present(shown_by: &str) -> bool {
    if shown_by.starts_with('/') {
        return Path::new(shown_by).exists();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(ALSO_IN.iter().map(Into::into))
        .any(|directory| directory.join(shown_by).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_name_and_a_file_by_its_path() {
        assert!(present("sh"));
        assert!(present("/bin/sh"));
        assert!(!present("no-such-program-anywhere"));
        assert!(!present("/no/such/file"));
    }
}
