//! What the relay's end answers, request by request, on the manual clock.

#[path = "room_tests.rs"]
mod room;

use axum::body::{Body, to_bytes};
use axum::extract::Path;
use axum::http::Request;
use protocol::{ManualClock, Timestamp};
use tower::ServiceExt as _;

use super::*;
use crate::taken::Taken;

/// Numbers that never repeat.
#[derive(Default)]
struct Counted(AtomicU64);

impl Randomness for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().zip(number.into_iter().cycle()).for_each(|(to, from)| *to = from);
    }
}

struct World {
    router: Router,
    tunnels: Arc<Tunnels>,
    clock: ManualClock,
}

impl World {
    /// Inside, every request is answered with its path, but for one that asks how many bytes were
    /// taken.
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let inside = Router::new()
            .route("/up", get(upgrade))
            .route("/brief", get(upgrade_briefly))
            .route("/listen/{of}/{how}", get(listen))
            .route("/taken", get(taken))
            .fallback(async |uri: axum::http::Uri| uri.path().to_owned());
        let tunnels = Arc::new(Tunnels {
            open: Mutex::default(),
            dug: AtomicU64::new(0),
            of_entity: OF_ENTITY,
            inside,
            clock: Arc::new(clock.clone()),
            randomness: Arc::new(Counted::default()),
        });
        Self { router: routes(Arc::clone(&tunnels)), tunnels, clock }
    }

    /// Asks about a tunnel; about none if that is empty.
    async fn ask(
        &self,
        method: &str,
        (tunnel, question): (&str, &str),
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let path = if tunnel.is_empty() { PATH } else { BYTES };
        let request = Request::builder().method(method).uri(format!("{path}{question}"));
        let request = request.header("Authorization", format!("Bearer {tunnel}"));
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        let status = response.status().as_u16();
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    async fn dig(&self) -> String {
        let (status, name) = self.ask("POST", ("", ""), b"").await;
        assert_eq!(status, 201);
        String::from_utf8(name).unwrap()
    }

    async fn send(&self, tunnel: &str, at: u64, bytes: &[u8]) -> u16 {
        self.ask("POST", (tunnel, &format!("?at={at}")), bytes).await.0
    }

    async fn receive(&self, tunnel: &str, from: u64) -> (u16, Vec<u8>) {
        self.ask("GET", (tunnel, &format!("?from={from}")), b"").await
    }
}

async fn taken(Extension(taken): Extension<Taken>) -> String {
    taken.bytes().to_string()
}

