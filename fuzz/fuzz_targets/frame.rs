//! Arbitrary octets where frames should be.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::frame`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::frame(data));
