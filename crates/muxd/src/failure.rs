//! Why the daemon ends without being asked to.

use std::process::ExitCode;

use zmtp_mux::BindError;

use crate::config::fault::ConfigError;
use crate::origin::Origin;
use crate::secrets::FileError;

/// Why the daemon could not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A listener that other machines can reach, without `--open`.
    NotOpen(Origin, String),
    /// A listener that cannot be beside an earlier one.
    Twice(Origin, String, String),
    /// CURVE without a list of keys, and without `--open`.
    AnyKey(Origin),
    /// A file of keys, passwords or rules that cannot be used.
    File(Origin, FileError),
    /// A list of CURVE keys, without a key of our own.
    NoSecret(Origin),
    /// A configuration file that cannot be used.
    Config(ConfigError),
    /// A place that cannot be listened on.
    Bind(BindError),
    /// The system refused something else.
    System(std::io::Error),
    /// The demo's own peers failed.
    Demo(zmtp_mux::DealerError),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotOpen(..)
            | Self::Twice(..)
            | Self::AnyKey(_)
            | Self::File(..)
            | Self::NoSecret(_)
            | Self::Config(_) => ExitCode::from(2),
            Self::Bind(_) | Self::System(_) | Self::Demo(_) => ExitCode::FAILURE,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOpen(origin, endpoint) => {
                let Words { clients, users, open, .. } = Words::fit_for(origin);
                write!(
                    f,
                    "{origin}{endpoint} can be reached from other machines, and nobody is \
                     authenticated: listen on a loopback address, authenticate peers with \
                     {clients} or {users}, or allow it with {open}"
                )
            }
            Self::Twice(origin, endpoint, other) if endpoint == other => {
                write!(f, "{origin}two listeners are on {endpoint}")
            }
            Self::Twice(origin, endpoint, other) => {
                write!(f, "{origin}{endpoint} cannot be listened on beside {other}")
            }
            Self::AnyKey(origin) => {
                let Words { clients, open, .. } = Words::fit_for(origin);
                write!(
                    f,
                    "{origin}whoever makes a key can come in with it: say whose with {clients}, \
                     or allow all with {open}"
                )
            }
            Self::NoSecret(origin) => {
                let Words { secret, clients, .. } = Words::fit_for(origin);
                write!(f, "{origin}{clients} needs a key of our own: {secret}")
            }
            Self::Config(error) => write!(f, "{error}"),
            Self::File(origin, error) => write!(f, "{origin}{error}"),
            Self::Bind(error) => write!(f, "{error}"),
            Self::System(error) => write!(f, "{error}"),
            Self::Demo(error) => write!(f, "a peer of the demo failed: {error}"),
        }
    }
}

/// What mends things, as whoever has said them may say that.
struct Words {
    secret: &'static str,
    clients: &'static str,
    users: &'static str,
    open: &'static str,
}

impl Words {
    fn fit_for(origin: &Origin) -> Self {
        match origin {
            Origin::Options => Self {
                secret: "--curve-secret FILE",
                clients: "--curve-clients FILE",
                users: "--plain-users FILE",
                open: "--open",
            },
            Origin::Key { .. } => Self {
                secret: "curve_secret",
                clients: "curve_clients",
                users: "plain_users",
                open: "open = true",
            },
        }
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::System(error)
    }
}

impl From<zmtp_mux::DealerError> for Failure {
    fn from(error: zmtp_mux::DealerError) -> Self {
        Self::Demo(error)
    }
}
