//! Limits that follow from what the machine has: descriptors and memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};
use zmtp_mux::MuxLimits;

use crate::config::Given;

/// Lowers limits to what this machine allows, after raising the soft descriptor limit as far as it
/// goes. A global pool that was asked for stays as it is.
// spec: mux:limit:descriptors, mux:limit:handshake-eviction, mux:queue:global-pool
pub(crate) fn fit(mut limits: MuxLimits, global_pool: Given) -> MuxLimits {
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
        let quarter = usize::try_from(memory / 4).unwrap_or(usize::MAX);
        match global_pool {
            Given::ByDefault => {
                limits.global_pool.octets = limits.global_pool.octets.min(quarter);
            }
            Given::ByFile if limits.global_pool.octets > quarter => {
                warn!(quarter, "the global pool is larger than a quarter of the memory");
            }
            Given::ByFile => {}
        }
    }
    info!(
        connections = limits.connections,
        global_pool_octets = limits.global_pool.octets,
        "limits"
    );
    limits
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
    let group = CGROUP_LIMITS
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        // `max` is no number, and no limit.
        .filter_map(|text| text.trim().parse().ok());
    group.chain([machine]).min()
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}

/// Where a control group's memory limit stands, versions 2 and 1.
#[cfg(target_os = "linux")]
const CGROUP_LIMITS: [&str; 2] =
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Descriptors kept for listeners, runtimes, the log, and what comes with them.
const DESCRIPTORS_RESERVED: usize = 64;
