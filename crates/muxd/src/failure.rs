//! Why the daemon ends without being asked to.

use std::process::ExitCode;

use zmtp_mux::BindError;

use crate::config::fault::ConfigError;
use crate::secrets::FileError;

/// Why the daemon could not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A listener that other machines can reach, without `--open`.
    NotOpen(String),
    /// CURVE without a list of keys, and without `--open`.
    AnyKey,
    /// A file of keys, passwords or rules that cannot be used.
    File(FileError),
    /// A list of CURVE keys, without a key of our own.
    NoSecret,
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
            Self::NotOpen(_) | Self::AnyKey | Self::File(_) | Self::NoSecret | Self::Config(_) => {
                ExitCode::from(2)
            }
            Self::Bind(_) | Self::System(_) | Self::Demo(_) => ExitCode::FAILURE,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOpen(endpoint) => write!(
                f,
                "{endpoint} can be reached from other machines, and nobody is authenticated: \
                 listen on a loopback address, authenticate peers with --curve-clients or \
                 --plain-users, or allow it with --open"
            ),
            Self::AnyKey => f.write_str(
                "whoever makes a key can come in with it: say whose with --curve-clients FILE, or \
                 allow all with --open",
            ),
            Self::NoSecret => f.write_str(
                "--curve-clients (curve_clients) needs a key of our own: --curve-secret FILE \
                 (curve_secret)",
            ),
            Self::Config(error) => write!(f, "{error}"),
            Self::File(error) => write!(f, "{error}"),
            Self::Bind(error) => write!(f, "{error}"),
            Self::System(error) => write!(f, "{error}"),
            Self::Demo(error) => write!(f, "a peer of the demo failed: {error}"),
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

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::File(error)
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
