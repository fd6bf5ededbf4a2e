//! The file of access rules: read at the start, and again on SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{error, info, warn};
use zmtp_mux::{Acl, AclError, AllowAll, Authorizer, Figure, Figures, Mux};

use crate::secrets::{Fault, FileError, LineFault, Secrecy, read};
use crate::security::Security;

/// Where the access rules stand, if there are any, and how often they were read again.
#[derive(Debug)]
pub(crate) struct Rules {
    file: Option<PathBuf>,
    reloads: u64,
    failures: u64,
}

impl Rules {
    /// Reads the file, if one is named, and returns who decides by it.
    pub(crate) fn load(file: Option<PathBuf>) -> Result<(Self, Arc<dyn Authorizer>), FileError> {
        let authorizer: Arc<dyn Authorizer> = match &file {
            Some(path) => Arc::new(rules(path)?),
            None => Arc::new(AllowAll),
        };
        Ok((Self { file, reloads: 0, failures: 0 }, authorizer))
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
                mux.set_authorizer(Arc::new(acl));
            }
            Ok(Err(error)) => self.fail(&error),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &dyn std::fmt::Display) {
        self.failures = self.failures.wrapping_add(1);
        error!("the access rules stay as they were: {error}");
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
