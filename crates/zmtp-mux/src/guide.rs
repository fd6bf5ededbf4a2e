//! How to build with this crate: one page for each pattern, and for each way to come here.
//!
//! | page | for |
//! |---|---|
//! | [`rpc`] | requests to services by their names |
//! | [`stateful_workers`] | workers that cannot stand in for each other |
//! | [`presence`] | who is there, and who has gone |
//! | [`safe_retries`] | what to do about a request that has failed |
//! | [`security`] | who may come in, and what they may do |
//! | [`from_libzmq`] | ROUTER and DEALER of libzmq; what became of each option |
//! | [`from_monitored_queue`] | pyzmq's `MonitoredQueue`, and ipyparallel's controller |
//! | [`from_zeromq`] | the `zeromq` crate |
//!
//! Each example is run by the tests of this crate. Lines that only make one run alone are hidden: the
//! button that shows them is in its corner.

#[doc = include_str!("../guide/from_libzmq.md")]
pub mod from_libzmq {}

#[doc = include_str!("../guide/from_monitored_queue.md")]
pub mod from_monitored_queue {}

#[doc = include_str!("../guide/from_zeromq.md")]
pub mod from_zeromq {}

#[doc = include_str!("../guide/presence.md")]
pub mod presence {}

#[doc = include_str!("../guide/rpc.md")]
pub mod rpc {}

#[doc = include_str!("../guide/safe_retries.md")]
pub mod safe_retries {}

#[doc = include_str!("../guide/security.md")]
pub mod security {}

#[doc = include_str!("../guide/stateful_workers.md")]
pub mod stateful_workers {}
