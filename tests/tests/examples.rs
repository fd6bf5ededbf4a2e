//! The example scripts of `muxd`, run with pyzmq against a broker.
//!
//! The environment names a Python that has pyzmq in `MUX_PYTHON`; else it is `python3`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use zmtp_mux_tests::muxd::exit_of;
use zmtp_mux_tests::{DEADLINE, Muxd};

#[test]
fn requests_are_answered() {
    let muxd = Muxd::start_usual();
    let service = service(&muxd, &[]);
    let outcome = client(&muxd, &["engine", "--count", "5"]).end();
    assert_eq!(outcome, (Some(0), "answered 5, gave up 0, in doubt 0".to_owned()));
    let outcome = req(&muxd, &["engine", "hello"]).end();
    assert_eq!(outcome, (Some(0), "answered hello".to_owned()));
    drop(service);
    let counters = muxd.stop();
    assert_eq!((counters.of("hellos"), counters.of("control_dropped")), (3, 0));
}

/// mux:return:form, mux:return:req.
#[test]
fn requests_to_a_name_that_nobody_holds_come_back_until_the_client_gives_up() {
    let muxd = Muxd::start_usual();
    let mut script = client(&muxd, &["nobody", "--attempts", "3"]);
    assert_eq!(script.wait("returned"), "returned 0 UNKNOWN");
    assert_eq!(script.wait("returned"), "returned 0 UNKNOWN");
    assert_eq!(script.wait("gave up"), "gave up 0 UNKNOWN");
    assert_eq!(script.end(), (Some(1), "answered 0, gave up 1, in doubt 0".to_owned()));
    let mut script = req(&muxd, &["nobody", "--attempts", "2"]);
    assert_eq!(script.wait("returned"), "returned UNKNOWN");
    assert_eq!(script.end(), (Some(1), "gave up".to_owned()));
    assert_eq!(muxd.stop().of("returned_unknown"), 5);
}

/// mux:gone:last-and-once, mux:gone:req.
#[test]
fn what_a_killed_service_had_not_answered_is_in_doubt() {
    let muxd = Muxd::start_usual();
    let mut first = service(&muxd, &["--work", "60"]);
    let mut script = client(&muxd, &["engine"]);
    first.wait("request 0");
    first.kill();
    assert!(["in doubt 0 LEFT", "in doubt 0 LOST"].contains(&script.wait("in doubt").as_str()));
    assert_eq!(script.end(), (Some(1), "answered 0, gave up 0, in doubt 1".to_owned()));

    let mut second = service(&muxd, &["--work", "60"]);
    let mut script = req(&muxd, &["engine", "hello"]);
    second.wait("request hello");
    second.kill();
    assert!(["in doubt: LEFT", "in doubt: LOST"].contains(&script.wait("in doubt").as_str()));
    assert_eq!(script.end().0, Some(2));
    let counters = muxd.stop();
    assert_eq!((counters.of("gone_sent"), counters.of("returned")), (2, 0));
}

/// mux:return:unreachable, mux:gone:last-and-once. More than the kernel keeps is sent, so that the rest
/// waits in the broker.
#[test]
fn what_waited_for_a_killed_service_is_returned_and_done_by_the_next_one() {
    let muxd = Muxd::start_usual();
    let mut first = service(&muxd, &["--work", "60", "--hwm", "1"]);
    let args = ["engine", "--count", "150", "--size", "100000", "--attempts", "20"];
    let mut script = client(&muxd, &args);
    first.wait("request 0");
    muxd.wait_counters("requests that wait", |counters| {
        counters.of("received") == 150 && counters.of("queued") > 0
    });
    first.kill();
    let second = service(&muxd, &[]);
    let (code, summary) = script.wait_end();
    let settled = |outcome| numbers(&script.seen, outcome);
    let (answered, in_doubt) = (settled("answered "), settled("in doubt "));
    assert_eq!(code, Some(1));
    assert_eq!(
        summary,
        format!("answered {}, gave up 0, in doubt {}", answered.len(), in_doubt.len())
    );
    assert_eq!(answered.len() + in_doubt.len(), 150);
    assert!(!answered.is_empty() && in_doubt.contains(&0), "{summary}");
    let processed_twice: Vec<_> = numbers(&second.lines_so_far(), "request ")
        .intersection(&numbers(&first.lines_so_far(), "request "))
        .copied()
        .collect();
    assert!(processed_twice.is_empty(), "{processed_twice:?}");
    let counters = muxd.stop();
    assert!(counters.of("returned_unreachable") > 0);
    assert_eq!(counters.of("dropped_unreachable"), 0);
}

