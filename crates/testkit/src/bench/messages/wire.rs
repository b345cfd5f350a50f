//! What was said on a connection before it was encrypted: requests and answers over HTTP (RFC 9112),
//! and, where the connection became a WebSocket (RFC 6455), the relay's frames.

use serde_json::Value;

/// The target of the exchange that opens the relay channel.
pub(super) const CHANNEL: &str = "$hc";
/// The opcodes of WebSocket frames (RFC 6455, 5.2).
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// How many bytes one message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// The message itself.
    pub(super) body: usize,
    /// What stands around it: HTTP heads, the relay's text frames, heads of WebSocket frames.
    pub(super) framing: usize,
}

/// A question and its answer, if that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    /// The path, or the relay request's target.
    pub(super) target: String,
    /// Whether it went over the relay.
    pub(super) relayed: bool,
    pub(super) asked: Size,
    pub(super) answered: Option<Size>,
}

/// Everything on one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conversation {
    pub(super) exchanges: Vec<Exchange>,
    /// The bytes of pings and pongs, both ways.
    pub(super) pings: Vec<usize>,
}

/// Reads a connection: `said` by the agent, `heard` by it. An incomplete end is left out; what is
/// of another form is an error in words.
pub(super) fn read(said: &[u8], heard: &[u8]) -> Result<Conversation, String> {
    let (mut said, mut heard) = (said, heard);
    let mut conversation = Conversation::default();
    while let Some(request) = http(&mut said)? {
        let answer = http(&mut heard)?;
        let path = request.first.split(' ').nth(1).unwrap_or_default().to_owned();
        let upgraded = answer.as_ref().is_some_and(|answer| answer.first.contains(" 101 "));
        conversation.exchanges.push(Exchange {
            target: if upgraded { CHANNEL.to_owned() } else { path },
            relayed: false,
            asked: request.size,
            answered: answer.map(|answer| answer.size),
        });
        if upgraded {
            channel(said, heard, &mut conversation)?;
            break;
        }
    }
    Ok(conversation)
}

struct Http {
    first: String,
    size: Size,
}

/// The next request or answer, if all of it is there.
fn http(bytes: &mut &[u8]) -> Result<Option<Http>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let value = |name: &str| {
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned())
    };
    if value("transfer-encoding").is_some() {
        return Err(format!("a body without a length: {head}"));
    }
    let body = value("content-length").map_or(Ok(0), |length| length.parse::<usize>());
    let body = body.map_err(|_| format!("a length that is none: {head}"))?;
    let framing = end + 4;
    let Some(rest) = bytes.get(framing + body..) else { return Ok(None) };
    *bytes = rest;
    let first = head.lines().next().unwrap_or_default().to_owned();
    Ok(Some(Http { first, size: Size { body, framing } }))
}

/// The relay's exchanges on a channel (`docs` of crate `relay`).
fn channel(said: &[u8], heard: &[u8], into: &mut Conversation) -> Result<(), String> {
    let asked = commands(said_or_heard(heard, &mut into.pings), "request")?;
    let mut answered = commands(said_or_heard(said, &mut into.pings), "response")?;
    for (request, asked) in asked {
        let id = text(&request, "id");
        let at = answered.iter().position(|(answer, _)| text(answer, "requestId") == id);
        into.exchanges.push(Exchange {
            target: text(&request, "requestTarget").trim_start_matches('/').to_owned(),
            relayed: true,
            asked,
            answered: at.map(|at| answered.swap_remove(at).1),
        });
    }
    Ok(())
}

fn text(command: &Value, name: &str) -> String {
    command[name].as_str().unwrap_or_default().to_owned()
}

struct Frame {
    opcode: u8,
    head: usize,
    payload: Vec<u8>,
}

/// The messages of one direction, without pings, whose sizes are noted.
fn said_or_heard(bytes: &[u8], pings: &mut Vec<usize>) -> Vec<Frame> {
    let mut bytes = bytes;
    let mut messages: Vec<Frame> = Vec::new();
    while let Some(frame) = frame(&mut bytes) {
        match (frame.opcode, messages.last_mut()) {
            (PING | PONG, _) => pings.push(frame.head + frame.payload.len()),
            (CONTINUATION, Some(begun)) => {
                begun.head += frame.head;
                begun.payload.extend(frame.payload);
            }
            _ => messages.push(frame),
        }
    }
    messages
}

