//! What is inside packages and answers: headers, answers, areas.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    protocol::fuzzing::package_parts(bytes);
});
