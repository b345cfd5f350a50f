//! The published clients `hyco-https` and `hyco-ws` from npm, unmodified, at the real process. Their
//! versions are pinned in `tests/hyco`; what they are made to do stands there too.

use serde_json::{Value, json};

use crate::node::Node;
use crate::program::{Folder, LISTEN_KEY, PATH, Program, SEND_KEY};

/// What comes of one story of a script at a relay with these limits.
fn story(script: &str, story: &str, limits: &str) -> Value {
    let (folder, node) = (Folder::new(), Node::here());
    let relay = Program::start(&folder.config(limits));
    let asked = json!({"story": story, "address": relay.address.to_string(), "path": PATH,
        "listen_key": LISTEN_KEY, "send_key": SEND_KEY});
    node.run(script, &asked, &folder)
}

#[test]
fn hyco_https_answers_requests_of_all_sizes() {
    let told = story("https.cjs", "sizes", "");
    let all = told.as_array().unwrap();
    assert_eq!(all.len(), 6);
    for one in all {
        assert_eq!((&one["status"], &one["answered"]), (&json!(200), &one["size"]), "{one}");
        assert_eq!((&one["whole"], &one["same"]), (&json!(true), &json!(true)), "{one}");
        assert_eq!(one["seen"], format!("POST /{PATH}/deep?x=1"), "{one}");
        for via in one["via"].as_array().unwrap() {
            assert!(via.as_str().unwrap().starts_with("1.1 127.0.0.1"), "{one}");
        }
        assert_eq!(one["token"], "undefined", "the sender's token is nobody else's");
    }
}

#[test]
fn hyco_https_answers_in_every_way_that_it_has() {
    let told = story("https.cjs", "kinds", "");
    assert_eq!(told["named"], json!([418, "Short and stout", format!("POST /{PATH}"), 0]));
    assert_eq!(told["empty"], json!([204, "No Content", format!("POST /{PATH}"), 0]));
    assert_eq!(told["after_empty"], json!([200, "OK", format!("GET /{PATH}/next"), 0]));
    assert_eq!(told["deleted"], json!([200, "OK", format!("DELETE /{PATH}/x"), 3]));
    assert_eq!((&told["pieces"], &told["many"]), (&json!(true), &json!(true)), "{told}");
}

#[test]
fn hyco_https_renews_its_token_on_the_channel_and_loses_the_channel_without() {
    let told = story("https.cjs", "renewal", "grace_seconds = 2\nping_seconds = 1");
    assert_eq!(told["status"], 200);
    assert_eq!((&told["same"], &told["heard"]), (&json!(true), &json!(["listening"])), "{told}");
    assert_eq!(told["code"], 1008);
}

#[test]
fn hyco_https_is_refused_with_the_right_status() {
    let told = story("https.cjs", "refusals", "refused_listen_millis = 100");
    assert_eq!(told["nobody"], json!([404, "no-listener; delivered=no", null]));
    assert!(told["listen"].as_str().unwrap().contains("401"), "{told}");
    assert_eq!(
        (&told["send"], &told["right"], &told["path"]),
        (&json!(401), &json!(403), &json!(403))
    );
}

#[test]
fn hyco_ws_listens_and_connects_and_both_sides_speak_and_end() {
    let told = story("ws.cjs", "both_ways", "");
    assert_eq!(told["echoed"], json!([true, true, true, true, true]));
    assert_eq!(told["listener_heard"], json!([4001, "enough"]));
    assert_eq!(told["begun"], "the listener begins");
    assert_eq!(told["sender_heard"], json!([4002, "no more"]));
}

#[test]
fn hyco_ws_has_many_at_once_with_a_subprotocol() {
    assert_eq!(story("ws.cjs", "many", "")["all"], true);
}

#[test]
fn hyco_ws_is_refused_with_the_right_status_and_a_listener_that_fails_is_a_timeout() {
    let told = story("ws.cjs", "refusals", "refused_listen_millis = 100\nrendezvous_seconds = 2");
    assert_eq!(told["nobody"], json!([404, "no-listener; delivered=no"]));
    assert!(told["listen"].as_str().unwrap().contains("401"), "{told}");
    assert_eq!(told["send"], json!([401, null]));
    assert_eq!(told["right"], json!([403, null]));
    // It means to decline, and fails at it: it names a variable that it does not have.
    assert_eq!(told["thrown"], "ReferenceError");
    assert_eq!(told["declined"][0], 504);
}

#[test]
fn hyco_ws_loses_its_channel_with_its_token() {
    let told = story("ws.cjs", "expiry", "grace_seconds = 0\nping_seconds = 1");
    assert_eq!(told["code"], 1008);
}
