//! Arbitrary octets in traffic, judged by two decoders.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::decoder_diff`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::decoder_diff(data));
