//! Where settings come from: an error about one says it, and speaks of keys or of options.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::options::Options;

/// Where the settings come from that an error may be about when all of them are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origins {
    file: PathBuf,
    /// The lines of those keys of the file that count.
    keys: BTreeMap<&'static str, usize>,
    /// Those of its listeners, in their order.
    listeners: Vec<usize>,
}

/// Where a setting comes from. Shown, it is what stands before an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line; or nobody has said it.
    Options,
    /// A key of the configuration file.
    Key { file: PathBuf, line: usize, key: &'static str },
}

impl Origins {
    /// Makes those of a file out of the lines of its keys, which `line_of` knows, and of its listeners.
    pub(crate) fn new(line_of: impl Fn(&str) -> Option<usize>, listeners: Vec<usize>) -> Self {
        let keys = KEYS.into_iter().filter_map(|key| Some((key, line_of(key)?))).collect();
        Self { file: PathBuf::new(), keys, listeners }
    }

    /// Says which file it is.
    pub(crate) fn of_file(self, file: &Path) -> Self {
        Self { file: file.to_owned(), ..self }
    }

    /// Forgets the keys over which options win.
    // spec: mux:config:command-line-wins
    pub(crate) fn yield_to(&mut self, options: &Options) {
        let Options { curve_secret, curve_clients, plain_users, acl, .. } = options;
        for (key, option) in KEYS.into_iter().zip([curve_secret, curve_clients, plain_users, acl]) {
            if option.is_some() {
                self.keys.remove(key);
            }
        }
    }

    /// Forgets the listeners, since the command line replaces them.
    pub(crate) fn forget_listeners(&mut self) {
        self.listeners.clear();
    }

    /// Returns where a file comes from that has a key of its own.
    pub(crate) fn of(&self, key: &'static str) -> Origin {
        self.origin(key, self.keys.get(key))
    }

    /// Returns where a listener comes from, by its place among them.
    pub(crate) fn of_listener(&self, place: usize) -> Origin {
        self.origin("url", self.listeners.get(place))
    }

    fn origin(&self, key: &'static str, line: Option<&usize>) -> Origin {
        match line {
            Some(line) => Origin::Key { file: self.file.clone(), line: *line, key },
            None => Origin::Options,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options => Ok(()),
            Self::Key { file, line, key } => write!(f, "{}, line {line}, {key}: ", file.display()),
        }
    }
}

pub(crate) const CURVE_SECRET: &str = "curve_secret";

pub(crate) const CURVE_CLIENTS: &str = "curve_clients";

pub(crate) const PLAIN_USERS: &str = "plain_users";

pub(crate) const ACL: &str = "acl";

/// The keys that name files.
const KEYS: [&str; 4] = [CURVE_SECRET, CURVE_CLIENTS, PLAIN_USERS, ACL];

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:config:command-line-wins.
    #[test]
    fn a_key_is_told_with_its_line_unless_an_option_wins_over_it() {
        let lines = |key: &str| KEYS.iter().position(|known| *known == key);
        let mut origins = Origins::new(lines, vec![7, 9]).of_file(Path::new("/etc/mux.toml"));
        let shown = |origins: &Origins| KEYS.map(|key| origins.of(key).to_string());
        for (place, shown) in shown(&origins).iter().enumerate() {
            assert_eq!(*shown, format!("/etc/mux.toml, line {place}, {}: ", KEYS[place]));
        }
        assert_eq!(origins.of_listener(1).to_string(), "/etc/mux.toml, line 9, url: ");
        let path = || Some(PathBuf::from("x"));
        let clients = Options { curve_clients: path(), ..Options::default() };
        origins.yield_to(&clients);
        assert_eq!(shown(&origins).map(|text| text.is_empty()), [false, true, false, false]);
        let others = Options { curve_secret: path(), plain_users: path(), acl: path(), ..clients };
        origins.yield_to(&others);
        origins.forget_listeners();
        assert!(shown(&origins).concat().is_empty());
        assert_eq!(origins.of_listener(1), Origin::Options);
    }
}
