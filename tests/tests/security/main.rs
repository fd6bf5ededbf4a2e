//! Security of the listeners: what the options and their files mean, and whom they let in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

mod acl;
mod arguments;
mod curve;
mod failures;
mod files;
mod peer;
mod plain;
mod strangers;
mod takeover;
