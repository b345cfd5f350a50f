//! Whose a certificate is that is refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    directory::fuzzing::certificate(bytes);
});
