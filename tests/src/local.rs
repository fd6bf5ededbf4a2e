//! A MUX in this process, for what `muxd` has no arguments for.

use tokio::runtime::{Builder, Runtime};
use zmtp_mux::{BindError, Listen, Mux, MuxConfig};

use crate::look::until;

/// A MUX on a runtime of its own, and whatever else of ours is to run there.
#[derive(Debug)]
pub struct LocalMux {
    runtime: Runtime,
    mux: Mux,
}

impl LocalMux {
    /// Makes one that listens nowhere yet.
    #[must_use]
    pub fn start(config: MuxConfig) -> Self {
        let mux = Mux::new(config).expect("random octets");
        Self { runtime: runtime(), mux }
    }

    /// Listens, and returns the URL.
    #[must_use]
    pub fn bind(&self, listen: Listen) -> String {
        self.try_bind(listen).expect("an endpoint that is free")
    }

    /// Listens, and returns the URL.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn try_bind(&self, listen: Listen) -> Result<String, BindError> {
        let _inside = self.runtime.enter();
        self.mux.bind(listen).map(|endpoint| endpoint.to_string())
    }

    /// Returns a counter as it is now.
    #[must_use]
    pub fn counter(&self, name: &str) -> i64 {
        let counters = self.mux.counters();
        let found = counters.iter().find(|(other, _)| *other == name);
        found.unwrap_or_else(|| panic!("no counter {name} in {counters:?}")).1
    }

    /// Looks at a counter again and again until it is as wanted, and returns it.
    pub fn wait_counter(&self, name: &str, wanted: impl Fn(i64) -> bool) -> i64 {
        until(|| Some(self.counter(name)).filter(|count| wanted(*count)))
            .unwrap_or_else(|| panic!("waited for {name} in vain: {:?}", self.mux.counters()))
    }

    /// Ends it in order. No message may be unaccounted for, and no connection.
    pub fn stop(self) {
        self.runtime.block_on(self.mux.end());
        let counters = self.mux.counters();
        assert_eq!(self.counter("difference"), 0, "{counters:?}");
        assert_eq!(self.counter("connections"), 0, "{counters:?}");
        let ends = counters.iter().filter(|(name, _)| name.starts_with("ended_"));
        let ended: i64 = ends.map(|(_, count)| count).sum();
        assert_eq!(ended, self.counter("connections_accepted"), "each ends once: {counters:?}");
    }
}

/// Returns a runtime with a thread of its own.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread")
}
