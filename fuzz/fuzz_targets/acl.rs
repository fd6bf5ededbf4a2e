//! Arbitrary text as access rules.
//!
//! The body, with what must hold, is [`zmtp_mux::fuzz::acl`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_mux::fuzz::acl(data));