/// mux:hello:opts-in.
#[test]
fn hello_is_repeated_when_the_broker_was_started_again() {
    let muxd = Muxd::start_usual();
    let mut first = service(&muxd, &["--work", "60"]);
    let mut script = client(&muxd, &["engine", "--budget", "15"]);
    first.wait("request 0");
    let urls = [muxd.clients().to_owned(), muxd.services().to_owned()];
    // Killed, so that nobody is told.
    drop(muxd);
    assert_eq!(script.wait("in doubt"), "in doubt 0 the connection ended");
    drop(first);

    let args = ["--clients", &urls[0], "--services", &urls[1]];
    let muxd = Muxd::start(&args);
    let mut service = service(&muxd, &[]);
    drop(muxd);
    let muxd = Muxd::start(&args);
    service.wait("serving engine");
    assert_eq!(muxd.wait_counter("hellos", |count| count > 0), 1);
    drop(service);
    let _ = muxd.stop();
}

/// A script that runs. It is killed when this is dropped.
struct Script {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Script {
    fn start(name: &str, url: &str, args: &[&str]) -> Self {
        let python = std::env::var_os("MUX_PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = Command::new(python);
        // Nothing is to be written beside the sources.
        command.arg("-B").arg(format!("{EXAMPLES}/{name}")).args(["--connect", url]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line that begins so, passing over all before it.
    fn wait(&mut self, begin: &str) -> String {
        loop {
            let Some(line) = self.next() else { panic!("no {begin:?} behind {:?}", self.seen) };
            if line.starts_with(begin) {
                return line;
            }
        }
    }

    fn next(&mut self) -> Option<String> {
        let line = self.lines.recv_timeout(PATIENCE).ok()?;
        self.seen.push(line.clone());
        Some(line)
    }

    /// Waits for its end; returns its status and its last line.
    fn wait_end(&mut self) -> (Option<i32>, String) {
        while self.next().is_some() {}
        let last = self.seen.last().cloned().expect("a line; has this Python pyzmq?");
        (exit_of(&mut self.child).code(), last)
    }

    fn end(mut self) -> (Option<i32>, String) {
        self.wait_end()
    }

    /// Returns all that it has written, without waiting for more.
    fn lines_so_far(&self) -> Vec<String> {
        self.seen.iter().cloned().chain(self.lines.try_iter()).collect()
    }

    /// Ends it with a SIGKILL.
    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child of ours");
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a service `engine`, and waits until it is served.
fn service(muxd: &Muxd, args: &[&str]) -> Script {
    let mut script = Script::start("service.py", muxd.services(), &[&["engine"], args].concat());
    script.wait("serving engine");
    script
}

fn client(muxd: &Muxd, args: &[&str]) -> Script {
    Script::start("client.py", muxd.clients(), args)
}

fn req(muxd: &Muxd, args: &[&str]) -> Script {
    Script::start("req.py", muxd.clients(), args)
}

/// Returns the numbers in lines that begin so.
fn numbers(lines: &[String], begin: &str) -> BTreeSet<u32> {
    let rests = lines.iter().filter_map(|line| line.strip_prefix(begin));
    rests.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
}

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/muxd/examples");

/// Longer than a script takes for all that it does.
const PATIENCE: Duration = DEADLINE.saturating_mul(2);
