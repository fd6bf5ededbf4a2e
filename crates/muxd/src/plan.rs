//! The plan: what the command line and the configuration file say together.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use tracing::level_filters::LevelFilter;
use zmtp_mux::{Listen, ListenerRole};

use crate::args::{Purpose, Reach, Request};
use crate::config::Config;
use crate::failure::Failure;
use crate::origin::{CURVE_CLIENTS, Origins};
use crate::security::Guard;

/// How to serve.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) purpose: Purpose,
    /// Never empty.
    pub(crate) listeners: Vec<Listen>,
    pub(crate) threads: NonZeroUsize,
    pub(crate) reach: Reach,
    pub(crate) guard: Guard,
    /// A file of access rules; without one everything is allowed.
    pub(crate) acl: Option<PathBuf>,
    pub(crate) log: LevelFilter,
    /// Where all that comes from.
    pub(crate) origins: Origins,
    /// Limits and rules.
    pub(crate) config: Config,
}

impl Plan {
    /// Reads the configuration file, if there is one; what the command line says wins over it.
    pub(crate) fn make(request: Request) -> Result<Self, Failure> {
        let purpose = request.purpose;
        let mut config = effective(request)?;
        let options = std::mem::take(&mut config.options);
        let listeners = std::mem::take(&mut config.listeners);
        let origins = std::mem::take(&mut config.origins);
        let listeners = if listeners.is_empty() { usual_listeners() } else { listeners };
        Ok(Self {
            purpose,
            listeners,
            threads: options.threads.unwrap_or_else(usual_threads),
            reach: if options.open { Reach::Open } else { Reach::Loopback },
            guard: options.guard().ok_or_else(|| Failure::NoSecret(origins.of(CURVE_CLIENTS)))?,
            acl: options.acl,
            log: options.log.unwrap_or(LevelFilter::INFO),
            origins,
            config,
        })
    }
}

/// Returns what the file says, and the command line over it.
// spec: mux:config:command-line-wins
pub(crate) fn effective(request: Request) -> Result<Config, Failure> {
    let mut config = request.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    config.origins.yield_to(&request.options);
    config.options = request.options.over(std::mem::take(&mut config.options));
    if !request.listeners.is_empty() {
        config.listeners = request.listeners;
        config.origins.forget_listeners();
    }
    Ok(config)
}

/// Half of the processors: the kernel's part of the work takes about the other half.
fn usual_threads() -> NonZeroUsize {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN)
}

fn usual_listeners() -> Vec<Listen> {
    let usual = USUAL_LISTENERS.into_iter();
    usual.filter_map(|(role, url)| Some(Listen::new(role, url.parse().ok()?))).collect()
}

const USUAL_LISTENERS: [(ListenerRole, &str); 2] = [
    (ListenerRole::Clients, "tcp://127.0.0.1:5555"),
    (ListenerRole::Services, "tcp://127.0.0.1:5556"),
];
