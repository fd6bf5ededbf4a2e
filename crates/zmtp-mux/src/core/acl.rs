//! Access rules: an [`Authorizer`] that is read from text. What no rule allows is denied.
//!
//! ```text
//! # who            may do what  with which names
//! curve:KEY        claim        engine.7
//! plain:alice      send         engine.*
//! ipc:1000         alias        ui.*
//! *                watch        engine.*
//! ```

mod error;
mod parse;
#[cfg(any(test, fuzzing))]
pub(crate) mod scan;

use std::collections::HashMap;
use std::fmt;

use ahash::RandomState;

use crate::core::acl::parse::{Rule, Verb, Who};
use crate::core::authority::{Admit, Applicant, Authorizer};
use crate::core::cover::Cover;
use crate::core::pattern::Pattern;
use crate::core::principal::Principal;
use crate::core::role::{ListenerRole, Role};

pub use error::{AclError, AclFault};

/// Rules that say who may have which names, send to which, and be told of which.
///
/// ```
/// use zmtp_mux::{Acl, Authorizer, Principal, Role};
///
/// let rules = "\
///     ## the engines' user, and everybody\n\
///     plain:engines claim engine.*\n\
///     * send engine.*\n";
/// let acl = Acl::parse(rules.as_bytes())?;
/// let engines = Principal::User("engines".into());
/// assert!(acl.may_claim(&engines, Role::Service, b"engine.7"));
/// assert!(!acl.may_claim(&Principal::None, Role::Service, b"engine.7"));
/// assert!(acl.may_send(&Principal::None, b"engine.7"));
/// # Ok::<(), zmtp_mux::AclError>(())
/// ```
pub struct Acl {
    everybody: Grants,
    principals: HashMap<Principal, Grants, RandomState>,
    rules: usize,
}

/// What the rules for one principal allow.
#[derive(Default)]
struct Grants {
    claim: Cover,
    alias: Cover,
    send: Cover,
    watch: Cover,
}

impl Acl {
    /// Octets in the longest line.
    pub const LINE_LEN_MAX: usize = 4096;

    /// Lines in the longest text, those without a rule included.
    pub const LINES_MAX: usize = 200_000;

    /// Reads rules, one a line, among blank lines and lines that begin with `#`.
    ///
    /// ```text
    /// rule    = who 1*blank verb 1*blank pattern        ; blanks may stand around it
    /// who     = "*"                                     ; everybody
    ///         / "none"                                  ; who has shown nothing: NULL over TCP
    ///         / "curve:" 40Z85 / "plain:" *255octet / "ipc:" 1*DIGIT
    /// verb    = "claim" / "alias" / "send" / "watch"
    /// pattern = 1*255octet                              ; a final * stands for any octets, or none,
    ///                                                   ; and one elsewhere is written as \x2A
    /// octet   = %x21-7E / %x80-FF / "\\" / "\x" 2HEXDIG ; a backslash and what else needs no escape
    /// blank   = SP / HTAB
    /// ```
    ///
    /// # Errors
    ///
    /// The first line that is wrong, with what was expected there. Nothing of it is shown.
    // spec: mux:acl:form, mux:acl:comments, mux:acl:limits
    pub fn parse(text: &[u8]) -> Result<Self, AclError> {
        let mut everybody = Grants::default();
        // Only the text puts anything in, and no peer: nobody has names collide.
        let mut principals: HashMap<_, Grants, _> =
            HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        let mut count: usize = 0;
        for rule in parse::rules(text) {
            let Rule { who, verb, pattern } = rule?;
            count = count.saturating_add(1);
            let grants = match who {
                Who::Everybody => &mut everybody,
                Who::Only(principal) => principals.entry(principal).or_default(),
            };
            grants.names_mut(verb).add(&pattern, &mut Vec::new());
        }
        Ok(Self { everybody, principals, rules: count })
    }

    /// Reads a pattern as it stands in a rule.
    ///
    /// ```
    /// # use zmtp_mux::{Acl, AclFault};
    /// let pattern = Acl::pattern(br"caf\xE9.*")?;
    /// assert!(pattern.matches(b"caf\xE9.7"));
    /// assert_eq!(Acl::pattern(b"engine.*.log"), Err(AclFault::InnerStar));
    /// # Ok::<(), AclFault>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is none, in the words of a rule.
    pub fn pattern(word: &[u8]) -> Result<Pattern, AclFault> {
        parse::pattern(word)
    }

    /// Returns how many rules were read.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules
    }

    // spec: mux:acl:default-deny, mux:acl:who
    fn allows(&self, principal: &Principal, verb: Verb, fits: impl Fn(&Cover) -> bool) -> bool {
        let own = match principal {
            // The group is no part of who it is.
            Principal::Ipc { uid, .. } => self.principals.get(&Who::ipc(*uid)),
            Principal::None | Principal::User(_) | Principal::Key(_) => {
                self.principals.get(principal)
            }
        };
        let mut both = [Some(&self.everybody), own].into_iter().flatten();
        both.any(|grants| fits(grants.names(verb)))
    }
}

impl Authorizer for Acl {
    /// As usual; but on `any` a peer with a name that it may have as alias only is a client.
    // spec: mux:acl:any-by-grant
    fn admit(&self, applicant: &Applicant<'_>) -> Admit {
        let usual = applicant.usual();
        match applicant.name {
            Some(name)
                if applicant.listener == ListenerRole::Any
                    && usual == Admit::Role(Role::Service, None)
                    && !self.may_claim(applicant.principal, Role::Service, name.as_octets())
                    && self.may_claim(applicant.principal, Role::Client, name.as_octets()) =>
            {
                Admit::Role(Role::Client, None)
            }
            _ => usual,
        }
    }

    // spec: mux:acl:verbs
    fn may_claim(&self, principal: &Principal, role: Role, name: &[u8]) -> bool {
        let verb = match role {
            Role::Service => Verb::Claim,
            Role::Client => Verb::Alias,
        };
        self.allows(principal, verb, |names| names.is_about(name))
    }

    fn may_send(&self, principal: &Principal, name: &[u8]) -> bool {
        self.allows(principal, Verb::Send, |names| names.is_about(name))
    }

    // spec: mux:acl:watch-covers
    fn may_watch(&self, principal: &Principal, pattern: &Pattern) -> bool {
        self.allows(principal, Verb::Watch, |names| names.covers(pattern))
    }
}

/// Shows how many rules there are, and not which.
impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acl").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Grants {
    fn names(&self, verb: Verb) -> &Cover {
        match verb {
            Verb::Claim => &self.claim,
            Verb::Alias => &self.alias,
            Verb::Send => &self.send,
            Verb::Watch => &self.watch,
        }
    }

    fn names_mut(&mut self, verb: Verb) -> &mut Cover {
        match verb {
            Verb::Claim => &mut self.claim,
            Verb::Alias => &mut self.alias,
            Verb::Send => &mut self.send,
            Verb::Watch => &mut self.watch,
        }
    }
}

#[cfg(test)]
mod tests;
