//! A controller whose LDAP programs stand still.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::Forest;

/// So many milliseconds, and what it takes to look, a program may take to read what has come.
const READ_WITHIN: u32 = 10_000;

/// Processes that stand still: connections stay, and the kernel takes what comes over them, but nobody reads
/// it.
pub(crate) struct Frozen(Vec<String>);

impl Frozen {
    /// Stops them with SIGSTOP.
    fn stop(processes: Vec<String>) -> Self {
        assert!(!processes.is_empty(), "somebody serves LDAP");
        signal("-STOP", &processes);
        for process in &processes {
            // The signal is on its way at first; whoever has ended says nothing any more.
            while state_of(process).is_some_and(|state| state != 'T') {
                std::thread::yield_now();
            }
        }
        Self(processes)
    }

    /// They go on where they stood, but for those that others still hold.
    pub(crate) fn go_on_but_for(self, others: &Self) {
        let (stay, go): (Vec<_>, _) = self.0.into_iter().partition(|one| others.0.contains(one));
        assert!(!stay.is_empty(), "they are among these");
        signal("-CONT", &go);
    }

    /// They go on where they stood.
    pub(crate) fn go_on(self) {
        signal("-CONT", &self.0);
    }
}

fn signal(which: &str, processes: &[String]) {
    assert!(Command::new("kill").arg(which).args(processes).status().unwrap().success());
}

/// Stops whoever holds the controller's port for LDAPS, or a connection to it.
pub(crate) fn freeze_ldap(forest: &Forest) -> Frozen {
    Frozen::stop(processes_with(&sockets_at(forest, None)))
}

/// Stops whoever holds the controller's end of the connection whose other end this is, and nobody else.
pub(crate) fn freeze_one(forest: &Forest, other_end: SocketAddr) -> Frozen {
    let one = processes_with(&sockets_at(forest, Some(other_end)));
    assert!(one.len() < processes_with(&sockets_at(forest, None)).len(), "others serve LDAP, too");
    Frozen::stop(one)
}

/// Stops whoever holds the controller's end of that connection, as soon as it has read what came over it, all of
/// which its system has: it works on that.
pub(crate) fn freeze_when_read(forest: &Forest, other_end: SocketAddr) -> Frozen {
    let one = processes_with(&sockets_at(forest, Some(other_end)));
    let mut looks = 0;
    while queued_at(forest, other_end) != 0 {
        assert!(looks < READ_WITHIN, "nobody reads what came");
        looks += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    Frozen::stop(one)
}

/// How many bytes the controller has not read of what came over that connection.
fn queued_at(forest: &Forest, other_end: SocketAddr) -> u64 {
    let (here, there) = (in_table((forest.address, forest.ldaps_port).into()), in_table(other_end));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let queued = table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (_, to_read) = fields[4].split_once(':')?;
        let is_it = fields[1] == here && fields[2] == there;
        is_it.then(|| u64::from_str_radix(to_read, 16).unwrap())
    });
    queued.expect("the connection is there")
}

/// The inodes of the controller's sockets at its port for LDAPS, of those to this other end if one is named
/// (proc_net_tcp in the kernel's documents).
fn sockets_at(forest: &Forest, other_end: Option<SocketAddr>) -> HashSet<String> {
    let here = in_table((forest.address, forest.ldaps_port).into());
    let there = other_end.map(in_table);
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let of_line = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_it = fields[1] == here && there.as_ref().is_none_or(|there| fields[2] == there);
        is_it.then(|| fields[9].to_owned())
    };
    // 0: nobody has accepted it yet, or nobody has it any more.
    table.lines().skip(1).filter_map(of_line).filter(|inode| inode != "0").collect()
}

fn in_table(address: SocketAddr) -> String {
    let IpAddr::V4(ip) = address.ip() else { panic!("{address}") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port())
}

fn processes_with(sockets: &HashSet<String>) -> Vec<String> {
    let has_one = |process: &Path| {
        // A process that has ended meanwhile has none.
        fs::read_dir(process.join("fd")).into_iter().flatten().flatten().any(|descriptor| {
            let link = fs::read_link(descriptor.path()).unwrap_or_default();
            let inode = link.to_str().and_then(|link| link.strip_prefix("socket:["));
            inode.is_some_and(|inode| sockets.contains(inode.trim_end_matches(']')))
        })
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_process = name.parse::<u32>().is_ok();
        (is_process && has_one(&entry.path())).then_some(name)
    });
    numbers.collect()
}

/// One letter, after the name in brackets (proc(5)); none if it has ended.
fn state_of(process: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
