//! What a hostile relay can hand to an agent, or to the cloud service.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    seal::fuzzing::package(bytes);
});
