//! A control channel: what its two sides make of what the other one writes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    relay::fuzzing::relay_frame(bytes);
});
