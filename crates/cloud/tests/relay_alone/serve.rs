//! `passback serve` keeps its port while it ends, as the relay alone does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::connection;
use crate::program::{Folder, HOST, Program, passback};

/// A service with one organisation, and its configuration, with these keys below `[server]`.
pub(crate) fn configured(folder: &Folder, keys: &str) -> PathBuf {
    let file = folder.file("passback.toml");
    let text = format!(
        "[server]\nlisten = \"{HOST}:0\"\npublic_url = \"https://{HOST}\"\ncertificate = \"relay.pem\"\n\
         key = \"relay.key\"\ndrain_seconds = 20\n{keys}\n\n[store]\ndatabase = \"passback.db\"\n\
         master_key = \"master.key\"\n\n[mail]\nhost = \"{HOST}\"\ntls = \"none\"\n\
         from = \"Passback <noreply@example.org>\"\n"
    );
    fs::write(&file, text).unwrap();
    let config = file.to_str().unwrap();
    let made = passback(&["tenant", "create", "contoso", "--config", config]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    file
}

/// What `passback` says where it does not serve: exit code, and standard error.
fn refused(config: &Path) -> (Option<i32>, String) {
    let mut command = passback(&["serve", "--config", config.to_str().unwrap()]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..6_000 {
        if child.try_wait().unwrap().is_some() {
            let output = child.wait_with_output().unwrap();
            return (output.status.code(), String::from_utf8(output.stderr).unwrap());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("it serves");
}

#[test]
fn a_database_is_served_by_one_process_and_other_commands_use_it_meanwhile() {
    let folder = Folder::new();
    let config = configured(&folder, "");
    let mut service = Program::start_as("serve", &config);
    // On another port: each of them asks for any.
    let (code, said) = refused(&config);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("another process serves the database"), "{said}");
    let list = ["tenant", "list", "--config", config.to_str().unwrap()];
    assert!(passback(&list).status().unwrap().success());
    service.kill();
    assert!(!service.ended().success());
    // Whoever went without a word keeps nobody out.
    let mut next = Program::start_as("serve", &config);
    next.terminate();
    assert_eq!(next.ended().code(), Some(0));
}

/// What comes of one request: head and body in one text.
async fn said(folder: &Folder, service: &Program, request: &str) -> String {
    let mut stream = connection(folder, service).await;
    let rest = format!("HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{request} {rest}").as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // An end without TLS's farewell is an end all the same.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn at_sigterm_the_service_goes_on_for_those_in_flight_and_tells_others_to_come_back() {
    let folder = Folder::new();
    let mut service = Program::start_as("serve", &configured(&folder, ""));
    assert!(said(&folder, &service, "GET /$health").await.starts_with("HTTP/1.1 200"));
    // No agent is there, which is said.
    let page = said(&folder, &service, "GET /t/contoso/reset").await;
    assert!(page.contains("data-step=") && !page.contains("being restarted"), "{page}");
    // A password that is being posted when it comes.
    let mut posting = connection(&folder, &service).await;
    let head = format!(
        "POST /t/contoso/reset/sealed HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    posting.write_all(head.as_bytes()).await.unwrap();
    let mut goes_on = [0; 25];
    posting.read_exact(&mut goes_on).await.unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    service.terminate();
    while !said(&folder, &service, "GET /$health").await.starts_with("HTTP/1.1 503") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for path in ["/t/contoso/reset", "/t/contoso/reset/password", "/scim/v2/Users"] {
        let refused = said(&folder, &service, &format!("GET {path}")).await;
        assert!(
            refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 30"),
            "{refused}"
        );
    }
    let page = said(&folder, &service, "GET /t/contoso/reset").await;
    assert!(page.contains("This service is being restarted"), "{page}");
    // How an operation ended is told as ever: here there is none.
    let result = said(&folder, &service, "GET /t/contoso/reset/result").await;
    assert!(result.starts_with("HTTP/1.1 200"), "{result}");
    posting.write_all(b"{}").await.unwrap();
    let mut answer = [0; 12];
    posting.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400", "it is no sealed password, and that is said");
    assert_eq!(service.ended().code(), Some(0));
    assert!(TcpStream::connect(service.address).await.is_err(), "the port is given up");
    let log = service.log();
    assert!(log.contains("service.draining") && log.contains("service.stopped"), "{log}");
}
