//! Arbitrary octets and text as Z85.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::z85`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::z85(data));
