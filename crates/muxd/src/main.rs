//! `muxd`: a broker that routes requests by name between unmodified ZeroMQ sockets.
//!
//! Exit status: 0 after an orderly end, 1 if the system refused something (a port in use, which
//! is named), 2 for a bad argument, or a file of keys, passwords, rules or configuration that cannot be used,
//! of which it is said what is allowed.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use crate::args::Task;
use crate::failure::Failure;
use crate::plan::Plan;

mod acl;
mod args;
mod config;
mod demo;
mod failure;
mod keygen;
mod keys;
mod listener;
mod log;
mod losses;
mod options;
mod origin;
mod plan;
mod resources;
mod secrets;
mod security;
mod serve;
mod shards;
mod users;

fn main() -> ExitCode {
    match run(Task::from_command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.to_string().lines() {
                eprintln!("muxd: {line}");
            }
            failure.exit_code()
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    match task {
        Task::Serve(request) => {
            let plan = Plan::make(request)?;
            let _written_at_the_end = log::start(plan.log);
            serve::run(plan)
        }
        Task::PrintConfig(request) => {
            let mut config = plan::effective(request)?;
            // They begin at the folder of a file, and nobody knows where this one will be.
            config.options.begin_paths_at(&std::env::current_dir()?);
            serve::say(config::printed(config).trim_end()).map_err(Failure::from)
        }
        Task::Demo { log } => {
            let _written_at_the_end = log::start(log);
            demo::run()
        }
        Task::Keygen { log } => {
            let _written_at_the_end = log::start(log);
            keygen::run()
        }
    }
}
