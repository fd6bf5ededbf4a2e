//! An arbitrary server against a PLAIN client.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::plain_client`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::plain_client(data));
