//! A server with valid keys and a hostile script against a CURVE client.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::curve_client`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::curve_client(data));
