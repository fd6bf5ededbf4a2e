//! `muxd` as a process: started, asked, ended.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::look::until;
use crate::report::Report;
use crate::{Counters, DEADLINE, command};

/// A listener on whatever port of this machine is free.
pub const ANY_PORT: &str = "tcp://127.0.0.1:0";

/// A broker that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Muxd {
    child: Child,
    listening: Vec<(String, String)>,
    report: Report,
    /// Held while counters are asked for, since signals do not queue.
    asking: Mutex<()>,
}

impl Muxd {
    /// Starts it with these arguments and waits until it is ready.
    #[must_use]
    pub fn start(args: &[&str]) -> Self {
        Self::start_other(command(), args)
    }

    /// As [`start`](Self::start), of a broker that is started and found in the same way, and has no
    /// counters.
    #[must_use]
    pub fn start_other(mut command: Command, args: &[&str]) -> Self {
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the broker starts");
        let report = Report::collect(child.stderr.take().expect("a pipe"));
        let stdout = child.stdout.take().expect("a pipe");
        let mut muxd = Self { child, listening: Vec::new(), report, asking: Mutex::new(()) };
        muxd.await_ready(stdout);
        muxd
    }

    /// Starts it with one listener for clients and one for services, each on a free port.
    #[must_use]
    pub fn start_usual() -> Self {
        Self::start(&["--clients", ANY_PORT, "--services", ANY_PORT])
    }

    /// Returns where the first listener of this role is.
    #[must_use]
    pub fn endpoint(&self, role: &str) -> &str {
        self.endpoints(role).next().unwrap_or_else(|| panic!("no listener {role}"))
    }

    /// Returns where all listeners of this role are, in their order.
    pub fn endpoints(&self, role: &str) -> impl Iterator<Item = &str> {
        self.listening.iter().filter(move |(other, _)| other == role).map(|(_, url)| url.as_str())
    }

    /// Returns where clients connect.
    #[must_use]
    pub fn clients(&self) -> &str {
        self.endpoint("clients")
    }

    /// Returns where services connect.
    #[must_use]
    pub fn services(&self) -> &str {
        self.endpoint("services")
    }

    /// Returns all its counters as they are now.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let _alone = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.report.blocks();
        self.signal(Signal::USR1);
        self.report.block_after(seen)
    }

    /// Asks for a counter again and again until it is as wanted, and returns it.
    pub fn wait_counter(&self, name: &str, wanted: impl Fn(i64) -> bool) -> i64 {
        self.wait_counters(name, |counters| wanted(counters.of(name))).of(name)
    }

    /// Asks for all counters again and again until they are as wanted, and returns them. `what`
    /// says in the failure what was waited for.
    pub fn wait_counters(&self, what: &str, wanted: impl Fn(&Counters) -> bool) -> Counters {
        until(|| Some(self.counters()).filter(|counters| wanted(counters)))
            .unwrap_or_else(|| panic!("waited for {what} in vain: {:?}", self.counters()))
    }

    /// Waits until a line of its log holds `text`.
    pub fn wait_log(&self, text: &str) {
        self.report.wait_line(text);
    }

    /// Returns the processor's time that all its threads have taken.
    #[must_use]
    #[cfg(target_os = "linux")]
    pub fn cpu_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let nanoseconds = tasks.map(|task| {
            let path = task.expect("a thread").path().join("schedstat");
            let text = std::fs::read_to_string(path).expect("Linux says so");
            text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Returns its resident memory in KiB.
    #[must_use]
    #[cfg(target_os = "linux")]
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("muxd runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).expect("a size")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("muxd runs");
    }

    /// Ends it in order with SIGTERM. It must exit with 0, and no message may be unaccounted for.
    #[must_use = "the counters tell what became of every message"]
    pub fn stop(self) -> Counters {
        self.signal(Signal::TERM);
        self.wait_end()
    }

    /// Waits for the end that a signal asked for, and for its last counters.
    #[must_use = "the counters tell what became of every message"]
    pub fn wait_end(mut self) -> Counters {
        let status = exit_of(&mut self.child);
        let (log, counters) = self.report.whole();
        assert!(status.success(), "{status}:\n{log}");
        assert_eq!(counters.of("difference"), 0, "{counters:?}");
        counters
    }

    fn await_ready(&mut self, stdout: impl Read + Send + 'static) {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once it was ready.
                let _ = sender.send(line);
            }
        });
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = lines.recv_timeout(left) else {
                // If it has not ended, its log ends with it.
                let _ = self.child.kill();
                panic!("muxd does not get ready:\n{}", self.report.whole().0);
            };
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["ready"] => return,
                ["listening", role, url] => self.listening.push((role.into(), url.into())),
                _ => panic!("muxd says {line:?}"),
            }
        }
    }
}

impl Drop for Muxd {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the exit of a process, and kills it if that takes too long.
pub fn exit_of(child: &mut Child) -> ExitStatus {
    until(|| child.try_wait().expect("a child of ours")).unwrap_or_else(|| {
        // It can only have ended meanwhile.
        let _ = child.kill();
        panic!("the process does not end");
    })
}
