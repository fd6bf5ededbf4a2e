//! The tables of octets in `vectors.txt` and `vectors-security.txt`, and every way in which they
//! may arrive.
//!
//! To add a case, add a row there: the words are explained at its head. Each test below runs
//! all rows in both roles, and names every row that went wrong, and how it had been cut.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics"
)]

mod notation;
mod row;
mod run;
mod secured;
mod sequences;
mod z85;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp_proto::{
    ConnectionError, Greeting, Identity, Limits, Mechanism, SecurityRole, SocketType, Version,
};

use crate::row::{Context, End, Expected, Happened, Row};
use crate::run::{Outcome, Role, Run, dealer_ready, own_ready, readable, run};

#[test]
fn the_table_has_each_id_once_and_no_gaps() {
    let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in rows() {
        let (letter, number) = row.id.split_once('-').unwrap();
        numbers.entry(letter.to_owned()).or_default().push(number.parse().unwrap());
    }
    // Of the sequences, some are no rows but tests of their own.
    numbers.remove("Q");
    for (letter, mut numbers) in numbers {
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=numbers.len()), "{letter}: {numbers:?}");
    }
}

#[test]
fn rows_end_as_the_table_says() {
    for_each_row(|case| case.check("whole", &[&case.octets], &case.expected));
}

#[test]
fn rows_end_the_same_wherever_they_are_split() {
    for_each_row(|case| {
        for split in case.cuts() {
            let pieces = [&case.octets[..split], &case.octets[split..]];
            case.check(&format!("split at {split}"), &pieces, &case.expected)?;
        }
        let pieces: Vec<_> = case.octets.chunks(1).collect();
        case.check("octet by octet", &pieces, &case.expected)
    });
}

/// Whoever is cut off has seen the beginning of what the whole row brings, and an error as soon
/// as it is certain. What has begun has a deadline.
#[test]
fn rows_cut_off_wait_for_the_rest_or_have_ended_already() {
    for_each_row(|case| {
        for len in case.cuts() {
            let outcome = case.run(&[&case.octets[..len]]);
            outcome
                .and_then(|outcome| case.is_beginning(&outcome, len))
                .map_err(|wrong| format!("cut off at {len}: {wrong}"))?;
        }
        Ok(())
    });
}

#[test]
fn rows_and_what_follows_them_do_not_disturb_each_other() {
    for_each_row(|case| {
        let joined = if case.then.is_empty() { vec![case.joined()] } else { case.followed()? };
        for (octets, expected) in joined {
            case.check("joined", &[&octets], &expected)?;
            let pieces: Vec<_> = octets.chunks(1).collect();
            case.check("joined, octet by octet", &pieces, &expected)?;
        }
        Ok(())
    });
}

