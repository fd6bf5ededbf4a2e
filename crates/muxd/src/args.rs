//! The command line.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tracing::level_filters::LevelFilter;
use zmtp_mux::{Listen, ListenerRole};

use crate::listener::ListenerUrl;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) log_level: LevelFilter,
}

#[derive(Debug)]
pub(crate) enum Task {
    Serve(Plan),
    Demo,
}

/// How to serve.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order of the command line; never empty.
    pub(crate) listeners: Vec<Listen>,
    pub(crate) threads: NonZeroUsize,
    pub(crate) reach: Reach,
}

/// Who may reach the listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This machine.
    Loopback,
    /// Whoever can: `--open` was given.
    Open,
}

impl Args {
    /// Reads the command line; ends the process with status 2 if it is wrong.
    pub(crate) fn from_command_line() -> Self {
        Self::from_matches(&command().get_matches())
    }

    fn from_matches(matches: &ArgMatches) -> Self {
        let task = match matches.subcommand_name() {
            Some(_) => Task::Demo,
            None => Task::Serve(Plan {
                listeners: listeners(matches),
                threads: matches.get_one("threads").copied().unwrap_or_else(threads_by_default),
                reach: if matches.get_flag("open") { Reach::Open } else { Reach::Loopback },
            }),
        };
        // The demo tells its own story.
        let usual = match task {
            Task::Serve(_) => LevelFilter::INFO,
            Task::Demo => LevelFilter::WARN,
        };
        let log_level = matches.get_one("log").copied().unwrap_or(usual);
        Self { task, log_level }
    }
}

fn command() -> Command {
    let others = ValueParser::new(ListenerUrl::parse_others);
    let services = ValueParser::new(ListenerUrl::parse_services);
    Command::new("muxd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Routes requests by name between unmodified ZeroMQ sockets")
        .after_help(AFTER_HELP)
        .args_conflicts_with_subcommands(true)
        .subcommand(Command::new("demo").about("Shows a MUX with services and clients at work"))
        .arg(url("clients", "Listens for clients").value_parser(others.clone()))
        .arg(url("services", "Listens for services").value_parser(services))
        .arg(url("any", "Listens for both: who has a name is a service").value_parser(others))
        .arg(
            Arg::new("threads")
                .long("threads")
                .value_name("N")
                .value_parser(threads)
                .help("Threads that serve connections [default: half of the processors]"),
        )
        .arg(
            Arg::new("open")
                .long("open")
                .action(ArgAction::SetTrue)
                .help("Allows listeners that other machines can reach"),
        )
        .arg(
            Arg::new("log")
                .long("log")
                .value_name("LEVEL")
                .value_parser(value_parser!(LevelFilter))
                .global(true)
                .help("Logs off, error, warn, info, debug or trace [default: info; warn for demo]"),
        )
}

fn url(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("URL").action(ArgAction::Append).help(help)
}

/// Returns the listeners in the order of the command line.
fn listeners(matches: &ArgMatches) -> Vec<Listen> {
    let mut placed = Vec::new();
    for role in [ListenerRole::Clients, ListenerRole::Services, ListenerRole::Any] {
        let urls = matches.get_many::<ListenerUrl>(role.name()).into_iter().flatten();
        let indices = matches.indices_of(role.name()).into_iter().flatten();
        placed.extend(indices.zip(urls).map(|(index, url)| (index, url.clone().listen(role))));
    }
    placed.sort_by_key(|(index, _)| *index);
    if placed.is_empty() {
        return DEFAULT_LISTENERS
            .into_iter()
            .filter_map(|(role, url)| Some(Listen::new(role, url.parse().ok()?)))
            .collect();
    }
    placed.into_iter().map(|(_, listen)| listen).collect()
}

fn threads(text: &str) -> Result<NonZeroUsize, &'static str> {
    let count = text.parse().ok().and_then(NonZeroUsize::new);
    count.filter(|count| count.get() <= THREADS_MAX).ok_or("a number from 1 to 1024")
}

/// Half of the processors: the kernel's part of the work takes about the other half.
fn threads_by_default() -> NonZeroUsize {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN)
}

const THREADS_MAX: usize = 1024;

const DEFAULT_LISTENERS: [(ListenerRole, &str); 2] = [
    (ListenerRole::Clients, "tcp://127.0.0.1:5555"),
    (ListenerRole::Services, "tcp://127.0.0.1:5556"),
];

const AFTER_HELP: &str = "\
URL is tcp://HOST:PORT, ipc://PATH or, on Linux, ipc://@NAME. HOST may be *, and PORT may be 0 or *.
A URL may end in ?identity=NAME, which the MUX then announces there: ROUTER peers need it to
address the MUX. One for services may end in ?name=NAME, the name of a peer that announces none,
such as a REP socket. NAME is percent-encoded.

Both may be given, joined by &. Quote URLs: to a shell, ? and & mean something.

If no listener is given: --clients tcp://127.0.0.1:5555 --services tcp://127.0.0.1:5556. Giving one
replaces both.

SIGTERM and SIGINT end it in order, a second one at once. SIGUSR1 writes all counters to standard
error, as does the end.";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Args, clap::error::ErrorKind> {
        let line = std::iter::once(&"muxd").chain(arguments);
        match command().try_get_matches_from(line) {
            Ok(matches) => Ok(Args::from_matches(&matches)),
            Err(error) => Err(error.kind()),
        }
    }

    fn plan(arguments: &[&str]) -> Plan {
        match read(arguments).unwrap().task {
            Task::Serve(plan) => plan,
            Task::Demo => panic!("not to serve"),
        }
    }

    fn shown(plan: &Plan) -> Vec<String> {
        let show = |listen: &Listen| format!("{} {}", listen.role.name(), listen.endpoint);
        plan.listeners.iter().map(show).collect()
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn without_a_listener_there_are_the_two_usual_ones() {
        let plan = plan(&[]);
        assert_eq!(shown(&plan), ["clients tcp://127.0.0.1:5555", "services tcp://127.0.0.1:5556"]);
        assert_eq!(plan.reach, Reach::Loopback);
    }

    #[test]
    fn listeners_keep_the_order_of_the_command_line() {
        let plan = plan(&[
            "--services",
            "tcp://127.0.0.1:2?name=x",
            "--any=ipc:///tmp/a",
            "--clients",
            "tcp://127.0.0.1:0",
            "--services",
            "tcp://127.0.0.1:1",
            "--open",
            "--threads=3",
        ]);
        assert_eq!(
            shown(&plan),
            [
                "services tcp://127.0.0.1:2",
                "any ipc:///tmp/a",
                "clients tcp://127.0.0.1:0",
                "services tcp://127.0.0.1:1",
            ]
        );
        assert_eq!((plan.threads.get(), plan.reach), (3, Reach::Open));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        use clap::error::ErrorKind::{UnknownArgument, ValueValidation};
        for (arguments, kind) in [
            (&["--clients", "http://x"][..], ValueValidation),
            (&["--clients", "tcp://127.0.0.1:1?name=x"], ValueValidation),
            (&["--any", "tcp://127.0.0.1:1?name=x"], ValueValidation),
            (&["--threads", "0"], ValueValidation),
            (&["--threads", "1025"], ValueValidation),
            (&["--threads", "two"], ValueValidation),
            (&["--log", "loud"], ValueValidation),
            (&["--client", "tcp://127.0.0.1:1"], UnknownArgument),
        ] {
            assert_eq!(read(arguments).unwrap_err(), kind, "{arguments:?}");
        }
    }
}
