//! Lines of access rules, one by one. The grammar stands at [`Acl::parse`].

use std::str::from_utf8;

use bytes::Bytes;

use crate::core::acl::Acl;
use crate::core::acl::error::{AclError, AclFault};
use crate::core::pattern::Pattern;
use crate::core::principal::Principal;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) who: Who,
    pub(crate) verb: Verb,
    pub(crate) pattern: Pattern,
}

/// For whom a rule is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Everybody,
    Only(Principal),
}

/// What a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Claim,
    Alias,
    Send,
    Watch,
}

impl Verb {
    pub(crate) const ALL: [Self; 4] = [Self::Claim, Self::Alias, Self::Send, Self::Watch];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Alias => "alias",
            Self::Send => "send",
            Self::Watch => "watch",
        }
    }
}

impl Who {
    /// Returns the principal that stands for a user of this machine, whatever its group.
    pub(crate) fn ipc(uid: u32) -> Principal {
        Principal::Ipc { uid, gid: 0 }
    }
}

/// Returns the rules of a text, and an error for each line that is wrong.
// spec: mux:acl:error-by-line
pub(crate) fn rules(text: &[u8]) -> impl Iterator<Item = Result<Rule, AclError>> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|&octet| octet == b'\n');
    (1..).zip(lines).take(Acl::LINES_MAX.saturating_add(1)).filter_map(|(number, line)| {
        let fault = |fault| AclError { line: number, fault };
        if number > Acl::LINES_MAX {
            return Some(Err(fault(AclFault::TooManyLines)));
        }
        rule(line.strip_suffix(b"\r").unwrap_or(line)).map_err(fault).transpose()
    })
}

/// `line = *blank [ "#" *OCTET / who 1*blank verb 1*blank pattern *blank ]`
fn rule(line: &[u8]) -> Result<Option<Rule>, AclFault> {
    if line.len() > Acl::LINE_LEN_MAX {
        return Err(AclFault::LineTooLong);
    }
    let mut words =
        line.split(|&octet| octet == b' ' || octet == b'\t').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next(), words.next()) {
        (None | Some([b'#', ..]), ..) => Ok(None),
        (Some(first), Some(second), Some(third), None) => {
            let (who, verb, pattern) = (who(first)?, verb(second)?, pattern(third)?);
            Ok(Some(Rule { who, verb, pattern }))
        }
        // A word that is wrong says more than how many there are.
        (Some(first), second, third, fourth) => {
            who(first)?;
            second.map(verb).transpose()?;
            third.map(pattern).transpose()?;
            Err(if fourth.is_some() { AclFault::TooMany } else { AclFault::TooFew })
        }
    }
}

/// `who = "*" / "none" / "curve:" 40Z85 / "plain:" *255octet / "ipc:" 1*DIGIT`
// spec: mux:acl:who
fn who(word: &[u8]) -> Result<Who, AclFault> {
    if word == b"*" {
        return Ok(Who::Everybody);
    }
    let principal = if word == b"none" {
        Principal::None
    } else if let Some(key) = word.strip_prefix(b"curve:") {
        let key = from_utf8(key).ok().and_then(|key| key.parse().ok());
        Principal::Key(key.ok_or(AclFault::Key)?)
    } else if let Some(user) = word.strip_prefix(b"plain:") {
        let user = octets(user)?;
        if user.len() > USER_LEN_MAX {
            return Err(AclFault::User);
        }
        Principal::User(user.into())
    } else if let Some(uid) = word.strip_prefix(b"ipc:") {
        // `parse` alone would take a sign.
        let digits = from_utf8(uid).ok().filter(|uid| uid.bytes().all(|o| o.is_ascii_digit()));
        Who::ipc(digits.and_then(|uid| uid.parse().ok()).ok_or(AclFault::Uid)?)
    } else {
        return Err(AclFault::Who);
    };
    Ok(Who::Only(principal))
}

fn verb(word: &[u8]) -> Result<Verb, AclFault> {
    let verb = Verb::ALL.into_iter().find(|verb| verb.word().as_bytes() == word);
    verb.ok_or(AclFault::Verb)
}

/// `pattern = 1*255octet`, but for a star that is not the last octet.
// spec: mux:acl:inner-star
pub(super) fn pattern(word: &[u8]) -> Result<Pattern, AclFault> {
    let octets = octets(word)?;
    // Who knows other patterns expects it to stand for something.
    if word.split_last().is_some_and(|(_, stem)| stem.contains(&b'*')) {
        return Err(AclFault::InnerStar);
    }
    // Who writes it as \x2A means the star itself, and would be given far more than that.
    if octets.ends_with(b"*") && !word.ends_with(b"*") {
        return Err(AclFault::EscapedStar);
    }
    Pattern::new(Bytes::from(octets)).ok_or(AclFault::Pattern)
}

/// `octet = %x21-7E / %x80-FF / "\\" / "\x" 2HEXDIG`, but for the backslash.
// spec: mux:acl:escapes
fn octets(word: &[u8]) -> Result<Vec<u8>, AclFault> {
    let mut octets = Vec::with_capacity(word.len());
    let mut rest = word;
    loop {
        rest = match rest {
            [] => return Ok(octets),
            [b'\\', b'\\', rest @ ..] => {
                octets.push(b'\\');
                rest
            }
            [b'\\', b'x', high, low, rest @ ..] => {
                octets.push((digit(*high)? << 4) | digit(*low)?);
                rest
            }
            [b'\\', ..] => return Err(AclFault::Escape),
            [octet, ..] if octet.is_ascii_control() => return Err(AclFault::Control),
            [octet, rest @ ..] => {
                octets.push(*octet);
                rest
            }
        }
    }
}

fn digit(octet: u8) -> Result<u8, AclFault> {
    let digit = char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or(AclFault::Escape)
}

/// Octets in the longest user of PLAIN.
const USER_LEN_MAX: usize = 255;
