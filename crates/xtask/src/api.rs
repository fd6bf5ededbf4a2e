//! `cargo xtask api`: what the libraries make public is what `api.txt` beside each says.
//!
//! A change of it then shows in a diff, and is made on purpose. Nor does it name a crate that its
//! users are not to see: what stands in our API cannot be exchanged without breaking theirs.

use std::collections::BTreeSet;
use std::fs;

use crate::error::{Error, Result};
use crate::{shell, workspace};

/// A library, and the crates beside its own and the standard library's that its API may name.
struct Library {
    package: &'static str,
    others: &'static [&'static str],
}

const LIBRARIES: [Library; 2] = [
    Library { package: "zmtp-proto", others: &["bytes", "tokio", "tokio_util", "zeroize"] },
    Library {
        package: "zmtp-mux",
        others: &[
            "bytes",
            "futures_core",
            "futures_sink",
            "slotmap",
            "tokio",
            "zeroize",
            "zmtp_proto",
        ],
    },
];

const STANDARD: [&str; 3] = ["core", "alloc", "std"];

/// Compares, or writes anew with `--write`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let writes = match args {
        [] => false,
        [arg] if arg == "--write" => true,
        [arg, ..] => return Err(Error::UnknownArgument(arg.clone())),
    };
    let mut count: usize = 0;
    for library in &LIBRARIES {
        let listing = list(library)?;
        for line in listing.lines().filter(|line| names_a_stranger(line, library)) {
            println!("{}: a crate that is not to be seen: {line}", library.package);
            count = count.saturating_add(1);
        }
        let path = workspace::root().join("crates").join(library.package).join("api.txt");
        if writes {
            fs::write(&path, listing).map_err(|source| Error::Io { path, source })?;
            continue;
        }
        let known = fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        for change in changes(&known, &listing) {
            println!("{}: {change}", library.package);
            count = count.saturating_add(1);
        }
    }
    match count {
        0 => Ok(()),
        count => Err(Error::Findings { check: "api", count }),
    }
}

/// Has rustdoc describe the library, and the `api` package list it.
fn list(library: &Library) -> Result<String> {
    // What rustdoc says as JSON counts as unstable; `rust-version` and the version in
    // `api/Cargo.toml` belong together. In a folder of its own, since the variable makes build
    // scripts run again.
    let mut rustdoc = shell::cargo(["rustdoc", "--quiet", "--package", library.package, "--lib"]);
    rustdoc.args(["--all-features", "--target-dir", FOLDER, "--"]);
    rustdoc.args(["-Z", "unstable-options", "--output-format", "json"]);
    shell::run(rustdoc.env("RUSTC_BOOTSTRAP", "1"))?;
    let described = format!("{FOLDER}/doc/{}.json", library.package.replace('-', "_"));
    shell::output(&mut shell::cargo(["run", "--quiet", "--package", "api", "--", &described]))
}

const FOLDER: &str = "target/api";

/// Returns the lines that are only in one of the listings, in order.
fn changes(known: &str, listing: &str) -> Vec<String> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (known, listing) = (lines(known), lines(listing));
    let gone = known.difference(&listing).map(|line| format!("- {line}"));
    gone.chain(listing.difference(&known).map(|line| format!("+ {line}"))).collect()
}

fn names_a_stranger(line: &str, library: &Library) -> bool {
    let own = library.package.replace('-', "_");
    roots(line)
        .any(|root| root != own && !STANDARD.contains(&root) && !library.others.contains(&root))
}

/// Returns the first word of each path in `line`, if that is a crate: types are written large.
fn roots(line: &str) -> impl Iterator<Item = &str> {
    let paths = line.split(|at: char| !(at.is_alphanumeric() || at == '_' || at == ':'));
    let firsts = paths.filter_map(|path| path.split_once("::")).map(|(first, _)| first);
    firsts.filter(|first| first.starts_with(|at: char| at.is_lowercase() || at == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_line_that_goes_or_comes() {
        assert_eq!(changes("a\nb\nd\n", "b\nc\nd\n"), ["- a", "+ c"]);
        assert!(changes("a\nb\n", "b\na\n").is_empty());
    }

    #[test]
    fn a_crate_is_seen_wherever_it_stands_in_a_line() {
        let [library, _] = &LIBRARIES;
        for line in [
            "pub fn zmtp_proto::parse(&[u8]) -> nom::internal::IResult<()>",
            "impl<T> core::convert::From<Box<nom::Err<T>>> for zmtp_proto::Error",
            "pub fn zmtp_proto::f(&nom::error::Error)",
            "impl nom::traits::Input for zmtp_proto::Octets",
        ] {
            assert!(names_a_stranger(line, library), "{line}");
        }
        for line in [
            "pub mod zmtp_proto",
            "pub fn zmtp_proto::Frames<'m>::next(&mut self) -> core::option::Option<Self::Item>",
            "impl<I> zmtp_proto::From<I> for bytes::bytes::Bytes where I::Item: core::fmt::Debug",
            "pub zmtp_proto::nom: usize",
        ] {
            assert!(!names_a_stranger(line, library), "{line}");
        }
    }
}
