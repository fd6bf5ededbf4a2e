//! Arbitrary octets as a list of properties.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::metadata`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::metadata(data));
