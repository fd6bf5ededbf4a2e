//! Shards: threads with a runtime each, on which connections stay where they were put.
//!
//! Connections pinned to single-threaded runtimes cost less than work stealing here: a message is
//! routed in a moment, and what costs is moving it between processors.

use std::io;
use std::num::NonZeroUsize;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

/// The threads beside the main one. They end with the value.
#[derive(Debug)]
pub(crate) struct Shards {
    handles: Vec<Handle>,
    threads: Vec<JoinHandle<()>>,
    /// Dropping it tells the threads to end.
    alive: Option<watch::Sender<()>>,
}

impl Shards {
    /// Starts all but one of `count` threads; the one is the caller's, with the runtime `main`.
    pub(crate) fn start(count: NonZeroUsize, main: &Runtime) -> io::Result<Self> {
        let (alive, ended) = watch::channel(());
        let mut shards = Self { handles: Vec::new(), threads: Vec::new(), alive: Some(alive) };
        if count > NonZeroUsize::MIN {
            shards.handles.push(main.handle().clone());
        }
        for number in 1..count.get() {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            shards.handles.push(runtime.handle().clone());
            let mut ended = ended.clone();
            let thread = std::thread::Builder::new().name(format!("shard-{number}"));
            shards.threads.push(thread.spawn(move || {
                // An error says that the sender is gone, which is what is waited for.
                runtime.block_on(async move { while ended.changed().await.is_ok() {} });
            })?);
        }
        Ok(shards)
    }

    /// Returns the runtimes to put connections on; none if there is only the main one.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.handles.clone()
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.alive = None;
        for thread in self.threads.drain(..) {
            // A panic there has been reported there.
            let _ = thread.join();
        }
    }
}
