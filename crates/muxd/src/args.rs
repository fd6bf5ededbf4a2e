//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use tracing::level_filters::LevelFilter;
use zmtp_mux::{Listen, ListenerRole};

use crate::listener::ListenerUrl;
use crate::options::Options;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Task {
    Serve(Request),
    PrintConfig(Request),
    Demo { log: LevelFilter },
    Keygen { log: LevelFilter },
}

/// How to serve, as far as the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) config: Option<PathBuf>,
    pub(crate) purpose: Purpose,
    /// In the order of the command line; empty if it names none.
    pub(crate) listeners: Vec<Listen>,
    pub(crate) options: Options,
}

/// What a configuration is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve with it.
    Serve,
    /// To see whether that could be done.
    Check,
}

/// Who may reach the listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This machine.
    Loopback,
    /// Whoever can: `--open` was given.
    Open,
}

impl Task {
    /// Reads the command line; ends the process with status 2 if it is wrong.
    pub(crate) fn from_command_line() -> Self {
        Self::from_matches(&command().get_matches())
    }

    fn from_matches(matches: &ArgMatches) -> Self {
        let log = matches.get_one("log").copied();
        // The demo tells its own story.
        let quiet = log.unwrap_or(LevelFilter::WARN);
        match matches.subcommand_name() {
            Some("keygen") => Self::Keygen { log: quiet },
            Some(_) => Self::Demo { log: quiet },
            None if matches.get_flag("print-config") => {
                Self::PrintConfig(Request::from_matches(matches, log))
            }
            None => Self::Serve(Request::from_matches(matches, log)),
        }
    }
}

impl Request {
    fn from_matches(matches: &ArgMatches, log: Option<LevelFilter>) -> Self {
        let file = |name| matches.get_one::<PathBuf>(name).cloned();
        Self {
            config: file("config"),
            purpose: if matches.get_flag("check") { Purpose::Check } else { Purpose::Serve },
            listeners: listeners(matches),
            options: Options {
                threads: matches.get_one("threads").copied(),
                open: matches.get_flag("open"),
                curve_secret: file("curve-secret"),
                curve_clients: file("curve-clients"),
                plain_users: file("plain-users"),
                acl: file("acl"),
                log,
            },
        }
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
        .arg(flag("open", "Allows listeners that other machines can reach, and CURVE with any key"))
        .arg(
            file("curve-secret", "Asks for CURVE at every listener, with the secret key in FILE")
                .conflicts_with("plain-users"),
        )
        .arg(
            file("curve-clients", "Lets in holders of the public keys in FILE, one a line")
                .requires("key-or-config"),
        )
        .arg(file("plain-users", "Asks for PLAIN at every listener: FILE has USER:PASSWORD lines"))
        .arg(file("acl", "Lets peers do only what the rules in FILE allow; SIGHUP reads it again"))
        // The key may stand in the file.
        .group(ArgGroup::new("key-or-config").args(["curve-secret", "config"]).multiple(true))
        // A check without any would check nothing.
        .group(
            ArgGroup::new("checked")
                .args(["config", "curve-secret", "plain-users", "acl", "clients", "services", "any"])
                .multiple(true),
        )
        .arg(file("config", "Reads FILE, which says all of this and more; options win over it"))
        .arg(
            flag("check", "Says ok if the files and listeners that are named could be served with, and what is wrong if not")
                .requires("checked"),
        )
        .arg(
            flag(
                "print-config",
                "Prints a configuration file with every key: as --config FILE and options have it, or the defaults",
            )
            .conflicts_with("check"),
        )
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

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
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
    placed.into_iter().map(|(_, listen)| listen).collect()
}

fn threads(text: &str) -> Result<NonZeroUsize, &'static str> {
    let count = text.parse().ok().and_then(NonZeroUsize::new);
    count.filter(|count| count.get() <= THREADS_MAX).ok_or("a number from 1 to 1024")
}

const THREADS_MAX: usize = 1024;

const AFTER_HELP: &str = "\
URL is tcp://HOST:PORT, ipc://PATH or, on Linux, ipc://@NAME. HOST may be *, and PORT may be 0 or *.
A URL may end in ?identity=NAME, which the MUX then announces there: ROUTER peers need it to
address the MUX. One for services may end in ?name=NAME, the name of a peer that announces none,
such as a REP socket. NAME is percent-encoded. With ?notices=always its peers get notices (RETURN,
GONE) without asking for them; REP sockets never do.

