//! What `muxd` writes to its standard error: its log, and its counters when it is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::DEADLINE;

/// All counters and gauges of a MUX at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, i64>);

impl Counters {
    /// Returns the counter of this name, which must exist.
    #[must_use]
    pub fn of(&self, name: &str) -> i64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no counter {name} in {self:?}"))
    }

    /// Returns the names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The standard error of a process, collected while it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

#[derive(Debug, Default)]
struct Collected {
    /// All lines but those of counters.
    log: String,
    blocks: usize,
    last: Counters,
    unfinished: Counters,
    ended: bool,
}

impl Report {
    /// Collects in a thread, until the process has ended.
    pub(crate) fn collect(stderr: impl Read + Send + 'static) -> Self {
        let report = Self::default();
        let (shared, lines) = (Arc::clone(&report.shared), BufReader::new(stderr).lines());
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                shared.0.lock().unwrap().take(&line);
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        report
    }

    /// Returns how many full blocks of counters there have been.
    pub(crate) fn blocks(&self) -> usize {
        self.shared.0.lock().unwrap().blocks
    }

    /// Waits for a block behind the first `seen`, and returns the last one.
    pub(crate) fn block_after(&self, seen: usize) -> Counters {
        self.wait("counters", |collected| (collected.blocks > seen).then(|| collected.last.clone()))
    }

    /// Waits until the process has closed its standard error, and returns what stood there.
    pub(crate) fn whole(&self) -> (String, Counters) {
        self.wait("the end", |collected| {
            collected.ended.then(|| (collected.log.clone(), collected.last.clone()))
        })
    }

    /// Waits until a line of the log holds `text`.
    pub(crate) fn wait_line(&self, text: &str) {
        self.wait(text, |collected| collected.log.contains(text).then_some(()));
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&Collected) -> Option<T>) -> T {
        let (mutex, condition) = &*self.shared;
        let mut found = None;
        let collected = mutex.lock().unwrap();
        let unseen = |collected: &mut Collected| {
            found = look(collected);
            found.is_none() && !collected.ended
        };
        let (collected, _) = condition.wait_timeout_while(collected, DEADLINE, unseen).unwrap();
        found.unwrap_or_else(|| panic!("muxd did not write {what}, but\n{collected}"))
    }
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.log, self.last)
    }
}

impl Collected {
    /// Takes a line: `name value` is a counter, `difference` the last one of a block.
    fn take(&mut self, line: &str) {
        let Some((name, Ok(value))) = line.split_once(' ').map(|(name, v)| (name, v.parse()))
        else {
            self.log.push_str(line);
            return self.log.push('\n');
        };
        self.unfinished.0.insert(name.to_owned(), value);
        if name == "difference" {
            self.last = std::mem::take(&mut self.unfinished);
            self.blocks = self.blocks.wrapping_add(1);
        }
    }
}
