//! A controller whose LDAP programs stand still.

use std::collections::HashSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use lab::Forest;

/// Stops whoever holds the controller's port for LDAPS, or a connection to it, with SIGSTOP: connections
/// stay, and the kernel takes what comes over them, but nobody reads it.
pub(crate) fn freeze_ldap(forest: &Forest) {
    let sockets = sockets_at(forest);
    let processes = processes_with(&sockets);
    assert!(!processes.is_empty(), "somebody serves LDAP");
    assert!(Command::new("kill").arg("-STOP").args(&processes).status().unwrap().success());
    for process in &processes {
        // The signal is on its way at first; whoever has ended says nothing any more.
        while state_of(process).is_some_and(|state| state != 'T') {
            std::thread::yield_now();
        }
    }
}

/// The inodes of the controller's sockets at its port for LDAPS (proc_net_tcp in the kernel's documents).
fn sockets_at(forest: &Forest) -> HashSet<String> {
    let IpAddr::V4(address) = forest.address else { panic!("{}", forest.address) };
    let bits = u32::from_ne_bytes(address.octets());
    let here = format!("{bits:08X}:{:04X}", forest.ldaps_port);
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let of_line = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[1] == here).then(|| fields[9].to_owned())
    };
    // 0: nobody has accepted it yet, or nobody has it any more.
    table.lines().skip(1).filter_map(of_line).filter(|inode| inode != "0").collect()
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
