//! Arbitrary subscriptions, on the wire and in a table.
//!
//! The body, with what must hold, is [`zmtp_proto::fuzz::subscription`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_proto::fuzz::subscription(data));
