//! The configuration file: TOML, each key a line of a table in [`keys`].
//!
//! A file is read whole: all that is wrong with it is told at once, each with its line. What it
//! does not say is as in `muxd --print-config`.

use std::path::Path;
use std::time::Duration;

use zmtp_mux::{
    Heartbeat, Limits, Listen, MuxConfig, MuxLimits, Prefix, Rhythm, Rules, Settings, TimeToLive,
    Version,
};

use crate::config::document::Document;
use crate::config::fault::{ConfigError, Problem};
use crate::config::keys::{LIMITS, ROLES, TOP};
use crate::options::Options;
use crate::origin::Origins;
use crate::secrets::{Secrecy, read};

pub(crate) use self::printed::printed;

mod check;
mod document;
pub(crate) mod fault;
mod keys;
mod lists;
mod printed;
mod slot;
#[cfg(test)]
mod tests;
mod units;

/// What a file says, and the defaults for all else.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) options: Options,
    /// Empty if the file names none.
    pub(crate) listeners: Vec<Listen>,
    pub(crate) origins: Origins,
    pub(crate) global_pool: PoolGiven,
    limits: MuxLimits,
    exempt: Vec<Prefix>,
    rules: Rules,
    link: Limits,
    version: Version,
    pulse: Pulse,
    verdict_time: Duration,
}

/// Whether a value was written down, or is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    ByFile,
    ByDefault,
}

/// What of the global pool was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolGiven {
    pub(crate) octets: Given,
    pub(crate) messages: Given,
}

impl PoolGiven {
    pub(crate) const NOTHING: Self = Self { octets: Given::ByDefault, messages: Given::ByDefault };
}

/// A heartbeat as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pulse {
    /// `None` asks nobody.
    ping_interval: Option<Duration>,
    dead_after: Duration,
    ping_ttl: Duration,
}

impl Config {
    /// Reads a file. Paths in it begin at its folder.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let octets = read(path, Secrecy::Public, |text| Ok(text.to_vec()))
            .map_err(ConfigError::Unreadable)?;
        let mut config = Self::parse(&octets)
            .map_err(|faults| ConfigError::Wrong { path: path.to_owned(), faults })?;
        config.origins = config.origins.of_file(path);
        config.options.begin_paths_at(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Reads the text of a file, or returns all that is wrong with it, by line.
    // spec: mux:config:keys, mux:config:faults
    fn parse(octets: &[u8]) -> Result<Self, Vec<(usize, Problem)>> {
        let mut config = Self::default();
        let document = Document::parse(octets).map_err(|fault| vec![fault])?;
        let root = document.root();
        let mut reader = document.reader();
        reader.read(root, "", TOP, &["limits", "listen", "role", "destination"], &mut config);
        if let Some(limits) = reader.table(root, "limits") {
            reader.read(limits, "limits", LIMITS, &[], &mut config);
        }
        // What a rule does not say is as in the limits, or as for all services.
        config.rules = Rules::with_pool(config.limits.destination_pool);
        if let Some(roles) = reader.table(root, "role") {
            reader.read(roles, "role", ROLES, &[], &mut config.rules);
        }
        reader.destinations(root, &mut config.rules, config.link.message_len_max);
        let lines = reader.listeners(root, &mut config.listeners);
        config.origins = Origins::new(|key| reader.line(key), lines);
        let given = |path| match reader.line(path) {
            Some(_) => Given::ByFile,
            None => Given::ByDefault,
        };
        config.global_pool = PoolGiven {
            octets: given("limits.global_pool.octets"),
            messages: given("limits.global_pool.messages"),
        };
        // What contradicts what is clear only where every value is.
        if reader.is_sound() {
            check::check(&config, &mut reader);
        }
        reader.finish().map(|()| config)
    }

    /// Returns how the MUX is set up, with the limits that the machine leaves of these.
    pub(crate) fn mux(self, fit: impl FnOnce(&mut MuxLimits, &mut Limits, PoolGiven)) -> MuxConfig {
        let Self { mut limits, exempt, rules, mut link, version, pulse, verdict_time, .. } = self;
        fit(&mut limits, &mut link, self.global_pool);
        let heartbeat = pulse.heartbeat();
        MuxConfig {
            limits,
            rules,
            exempt,
            link: Settings { limits: link, version, heartbeat },
            verdict_time,
            ..MuxConfig::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let MuxConfig { limits, rules, exempt, link, verdict_time, .. } = MuxConfig::default();
        let Settings { limits: link, version, heartbeat } = link;
        Self {
            options: Options::default(),
            listeners: Vec::new(),
            origins: Origins::default(),
            global_pool: PoolGiven::NOTHING,
            limits,
            exempt,
            rules,
            link,
            version,
            pulse: heartbeat.into(),
            verdict_time,
        }
    }
}

impl Pulse {
    fn heartbeat(self) -> Heartbeat {
        let Self { ping_interval, dead_after, ping_ttl } = self;
        ping_interval.map_or(Heartbeat::Off, |interval| {
            // Never the default: `check` has found this one sound.
            let rhythm = Rhythm::new(interval, dead_after).unwrap_or_default();
            Heartbeat::On(rhythm.with_time_to_live(TimeToLive::new(ping_ttl)))
        })
    }
}

/// Without a promise, as is the default.
impl From<Heartbeat> for Pulse {
    fn from(heartbeat: Heartbeat) -> Self {
        let (ping_interval, dead_after) = match heartbeat {
            Heartbeat::Off => (None, Duration::ZERO),
            Heartbeat::On(rhythm) => (Some(rhythm.interval()), rhythm.timeout()),
        };
        Self { ping_interval, dead_after, ping_ttl: Duration::ZERO }
    }
}
