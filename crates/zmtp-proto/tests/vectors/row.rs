//! One row of the table, and how it reads.
//!
//! The words are explained at the head of the table itself.

use std::time::Duration;

use bytes::Bytes;
use zmtp_proto::{Deadline, Identity, Limits, Mechanism, SecurityRole, SocketType, Version};

use crate::notation::octets;
use crate::run::Role;
use crate::secured::Awaits;

/// Octets, where they arrive, and what must come of them.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) context: Context,
    pub(crate) octets: Vec<u8>,
    pub(crate) expected: Expected,
    /// What must come of the octets and those that follow, if the row leaves something unfinished.
    pub(crate) joined: Option<Expected>,
    /// The rows that may come next.
    pub(crate) then: Vec<String>,
    pub(crate) remark: String,
}

/// Where the octets of a row arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// They are the first octets to a socket that uses this mechanism, in this part of it.
    Greeting(Mechanism, SecurityRole),
    /// They come behind a greeting, to a socket of this type.
    Ready(SocketType),
    /// They come behind the handshake, from a DEALER to our ROUTER.
    Traffic,
    /// They come to a side with PLAIN or CURVE that waits for this.
    Secured(Awaits),
}

impl Context {
    /// Returns what we may be.
    pub(crate) fn roles(self) -> Vec<Role> {
        match self {
            Self::Greeting(..) | Self::Ready(_) | Self::Traffic => Role::BOTH.to_vec(),
            Self::Secured(awaits) => vec![awaits.role()],
        }
    }

    /// Tells whether the handshake is over.
    pub(crate) fn is_traffic(self) -> bool {
        match self {
            Self::Greeting(..) | Self::Ready(_) => false,
            Self::Traffic => true,
            Self::Secured(awaits) => awaits.is_traffic(),
        }
    }
}

/// What must come of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The version agreed on, if the greeting is taken.
    pub(crate) agreed: Option<Version>,
    pub(crate) events: Vec<Happened>,
    pub(crate) end: End,
    /// What is sent in return, our own greeting and READY apart.
    pub(crate) sends: Vec<u8>,
    /// A deadline other than the one that goes with the end.
    pub(crate) timer: Option<Timer>,
}

/// Something that the owner of a connection sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// The peer showed this: a user name or a key.
    Shown(Bytes),
    /// The peer introduced itself and was let in.
    Peer { version: Version, socket_type: SocketType, identity: Identity },
    /// A message came, of these frames.
    Message(Vec<Bytes>),
}

/// How things stand behind the last octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All was taken, and the connection goes on.
    Open,
    /// Something has begun to arrive, and the connection waits for the rest.
    Waiting,
    /// The connection closed with this error, on reading this many octets.
    Closed { error: String, after: usize },
}

/// A deadline, and how far away it is when the last octet has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) what: Deadline,
    pub(crate) after: Duration,
}

/// Reads a whole table: rows of `word value` lines, separated by blank lines; `#` comments.
pub(crate) fn table(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for block in text.split("\n\n") {
        let lines: Vec<_> = block
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
            .map(|(word, value)| (word, value.trim()))
            .collect();
        if let Some((_, id)) = lines.first() {
            rows.push(row(&lines).map_err(|wrong| format!("row {id}: {wrong}"))?);
        }
    }
    Ok(rows)
}

fn row(lines: &[(&str, &str)]) -> Result<Row, String> {
    let mut row = Row {
        id: String::new(),
        context: Context::Traffic,
        octets: Vec::new(),
        expected: Expected::nothing(),
        joined: None,
        then: Vec::new(),
        remark: String::new(),
    };
    let mut says_what = false;
    for &(word, value) in lines {
        match word {
            "row" => value.clone_into(&mut row.id),
            "in" => row.context = context(value)?,
            "octets" => row.octets.extend(octets(value)?),
            "remark" => value.clone_into(&mut row.remark),
            "then" => row.then = value.split(' ').map(str::to_owned).collect(),
            "joined" => {
                let (word, value) = value.split_once(' ').unwrap_or((value, ""));
                row.joined.get_or_insert_with(Expected::nothing).add(word, value)?;
            }
            _ => {
                row.expected.add(word, value)?;
                says_what = true;
            }
        }
    }
    let waits = row.expected.end == End::Waiting;
    let secured = matches!(row.context, Context::Secured(_));
    let goes_on = secured && row.expected.end == End::Open;
    match () {
        () if row.id.is_empty() || row.remark.is_empty() => Err("has no id or no remark".into()),
        () if !lines.iter().any(|&(word, _)| word == "in") => Err("does not say where".into()),
        () if !says_what => Err("does not say what must come of it".into()),
        () if waits != row.joined.is_some() => Err("`joined` goes with `waits`".into()),
        () if goes_on == row.then.is_empty() => Err("`then` goes with what does not end".into()),
        () => Ok(row),
    }
}

fn context(value: &str) -> Result<Context, String> {
    let words: Vec<_> = value.split(' ').collect();
    match words[..] {
        ["greeting"] => Ok(Context::Greeting(Mechanism::NULL, SecurityRole::Client)),
        ["greeting", mechanism, role] => {
            let mut field = mechanism.as_bytes().to_vec();
            field.resize(Mechanism::FIELD_LEN, 0);
            let mechanism = Mechanism::from_field(&field).map_err(|wrong| wrong.to_string())?;
            match role {
                "client" => Ok(Context::Greeting(mechanism, SecurityRole::Client)),
                "server" => Ok(Context::Greeting(mechanism, SecurityRole::Server)),
                _ => Err(format!("no part of a mechanism: {role:?}")),
            }
        }
        ["ready"] => Ok(Context::Ready(SocketType::Router)),
        ["ready", ours] => Ok(Context::Ready(socket_type(ours)?)),
        ["traffic"] => Ok(Context::Traffic),
        _ => {
            let awaits = Awaits::from_words(&words);
            awaits.map(Context::Secured).ok_or_else(|| format!("no such place: {value:?}"))
        }
    }
}

