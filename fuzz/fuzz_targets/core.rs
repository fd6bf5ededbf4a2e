//! Arbitrary peers and actions against the routing core.
//!
//! The body, with what must hold, is [`zmtp_mux::fuzz::core`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmtp_mux::fuzz::core(data));
