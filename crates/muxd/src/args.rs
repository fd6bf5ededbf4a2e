//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tracing::level_filters::LevelFilter;
use zmtp_mux::{Listen, ListenerRole};

use crate::listener::ListenerUrl;
use crate::security::Guard;

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
    Keygen,
}

/// How to serve.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order of the command line; never empty.
    pub(crate) listeners: Vec<Listen>,
    pub(crate) threads: NonZeroUsize,
    pub(crate) reach: Reach,
    pub(crate) guard: Guard,
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
            Some("keygen") => Task::Keygen,
            Some(_) => Task::Demo,
            None => Task::Serve(Plan {
                listeners: listeners(matches),
                threads: matches.get_one("threads").copied().unwrap_or_else(threads_by_default),
                reach: if matches.get_flag("open") { Reach::Open } else { Reach::Loopback },
                guard: guard(matches),
            }),
        };
        // The demo tells its own story.
        let usual = match task {
            Task::Serve(_) => LevelFilter::INFO,
            Task::Demo | Task::Keygen => LevelFilter::WARN,
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
        .subcommand(Command::new("keygen").about("Prints a new pair of CURVE keys"))
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
                .help("Allows listeners that other machines can reach, and CURVE with any key"),
        )
        .arg(
            file("curve-secret", "Asks for CURVE at every listener, with the secret key in FILE")
                .conflicts_with("plain-users"),
        )
        .arg(
            file("curve-clients", "Lets in holders of the public keys in FILE, one a line")
                .requires("curve-secret"),
        )
        .arg(file("plain-users", "Asks for PLAIN at every listener: FILE has USER:PASSWORD lines"))
        .arg(
            Arg::new("log")
                .long("log")
                .value_name("LEVEL")
                .value_parser(value_parser!(LevelFilter))
                .global(true)
                .help("Logs off, error, warn, info, debug or trace [default: info; warn for demo and keygen]"),
        )
}

fn url(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("URL").action(ArgAction::Append).help(help)
}

fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

/// Returns what guards the listeners; which options go together has been seen to.
fn guard(matches: &ArgMatches) -> Guard {
    let file = |name| matches.get_one::<PathBuf>(name).cloned();
    match (file("curve-secret"), file("plain-users")) {
        (Some(secret), _) => Guard::Curve { secret, clients: file("curve-clients") },
        (None, Some(users)) => Guard::Plain { users },
        (None, None) => Guard::None,
    }
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

Whoever reaches a listener is let in, unless --curve-clients or --plain-users says whom to let in;
without either, other machines reach none unless --open. Files of secrets must be for their owner
only (chmod 600). FILE of --curve-secret is what keygen prints, or the secret key alone. In FILE of
--curve-clients lines that begin with # are comments.

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
            Task::Demo | Task::Keygen => panic!("not to serve"),
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
        assert_eq!((plan.reach, plan.guard), (Reach::Loopback, Guard::None));
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
    fn listeners_have_at_most_one_guard() {
        let curve = |clients: Option<&str>| Guard::Curve {
            secret: "s".into(),
            clients: clients.map(PathBuf::from),
        };
        assert_eq!(plan(&["--curve-secret=s"]).guard, curve(None));
        assert_eq!(plan(&["--curve-clients=c", "--curve-secret", "s"]).guard, curve(Some("c")));
        assert_eq!(plan(&["--plain-users", "u"]).guard, Guard::Plain { users: "u".into() });
    }

    #[test]
    fn keygen_stands_alone() {
        assert!(matches!(read(&["keygen"]).unwrap().task, Task::Keygen));
        assert!(read(&["--open", "keygen"]).is_err());
    }

    #[test]
    fn wrong_arguments_are_refused() {
        use clap::error::ErrorKind::{
            ArgumentConflict, MissingRequiredArgument, UnknownArgument, ValueValidation,
        };
        for (arguments, kind) in [
            (&["--clients", "http://x"][..], ValueValidation),
            (&["--clients", "tcp://127.0.0.1:1?name=x"], ValueValidation),
            (&["--any", "tcp://127.0.0.1:1?name=x"], ValueValidation),
            (&["--threads", "0"], ValueValidation),
            (&["--threads", "1025"], ValueValidation),
            (&["--threads", "two"], ValueValidation),
            (&["--log", "loud"], ValueValidation),
            (&["--client", "tcp://127.0.0.1:1"], UnknownArgument),
            (&["--curve-clients", "c"], MissingRequiredArgument),
            (&["--curve-secret", "s", "--plain-users", "u"], ArgumentConflict),
        ] {
            assert_eq!(read(arguments).unwrap_err(), kind, "{arguments:?}");
        }
    }
}
