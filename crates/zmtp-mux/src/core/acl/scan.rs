//! Access rules read one after the other: slow and obvious, to hold [`Acl`] against.

#![allow(clippy::panic, clippy::unwrap_used, reason = "as in tests")]

use std::fmt::Write as _;

use bytes::Bytes;

use crate::core::acl::parse::{Rule, Verb, Who, rules};
use crate::core::acl::{Acl, AclError};
use crate::core::authority::Authorizer;
use crate::core::pattern::Pattern;
use crate::core::principal::Principal;
use crate::core::role::Role;

/// The rules as they stand in the text.
#[derive(Debug)]
pub(crate) struct Scan(Vec<Rule>);

impl Scan {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, AclError> {
        rules(text).collect::<Result<_, _>>().map(Self)
    }

    fn rules_for(&self, principal: &Principal, verb: Verb) -> impl Iterator<Item = &Pattern> {
        let fits = move |rule: &&Rule| {
            rule.verb == verb
                && match (&rule.who, principal) {
                    (Who::Everybody, _) => true,
                    (Who::Only(Principal::Ipc { uid, .. }), Principal::Ipc { uid: own, .. }) => {
                        uid == own
                    }
                    (Who::Only(only), principal) => only == principal,
                }
        };
        self.0.iter().filter(fits).map(|rule| &rule.pattern)
    }

    fn may(&self, principal: &Principal, verb: Verb, name: &[u8]) -> bool {
        self.rules_for(principal, verb).any(|pattern| pattern.matches(name))
    }

    fn may_watch(&self, principal: &Principal, watched: &Pattern) -> bool {
        self.rules_for(principal, Verb::Watch).any(|pattern| {
            if let Some(name) = watched.as_name() {
                return pattern.matches(name);
            }
            // The star of what is watched stands for anything: a rule must have its own no later.
            let prefix = pattern.as_octets().strip_suffix(b"*");
            prefix.is_some_and(|prefix| watched.stem().starts_with(prefix))
        })
    }
}

/// The two ways to read `text` say the same of whom and what stands in it, and near it; and each
/// rule reads back from another way to write it.
pub(crate) fn compare(text: &[u8]) {
    let (acl, scan) = match (Acl::parse(text), Scan::parse(text)) {
        (Ok(acl), Ok(scan)) => (acl, scan),
        (Err(error), other) => return assert_eq!(error, other.unwrap_err()),
        (Ok(_), Err(error)) => panic!("{error} went unnoticed"),
    };
    assert_eq!(acl.rules(), scan.0.len());
    let some: Vec<&Rule> = scan.0.iter().take(RULES_MAX).collect();
    let mut principals = vec![Principal::None, Principal::User(Bytes::from_static(b"nobody"))];
    let mut names: Vec<Vec<u8>> = vec![b"x".to_vec()];
    for rule in &some {
        assert_eq!(Scan::parse(&written(rule)).unwrap().0, [(*rule).clone()]);
        if let Who::Only(principal) = &rule.who {
            principals.push(principal.clone());
        }
        let stem = rule.pattern.stem();
        let shorter = stem.split_last().map_or(stem, |(_, shorter)| shorter);
        names.extend([stem, shorter, rule.pattern.as_octets()].map(<[u8]>::to_vec));
        names.extend([0, b'a', 0xFF].map(|octet| [stem, &[octet]].concat()));
    }
    names.sort_unstable();
    names.dedup();
    for principal in &principals {
        for name in &names {
            compare_at(&acl, &scan, principal, name);
        }
    }
}

fn compare_at(acl: &Acl, scan: &Scan, principal: &Principal, name: &[u8]) {
    let fast = [
        acl.may_claim(principal, Role::Service, name),
        acl.may_claim(principal, Role::Client, name),
        acl.may_send(principal, name),
    ];
    let slow = [Verb::Claim, Verb::Alias, Verb::Send].map(|verb| scan.may(principal, verb, name));
    assert_eq!(fast, slow, "{principal} {}", name.escape_ascii());
    for octets in [name.to_vec(), [name, b"*"].concat()] {
        if let Some(pattern) = Pattern::new(octets.into()) {
            let (fast, slow) =
                (acl.may_watch(principal, &pattern), scan.may_watch(principal, &pattern));
            assert_eq!(fast, slow, "{principal} watch {pattern}");
        }
    }
}

/// Writes a rule with every octet escaped that may be.
fn written(rule: &Rule) -> Vec<u8> {
    let escaped = |octets: &[u8]| {
        octets.iter().fold(String::new(), |mut text, octet| {
            write!(text, "\\x{octet:02X}").unwrap();
            text
        })
    };
    let who = match &rule.who {
        Who::Everybody => "*".to_owned(),
        Who::Only(Principal::User(user)) => format!("plain:{}", escaped(user)),
        Who::Only(Principal::Ipc { uid, .. }) => format!("ipc:{uid}"),
        Who::Only(other) => other.to_string(),
    };
    let star = if rule.pattern.as_name().is_none() { "*" } else { "" };
    format!("\t{who}  {} {}{star} ", rule.verb.word(), escaped(rule.pattern.stem())).into()
}

/// Rules that are looked at each on its own. The work grows with the square of this, times all rules.
const RULES_MAX: usize = 8;
