//! Files of keys, passwords and rules: read whole, judged, and wiped.
//!
//! What goes wrong with one names the file and the line, and never what stands there.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tracing::warn;
use zeroize::Zeroizing;
use zmtp_mux::AclFault;

/// Whether others may look into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Its owner only.
    Secret,
    /// Everybody. If others may write it, the log warns of that: it says who may do what.
    Public,
}

/// A file that cannot be used.
#[derive(Debug)]
pub(crate) struct FileError {
    path: PathBuf,
    fault: Fault,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system does not let us read it.
    Unreadable(io::Error),
    /// It is a directory, a pipe, or another thing that does not end.
    NotAFile,
    /// It holds a secret, and its mode lets others at it.
    Exposed(u32),
    /// It is longer than [`LEN_MAX`].
    TooLong,
    /// It should hold a secret key, and does not.
    NoKey,
    /// It holds a secret key, and a public one that does not belong to it.
    ForeignPublicKey,
    /// A line, counted from 1, is wrong.
    Line(usize, LineFault),
}

/// Why a line is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFault {
    /// It should be a public key.
    NoPublicKey,
    /// Nothing in it ends the user's name.
    NoColon,
    /// It begins as a comment does elsewhere, and nothing in it ends the user's name.
    Comment,
    /// The user has no name, or no password.
    Empty,
    /// The user's name or the password cannot be sent by any client.
    Unsendable,
    /// The user stands in this line already.
    Twice(usize),
    /// It should be an access rule.
    Rule(AclFault),
}

/// Reads a file and makes of it what `parse` does.
pub(crate) fn read<T>(
    path: &Path,
    secrecy: Secrecy,
    parse: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T, FileError> {
    let contents = open(path, secrecy).and_then(contents);
    contents
        .and_then(|text| parse(&text))
        .map_err(|fault| FileError { path: path.to_owned(), fault })
}

/// Returns the lines with their numbers, without what ends them.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|&octet| octet == b'\n');
    (1..).zip(lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Opens a file whose mode is as it should be.
// spec: mux:security:secret-file-mode
fn open(path: &Path, secrecy: Secrecy) -> Result<File, Fault> {
    // To open a pipe waits for its other end, without a word.
    if !fs::metadata(path).map_err(Fault::Unreadable)?.file_type().is_file() {
        return Err(Fault::NotAFile);
    }
    let file = File::open(path).map_err(Fault::Unreadable)?;
    // Of what was opened: the path may lead elsewhere by now.
    let metadata = file.metadata().map_err(Fault::Unreadable)?;
    let mode = metadata.permissions().mode() & MODE_BITS;
    match secrecy {
        Secrecy::Secret if mode & OTHERS_BITS != 0 => Err(Fault::Exposed(mode)),
        Secrecy::Public if mode & OTHERS_WRITE_BITS != 0 => {
            warn!(
                "{} has mode {mode:04o}: others can write it, and whoever can lets himself in: \
                 chmod go-w it",
                path.display()
            );
            Ok(file)
        }
        Secrecy::Secret | Secrecy::Public => Ok(file),
    }
}

/// Reads to the end, leaving no copy behind.
fn contents(mut file: impl Read) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut text = Zeroizing::new(Vec::new());
    let mut chunk = Zeroizing::new([0; CHUNK_LEN]);
    loop {
        match file.read(&mut *chunk) {
            Ok(0) => return Ok(text),
            Ok(len) => append(&mut text, chunk.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Unreadable(error)),
        }
        if text.len() > LEN_MAX {
            return Err(Fault::TooLong);
        }
    }
}

/// Appends `part`; where the text has to move for that, the place that it leaves is wiped.
fn append(text: &mut Zeroizing<Vec<u8>>, part: &[u8]) {
    let len = text.len().saturating_add(part.len());
    if len > text.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(len.saturating_mul(2)));
        larger.extend_from_slice(text);
        *text = larger;
    }
    text.extend_from_slice(part);
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Unreadable(error) => write!(f, "cannot read {path}: {error}"),
            Fault::NotAFile => write!(f, "{path} is no regular file"),
            Fault::Exposed(mode) => write!(
                f,
                "{path} holds secrets, and its mode {mode:04o} lets others at them: chmod 600 it"
            ),
            Fault::TooLong => write!(f, "{path} is longer than {LEN_MAX} octets"),
            Fault::NoKey => write!(
                f,
                "{path} holds no secret key: it is 40 characters of Z85, or what muxd keygen prints"
            ),
            Fault::ForeignPublicKey => {
                write!(f, "{path} holds a public key that does not belong to the secret one")
            }
            Fault::Line(number, fault) => write!(f, "{path}, line {number}: {fault}"),
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPublicKey => f.write_str(
                "no public key, which is 40 characters of Z85, and no comment, which begins with #",
            ),
            Self::NoColon => f.write_str("no colon between user and password"),
            Self::Comment => f.write_str("there are no comments in a file of users"),
            Self::Empty => f.write_str("neither user nor password may be empty"),
            Self::Unsendable => {
                f.write_str("user and password are printable ASCII, each of at most 255 characters")
            }
            Self::Twice(first) => write!(f, "the user of line {first} again"),
            Self::Rule(fault) => write!(f, "{fault}"),
        }
    }
}

