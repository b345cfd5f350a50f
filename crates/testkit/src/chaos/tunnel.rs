//! What an HTTP proxy hears and says before it is a tunnel.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ASKED: &[u8] = b"CONNECT ";
const END: &[u8] = b"\r\n\r\n";
/// Longer than any head that asks for a tunnel.
const HEAD_MAX: usize = 8 * 1024;

/// Takes a request for a tunnel. Nothing of what is meant for the other end is taken with it: that comes
/// only when the tunnel is there.
pub(super) async fn accept(near: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(END) {
        head.push(near.read_u8().await?);
        if head.len() > HEAD_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    if !head.starts_with(ASKED) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await
}
