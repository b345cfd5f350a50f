//! What can go wrong with a lab: one line each, what it is and what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::places;
use crate::tools::HostPackage;

/// Why there is no lab, or why it did not do what a test asked of it.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Mounts and namespaces need it.
    #[error("the lab needs root (it mounts and binds port 389): run the same command with sudo")]
    NotRoot,
    /// Programs that the lab runs on the host.
    #[error("the lab needs packages that are missing: run `apt-get install {}` as root", names(.0))]
    Missing(Vec<HostPackage>),
    /// The kernel or a container forbids what the lab is made of.
    #[error(
        "this machine does not let root make mount and process namespaces: run the lab on a \
         machine, or in a container that has CAP_SYS_ADMIN (log: {})", .log.display()
    )]
    NamespaceRefused {
        /// What the programs said.
        log: PathBuf,
    },
    /// The host is no Debian, or its sources do not carry Debian's main section.
    #[error(
        "no Debian mirror is known: the apt sources of this machine name none for its release; set \
         PASSBACK_MIRROR to the address of one"
    )]
    NoMirror,
    /// No network, a proxy in the way, or a mirror that is down.
    #[error(
        "the package mirror {mirror} cannot be reached: check the network and the proxy of apt, \
         then run again (log: {})", .log.display()
    )]
    MirrorUnreachable {
        /// Where packages were looked for.
        mirror: String,
        /// What the programs said.
        log: PathBuf,
    },
    /// The mirror answered, but building failed.
    #[error("{step} failed: read {}, then run again", .log.display())]
    StepFailed {
        /// What was being done.
        step: &'static str,
        /// What the programs said.
        log: PathBuf,
    },
    /// A root filesystem takes 600 MB, a domain 50 MB.
    #[error(
        "the disk that holds {} is too full: free 1 GB there{}", .0.display(), elsewhere(.0)
    )]
    DiskFull(PathBuf),
    /// Before 4.24 there is no policy-hints control (LAB.md).
    #[error(
        "the root filesystem holds Samba {found}, and the lab needs 4.24 or newer: use a mirror \
         that carries a current trixie-backports, remove {}, then run again", .rootfs.display()
    )]
    OldSamba {
        /// The version that was installed.
        found: String,
        /// Where it was found.
        rootfs: PathBuf,
    },
    /// From 4.24 on there is a policy-hints control: such a Samba is not what `old_samba` asks for.
    #[error(
        "the root filesystem for the old Samba holds {found}, which has the policy-hints control: \
         use a mirror that carries Debian 13, remove {}, then run again", .rootfs.display()
    )]
    NewSamba {
        /// The version that was installed.
        found: String,
        /// Where it was found.
        rootfs: PathBuf,
    },
    /// Every address of the range is claimed or has a listener.
    #[error(
        "no address from {first} to {last} is free: stop another lab (`cargo xtask lab down`), or \
         whatever listens there ({detail})"
    )]
    NoAddress {
        /// The first address that was tried.
        first: String,
        /// The last one.
        last: String,
        /// What stood in the way at the last address that was tried.
        detail: String,
    },
    /// Samba stopped, or did not answer in time.
    #[error("the domain controller {what}: read {}, then run again", .log.display())]
    Controller {
        /// What it did.
        what: &'static str,
        /// Its log.
        log: PathBuf,
    },
    /// A controller was named by a number that the forest does not have.
    #[error(
        "{domain} has no controller number {index} (the first is 0): start the lab with \
         --controllers 2"
    )]
    NoController {
        /// The domain's DNS name.
        domain: String,
        /// What was asked for.
        index: usize,
    },
    /// A test or a command needs a running lab.
    #[error("no lab is running: run `cargo xtask lab up`, or the tests with `cargo xtask test`")]
    NotRunning,
    /// One lab for one checkout.
    #[error("the lab that {} describes is running: stop it with `cargo xtask lab down`", .0.display())]
    AlreadyRunning(PathBuf),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted: nothing is left running, and the next start builds what is missing")]
    Interrupted,
    /// An LDAP client was answered with a refusal where the lab needed success.
    #[error("{program} was refused with code {code}: {text}")]
    Refused {
        /// The client's name.
        program: &'static str,
        /// The LDAP result code.
        code: i32,
        /// What the client said, on one line.
        text: String,
    },
    /// A certificate or key could not be made or read.
    #[error("the lab's certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A file of the lab's own is not what this version writes.
    #[error("{} is not what this version of the lab writes: remove it, then run again", .0.display())]
    Unreadable(PathBuf),
    /// Anything else that the system refused.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LabError {
    /// Turns what the system said into an error; usable as `.map_err(LabError::io("reading", path))`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull(path.to_owned()),
            _ => Self::Io { doing, path: path.to_owned(), source },
        }
    }
}

/// What would help besides; running domains cannot be elsewhere.
fn elsewhere(place: &Path) -> &'static str {
    if place.starts_with(places::RUN) {
        ""
    } else {
        ", or keep the lab's files elsewhere with PASSBACK_CACHE"
    }
}

fn names(packages: &[HostPackage]) -> String {
    packages.iter().map(|package| package.name).collect::<Vec<_>>().join(" ")
}
