//! A broker with few descriptors.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use zmtp_mux_tests::DEADLINE;
use zmtp_mux_tests::muxd::{ANY_PORT, exit_of};

use crate::raw::Raw;
use crate::siege::{Polite, newcomer};

/// mux:limit:descriptors.
#[test]
fn without_descriptors_accepting_pauses_and_goes_on() {
    let muxd = Limited::start(256);
    let polite = Polite::start(&muxd.clients, &muxd.services);
    // Room for ten more, and none for those that come then.
    muxd.allow(muxd.descriptors() + 10);
    let mut silent: Vec<_> = (0..40).map(|_| Raw::dial(&muxd.clients)).collect();
    muxd.wait(|muxd| muxd.descriptors() >= muxd.allowed());
    let most = muxd.allowed() + 10;
    let (began, before) = (Instant::now(), muxd.cpu());
    while began.elapsed() < Duration::from_secs(1) {
        // What is looked for is what it does meanwhile.
        thread::sleep(Duration::from_millis(50));
        assert!(muxd.descriptors() < most, "more than allowed");
    }
    let share = muxd.cpu().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("at the descriptor limit: {:.1} % of a core", share * 100.0);
    // The polite peers take a part of it, more so in a debug build.
    assert!(share < 0.4, "it spins: {share}");
    // With those gone who were in, those get in who waited.
    drop(silent.drain(..20));
    newcomer(&muxd.clients);
    drop(silent);
    for _ in 0..20 {
        newcomer(&muxd.clients);
    }
    polite.end("no descriptors left");
    let log = muxd.stop();
    let pauses = log.lines().find_map(|line| line.strip_prefix("accept_pauses "));
    assert_ne!(pauses.expect("a counter"), "0");
}

/// mux:limit:handshake-eviction: with few descriptors there are few places for connections, and
/// silent ones must not take them all.
#[test]
fn silent_connections_keep_nobody_out_of_a_small_broker() {
    for limit in [96, 256] {
        let muxd = Limited::start(limit);
        let polite = Polite::start(&muxd.clients, &muxd.services);
        let silent: Vec<_> = (0..2 * limit).map(|_| Raw::dial(&muxd.clients)).collect();
        for _ in 0..20 {
            newcomer(&muxd.clients);
        }
        polite.end(&format!("silent connections with {limit} descriptors"));
        drop(silent);
        muxd.stop();
    }
}

/// A broker whose descriptor limit was set before it began, and can be set again.
struct Limited {
    child: Child,
    clients: String,
    services: String,
    log: JoinHandle<String>,
    allowed: std::cell::Cell<u64>,
}

impl Limited {
    fn start(descriptors: u64) -> Self {
        let program = zmtp_mux_tests::command();
        let limit = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &limit])
            .arg(program.get_program())
            .args(["--clients", ANY_PORT, "--services", ANY_PORT])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let log = collect(child.stderr.take().expect("a pipe"));
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut listening = |role: &str| {
            let line = lines.next().expect("muxd starts").expect("text");
            let line = line.strip_prefix("listening ").unwrap_or(&line);
            line.strip_prefix(role)
                .unwrap_or_else(|| panic!("muxd says {line:?}"))
                .trim()
                .to_owned()
        };
        let (clients, services) = (listening("clients"), listening("services"));
        // Until here it writes there, and must not find it closed.
        listening("ready");
        Self { child, clients, services, log, allowed: std::cell::Cell::new(descriptors) }
    }

    fn allow(&self, descriptors: u64) {
        let limit = Rlimit { current: Some(descriptors), maximum: Some(descriptors) };
        prlimit(Some(self.pid()), Resource::Nofile, limit).expect("a child of ours");
        self.allowed.set(descriptors);
    }

    fn allowed(&self) -> u64 {
        self.allowed.get()
    }

    /// Returns how many descriptors it has.
    fn descriptors(&self) -> u64 {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("muxd runs").count() as u64
    }

    /// Returns the processor time that it has used, in steps of 10 ms.
    fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("muxd runs");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks = |place: usize| -> u64 {
            fields.split(' ').nth(place).and_then(|field| field.parse().ok()).expect("a count")
        };
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    fn wait(&self, happened: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !happened(self) {
            assert!(Instant::now() < deadline, "it does not happen");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it in order, and returns what it logged.
    fn stop(mut self) -> String {
        kill_process(self.pid(), Signal::TERM).expect("muxd runs");
        let status = exit_of(&mut self.child);
        let log = std::mem::replace(&mut self.log, thread::spawn(String::new));
        let log = log.join().expect("a log");
        assert!(status.success(), "{status}:\n{log}");
        assert!(log.contains("\ndifference 0\n"), "{log}");
        log
    }

    fn pid(&self) -> Pid {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id")
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut stderr: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut log = String::new();
        // What is no text is not there.
        let _ = stderr.read_to_string(&mut log);
        log
    })
}
