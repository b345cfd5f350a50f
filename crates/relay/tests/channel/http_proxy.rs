//! The listener behind a real HTTP proxy, tinyproxy, that wants a name and a password.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use relay::{Proxy, Status, TlsTransport};
use tokio::net::{TcpSocket, TcpStream};

use crate::port::held;
use crate::world::{SOON, World, request};

const PROGRAM: &str = "/usr/bin/tinyproxy";
const USER: &str = "svc-passback";
const PASSWORD: &str = "Proxy-Secret-1";

/// A proxy of a test's own; it ends with it.
struct TinyProxy {
    process: Child,
    port: u16,
    folder: PathBuf,
    /// Its port, until it listens and after.
    _held: TcpSocket,
}

impl TinyProxy {
    /// One that opens tunnels to `allowed` only.
    async fn start(name: &str, allowed: u16) -> Self {
        let folder = std::env::temp_dir().join(format!("passback-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (held, place) = held();
        let port = place.port();
        let file = folder.join("tinyproxy.conf");
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n\
             BasicAuth {USER} {PASSWORD}\nConnectPort {allowed}\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("-d").arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("install Debian's package tinyproxy-bin");
        let started = tokio::time::timeout(SOON, async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        });
        started.await.expect("a proxy that listens");
        Self { process, port, folder, _held: held }
    }

    fn at(&self) -> Proxy {
        Proxy::at(&format!("http://127.0.0.1:{}", self.port).parse().unwrap()).unwrap()
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for TinyProxy {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A listener of agent 1 behind the proxy.
fn behind(world: &World, proxy: Proxy) -> crate::world::Listening {
    let agent = world.agent(1);
    let mut config = world.config(&agent.entity);
    config.transport = Arc::new(TlsTransport::new(&world.tls).through(Some(proxy)));
    world.listen_with(agent, config)
}

async fn reason(listening: &mut crate::world::Listening) -> String {
    let waiting = |status: &Status| matches!(status, Status::Waiting { .. });
    let Status::Waiting { reason, .. } = listening.until(waiting).await else { unreachable!() };
    reason
}

#[tokio::test]
async fn requests_come_through_a_proxy_and_end_with_it() {
    let world = World::new().await;
    let mut proxy = TinyProxy::start("through", world.address.port()).await;
    let credentials = proxy.at().with_credentials(USER, PASSWORD).unwrap();
    let mut listening = behind(&world, credentials);
    world.listener_is_there(&listening.agent.entity).await;
    let delivered =
        world.relay.deliver(&listening.agent.entity, request("/a", "hello"), SOON).await;
    assert_eq!(delivered.unwrap().body, "hello");
    // It was this proxy's tunnel, and no direct connection takes its place.
    proxy.stop();
    let reason = reason(&mut listening).await;
    assert!(!reason.is_empty());
    let no_proxy = |status: &Status| match status {
        Status::Waiting { reason, .. } => {
            reason.contains(&format!("the proxy 127.0.0.1:{}", proxy.port))
        }
        _ => false,
    };
    listening.until(no_proxy).await;
}

#[tokio::test]
async fn a_proxy_that_does_not_accept_the_agent_says_so_to_the_operator() {
    let world = World::new().await;
    let proxy = TinyProxy::start("refuses", world.address.port()).await;
    let mut without = behind(&world, proxy.at());
    let said = reason(&mut without).await;
    assert!(said.contains("asks for a name and a password, and none are configured"), "{said}");
    without.stop.cancel();
    let wrong = proxy.at().with_credentials(USER, "Proxy-Secret-2").unwrap();
    let mut wrong = behind(&world, wrong);
    let said = reason(&mut wrong).await;
    assert!(!said.contains("Proxy-Secret"), "{said}");
    assert!(said.contains(&format!("the proxy 127.0.0.1:{}", proxy.port)), "{said}");
    assert!(said.contains("(status 40"), "{said}");
    wrong.stop.cancel();
    assert!(!world.relay.is_listening(&wrong.agent.entity));
}

#[tokio::test]
async fn a_proxy_that_allows_no_tunnel_to_the_service_is_told_as_its_administrators_matter() {
    let world = World::new().await;
    let proxy = TinyProxy::start("forbids", 1).await;
    let mut listening = behind(&world, proxy.at().with_credentials(USER, PASSWORD).unwrap());
    let said = reason(&mut listening).await;
    assert!(said.contains("does not allow a tunnel") && said.contains("(status 403)"), "{said}");
}
