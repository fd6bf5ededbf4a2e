//! Slots: what a key's value looks like, and where it goes.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use tracing::level_filters::LevelFilter;
use zmtp_mux::{NamePolicy, Policy, PoolLimits, Prefix, Rate, Rule, Version};

use crate::config::document::{Place, Reader};
use crate::config::keys::{Key, POOL, RATE, RULE};
use crate::config::units::{show_size, show_time, size, time};

/// Where in a `T` a value is kept.
pub(super) type At<T, V> = fn(&mut T) -> &mut V;

/// What a key's value looks like, and where in a `T` it goes.
#[derive(Clone, Debug)]
pub(super) enum Slot<T> {
    /// A number.
    Count(At<T, usize>, RangeInclusive<usize>),
    /// A number, or `"off"`.
    CountOrOff(At<T, Option<NonZeroUsize>>, RangeInclusive<usize>),
    /// A smaller number.
    Small(At<T, u32>, RangeInclusive<u32>),
    /// Octets: a number, or a text with a unit.
    Size(At<T, usize>, RangeInclusive<usize>),
    /// A text with a unit.
    Time(At<T, Duration>, RangeInclusive<Duration>),
    /// A time, or `"off"`.
    TimeOrOff(At<T, Option<Duration>>, RangeInclusive<Duration>),
    /// `true` or `false`.
    Switch(At<T, bool>),
    /// A number of threads.
    Threads(At<T, Option<NonZeroUsize>>, RangeInclusive<usize>),
    /// The path of a file.
    File(At<T, Option<PathBuf>>),
    /// How much is logged.
    Level(At<T, Option<LevelFilter>>),
    Version(At<T, Version>),
    Policy(At<T, Policy>),
    NamePolicy(At<T, NamePolicy>),
    /// A list of addresses and prefixes.
    Prefixes(At<T, Vec<Prefix>>),
    Pool(At<T, PoolLimits>),
    Rate(At<T, Rate>),
    Rule(At<T, Rule>),
}

impl<T> Slot<T> {
    /// Reads a value into its place, or notes what is wrong with it.
    pub(super) fn read<'t>(&self, place: Place<'_, 't>, target: &mut T, reader: &mut Reader<'t>) {
        let value = place.value;
        let done = match self {
            Self::Count(at, range) => put(number(value).filter(within(range)), at(target)),
            Self::CountOrOff(at, _) if value.as_str() == Some("off") => put(Some(None), at(target)),
            Self::CountOrOff(at, range) | Self::Threads(at, range) => {
                let count = number(value).filter(within(range)).and_then(NonZeroUsize::new);
                put(count.map(Some), at(target))
            }
            Self::Small(at, range) => {
                let number = number(value).and_then(|number| u32::try_from(number).ok());
                put(number.filter(within(range)), at(target))
            }
            Self::Size(at, range) => put(octets(value).filter(within(range)), at(target)),
            Self::Time(at, range) => put(duration(value).filter(within(range)), at(target)),
            Self::TimeOrOff(at, _) if value.as_str() == Some("off") => put(Some(None), at(target)),
            Self::TimeOrOff(at, range) => {
                put(duration(value).filter(within(range)).map(Some), at(target))
            }
            Self::Switch(at) => put(value.as_bool(), at(target)),
            Self::File(at) => {
                let path = value.as_str().filter(|path| !path.is_empty() && !path.contains('\0'));
                put(path.map(|path| Some(path.into())), at(target))
            }
            Self::Level(at) => put(word(value, &LEVELS).map(Some), at(target)),
            Self::Version(at) => put(word(value, &VERSIONS), at(target)),
            Self::Policy(at) => put(word(value, &POLICIES), at(target)),
            Self::NamePolicy(at) => put(word(value, &NAME_POLICIES), at(target)),
            Self::Prefixes(at) => put(prefixes(value), at(target)),
            Self::Pool(at) => return read_table(place, POOL, at(target), reader),
            Self::Rate(at) => return read_table(place, RATE, at(target), reader),
            Self::Rule(at) => return read_table(place, RULE, at(target), reader),
        };
        if done.is_none() {
            reader.note_value(place, self.expected(value));
        }
    }

    /// Returns how a value is written; `None` if none is set.
    pub(super) fn show(&self, target: &mut T) -> Option<String> {
        Some(match self {
            Self::Count(at, _) => at(target).to_string(),
            Self::CountOrOff(at, _) => {
                at(target).map_or_else(|| quoted("off"), |count| count.to_string())
            }
            Self::Small(at, _) => at(target).to_string(),
            Self::Size(at, _) => quoted(show_size(*at(target))),
            Self::Time(at, _) => quoted(show_time(*at(target))),
            Self::TimeOrOff(at, _) => quoted(at(target).map_or("off".to_owned(), show_time)),
            Self::Switch(at) => at(target).to_string(),
            Self::Threads(at, _) => (*at(target))?.to_string(),
            Self::File(at) => quoted(at(target).as_ref()?.display()),
            Self::Level(at) => quoted((*at(target))?),
            Self::Version(at) => quoted(word_of(*at(target), &VERSIONS)),
            Self::Policy(at) => quoted(word_of(*at(target), &POLICIES)),
            Self::NamePolicy(at) => quoted(word_of(*at(target), &NAME_POLICIES)),
            Self::Prefixes(at) => list(at(target).iter()),
            Self::Pool(at) => show_table(POOL, at(target), None),
            Self::Rate(at) => show_table(RATE, at(target), None),
            Self::Rule(at) => show_table(RULE, at(target), None),
        })
    }

    /// Returns what has to be written for `base` to become as `target` is; `None` if it is.
    pub(super) fn changes(&self, target: &mut T, base: &mut T) -> Option<String> {
        let shown = self.show(target);
        if shown == self.show(base) {
            return None;
        }
        if let Self::Pool(at) = self {
            Some(show_table(POOL, at(target), Some(at(base))))
        } else if let Self::Rate(at) = self {
            Some(show_table(RATE, at(target), Some(at(base))))
        } else if let Self::Rule(at) = self {
            Some(show_table(RULE, at(target), Some(at(base))))
        } else {
            shown
        }
    }

    /// Says what would do in the place of `found`.
    fn expected(&self, found: &DeValue<'_>) -> String {
        match self {
            Self::Count(_, range) | Self::Threads(_, range) => numbers(range),
            Self::CountOrOff(_, range) => format!("{} or \"off\"", numbers(range)),
            Self::Small(_, range) => numbers(range),
            Self::Size(_, range) => {
                let (least, most) = (show_size(*range.start()), show_size(*range.end()));
                format!("a number of octets, or a size such as \"64 KiB\", from {least} to {most}")
            }
            Self::Time(_, range) => times(range, "", found),
            Self::TimeOrOff(_, range) => times(range, " or \"off\"", found),
            Self::Switch(_) => "true or false".to_owned(),
            Self::File(_) => "the path of a file, in quotes".to_owned(),
            Self::Level(_) => words(&LEVELS),
            Self::Version(_) => words(&VERSIONS),
            Self::Policy(_) => words(&POLICIES),
            Self::NamePolicy(_) => words(&NAME_POLICIES),
            Self::Prefixes(_) => expected_prefixes(found),
            Self::Pool(_) | Self::Rate(_) | Self::Rule(_) => "a table".to_owned(),
        }
    }
}

