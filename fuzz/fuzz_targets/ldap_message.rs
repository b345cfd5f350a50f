//! What a controller says, and what becomes of a search that it answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    directory::fuzzing::ldap_message(bytes);
});
