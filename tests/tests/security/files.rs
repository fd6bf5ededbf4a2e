//! Files of keys, passwords and rules, and the keys in them.

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::Arc;

use tempfile::TempDir;
use zmtp_mux_tests::run;
use zmtp_proto::curve::{KeyPair, PublicKey};

/// A folder of files, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file that is for its owner only, and returns its path.
    pub(crate) fn secret(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a file with this mode, and returns its path.
    pub(crate) fn with_mode(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.secret(name, text);
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Returns a path that leads nowhere.
    pub(crate) fn missing(&self) -> String {
        self.0.path().join("missing").to_str().unwrap().to_owned()
    }
}

/// A pair of keys as `muxd keygen` printed it.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) printed: String,
    pub(crate) pair: Arc<KeyPair>,
}

impl Keys {
    pub(crate) fn generate() -> Self {
        let outcome = run(&["keygen"]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        let lines: Vec<_> = outcome.stdout.split('\n').collect();
        let [public, secret, ""] = lines[..] else { panic!("not two lines") };
        let public: PublicKey = public.strip_prefix("public ").unwrap().parse().unwrap();
        let secret = secret.strip_prefix("secret ").unwrap().parse().unwrap();
        let pair = KeyPair::from_secret(secret);
        assert_eq!(pair.public, public);
        Self { printed: outcome.stdout, pair: Arc::new(pair) }
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.pair.public
    }
}

#[test]
fn keygen_prints_another_pair_each_time() {
    assert_ne!(Keys::generate().printed, Keys::generate().printed);
}
