//! A client with valid keys and a hostile script against a CURVE server.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::curve_server`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::curve_server(data));
