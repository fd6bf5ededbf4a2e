//! Who may come in, from what the command line says to what the listeners do.

use std::path::{Path, PathBuf};

use tracing::{info, warn};
use zmtp_mux::{Admittance, CurveIdentity, Listen, ListenSecurity};

use crate::args::Reach;
use crate::failure::Failure;
use crate::keys;
use crate::origin::{CURVE_CLIENTS, CURVE_SECRET, Origins, PLAIN_USERS};
use crate::secrets::{FileError, Secrecy, read};
use crate::users;

/// What guards the listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing.
    None,
    /// CURVE, with files of our own secret key and of the clients' public ones.
    Curve { secret: PathBuf, clients: Option<PathBuf> },
    /// PLAIN, with a file of users and passwords.
    Plain { users: PathBuf },
}

/// What every listener asks of its peers.
#[derive(Debug)]
pub(crate) struct Security {
    mechanism: ListenSecurity,
    admittance: Admittance,
}

impl Security {
    /// Reads the files of `guard`.
    pub(crate) fn load(guard: &Guard, reach: Reach, origins: &Origins) -> Result<Self, Failure> {
        let failed = |key| move |error| Failure::File(origins.of(key), error);
        match guard {
            Guard::None => {
                Ok(Self { mechanism: ListenSecurity::Null, admittance: Admittance::Usual })
            }
            Guard::Curve { secret, clients } => {
                let admittance = match (clients, reach) {
                    (Some(clients), _) => key_gate(clients).map_err(failed(CURVE_CLIENTS))?,
                    // spec: mux:security:open-needed
                    (None, Reach::Loopback) => {
                        return Err(Failure::AnyKey(origins.of(CURVE_SECRET)));
                    }
                    (None, Reach::Open) => Admittance::Everybody,
                };
                let keys =
                    read(secret, Secrecy::Secret, keys::own).map_err(failed(CURVE_SECRET))?;
                Ok(Self { mechanism: ListenSecurity::Curve(CurveIdentity::new(keys)), admittance })
            }
            Guard::Plain { users } => {
                let admittance = user_gate(users).map_err(failed(PLAIN_USERS))?;
                Ok(Self { mechanism: ListenSecurity::Plain, admittance })
            }
        }
    }

    /// Returns the listener with this security.
    pub(crate) fn over(&self, listen: Listen) -> Listen {
        let Self { mechanism, admittance } = self;
        Listen { security: mechanism.clone(), admittance: admittance.clone(), ..listen }
    }

    /// Returns whether somebody judges the peers.
    // spec: mux:security:open-needed
    pub(crate) fn authenticates(&self) -> bool {
        matches!(self.admittance, Admittance::By(_))
    }

    /// Returns whether peers show whom they act for, believed by us or not.
    pub(crate) fn asks(&self) -> bool {
        !matches!(self.mechanism, ListenSecurity::Null)
    }

    /// Says in the log what others need to know of it.
    pub(crate) fn announce(&self, listeners: &[Listen]) {
        match &self.mechanism {
            // spec: mux:security:curve-secret-file
            ListenSecurity::Curve(identity) => info!("curve public key {}", identity.public()),
            ListenSecurity::Plain if listeners.iter().any(can_be_reached) => {
                warn!("PLAIN sends passwords in clear: other machines on the way can read them");
            }
            ListenSecurity::Plain | ListenSecurity::Null => {}
        }
    }
}

/// Returns whether other machines can reach a listener. Of one whose address cannot be found,
/// more is heard when it is bound.
fn can_be_reached(listen: &Listen) -> bool {
    matches!(listen.endpoint.is_local(), Ok(false))
}

fn key_gate(path: &Path) -> Result<Admittance, FileError> {
    let keys = read(path, Secrecy::Public, keys::clients)?;
    if keys.is_empty() {
        warn!("no key in {}: nobody can come in", path.display());
    }
    Ok(Admittance::keys(keys))
}

fn user_gate(path: &Path) -> Result<Admittance, FileError> {
    let users = read(path, Secrecy::Secret, users::parse)?;
    if users.is_empty() {
        warn!("no user in {}: nobody can come in", path.display());
    }
    Ok(Admittance::users(users))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use tempfile::TempDir;
    use zmtp_mux::{ListenerRole, generate_keys};

    use super::*;
    use crate::keygen;

    fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.write(true).create_new(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        path
    }

    /// mux:security:open-needed.
    #[test]
    fn curve_needs_a_list_or_to_be_open() {
        let folder = tempfile::tempdir().unwrap();
        let keys = generate_keys().unwrap();
        let secret = write(&folder, "secret", &keygen::text(&keys));
        let clients = write(&folder, "clients", &keys.public.to_string());
        let guard = |clients| Guard::Curve { secret: secret.clone(), clients };
        let load = |guard: &Guard, reach| Security::load(guard, reach, &Origins::default());
        let refused = load(&guard(None), Reach::Loopback);
        assert!(matches!(refused.unwrap_err(), Failure::AnyKey(_)));
        let open = load(&guard(None), Reach::Open).unwrap();
        assert!(matches!(open.admittance, Admittance::Everybody) && !open.authenticates());
        for reach in [Reach::Loopback, Reach::Open] {
            let listed = load(&guard(Some(clients.clone())), reach).unwrap();
            assert!(listed.authenticates());
            let bare = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
            let ListenSecurity::Curve(identity) = listed.over(bare).security else {
                panic!("not CURVE");
            };
            assert_eq!(identity.public(), keys.public);
        }
    }

    /// mux:security:plain-users.
    #[test]
    fn plain_authenticates_and_nothing_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let users = write(&folder, "users", "admin:secret\n");
        let load = |guard: &Guard, reach| Security::load(guard, reach, &Origins::default());
        let plain = load(&Guard::Plain { users }, Reach::Loopback).unwrap();
        assert!(matches!(plain.mechanism, ListenSecurity::Plain) && plain.authenticates());
        let none = load(&Guard::None, Reach::Open).unwrap();
        assert!(matches!(none.mechanism, ListenSecurity::Null) && !none.authenticates());
    }
}
