//! An arbitrary client against a PLAIN server.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::plain_server`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::plain_server(data));
