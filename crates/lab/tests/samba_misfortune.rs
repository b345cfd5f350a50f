//! What bad luck gets: everything is cleaned up, or named in one line. The program itself is
//! started, as `cargo xtask` does it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use lab::{Bound, Forest, process_of};

const LAB: &str = env!("CARGO_BIN_EXE_passback-lab");
const RUN: &str = "/run/passback-lab";
/// "Unavailable" and "usage" (INTERFACES, "Commands").
const UNAVAILABLE: i32 = 3;
const USAGE: i32 = 2;

/// A directory that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn named(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lab-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A lab of its own program, killed if the test fails.
struct Running(Child);

impl Running {
    fn start(file: &Path) -> Self {
        let mut command = Command::new(LAB);
        command.args(["up", "--forest-file"]).arg(file).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn forest(&mut self, file: &Path) -> Forest {
        for _ in 0..1000 {
            if let Ok(forest) = Forest::load(file) {
                return forest;
            }
            assert!(self.0.try_wait().unwrap().is_none(), "the lab ended before it ran");
            thread::sleep(Duration::from_millis(100));
        }
        panic!("no lab within 100 seconds");
    }

    fn signal(&self, signal: &str) {
        let number = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &number]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listens(forest: &Forest) -> bool {
    let place = SocketAddr::new(forest.address, forest.ldaps_port);
    TcpStream::connect_timeout(&place, Duration::from_secs(1)).is_ok()
}

fn within(seconds: u32, what: &str, holds: impl Fn() -> bool) {
    for _ in 0..seconds * 10 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("not within {seconds} seconds: {what}");
}

/// What the program says on its last line, and its exit code; nothing may follow the error.
fn error_of(output: &Output) -> (String, i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error:")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert_eq!(said.lines().last(), Some(errors[0]), "{said}");
    (errors[0].to_owned(), output.status.code().unwrap())
}

/// Runs a script in a space of its own for mounts, with the program as $1, the scratch directory
/// as $2 and a forest file there as $3.
fn in_own_space(scratch: &Scratch, script: &str) -> Output {
    Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--", "sh", "-c", script, "sh", LAB])
        .arg(&scratch.0)
        .arg(scratch.file("forest.json"))
        .output()
        .unwrap()
}

#[test]
fn two_labs_at_once_have_an_address_each_and_end_alone() {
    let scratch = Scratch::named("two");
    let files = [scratch.file("one.json"), scratch.file("other.json")];
    let mut labs = files.each_ref().map(|file| Running::start(file));
    let forests = [labs[0].forest(&files[0]), labs[1].forest(&files[1])];
    assert_ne!(forests[0].address, forests[1].address);
    labs[0].signal("-TERM");
    assert!(labs[0].0.wait().unwrap().success());
    assert!(!files[0].exists() && !listens(&forests[0]));
    let administrator = &forests[1].administrator;
    let bound = forests[1].bind(&administrator.login, &administrator.password).unwrap();
    assert_eq!(bound, Bound::Accepted);
    labs[1].signal("-TERM");
    assert!(labs[1].0.wait().unwrap().success());
    assert!(!forests[1].ca_file.exists(), "its directory is gone");
}

#[test]
fn a_killed_lab_leaves_no_program_and_no_claim_and_the_next_one_starts_in_its_place() {
    let scratch = Scratch::named("killed");
    let file = scratch.file("forest.json");
    let mut lab = Running::start(&file);
    let forest = lab.forest(&file);
    assert_eq!(process_of(&forest).unwrap(), Some(lab.0.id()));
    lab.signal("-KILL");
    let _ = lab.0.wait().unwrap();

    let domain = forest.ca_file.with_file_name("domain");
    let domain = domain.to_str().unwrap();
    within(10, "nobody has the domain mounted", || {
        fs::read_dir("/proc").unwrap().flatten().all(|entry| {
            let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
            !mounts.lines().any(|line| line.contains(domain))
        })
    });
    assert!(!listens(&forest));
    assert!(file.exists(), "nobody was there to remove it");
    let status = Command::new(LAB).args(["status", "--forest-file"]).arg(&file).output().unwrap();
    assert_eq!(status.status.code(), Some(1), "but it is not taken for a running lab");

    // Whoever claims an address first clears up after those that were killed.
    let mut next = Running::start(&file);
    let runs = |id| Forest::load(&file).is_ok_and(|one| process_of(&one).unwrap() == Some(id));
    for _ in 0..1_000 {
        if runs(next.0.id()) {
            break;
        }
        assert_eq!(next.0.try_wait().unwrap(), None, "the next lab ended before it ran");
        thread::sleep(Duration::from_millis(100));
    }
    assert!(runs(next.0.id()), "the next lab does not run within 100 seconds");
    let directory = forest.ca_file.parent().unwrap();
    assert!(!directory.exists() || process_of(&forest).unwrap().is_some(), "a new one has it");
    next.signal("-TERM");
    assert!(next.0.wait().unwrap().success());
}

#[test]
fn a_full_disk_is_named_and_nothing_is_left_there() {
    let scratch = Scratch::named("full");
    let cache = scratch.file("cache");
    fs::create_dir(&cache).unwrap();
    let output = in_own_space(
        &scratch,
        "mount -t tmpfs -o size=8m tmpfs \"$2/cache\" || exit 99
         PASSBACK_CACHE=\"$2/cache\" \"$1\" up --forest-file \"$3\"
         code=$?
         find \"$2/cache\" -mindepth 1 -not -name '*.lock'
         exit $code",
    );
    let (line, code) = error_of(&output);
    assert_eq!(code, UNAVAILABLE);
    assert!(line.contains(cache.to_str().unwrap()) && line.contains("too full"), "{line}");
    assert!(line.contains("PASSBACK_CACHE"), "{line}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!scratch.file("forest.json").exists());
}

#[test]
fn a_disk_that_fills_up_while_the_domain_is_copied_is_named_and_nothing_is_left_there() {
    let scratch = Scratch::named("fills");
    // Enough bytes, so that the lab begins, but too few files.
    for options in ["size=20m", "size=900m,nr_inodes=70"] {
        let output = in_own_space(
            &scratch,
            &format!(
                "mount -t tmpfs -o {options} tmpfs {RUN} || exit 99
                 \"$1\" up --forest-file \"$3\"
                 code=$?
                 find {RUN} -mindepth 1 -not -name '*.lock'
                 exit $code"
            ),
        );
        let (line, code) = error_of(&output);
        assert_eq!(code, UNAVAILABLE, "{line}");
        assert!(line.contains(&format!("{RUN}/127.0.0.")) && line.contains("too full"), "{line}");
        assert!(!line.contains("PASSBACK_CACHE"), "that would not help: {line}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_machine_that_forbids_mounts_is_named() {
    let scratch = Scratch::named("mounts");
    let output = Command::new("setpriv")
        .args(["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", "--", LAB])
        .args(["up", "--forest-file"])
        .arg(scratch.file("forest.json"))
        .output()
        .unwrap();
    let (line, code) = error_of(&output);
    assert_eq!(code, UNAVAILABLE);
    assert!(line.contains("CAP_SYS_ADMIN"), "{line}");
}

#[test]
fn somebody_who_is_not_root_is_told_so() {
    let scratch = Scratch::named("nobody");
    // A copy, because the way to the program may be closed to others.
    let program = scratch.file("passback-lab");
    fs::copy(LAB, &program).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
        .arg(&program)
        .args(["up", "--forest-file"])
        .arg(scratch.file("forest.json"))
        .output()
        .unwrap();
    let (line, code) = error_of(&output);
    assert_eq!(code, UNAVAILABLE);
    assert!(line.contains("needs root"), "{line}");
}

#[test]
fn numbers_that_make_no_sense_are_a_usage_error() {
    for wrong in ["--forests=0", "--forests=3", "--controllers=many", "--controllers=-1"] {
        let output = Command::new(LAB).args(["up", wrong]).output().unwrap();
        assert_eq!(output.status.code(), Some(USAGE), "{wrong}");
    }
}
