//! What the programs of `benches/rivals` share.

use std::io;

use thiserror::Error;
use tokio::runtime::{Builder, Runtime};

/// Why a program ended.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A role that this library is not measured in.
#[derive(Debug, Error)]
#[error("this library is not measured in that role")]
pub struct Unmeasured;

/// Returns a runtime with so many threads; with one, the caller's is that one.
///
/// # Errors
///
/// Those of the operating system.
pub fn runtime(threads: u32) -> io::Result<Runtime> {
    match threads {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        more => Builder::new_multi_thread().worker_threads(more as usize).enable_all().build(),
    }
}
