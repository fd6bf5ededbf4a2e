//! An arbitrary peer, in arbitrary chunks, against a whole connection.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::connection`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::connection(data));