/// Takes the connection over, and never lets go of it.
async fn upgrade(mut request: Request<Body>) -> Response {
    tokio::spawn(async move {
        let _held = hyper::upgrade::on(&mut request).await.unwrap();
        std::future::pending::<()>().await;
    });
    let headers = [("connection", "upgrade"), ("upgrade", "x")];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Takes the connection over, and leaves.
async fn upgrade_briefly(mut request: Request<Body>) -> Response {
    tokio::spawn(async move { drop(hyper::upgrade::on(&mut request).await.unwrap()) });
    let headers = [("connection", "upgrade"), ("upgrade", "x")];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The same for the channel of an entity, which stays or leaves.
async fn listen(Path((of, how)): Path<(String, String)>, request: Request<Body>) -> Response {
    let mut response = match how.as_str() {
        "stays" => upgrade(request).await,
        _ => upgrade_briefly(request).await,
    };
    response.extensions_mut().insert(Listens(Entity::parse(&of).unwrap()));
    response
}

/// How many tunnels an entity may have here in which somebody listens.
const OF_ENTITY: usize = 4;

const UP: &[u8] = b"GET /up HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

/// The second one asks that the connection be closed, so that the stream ends.
const FIRST: &[u8] = b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &[u8] = b"GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn bytes_go_in_and_come_out_until_the_end() {
    let world = World::new();
    let tunnel = world.dig().await;
    assert_eq!(world.send(&tunnel, 0, FIRST).await, 204);
    let (status, one) = world.receive(&tunnel, 0).await;
    assert!(status == 200 && one.ends_with(b"/one"), "{status}");
    // What was not acknowledged comes again; what was, does not.
    assert_eq!(world.receive(&tunnel, 0).await, (200, one.clone()));
    assert_eq!(world.send(&tunnel, FIRST.len() as u64, LAST).await, 204);
    let mut from = one.len() as u64;
    let mut rest = Vec::new();
    loop {
        match world.receive(&tunnel, from).await {
            (200, bytes) => {
                from += bytes.len() as u64;
                rest.extend(bytes);
            }
            (status, _) => {
                assert_eq!(status, 410);
                break;
            }
        }
    }
    assert!(rest.ends_with(b"/two"));
}

#[tokio::test]
async fn what_the_listener_takes_is_counted_for_whoever_writes_inside() {
    let world = World::new();
    let tunnel = world.dig().await;
    assert_eq!(world.send(&tunnel, 0, FIRST).await, 204);
    let (_, one) = world.receive(&tunnel, 0).await;
    let ask = b"GET /taken HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(world.send(&tunnel, FIRST.len() as u64, ask).await, 204);
    let (_, two) = world.receive(&tunnel, one.len() as u64).await;
    assert!(two.ends_with(format!("\r\n\r\n{}", one.len()).as_bytes()));
}

#[tokio::test]
async fn what_arrives_twice_is_taken_once_and_a_gap_is_refused() {
    let world = World::new();
    let tunnel = world.dig().await;
    let (half, other) = FIRST.split_at(10);
    assert_eq!(world.send(&tunnel, 0, half).await, 204);
    assert_eq!(world.send(&tunnel, 0, half).await, 204);
    assert_eq!(world.send(&tunnel, 11, other).await, 400, "one byte is missing");
    // Overlapping, as after an answer that was lost.
    assert_eq!(world.send(&tunnel, 4, &FIRST[4..]).await, 204);
    let (status, one) = world.receive(&tunnel, 0).await;
    assert!(status == 200 && one.ends_with(b"/one"), "{}", String::from_utf8_lossy(&one));
    let beyond = one.len() as u64 + 1;
    assert_eq!(world.receive(&tunnel, beyond).await.0, 400);
    assert_eq!(
        world.receive(&tunnel, one.len() as u64 - 1).await,
        (200, one[one.len() - 1..].to_vec())
    );
    assert_eq!(world.receive(&tunnel, 0).await.0, 400, "that was acknowledged, and is gone");
    let long = vec![b'x'; PIECE + 1];
    assert_eq!(world.send(&tunnel, FIRST.len() as u64, &long).await, 413);
}

#[tokio::test]
async fn a_request_is_parked_for_some_time_and_ended_by_a_newer_one() {
    let world = Arc::new(World::new());
    let park = |tunnel: &str, from: u64| {
        let (world, tunnel) = (Arc::clone(&world), tunnel.to_owned());
        tokio::spawn(async move { world.receive(&tunnel, from).await })
    };
    let settle = async || {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    };
    let tunnel = world.dig().await;
    assert_eq!(world.send(&tunnel, 0, UP).await, 204);
    let from = world.receive(&tunnel, 0).await.1.len() as u64;
    let first = park(&tunnel, from);
    settle().await;
    let second = park(&tunnel, from);
    settle().await;
    assert_eq!(first.await.unwrap().0, 409);
    world.clock.advance(PARKED);
    assert_eq!(second.await.unwrap().0, 204);
    let other = world.dig().await;
    let third = park(&other, 0);
    settle().await;
    assert_eq!(world.send(&other, 0, FIRST).await, 204);
    assert!(third.await.unwrap().1.ends_with(b"/one"), "it is ended by what it waits for");
}

/// Lets so much time pass in small steps, as it does.
async fn pass(world: &World, time: Duration) {
    for _ in 0..time.as_secs() / LOOK.as_secs() {
        world.clock.advance(LOOK);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_tunnel_that_nobody_asks_about_is_given_up_and_one_that_is_closed_is_gone() {
    let world = World::new();
    let (kept, silent, closed) = (world.dig().await, world.dig().await, world.dig().await);
    for tunnel in [&kept, &silent] {
        assert_eq!(world.send(tunnel, 0, UP).await, 204);
        assert!(world.receive(tunnel, 0).await.1.starts_with(b"HTTP/1.1 101"));
    }
    assert_eq!(world.ask("DELETE", (&closed, ""), b"").await.0, 204);
    assert_eq!(world.ask("DELETE", (&closed, ""), b"").await.0, 410);
    assert_eq!(world.send(&closed, 0, FIRST).await, 410);
    assert_eq!(world.receive("00000000000000000000000000000000", 0).await.0, 410);
    for _ in 0..3 {
        // Not a byte, but somebody is there.
        assert_eq!(world.send(&kept, 0, b"").await, 204);
        pass(&world, Duration::from_secs(20)).await;
    }
    assert_eq!(world.send(&silent, 0, b"").await, 410);
    assert_eq!(world.send(&kept, UP.len() as u64, b"x").await, 204);
}

#[tokio::test]
async fn whoever_shows_no_token_inside_has_not_long_whatever_is_asked() {
    let world = World::new();
    let (idle, ended) = (world.dig().await, world.dig().await);
    assert_eq!(world.send(&ended, 0, LAST).await, 204);
    assert!(world.receive(&ended, 0).await.1.ends_with(b"/two"));
    for _ in 0..2 {
        assert_eq!(world.send(&idle, 0, b"").await, 204);
        pass(&world, Duration::from_secs(10)).await;
    }
    assert_eq!(world.send(&ended, 0, b"").await, 410, "nothing is inside any more");
    pass(&world, Duration::from_secs(10)).await;
    assert_eq!(world.send(&idle, 0, b"").await, 410);
}

impl World {
    /// Digs from an address: the tunnel, or the status of the refusal.
    async fn dig_from(&self, address: &str) -> Result<String, u16> {
        let from = SocketAddr::new(address.parse().unwrap(), 1);
        let request = Request::builder().method("POST").uri(PATH).extension(ConnectInfo(from));
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let name = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        if status == 201 { Ok(String::from_utf8(name.to_vec()).unwrap()) } else { Err(status) }
    }

    /// Shows a token inside, as far as a tunnel can tell.
    async fn prove(&self, tunnel: &str) {
        self.prove_at(tunnel, "/up").await;
    }

    /// The same at another path.
    async fn prove_at(&self, tunnel: &str, path: &str) {
        let head = format!("GET {path} HTTP/1.1\r\n{}", String::from_utf8_lossy(&UP[18..]));
        assert_eq!(self.send(tunnel, 0, head.as_bytes()).await, 204);
        assert!(self.receive(tunnel, 0).await.1.starts_with(b"HTTP/1.1 101"));
    }

    /// Shows a token inside, and leaves.
    async fn prove_briefly(&self, tunnel: &str, path: &str) {
        let over = self.tunnels.lock()[tunnel].over.clone();
        self.prove_at(tunnel, path).await;
        over.cancelled().await;
    }

    fn is_open(&self, tunnel: &str) -> bool {
        self.tunnels.lock().contains_key(tunnel)
    }
}

#[tokio::test]
async fn the_name_of_a_tunnel_counts_in_its_header_only() {
    let world = World::new();
    let tunnel = world.dig().await;
    let status = async |uri: String, name: Option<String>| {
        let mut request = Request::builder().method("GET").uri(uri);
        if let Some(name) = name {
            request = request.header("Authorization", name);
        }
        let request = request.body(Body::empty()).unwrap();
        world.router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(world.send(&tunnel, 0, FIRST).await, 204);
    let bytes = || format!("{BYTES}?from=0");
    assert_eq!(status(bytes(), None).await, 401);
    assert_eq!(status(bytes(), Some(tunnel.clone())).await, 401, "it is a bearer's");
    assert_eq!(status(format!("{PATH}/{tunnel}?from=0"), None).await, 404);
    assert_eq!(status(format!("{BYTES}/{tunnel}?from=0"), None).await, 404);
    assert_eq!(status(bytes(), Some(format!("Bearer {tunnel}"))).await, 200);
}