/// The bits of a mode that `chmod` sets.
const MODE_BITS: u32 = 0o7777;

/// Those that let group or others do anything.
const OTHERS_BITS: u32 = 0o077;

/// Those that let group or others write.
const OTHERS_WRITE_BITS: u32 = 0o022;

/// Octets in the longest file: a hundred thousand keys, with room for comments.
const LEN_MAX: usize = 8 * 1024 * 1024;

/// Octets read at once.
const CHUNK_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_file(path: &Path, secrecy: Secrecy) -> Result<Vec<u8>, FileError> {
        read(path, secrecy, |text| Ok(text.to_vec()))
    }

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// mux:security:secret-file-mode.
    #[test]
    fn a_secret_that_others_can_get_at_is_refused_with_the_mode_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "x").unwrap();
        for mode in (0..0o1000).filter(|mode| mode & 0o400 != 0) {
            with_mode(&path, mode);
            let outcome = read_file(&path, Secrecy::Secret);
            assert_eq!(outcome.is_ok(), mode % 0o100 == 0, "{mode:o}");
            assert_eq!(read_file(&path, Secrecy::Public).unwrap(), b"x");
        }
        with_mode(&path, 0o640);
        let message = read_file(&path, Secrecy::Secret).unwrap_err().to_string();
        for saying in [path.to_str().unwrap(), "0640", "chmod 600"] {
            assert!(message.contains(saying), "{message}");
        }
    }

    /// mux:security:secret-file-mode.
    #[test]
    fn the_mode_is_that_of_the_file_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("secret"), folder.path().join("link"));
        fs::write(&path, "x").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        with_mode(&path, 0o600);
        assert_eq!(read_file(&link, Secrecy::Secret).unwrap(), b"x");
        with_mode(&path, 0o604);
        assert!(matches!(
            read_file(&link, Secrecy::Secret).unwrap_err().fault,
            Fault::Exposed(0o604)
        ));
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none");
        let message = read_file(&path, Secrecy::Secret).unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot read {}: ", path.display())), "{message}");
    }

    #[test]
    fn a_file_is_read_to_its_end_unless_that_is_too_far() {
        for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 10 * CHUNK_LEN + 7, LEN_MAX] {
            let octets: Vec<_> = (0..=250).cycle().take(len).collect();
            assert_eq!(*contents(octets.as_slice()).unwrap(), octets, "{len}");
        }
        assert!(matches!(contents(io::repeat(b'x')).unwrap_err(), Fault::TooLong));
    }

    #[test]
    fn lines_are_numbered_from_one_whatever_ends_them() {
        let numbered = |text: &'static str| lines(text.as_bytes()).collect::<Vec<_>>();
        let expected: [(usize, &[u8]); 3] = [(1, b"a"), (2, b""), (3, b"b")];
        for text in ["a\n\nb", "a\n\nb\n", "a\r\n\r\nb\r\n"] {
            assert_eq!(numbered(text), expected, "{text:?}");
        }
    }

    /// mux:security:secret-file-mode.
    #[test]
    fn what_is_no_regular_file_is_refused_before_it_is_opened() {
        for path in ["/dev/null", "/"] {
            let outcome = read(Path::new(path), Secrecy::Public, |_| Ok(()));
            let error = outcome.unwrap_err();
            assert!(matches!(error.fault, Fault::NotAFile), "{error}");
        }
    }
}
