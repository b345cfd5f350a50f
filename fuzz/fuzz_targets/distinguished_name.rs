//! Distinguished names as text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    directory::fuzzing::distinguished_name(bytes);
});
