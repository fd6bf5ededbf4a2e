//! Limits that follow from what the machine has: descriptors and memory.

#[cfg(target_os = "linux")]
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};
use zmtp_mux::{Limits, MuxLimits};

use crate::config::{Given, PoolGiven};

/// Lowers limits to what this machine allows, after raising the soft descriptor limit as far as it
/// goes. A global pool that was asked for stays as it is.
// spec: mux:limit:descriptors, mux:limit:handshake-eviction, mux:queue:global-pool
pub(crate) fn fit(limits: &mut MuxLimits, link: &mut Limits, global_pool: PoolGiven) {
    if let Some(descriptors) = raise_descriptors() {
        let left = descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(1);
        if left < limits.connections {
            info!(connections = left, descriptors, "connection limit lowered to the descriptors");
            limits.connections = left;
        }
    }
    // Only an unfinished handshake makes way, so they must never fill all places.
    limits.handshakes = limits.handshakes.min((limits.connections / 2).max(1));
    if let Some(memory) = memory() {
        fit_memory(limits, link, global_pool.octets, memory);
    }
    fit_messages(limits, global_pool.messages);
    info!(
        connections = limits.connections,
        global_pool_octets = limits.global_pool.octets,
        global_pool_messages = limits.global_pool.messages,
        "limits"
    );
}

/// Lowers limits to what so many octets of memory allow.
// spec: mux:queue:global-pool, mux:limit:message-fits
fn fit_memory(limits: &mut MuxLimits, link: &mut Limits, global_pool: Given, memory: u64) {
    let quarter = usize::try_from(memory / 4).unwrap_or(usize::MAX);
    let pool = &mut limits.global_pool.octets;
    match global_pool {
        Given::ByDefault => *pool = quarter.min(*pool),
        Given::ByFile if *pool > quarter => {
            warn!(quarter, "the global pool is larger than a quarter of the memory");
        }
        Given::ByFile => {}
    }
    let fits = limits.message_len_max();
    if fits < link.message_len_max {
        warn!(
            message_len = fits,
            asked = link.message_len_max,
            "the longest message is lowered to 3/8 of the global pool, which is a quarter of the memory"
        );
        link.message_len_max = fits;
    }
}

/// Lowers the messages of the global pool to what fits its octets: each takes memory beside its own.
// spec: mux:queue:global-pool
fn fit_messages(limits: &mut MuxLimits, messages: Given) {
    let pool = &mut limits.global_pool;
    if messages == Given::ByDefault {
        pool.messages = pool.messages.min(pool.octets / OCTETS_FOR_A_MESSAGE).max(MESSAGES_MIN);
    }
}

/// Raises the soft descriptor limit to the hard one, and returns what it is then; `None` if there
/// is no limit.
fn raise_descriptors() -> Option<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            warn!(%error, "descriptor limit not raised");
            current
        }
    };
    current.map(|current| usize::try_from(current).unwrap_or(usize::MAX))
}

/// Returns the octets of memory that this process may use: the machine's or its control group's.
#[cfg(target_os = "linux")]
fn memory() -> Option<u64> {
    let info = rustix::system::sysinfo();
    let unit = u64::from(info.mem_unit.max(1));
    #[allow(clippy::useless_conversion, reason = "the width of the field hangs on the platform")]
    let machine = u64::from(info.totalram).checked_mul(unit)?;
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_limits(&own)
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        // `max` is no number, and no limit.
        .filter_map(|text| text.trim().parse().ok());
    group.chain([machine]).min()
}

/// Returns where limits on memory may stand, given the control groups that a process is in as the
/// system lists them: at each group that holds it, in versions 2 and 1.
///
/// In a container the list may name groups that cannot be seen from there; then the limit stands at the
/// root, which is always among them.
#[cfg(target_os = "linux")]
fn group_limits(own: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in own.lines().chain(["0::/", ":memory:/"]) {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, limit) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let group = Path::new(path.trim_start_matches('/'));
        files.extend(group.ancestors().map(|group| Path::new(root).join(group).join(limit)));
    }
    files
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}

/// Octets of the global pool for each message of it: some four times what a message takes beside its own.
const OCTETS_FOR_A_MESSAGE: usize = 1024;

/// Messages that the global pool has room for at least: clients have half of it.
const MESSAGES_MIN: usize = 2;

/// Descriptors kept for listeners, runtimes, the log, and what comes with them.
const DESCRIPTORS_RESERVED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:queue:global-pool.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_limit_of_each_group_that_holds_the_process_is_looked_for() {
        let root = "/sys/fs/cgroup/memory.max";
        let old = "/sys/fs/cgroup/memory/memory.limit_in_bytes";
        let of = |own| {
            let files = group_limits(own).into_iter();
            files.map(|file| file.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(""), [root, old]);
        let unit = "/sys/fs/cgroup/system.slice/muxd.service/memory.max";
        let slice = "/sys/fs/cgroup/system.slice/memory.max";
        assert_eq!(of("0::/system.slice/muxd.service\n"), [unit, slice, root, root, old]);
        let group = "/sys/fs/cgroup/memory/a/memory.limit_in_bytes";
        assert_eq!(of("4:memory:/a\n3:cpu,cpuacct:/b\n1\n"), [group, old, root, old]);
    }

    /// mux:queue:global-pool.
    #[test]
    fn a_small_pool_is_for_fewer_messages_unless_their_number_is_given() {
        let fitted = |octets, messages| {
            let mut limits = MuxLimits::default();
            limits.global_pool.octets = octets;
            fit_messages(&mut limits, messages);
            limits.global_pool.messages
        };
        assert_eq!(fitted(1 << 30, Given::ByDefault), 1 << 20);
        assert_eq!(fitted(16 * MIB, Given::ByDefault), 16 * 1024);
        assert_eq!(fitted(100, Given::ByDefault), MESSAGES_MIN);
        assert_eq!(fitted(16 * MIB, Given::ByFile), 1 << 20);
    }

    const MIB: usize = 1 << 20;

    /// Returns the global pool and the longest message on a machine with so much memory.
    fn fitted(global_pool: Given, memory: usize) -> (usize, usize) {
        let (mut limits, mut link) = (MuxLimits::default(), Limits::default());
        fit_memory(&mut limits, &mut link, global_pool, memory as u64);
        (limits.global_pool.octets, link.message_len_max)
    }

    /// mux:queue:global-pool, mux:limit:message-fits.
    #[test]
    fn on_a_small_machine_the_pool_is_smaller_and_then_the_longest_message() {
        assert_eq!(fitted(Given::ByDefault, 16 << 30), (1 << 30, 16 * MIB));
        assert_eq!(fitted(Given::ByDefault, 1 << 30), (256 * MIB, 16 * MIB));
        assert_eq!(fitted(Given::ByDefault, 128 * MIB), (32 * MIB, 12 * MIB));
        assert_eq!(fitted(Given::ByDefault, 64 * MIB), (16 * MIB, 6 * MIB));
        assert_eq!(fitted(Given::ByFile, 64 * MIB), (1 << 30, 16 * MIB));
    }
}
