//! Options that the command line and a configuration file have in common.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;

use crate::security::Guard;

/// What was said in one place, or in both together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) open: bool,
    pub(crate) curve_secret: Option<PathBuf>,
    pub(crate) curve_clients: Option<PathBuf>,
    pub(crate) plain_users: Option<PathBuf>,
    pub(crate) acl: Option<PathBuf>,
    pub(crate) log: Option<LevelFilter>,
}

impl Options {
    /// Returns these where they say something, else those of a file. Who names a security
    /// mechanism replaces the other one.
    // spec: mux:config:command-line-wins
    pub(crate) fn over(self, mut file: Self) -> Self {
        if self.curve_secret.is_some() {
            file.plain_users = None;
        }
        if self.plain_users.is_some() {
            (file.curve_secret, file.curve_clients) = (None, None);
        }
        Self {
            threads: self.threads.or(file.threads),
            open: self.open || file.open,
            curve_secret: self.curve_secret.or(file.curve_secret),
            curve_clients: self.curve_clients.or(file.curve_clients),
            plain_users: self.plain_users.or(file.plain_users),
            acl: self.acl.or(file.acl),
            log: self.log.or(file.log),
        }
    }

    /// Lets paths begin at `folder`.
    pub(crate) fn begin_paths_at(&mut self, folder: &Path) {
        let paths =
            [&mut self.curve_secret, &mut self.curve_clients, &mut self.plain_users, &mut self.acl];
        for path in paths.into_iter().flatten() {
            // One that begins at the root stays as it is.
            *path = folder.join(&*path);
        }
    }

    /// Returns what guards the listeners; `None` if there is a list of keys, and no key of our own.
    pub(crate) fn guard(&self) -> Option<Guard> {
        let (clients, users) = (self.curve_clients.clone(), self.plain_users.clone());
        match (self.curve_secret.clone(), clients, users) {
            (Some(secret), clients, _) => Some(Guard::Curve { secret, clients }),
            (None, Some(_), _) => None,
            (None, None, Some(users)) => Some(Guard::Plain { users }),
            (None, None, None) => Some(Guard::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:config:command-line-wins.
    #[test]
    fn who_names_a_mechanism_replaces_the_other_one() {
        let path = |text: &str| Some(PathBuf::from(text));
        let curve = Options {
            curve_secret: path("s"),
            curve_clients: path("c"),
            log: Some(LevelFilter::WARN),
            ..Options::default()
        };
        let plain = Options {
            plain_users: path("u"),
            open: true,
            threads: NonZeroUsize::new(3),
            ..Options::default()
        };
        let both = plain.clone().over(curve.clone());
        assert_eq!(both, Options { log: Some(LevelFilter::WARN), ..plain.clone() });
        let both = curve.clone().over(plain.clone());
        assert_eq!(both, Options { open: true, threads: NonZeroUsize::new(3), ..curve.clone() });
        let other = Options { curve_clients: path("d"), ..Options::default() };
        let guard = other.clone().over(curve).guard().unwrap();
        assert_eq!(guard, Guard::Curve { secret: "s".into(), clients: path("d") });
        assert_eq!(other.guard(), None);
    }
}
