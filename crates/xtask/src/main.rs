//! The project's own commands, run as `cargo xtask <command>`.
//!
//! `cargo xtask ci` is what CI runs, and nothing else is: a developer sees what CI sees. One file
//! holds one command; `shell`, `tools` and `workspace` are what the commands stand on.

mod api;
mod bench;
mod ci;
mod error;
mod fuzz;
mod lines;
mod promises;
mod shell;
mod spec;
mod test;
mod tools;
mod workspace;

use std::env;
use std::process::ExitCode;

use crate::error::{Error, Result};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let Some((command, rest)) = args.split_first() else {
        print!("{USAGE}");
        return Ok(());
    };
    // `test` and `bench` hand their arguments on, so only a leading flag is ours.
    if rest.first().is_some_and(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return Ok(());
    }
    match command.as_str() {
        "test" => test::run(rest),
        "ci" => ci::run(rest),
        "spec" => spec::run(rest),
        "lines" => lines::run(),
        "api" => api::run(rest),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run(rest),
        "promises" => promises::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => Err(Error::UnknownCommand(unknown.to_owned())),
    }
}

const USAGE: &str = "\
Usage: cargo xtask <command>

  test [ARGS]                    build muxd, then run every test; ARGS go to `cargo test`
  ci [STEP...]                   every check CI makes, in order, or only the steps named:
                                 fmt clippy features docs api test promises deny spec lines
                                 fuzz benches
  spec [--list]                  each clause of spec-notes/ has code and a test; --list shows where
  lines                          no source file is longer than it should be
  api [--write]                  what the libraries make public is what api.txt beside each says;
                                 --write writes it
  fuzz [--seconds N] [TARGET]    run each fuzz target (or one) for N seconds, 60 unless told,
                                 or with --executions N for that many inputs,
                                 and say how much code they reached, at 3/4 and at the end
  bench NAME [ARGS]              build with optimisations, then measure: route (the broker), app
                                 (applications at their sockets), curve, codec; `app` and
                                 `route --rivals` build the other implementations too
  promises [--long] [ROW...]     what MUX/1 promises, each under a fault and with a figure: is it kept?
  promises --rivals [ROW...]     what the other implementations do under some of these faults; builds
                                 them too

What a command needs and does not find (cargo-fuzz, cargo-deny, rustfmt, clippy, pyzmq into
target/python and, as root or with sudo on a system with apt, a C++ compiler, libzmq and Python's
venv) it installs.
";
