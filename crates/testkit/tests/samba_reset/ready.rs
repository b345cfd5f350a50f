//! What the ready file says is so (INTERFACES "Ready file").

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::ReadyFile;

use crate::world::{GOOD, World, expect_changed, forest, ordinary};

#[test]
fn a_process_that_is_killed_can_be_started_again_from_what_the_ready_file_says() {
    let forest = forest();
    let someone = ordinary(&forest);
    let mut world = World::start(forest);
    let file = world.stack.directory().join("ready.json");
    world.stack.ready().unwrap().save(&file).unwrap();
    let ready: ReadyFile = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for name in ["agent", "cloud"] {
        let found = ready.processes.iter().find(|process| process.name == name).unwrap();
        world.stack.kill(name).unwrap();
        assert!(!Path::new(&format!("/proc/{}", found.pid)).exists(), "{name}");
        let mut again = Command::new(&found.argv[0])
            .args(&found.argv[1..])
            .env_clear()
            .envs(&found.env)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        world.stack.await_step("start", None).unwrap();
        again.kill().unwrap();
        again.wait().unwrap();
        world.stack.restart(name).unwrap();
    }
    world.stack.await_step("start", None).unwrap();
    expect_changed(&world.cleared(&someone).password(GOOD).unwrap());
}

#[test]
fn the_ready_file_names_everybody_of_the_lab_and_files_that_are_there() {
    let forest = forest();
    let everybody = forest.people.len();
    let mut world = World::start(forest);
    let ready = world.stack.ready().unwrap();
    assert_eq!(ready.version, 1);
    let anchors: HashSet<_> = ready.people.iter().map(|person| &person.cloud_anchor).collect();
    assert_eq!(anchors.len(), everybody, "everybody has a cloudAnchor of their own");
    for person in &ready.people {
        assert!(protocol::Outcome::from_name(&person.expected).is_some(), "{}", person.expected);
    }
    let databases = ready.database_files.iter();
    let configs = ready.processes.iter().filter_map(|process| process.config.as_ref());
    for file in databases.chain(configs).chain([&ready.ca_file, &ready.directories[0].ca_file]) {
        assert!(file.is_file(), "{}", file.display());
    }
    assert!(ready.database_files.len() >= 2, "{:?}", ready.database_files);
    for process in &ready.processes {
        let program = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap();
        let argv = program.split(|byte| *byte == 0).next().unwrap();
        assert_eq!(argv, process.argv[0].as_bytes(), "{} is that process", process.name);
    }
}