#[test]
fn greetings_are_judged_by_the_mechanism_that_our_socket_uses() {
    let mut wrong = Vec::new();
    for row in rows() {
        let Context::Greeting(mechanism, security_role) = row.context else { continue };
        let ours = Greeting { version: Version::V3_1, mechanism, security_role };
        for len in 0..=row.octets.len() {
            let judged = judge(ours, &row.octets[..len]);
            let expected = match &row.expected.end {
                End::Closed { error, after } if len >= *after => Err(error.clone()),
                End::Closed { .. } | End::Open | End::Waiting => {
                    Ok(row.expected.agreed.filter(|_| len >= Greeting::LEN))
                }
            };
            if judged != expected {
                wrong.push(format!("{}, {len} octets: {judged:?}, not {expected:?}", row.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Gives the version agreed on, none as long as `octets` are too few, or what is wrong.
fn judge(ours: Greeting, octets: &[u8]) -> Result<Option<Version>, String> {
    let Some(theirs) = Greeting::parse(octets).map_err(|error| format!("{error:?}"))? else {
        return Ok(None);
    };
    ours.agree(&theirs).map_err(|error| format!("{error:?}"))?;
    Ok(Some(theirs.version))
}

#[test]
fn no_announced_length_makes_a_buffer_larger_than_the_limits() {
    let limits = Limits::default();
    let wanted_max = limits.message_len_max + limits.command_len_max + 9;
    for_each_row(|case| {
        for len in case.cuts() {
            let mut run = Run::new(case.context, case.role, case.now)?;
            run.feed(&case.octets[..len], case.now)?;
            let Ok((traffic, _)) = run.connection.into_halves() else { continue };
            if traffic.wanted() > wanted_max {
                return Err(format!("cut off at {len}: wants {}", traffic.wanted()));
            }
        }
        Ok(())
    });
}

/// A row as one of our two roles runs it.
struct Case {
    context: Context,
    role: Role,
    octets: Vec<u8>,
    expected: Expected,
    /// What a row that waits says of itself and the octets behind it.
    joined: Option<Expected>,
    then: Vec<String>,
    now: Instant,
}

impl Case {
    fn new(row: &Row, role: Role, now: Instant) -> Self {
        let (context, expected) = match row.context {
            Context::Greeting(mechanism, _) if mechanism != Mechanism::NULL => {
                let ours = Context::Greeting(Mechanism::NULL, SecurityRole::Client);
                let own = Mechanism::NULL;
                let error = ConnectionError::MechanismMismatch { ours: own, theirs: mechanism };
                (ours, Expected::closed(&format!("{error:?}"), Greeting::LEN))
            }
            context @ (Context::Greeting(..)
            | Context::Ready(_)
            | Context::Traffic
            | Context::Secured(_)) => (context, row.expected.clone()),
        };
        let (octets, joined) = (row.octets.clone(), row.joined.clone());
        Self { context, role, octets, expected, joined, then: row.then.clone(), now }
    }

    fn run(&self, pieces: &[&[u8]]) -> Result<Outcome, String> {
        run(self.context, self.role, pieces, self.now)
    }

    fn check(&self, how: &str, pieces: &[&[u8]], expected: &Expected) -> Result<(), String> {
        let expected = self.outcome(expected, pieces)?;
        match self.run(pieces) {
            Ok(outcome) if outcome == expected => Ok(()),
            Ok(outcome) => Err(format!("{how}:\n     got {outcome:?}\n  wanted {expected:?}")),
            Err(wrong) => Err(format!("{how}: {wrong}")),
        }
    }

    /// Says in full what must come of `pieces`.
    fn outcome(&self, expected: &Expected, pieces: &[&[u8]]) -> Result<Outcome, String> {
        let (ours, ready_is_due) = match (self.context, self.role) {
            (Context::Greeting(..), Role::Connector) => {
                (SocketType::Router, expected.agreed.is_some())
            }
            (Context::Greeting(..), Role::Acceptor) => (SocketType::Router, expected.has_peer()),
            (Context::Ready(ours), Role::Acceptor) => (ours, expected.has_peer()),
            (Context::Ready(ours), Role::Connector) => (ours, false),
            // Of these a row tells all that is sent.
            (Context::Traffic | Context::Secured(_), _) => (SocketType::Router, false),
        };
        let mut sent = if ready_is_due { own_ready(ours)? } else { Vec::new() };
        sent.extend(&expected.sends);
        let end = match &expected.end {
            End::Closed { error, after } => {
                End::Closed { error: error.clone(), after: end_of_piece(pieces, *after) }
            }
            end @ (End::Open | End::Waiting) => end.clone(),
        };
        let (sent, timer) = (readable(&sent), expected.deadline(self.context));
        Ok(Outcome { events: expected.events.clone(), end, sent, timer })
    }

    /// Sees that `outcome` is what the first `len` octets may bring, no more and no less.
    fn is_beginning(&self, outcome: &Outcome, len: usize) -> Result<(), String> {
        let must_end = len >= after(&self.expected.end);
        match (&outcome.end, &self.expected.end) {
            (End::Closed { error, .. }, End::Closed { error: expected, .. }) => {
                if error != expected || !must_end {
                    return Err(format!("ended with {error}"));
                }
            }
            (End::Open | End::Waiting, _) if must_end => return Err("goes on".into()),
            (End::Closed { error, .. }, _) => return Err(format!("ended with {error}")),
            (End::Waiting, _) if outcome.timer.is_none() => return Err("waits for ever".into()),
            (End::Open | End::Waiting, _) => {}
        }
        if self.expected.events.starts_with(&outcome.events) {
            Ok(())
        } else {
            Err(format!("{:?} is no beginning", outcome.events))
        }
    }

    /// Returns the octets with those of each row behind them that may follow, and what must come
    /// of both.
    fn followed(&self) -> Result<Vec<(Vec<u8>, Expected)>, String> {
        let follow = |id: &String| {
            let next = find(id)?;
            let expected = self.expected.clone().and_then(self.octets.len(), &next.expected);
            Ok(([&self.octets[..], &next.octets].concat(), expected))
        };
        self.then.iter().map(follow).collect()
    }

    /// Returns the octets with valid ones behind them, and what must come of both.
    fn joined(&self) -> (Vec<u8>, Expected) {
        let secured = matches!(self.context, Context::Secured(_));
        let introduced = secured || self.context.is_traffic() || self.expected.has_peer();
        let ready = if introduced { Vec::new() } else { dealer_ready() };
        let octets = [&self.octets[..], &ready, b"\x00\x02hi"].concat();
        let mut expected = self.joined.clone().unwrap_or_else(|| self.expected.clone());
        if self.expected.end == End::Open {
            if !introduced {
                let version = self.expected.agreed.unwrap_or(Version::V3_1);
                let (socket_type, identity) = (SocketType::Dealer, Identity::ANONYMOUS);
                expected.events.push(Happened::Peer { version, socket_type, identity });
            }
            expected.events.push(Happened::Message(vec![Bytes::from_static(b"hi")]));
            // Any octet keeps the promise of a PING.
            expected.timer = None;
        }
        (octets, expected)
    }

    /// Where to cut: everywhere, but for the few rows of thousands of alike octets, where each
    /// 97th place does; that is a prime, so it falls on every octet of what is repeated.
    fn cuts(&self) -> impl Iterator<Item = usize> + use<> {
        let len = self.octets.len();
        (0..=len).step_by(if len > CUT_EVERYWHERE_MAX { 97 } else { 1 })
    }
}

/// Runs all rows in both roles, and tells of all that went wrong.
fn for_each_row(test: impl Fn(&Case) -> Result<(), String>) {
    let now = start();
    let mut wrong = Vec::new();
    for row in rows() {
        for role in row.context.roles() {
            if let Err(reason) = test(&Case::new(row, role, now)) {
                wrong.push(format!("{} as {role:?}, {reason}\n  ({})", row.id, row.remark));
            }
        }
    }
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn rows() -> &'static [Row] {
    static TABLES: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let tables = [include_str!("../vectors.txt"), include_str!("../vectors-security.txt")];
        let rows = tables.map(|table| row::table(table).unwrap_or_else(|wrong| panic!("{wrong}")));
        rows.into_iter().flatten().collect()
    });
    &TABLES
}

fn find(id: &str) -> Result<&'static Row, String> {
    rows().iter().find(|row| row.id == id).ok_or_else(|| format!("no row {id}"))
}

/// Octets after which the end is certain, if ever.
fn after(end: &End) -> usize {
    match end {
        End::Closed { after, .. } => *after,
        End::Open | End::Waiting => usize::MAX,
    }
}

/// Returns where the piece ends that brings octet number `after`.
fn end_of_piece(pieces: &[&[u8]], after: usize) -> usize {
    let mut end = 0;
    for piece in pieces {
        end += piece.len();
        if end >= after {
            break;
        }
    }
    end
}

#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
fn start() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

/// Rows longer than this are not cut at every octet.
const CUT_EVERYWHERE_MAX: usize = 1024;
