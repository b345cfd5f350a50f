//! The proxy between two sockets of the test's own.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::*;

/// A client, what is connected to it at the other end, and the proxy in between.
fn connected() -> (ChaosProxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = ChaosProxy::start(Entry::Plain).unwrap();
    proxy.lead_to(listener.local_addr().unwrap());
    let near = TcpStream::connect(proxy.address()).unwrap();
    let (far, _) = listener.accept().unwrap();
    (proxy, near, far)
}

/// Reads to the end or the break, and says which it was.
fn rest(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let broken = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (bytes, broken)
}

fn three(stream: &mut TcpStream) -> [u8; 3] {
    let mut bytes = [0; 3];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Looks until the proxy has done it; a proxy that never does hangs, and is ended with the test.
fn await_done(proxy: &ChaosProxy, wanted: impl Fn(Done) -> bool) {
    while !wanted(proxy.done()) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn on_a_calm_road_bytes_and_ends_arrive_both_ways() {
    let (proxy, mut near, mut far) = connected();
    near.write_all(b"abc").unwrap();
    assert_eq!(three(&mut far), *b"abc");
    near.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(&mut far), (Vec::new(), None));
    far.write_all(b"def").unwrap();
    drop(far);
    assert_eq!(rest(&mut near), (b"def".to_vec(), None));
    assert_eq!(proxy.done(), Done { led: 1, ..Done::default() });
}

#[test]
fn a_cut_comes_after_that_many_bytes_and_both_sides_are_reset() {
    let (proxy, mut near, mut far) = connected();
    near.write_all(b"abc").unwrap();
    assert_eq!(three(&mut far), *b"abc");
    proxy.set(Trouble { up: Way::CutAfter(5), ..Trouble::default() });
    near.write_all(b"0123456789").unwrap();
    let mut bytes = [0; 10];
    let (mut read, mut broken) = (0, None);
    while broken.is_none() {
        match far.read(&mut bytes[read..]) {
            Ok(0) => broken = Some(ErrorKind::UnexpectedEof),
            Ok(more) => read += more,
            Err(error) => broken = Some(error.kind()),
        }
    }
    // A reset may overtake what was on its way; nothing that comes after the cut arrives.
    assert!(b"01234".starts_with(&bytes[..read]), "{:?}", &bytes[..read]);
    assert_eq!(broken, Some(ErrorKind::ConnectionReset));
    assert_eq!(rest(&mut near).1, Some(ErrorKind::ConnectionReset));
    assert_eq!(proxy.done().cut, 1);
}

#[test]
fn what_is_half_open_swallows_everything_and_is_reset_when_that_is_over() {
    let (proxy, mut near, mut far) = connected();
    proxy.set(Trouble::HALF_OPEN);
    near.write_all(b"abc").unwrap();
    far.write_all(b"defgh").unwrap();
    await_done(&proxy, |done| done.swallowed == 8);
    proxy.set(Trouble::default());
    assert_eq!(rest(&mut far), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(rest(&mut near), (Vec::new(), Some(ErrorKind::ConnectionReset)));
}

#[test]
fn what_is_forgotten_stays_half_open() {
    let (proxy, mut near, far) = connected();
    proxy.set(Trouble { forgotten: true, ..Trouble::HALF_OPEN });
    near.write_all(b"abc").unwrap();
    await_done(&proxy, |done| done.swallowed == 3);
    proxy.set(Trouble::default());
    near.write_all(b"def").unwrap();
    // Nobody tells the other side that this one has gone, either.
    await_done(&proxy, |done| done.swallowed == 6);
    drop(near);
    assert_eq!(proxy.done().cut, 0);
    proxy.cut();
    await_done(&proxy, |done| done.cut == 1);
    drop(far);
}

#[test]
fn what_is_stopped_in_one_direction_arrives_whole_when_it_goes_on() {
    let (proxy, mut near, mut far) = connected();
    proxy.set(Trouble { up: Way::Stopped, ..Trouble::default() });
    near.write_all(b"abc").unwrap();
    far.write_all(b"def").unwrap();
    assert_eq!(three(&mut near), *b"def");
    far.set_nonblocking(true).unwrap();
    assert_eq!(far.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    far.set_nonblocking(false).unwrap();
    proxy.set(Trouble::default());
    assert_eq!(three(&mut far), *b"abc");
}

#[test]
fn what_is_late_or_slow_takes_its_time_and_arrives_whole() {
    let sent: Vec<u8> = (0..200).collect();
    for (way, least) in [
        (Way::Late(Duration::from_millis(100)), Duration::from_millis(100)),
        // 10 bytes at a time, 20 ms between them.
        (Way::Slow(500), Duration::from_millis(19 * 20)),
    ] {
        let (proxy, mut near, mut far) = connected();
        proxy.set(Trouble { up: way, ..Trouble::default() });
        #[expect(clippy::disallowed_methods, reason = "a proxy takes real time")]
        let began = Instant::now();
        near.write_all(&sent).unwrap();
        drop(near);
        assert_eq!(rest(&mut far), (sent.clone(), None), "{way:?}");
        assert!(began.elapsed() >= least, "{way:?}: {:?}", began.elapsed());
    }
}

#[test]
fn who_is_refused_is_reset_and_what_is_connected_stays() {
    let (proxy, mut near, mut far) = connected();
    proxy.set(Trouble::REFUSED);
    let mut other = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(rest(&mut other), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    near.write_all(b"abc").unwrap();
    assert_eq!(three(&mut far), *b"abc");
    assert_eq!(proxy.done(), Done { led: 1, refused: 1, ..Done::default() });
}

#[test]
fn a_road_that_leads_nowhere_refuses() {
    let proxy = ChaosProxy::start(Entry::Plain).unwrap();
    let mut near = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(rest(&mut near), (Vec::new(), Some(ErrorKind::ConnectionReset)));
}

#[test]
fn a_tunnel_leads_there_when_it_is_asked_for_and_to_nobody_who_asks_for_anything_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = ChaosProxy::start(Entry::Tunnel).unwrap();
    proxy.lead_to(listener.local_addr().unwrap());
    let mut near = TcpStream::connect(proxy.address()).unwrap();
    near.write_all(b"CONNECT reset.example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let answer = b"HTTP/1.1 200 OK\r\n\r\n";
    let mut heard = vec![0; answer.len()];
    near.read_exact(&mut heard).unwrap();
    assert_eq!(heard, answer);
    let (mut far, _) = listener.accept().unwrap();
    near.write_all(b"abc").unwrap();
    assert_eq!(three(&mut far), *b"abc");

    let mut other = TcpStream::connect(proxy.address()).unwrap();
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(rest(&mut other), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(proxy.done(), Done { led: 1, refused: 1, ..Done::default() });
}

#[test]
fn a_script_that_is_over_leaves_a_calm_road_and_broke_what_it_refused() {
    let (proxy, mut near, mut far) = connected();
    let trouble = Trouble::both(Way::Stopped);
    let spell = Spell { calm: Duration::ZERO, lasts: Duration::from_millis(1), trouble };
    proxy.play(&Script::new(vec![spell]));
    near.write_all(b"abc").unwrap();
    assert_eq!(three(&mut far), *b"abc");
    proxy.play(&Script::new(vec![Spell { trouble: Trouble::REFUSED, ..spell }]));
    assert_eq!(rest(&mut near), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(rest(&mut far), (Vec::new(), Some(ErrorKind::ConnectionReset)));
}
