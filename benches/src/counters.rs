//! Hardware counts of a running process's user instructions.

#[cfg(target_os = "linux")]
use perf_event::{Builder, Counter, events::Hardware};

/// Counters on every thread of a process.
#[derive(Debug)]
pub struct Instructions {
    #[cfg(target_os = "linux")]
    counters: Vec<Counter>,
}

#[cfg(target_os = "linux")]
impl Instructions {
    /// Starts to count, in the threads there are and those they start; `None`
    /// where the machine, or its administrator, has no counters for us.
    #[must_use]
    pub fn of_process(pid: u32) -> Option<Self> {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let mut counters = Vec::new();
        for task in tasks {
            let tid = task.ok()?.file_name().to_str()?.parse().ok()?;
            let mut builder = Builder::new(Hardware::INSTRUCTIONS);
            builder.observe_pid(tid).exclude_kernel(true).exclude_hv(true).inherit(true);
            let mut counter = builder.build().ok()?;
            counter.enable().ok()?;
            counters.push(counter);
        }
        Some(Self { counters })
    }

    /// Returns the instructions since the start.
    pub fn count(&mut self) -> Option<u64> {
        self.counters.iter_mut().map(|counter| counter.read().ok()).sum()
    }
}

#[cfg(not(target_os = "linux"))]
impl Instructions {
    /// Always `None`: other systems have no such counters.
    #[must_use]
    pub fn of_process(_pid: u32) -> Option<Self> {
        None
    }

    /// Always `None`.
    pub fn count(&mut self) -> Option<u64> {
        None
    }
}
