//! Whatever can be built is the same after encoding and decoding.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::roundtrip`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::roundtrip(data));