impl Expected {
    pub(crate) fn nothing() -> Self {
        let (events, sends) = (Vec::new(), Vec::new());
        Self { agreed: None, events, end: End::Open, sends, timer: None }
    }

    pub(crate) fn closed(error: &str, after: usize) -> Self {
        Self { end: End::Closed { error: error.to_owned(), after }, ..Self::nothing() }
    }

    /// Adds what one line of a row says.
    fn add(&mut self, word: &str, value: &str) -> Result<(), String> {
        if matches!(self.end, End::Closed { .. }) && word != "sends" {
            return Err(format!("{word:?} after the end"));
        }
        match word {
            "nothing" => {}
            "shown" => self.events.push(Happened::Shown(octets(value)?.into())),
            "waits" => self.end = End::Waiting,
            "agreed" => self.agreed = Some(version(value)?),
            "peer" => {
                let (name, identity) = value.split_once(' ').unwrap_or((value, ""));
                let (version, socket_type) =
                    (self.agreed.unwrap_or(Version::V3_1), socket_type(name)?);
                let identity = Identity::new(octets(identity)?);
                let identity = identity.map_err(|wrong| wrong.to_string())?;
                self.events.push(Happened::Peer { version, socket_type, identity });
            }
            "message" => {
                let frames: Result<Vec<_>, _> = value.split('|').map(frames).collect();
                self.events.push(Happened::Message(frames?.concat()));
            }
            "close" => {
                let (error, after) =
                    value.rsplit_once(" after ").ok_or("close does not say after how many")?;
                let after = after.parse().map_err(|_| format!("{after:?} is no count"))?;
                self.end = End::Closed { error: error.to_owned(), after };
            }
            "sends" => self.sends.extend(octets(value)?),
            "timer" => self.timer = Some(timer(value)?),
            _ => return Err(format!("no such word: {word:?}")),
        }
        Ok(())
    }

    /// Adds what comes of the row that follows after so many octets.
    pub(crate) fn and_then(mut self, len: usize, next: &Self) -> Self {
        self.events.extend_from_slice(&next.events);
        self.sends.extend_from_slice(&next.sends);
        let mut end = next.end.clone();
        if let End::Closed { after, .. } = &mut end {
            *after += len;
        }
        Self { end, timer: next.timer, ..self }
    }

    /// Tells whether the peer is let in.
    pub(crate) fn has_peer(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Happened::Peer { .. }))
    }

    /// Returns the deadline that must be armed behind the last octet.
    pub(crate) fn deadline(&self, context: Context) -> Option<Timer> {
        let limits = Limits::default();
        let in_traffic = context.is_traffic() || self.has_peer();
        match self.end {
            End::Open | End::Waiting if self.timer.is_some() => self.timer,
            End::Open | End::Waiting if !in_traffic => {
                Some(Timer { what: Deadline::Handshake, after: limits.handshake_time })
            }
            End::Waiting => {
                Some(Timer { what: Deadline::PartialMessage, after: limits.partial_time })
            }
            End::Open | End::Closed { .. } => None,
        }
    }
}

/// Reads one frame, or several of a kind.
fn frames(value: &str) -> Result<Vec<Bytes>, String> {
    let (body, times) = value.split_once(" times ").unwrap_or((value, "1"));
    let times: usize = times.trim().parse().map_err(|_| format!("{times:?} is no count"))?;
    Ok(vec![octets(body)?.into(); times])
}

fn timer(value: &str) -> Result<Timer, String> {
    let tenths = value.strip_suffix(" tenths").and_then(|count| count.parse::<u64>().ok());
    let after = tenths.map(|tenths| Duration::from_millis(tenths * 100));
    let after = after.ok_or_else(|| format!("no such time: {value:?}"))?;
    Ok(Timer { what: Deadline::TimeToLive, after })
}

fn version(value: &str) -> Result<Version, String> {
    match value {
        "3.0" => Ok(Version::V3_0),
        "3.1" => Ok(Version::V3_1),
        _ => Err(format!("no such version: {value:?}")),
    }
}

fn socket_type(name: &str) -> Result<SocketType, String> {
    SocketType::from_name(name.as_bytes()).ok_or_else(|| format!("no such type: {name:?}"))
}

#[test]
fn refuses_a_row_that_leaves_something_open() {
    let whole = "row X-01\nin traffic\noctets 00 00\nmessage \"\"\nremark Empty.";
    assert_eq!(table(whole).unwrap().len(), 1);
    for line in ["row X-01\n", "in traffic\n", "message \"\"\n", "\nremark Empty."] {
        assert!(table(&whole.replace(line, "")).is_err(), "without {line:?}");
    }
    for (word, wrong) in [
        ("in traffic", "in bed"),
        ("message \"\"", "waits"),
        ("message \"\"", "close NotAMessage"),
        ("message \"\"", "close NotAMessage after 1\nmessage \"\""),
        ("message \"\"", "joined message \"\""),
        ("message \"\"", "message \"\"\nthen X-02"),
        ("in traffic", "in curve traffic"),
        ("message \"\"", "explodes"),
    ] {
        assert!(table(&whole.replace(word, wrong)).is_err(), "{wrong:?}");
    }
}
