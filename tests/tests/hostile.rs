//! Hostile peers: raw octets on sockets, while polite peers go on and must not notice.
//!
//! Every test has a broker of its own and a client and a service that exchange requests from its
//! beginning to its end: none may be lost, and none may wait for long.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

#[path = "hostile/crowds.rs"]
mod crowds;
#[path = "hostile/descriptors.rs"]
mod descriptors;
#[path = "hostile/floods.rs"]
mod floods;
#[path = "hostile/forgery.rs"]
mod forgery;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/ghosts.rs"]
mod ghosts;
#[path = "hostile/heartbeats.rs"]
mod heartbeats;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/names.rs"]
mod names;
#[path = "hostile/siege.rs"]
mod siege;
#[path = "hostile/slow.rs"]
mod slow;
#[path = "hostile/strangers.rs"]
mod strangers;

use zmtp_mux_tests::{raw, wire};
