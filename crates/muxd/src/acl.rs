//! The file of access rules: read at the start, and again on SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, info, warn};
use zmtp_mux::{
    Acl, AclError, Admit, AllowAll, Applicant, Authorizer, Figure, Figures, Mux, Name, Pattern,
    Principal, Role,
};

use crate::losses::{CLAIMS_DENIED, EVICTED};
use crate::secrets::{Fault, FileError, LineFault, Secrecy, read};
use crate::security::Security;

/// Where the access rules stand, if there are any, and how often they were read again.
#[derive(Debug)]
pub(crate) struct Rules {
    file: Option<PathBuf>,
    reloads: u64,
    failures: u64,
    denied: Denied,
    /// One of the names that were taken from services when the rules were read again.
    taken: Option<Name>,
}

/// A name that no service got since this was looked at, if there is one.
#[derive(Clone, Debug, Default)]
struct Denied(Arc<Mutex<Option<Name>>>);

/// Access rules that remember a name which they denied a service: the log has it even where the line
/// of the handshake is left out, since its address has had one.
#[derive(Debug)]
struct Remembering {
    acl: Acl,
    denied: Denied,
}

impl Rules {
    /// Reads the file, if one is named, and returns who decides by it.
    pub(crate) fn load(file: Option<PathBuf>) -> Result<(Self, Arc<dyn Authorizer>), FileError> {
        let denied = Denied::default();
        let authorizer: Arc<dyn Authorizer> = match &file {
            Some(path) => Arc::new(Remembering { acl: rules(path)?, denied: denied.clone() }),
            None => Arc::new(AllowAll),
        };
        Ok((Self { file, reloads: 0, failures: 0, denied, taken: None }, authorizer))
    }

    /// Says in the log what an operator may not expect of them.
    pub(crate) fn announce(&self, security: &Security) {
        if self.file.is_some() && !security.asks() {
            warn!("nobody shows a key or a user: only rules for *, none and ipc: hold");
        }
    }

    /// Reads the file again. One with an error changes nothing; nor does it if there is none.
    // spec: mux:acl:reload
    pub(crate) async fn reload(&mut self, mux: &Mux) {
        let Some(path) = self.file.clone() else {
            return warn!("SIGHUP: nothing to reload: there are no access rules");
        };
        // Apart from those who are served: a large file takes a while.
        match tokio::task::spawn_blocking(move || rules(&path)).await {
            Ok(Ok(acl)) => {
                self.reloads = self.reloads.wrapping_add(1);
                // Another memory than before: first in it are those who lose their names now.
                let denied = Denied::default();
                mux.set_authorizer(Arc::new(Remembering { acl, denied: denied.clone() }));
                self.taken = denied.take();
                self.denied = denied;
            }
            Ok(Err(error)) => self.fail(&error),
            Err(error) => self.fail(&error),
        }
    }

    /// Returns names that were denied, and taken away, with the counters that have counted them.
    // spec: mux:log:losses
    pub(crate) fn take_names(&mut self) -> impl Iterator<Item = (&'static str, Name)> {
        let names = [(CLAIMS_DENIED, self.denied.take()), (EVICTED, self.taken.take())];
        names.into_iter().filter_map(|(counter, name)| Some((counter, name?)))
    }

    fn fail(&mut self, error: &dyn std::fmt::Display) {
        self.failures = self.failures.wrapping_add(1);
        error!("the access rules stay as they were: {error}");
    }
}

impl Denied {
    /// Notes a name, unless there is one.
    fn note(&self, name: &[u8]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_none() {
            *noted = Name::new(name.to_vec().into());
        }
    }

    fn take(&self) -> Option<Name> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Authorizer for Remembering {
    fn admit(&self, applicant: &Applicant<'_>) -> Admit {
        self.acl.admit(applicant)
    }

    fn may_claim(&self, principal: &Principal, role: Role, name: &[u8]) -> bool {
        let granted = self.acl.may_claim(principal, role, name);
        if !granted && role == Role::Service {
            self.denied.note(name);
        }
        granted
    }

    fn may_send(&self, principal: &Principal, name: &[u8]) -> bool {
        self.acl.may_send(principal, name)
    }

    fn may_watch(&self, principal: &Principal, pattern: &Pattern) -> bool {
        self.acl.may_watch(principal, pattern)
    }
}

impl Figures for Rules {
    fn each(&self, see: &mut dyn FnMut(Figure)) {
        see(Figure::Counter("acl_reloads", self.reloads));
        see(Figure::Counter("acl_reload_failures", self.failures));
    }
}

// spec: mux:acl:file
fn rules(path: &Path) -> Result<Acl, FileError> {
    let acl = read(path, Secrecy::Public, |text| Acl::parse(text).map_err(fault))?;
    match acl.rules() {
        0 => warn!("no rule in {}: nothing is allowed", path.display()),
        rules => info!(rules, "access rules read from {}", path.display()),
    }
    Ok(acl)
}

fn fault(error: AclError) -> Fault {
    Fault::Line(error.line, LineFault::Rule(error.fault))
}
