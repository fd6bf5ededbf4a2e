//! The broker between unmodified libzmq sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

mod bodies;
mod comeback;
mod duplicates;
mod ends;
mod kinds;
mod lockstep;
mod matrix;
mod overload;
mod security;
mod strays;
mod version_3_0;
mod windows;