fn put<V>(value: Option<V>, place: &mut V) -> Option<()> {
    *place = value?;
    Some(())
}

fn within<V: PartialOrd>(range: &RangeInclusive<V>) -> impl Fn(&V) -> bool {
    |value| range.contains(value)
}

fn number(value: &DeValue<'_>) -> Option<usize> {
    let number = value.as_integer()?;
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

fn octets(value: &DeValue<'_>) -> Option<usize> {
    number(value).or_else(|| size(value.as_str()?))
}

fn duration(value: &DeValue<'_>) -> Option<Duration> {
    time(value.as_str()?)
}

fn word<V: Copy>(value: &DeValue<'_>, known: &[(&str, V)]) -> Option<V> {
    let word = value.as_str()?;
    known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

fn word_of<V: Copy + PartialEq>(value: V, known: &[(&'static str, V)]) -> &'static str {
    known.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name)
}

fn prefixes(value: &DeValue<'_>) -> Option<Vec<Prefix>> {
    value.as_array()?.iter().map(|item| item.get_ref().as_str()?.parse().ok()).collect()
}

fn read_table<'t, T>(
    place: Place<'_, 't>,
    keys: &'static [Key<T>],
    target: &mut T,
    reader: &mut Reader<'t>,
) {
    match place.value.as_table() {
        Some(table) => reader.read(table, place.path, keys, &[], target),
        None => {
            reader.note_value(place, format!("a table such as {}", show_table(keys, target, None)));
        }
    }
}

/// Shows a table within a line: all of it, or what differs from `base`.
fn show_table<T>(keys: &[Key<T>], target: &mut T, mut base: Option<&mut T>) -> String {
    let mut pairs = Vec::new();
    for Key { name, slot, .. } in keys {
        let value = match &mut base {
            Some(base) => slot.changes(target, base),
            None => slot.show(target),
        };
        pairs.extend(value.map(|value| format!("{name} = {value}")));
    }
    format!("{{ {} }}", pairs.join(", "))
}

/// Returns a text as TOML has it.
pub(super) fn quoted(text: impl std::fmt::Display) -> String {
    let mut quoted = "\"".to_owned();
    for character in text.to_string().chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

fn list(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    format!("[{}]", items.map(quoted).collect::<Vec<_>>().join(", "))
}

fn numbers<V: std::fmt::Display>(range: &RangeInclusive<V>) -> String {
    format!("a number from {} to {}", range.start(), range.end())
}

fn times(range: &RangeInclusive<Duration>, or_off: &str, found: &DeValue<'_>) -> String {
    let (least, most) = (show_time(*range.start()), show_time(*range.end()));
    let unit =
        if found.is_integer() || found.is_float() { " (with its unit, in quotes)" } else { "" };
    format!(
        "a time such as \"500 ms\", \"10 s\" or \"5 min\"{unit}, from {least} to {most}{or_off}"
    )
}

fn words<V>(known: &[(&str, V)]) -> String {
    known.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(", or ")
}

/// Says what a list of addresses is, and what is wrong with the first that is none.
fn expected_prefixes(found: &DeValue<'_>) -> String {
    let mut texts =
        found.as_array().into_iter().flatten().filter_map(|item| item.get_ref().as_str());
    let fault = texts.find_map(|text| Some((text, text.parse::<Prefix>().err()?)));
    let fault = fault
        .map(|(text, error)| format!(" (of {:?}: {error})", crate::config::fault::shorten(text)));
    let fault = fault.unwrap_or_default();
    format!("a list of addresses and prefixes such as [\"192.0.2.7\", \"fd00::/8\"]{fault}")
}

const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

const VERSIONS: [(&str, Version); 2] = [("3.0", Version::V3_0), ("3.1", Version::V3_1)];

const POLICIES: [(&str, Policy); 3] = [
    ("reject", Policy::Reject),
    ("drop_newest", Policy::DropNewest),
    ("drop_oldest", Policy::DropOldest),
];

const NAME_POLICIES: [(&str, NamePolicy); 3] = [
    ("auto", NamePolicy::Auto),
    ("reject", NamePolicy::Reject),
    ("takeover", NamePolicy::Takeover),
];
