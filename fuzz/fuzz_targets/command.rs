//! Arbitrary octets as the body of a command.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::command`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::command(data));
