#![no_main]
//! libFuzzer's way into `fuzz::payload`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::payload(bytes));
