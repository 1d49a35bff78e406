#![no_main]
//! libFuzzer's way into `fuzz::pattern`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pattern(bytes));