/// The next frame, unmasked, if all of it is there.
fn frame(bytes: &mut &[u8]) -> Option<Frame> {
    let opcode = bytes.first()? & 0x0f;
    let second = bytes.get(1)?;
    let (length, mut head) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        mask = bytes.get(head..head + 4)?.try_into().ok()?;
        head += 4;
    }
    let end = head.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(head..end)?;
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    *bytes = &bytes[end..];
    Some(Frame { opcode, head, payload })
}

/// The commands of one name, each with the body that follows it.
fn commands(messages: Vec<Frame>, name: &str) -> Result<Vec<(Value, Size)>, String> {
    let mut found: Vec<(Value, Size)> = Vec::new();
    let mut open = false;
    for message in messages {
        match (message.opcode, found.last_mut()) {
            (TEXT, _) => {
                let read: Value = serde_json::from_slice(&message.payload)
                    .map_err(|_| "a text frame that is not JSON".to_owned())?;
                open = read[name]["body"].as_bool().unwrap_or(false);
                if !read[name].is_null() {
                    let framing = message.head + message.payload.len();
                    found.push((read[name].clone(), Size { body: 0, framing }));
                }
            }
            (BINARY, Some((_, size))) if open => {
                size.body = message.payload.len();
                size.framing += message.head;
                open = false;
            }
            (BINARY, _) => return Err("a body that nothing announced".to_owned()),
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame_of(opcode: u8, payload: &[u8], masked: bool) -> Vec<u8> {
        let mut bytes = vec![0x80 | opcode];
        let mask = if masked { 0x80 } else { 0 };
        match payload.len() {
            short @ 0..126 => bytes.push(mask | u8::try_from(short).unwrap()),
            long => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        let key = [1, 2, 3, 4];
        if masked {
            bytes.extend(key);
            bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            bytes.extend(payload);
        }
        bytes
    }

    #[test]
    fn bodies_and_heads_of_http_are_told_apart() {
        let said = b"POST /agent/v1/heartbeat HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloPOST /x HT";
        let heard = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let read = read(said, heard).unwrap();
        let expected = Exchange {
            target: "/agent/v1/heartbeat".to_owned(),
            relayed: false,
            asked: Size { body: 5, framing: 56 },
            answered: Some(Size { body: 2, framing: 38 }),
        };
        assert_eq!(read.exchanges, [expected]);
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(super::read(chunked, b"").is_err());
    }

    #[test]
    fn a_channel_is_read_frame_by_frame_with_its_answers_in_any_order() {
        let request = |id: &str, target: &str| {
            let head = serde_json::json!({"request":
                {"id": id, "requestTarget": target, "method": "POST", "body": true}});
            frame_of(TEXT, head.to_string().as_bytes(), false)
        };
        let answer = |id: &str| {
            let head = serde_json::json!({"response": {"requestId": id, "body": true}});
            frame_of(TEXT, head.to_string().as_bytes(), true)
        };
        let mut heard = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
        let mut said = b"GET /$hc/t/a HTTP/1.1\r\n\r\n".to_vec();
        heard.extend(request("one", "/writeback"));
        heard.extend(frame_of(BINARY, &[7; 900], false));
        heard.extend(frame_of(PING, b"1234", false));
        heard.extend(request("two", "/settle"));
        heard.extend(frame_of(BINARY, &[7; 100], false));
        heard.extend(request("lost", "/writeback"));
        heard.extend(frame_of(BINARY, &[7; 900], false));
        said.extend(frame_of(PONG, b"1234", true));
        said.extend(answer("two"));
        said.extend(frame_of(BINARY, &[7; 300], true));
        said.extend(answer("one"));
        said.extend(frame_of(BINARY, &[7; 256], true));
        said.extend(&answer("lost")[..9]);

        let read = read(&said, &heard).unwrap();
        let seen: Vec<_> = read
            .exchanges
            .iter()
            .map(|one| (one.target.as_str(), one.asked.body, one.answered.map(|size| size.body)))
            .collect();
        assert_eq!(
            seen,
            [
                (CHANNEL, 0, Some(0)),
                ("writeback", 900, Some(256)),
                ("settle", 100, Some(300)),
                ("writeback", 900, None)
            ]
        );
        assert_eq!(read.pings, [6, 10]);
        let text = request("one", "/writeback").len();
        assert_eq!(read.exchanges[1].asked.framing, text + 4);
    }
}