Several may be given, joined by &. Quote URLs: to a shell, ? and & mean something.

If no listener is given, here or in FILE of --config: --clients tcp://127.0.0.1:5555 --services
tcp://127.0.0.1:5556. Giving one here replaces both, and those of FILE.

FILE of --config is TOML: every limit, every time, rules for destinations, and all of the options
above. --print-config prints it with what is so without it, or with what FILE and options come to; --config FILE --check tells what is
wrong with it, by line. --check does so for the other files and for listeners as well, with --config or without.

Whoever reaches a listener is let in, unless --curve-clients or --plain-users says whom to let in;
without either, other machines reach none unless --open. Files of secrets must be for their owner
only (chmod 600). FILE of --curve-secret is what keygen prints, or the secret key alone. In FILE of
--curve-clients lines that begin with # are comments.

FILE of --acl has rules WHO VERB NAMES, one a line. WHO is *, none, curve:KEY, plain:USER or
ipc:UID; VERB is claim (a service's name), alias (a client's), send or watch; NAMES is a name or a
PREFIX*; other octets are written as \\xNN. What no rule allows is denied. Rules authenticate nobody:
other machines reach a listener as without them.

SIGTERM and SIGINT end it in order, a second one at once. SIGUSR1 writes all counters to standard
error, as does the end.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::security::Guard;

    fn read(arguments: &[&str]) -> Result<Task, clap::error::ErrorKind> {
        let line = std::iter::once(&"muxd").chain(arguments);
        match command().try_get_matches_from(line) {
            Ok(matches) => Ok(Task::from_matches(&matches)),
            Err(error) => Err(error.kind()),
        }
    }

    fn plan(arguments: &[&str]) -> Plan {
        match read(arguments).unwrap() {
            Task::Serve(request) => Plan::make(request).unwrap(),
            Task::PrintConfig(_) | Task::Demo { .. } | Task::Keygen { .. } => {
                panic!("not to serve")
            }
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
        assert_eq!((plan.reach, plan.guard, plan.acl), (Reach::Loopback, Guard::None, None));
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
    fn access_rules_go_with_any_guard() {
        for guard in [&[][..], &["--curve-secret=s"], &["--plain-users=u"], &["--open"]] {
            let arguments = [guard, &["--acl", "rules"]].concat();
            assert_eq!(plan(&arguments).acl, Some("rules".into()));
        }
    }

    /// mux:config:check.
    #[test]
    fn each_file_and_each_listener_can_be_checked_alone() {
        let files = ["config", "curve-secret", "plain-users", "acl"].map(|file| (file, "f"));
        let listeners = ["clients", "services", "any"].map(|role| (role, "tcp://127.0.0.1:1"));
        for (option, value) in files.into_iter().chain(listeners) {
            let Ok(Task::Serve(request)) = read(&[&format!("--{option}={value}"), "--check"])
            else {
                panic!("{option}");
            };
            assert_eq!(request.purpose, Purpose::Check);
        }
        assert!(read(&["--open", "--check"]).is_err());
    }

    /// What the example of a unit runs is a command line.
    #[test]
    fn the_unit_for_systemd_starts_and_checks() {
        let unit = include_str!("../examples/muxd.service");
        let lines = unit.lines().filter_map(|line| line.split_once("/muxd "));
        let purposes: Vec<_> = lines
            .map(|(_, line)| {
                let task = read(&line.split(' ').collect::<Vec<_>>()).unwrap();
                if let Task::Serve(request) = task { request.purpose } else { panic!("{task:?}") }
            })
            .collect();
        assert_eq!(purposes, [Purpose::Serve, Purpose::Check]);
    }

    #[test]
    fn keygen_stands_alone() {
        assert!(matches!(read(&["keygen"]).unwrap(), Task::Keygen { log: LevelFilter::WARN }));
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
            (&["--check"], MissingRequiredArgument),
            (&["--print-config", "--config=f", "--check"], ArgumentConflict),
            (&["--curve-secret", "s", "--plain-users", "u"], ArgumentConflict),
        ] {
            assert_eq!(read(arguments).unwrap_err(), kind, "{arguments:?}");
        }
    }
}
