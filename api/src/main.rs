//! Lists what a crate makes public, one item a line, from rustdoc's JSON: `api FILE`.
//!
//! Left out is what follows from the rest: implementations for all types, the methods of traits
//! that everybody knows, and the traits of which no type here is an example.

use std::process::ExitCode;

use public_api::Builder;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("api: name a JSON file of rustdoc's");
        return ExitCode::FAILURE;
    };
    match Builder::from_rustdoc_json(file).omit_blanket_impls(true).build() {
        Ok(api) => {
            let lines = api.items().map(ToString::to_string);
            lines.filter(|line| tells(line)).for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells whether a line says anything that others do not.
fn tells(line: &str) -> bool {
    !IMPLIED.iter().any(|implied| line.contains(implied))
}

const IMPLIED: [&str; 12] = [
    "::clone(&self)",
    "::eq(&self, ",
    "::cmp(&self, ",
    "::partial_cmp(&self, ",
    "::hash<",
    "::fmt(&self, &mut core::fmt::Formatter<",
    "impl core::marker::StructuralPartialEq for ",
    "core::marker::Freeze for ",
    "core::marker::Unpin for ",
    "core::marker::UnsafeUnpin for ",
    "core::panic::unwind_safe::RefUnwindSafe for ",
    "core::panic::unwind_safe::UnwindSafe for ",
];
