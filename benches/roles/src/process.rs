//! What the operating system says about a process: CPU time, memory, limits.
//!
//! Other processes are read from `/proc`, which only Linux has; elsewhere these
//! functions return the error of opening it.

use std::fs;
use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use rustix::time::ClockId;

/// CPU time of a process, all its threads together, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// In its own code.
    pub user_s: f64,
    /// In the kernel.
    pub system_s: f64,
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The most that was ever resident (`VmHWM`).
    pub peak_kib: u64,
    /// Resident now and not backed by a file (`RssAnon`): heap and stacks.
    pub anon_kib: u64,
}

/// Reads the CPU time of a process; its steps are those of the kernel's clock,
/// usually 10 ms.
///
/// # Errors
///
/// When there is no such process, or no `/proc`.
pub fn cpu_of(pid: u32) -> io::Result<Cpu> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    cpu_in(&stat, ticks_per_second).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Reads the memory of a process.
///
/// # Errors
///
/// When there is no such process, or no `/proc`.
pub fn memory_of(pid: u32) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name| field_kib(&status, name).ok_or(ErrorKind::InvalidData);
    Ok(Memory { peak_kib: field("VmHWM:")?, anon_kib: field("RssAnon:")? })
}

/// Returns the CPU time that this process has used.
#[must_use]
pub fn own_cpu() -> Duration {
    let now = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// Raises the soft limit of open descriptors to the hard one.
///
/// # Errors
///
/// When the system refuses.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    Ok(rustix::process::setrlimit(Resource::Nofile, raised)?)
}

/// Fields 14 and 15 of `stat`; the name, field 2, may hold spaces and brackets.
fn cpu_in(stat: &str, ticks_per_second: f64) -> Option<Cpu> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11).map(str::parse::<f64>);
    let user_s = fields.next()?.ok()? / ticks_per_second;
    let system_s = fields.next()?.ok()? / ticks_per_second;
    Some(Cpu { user_s, system_s })
}

fn field_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cpu_time_behind_a_name_with_brackets() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 9 9 9";
        assert_eq!(cpu_in(stat, 100.0), Some(Cpu { user_s: 2.5, system_s: 0.5 }));
    }

    #[test]
    fn reads_memory_fields() {
        let status = "Name:\tx\nVmHWM:\t   2040 kB\nRssAnon:\t     100 kB\n";
        assert_eq!(field_kib(status, "RssAnon:"), Some(100));
        assert_eq!(field_kib(status, "VmHWM:"), Some(2040));
        assert_eq!(field_kib(status, "RssFile:"), None);
    }
}
