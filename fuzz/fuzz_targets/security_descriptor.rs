//! Security descriptors as a directory holds them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    directory::fuzzing::security_descriptor(bytes);
});
