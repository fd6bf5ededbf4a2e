//! `muxd`: a broker that routes requests by name between unmodified ZeroMQ sockets.
//!
//! Exit status: 0 after an orderly end, 1 if the system refused something (a port in use, which
//! is named), 2 for a bad argument or a file of keys or passwords that cannot be used, of which it
//! is said what is allowed.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use crate::args::{Args, Task};

mod args;
mod demo;
mod failure;
mod gate;
mod keygen;
mod keys;
mod listener;
mod log;
mod resources;
mod secrets;
mod security;
mod serve;
mod shards;
mod users;

fn main() -> ExitCode {
    let Args { task, log_level } = Args::from_command_line();
    let _written_at_the_end = log::start(log_level);
    let outcome = match task {
        Task::Serve(plan) => serve::run(plan),
        Task::Demo => demo::run(),
        Task::Keygen => keygen::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("muxd: {failure}");
            failure.exit_code()
        }
    }
}
