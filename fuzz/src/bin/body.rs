#![no_main]
//! libFuzzer's way into `fuzz::body`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::body(bytes));
