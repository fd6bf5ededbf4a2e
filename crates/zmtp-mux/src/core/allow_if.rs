//! An authorizer that is one closure.

use std::fmt;

use crate::core::authority::Authorizer;
use crate::core::pattern::Pattern;
use crate::core::principal::Principal;
use crate::core::role::Role;

/// What a peer wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed<'a> {
    /// Have this name: a service as its own, a client as its alias.
    Claim {
        /// What it is.
        role: Role,
        /// The name.
        name: &'a [u8],
    },
    /// Send to this name, whether there is such a service or not.
    Send {
        /// The name.
        name: &'a [u8],
    },
    /// Be told of all names that this is about.
    Watch {
        /// The pattern.
        pattern: &'a Pattern,
    },
}

/// An [`Authorizer`] that asks a closure.
///
/// ```
/// use zmtp_mux::{AllowIf, Deed, MuxConfig, Principal};
///
/// let rules = AllowIf::new(|who, deed| match deed {
///     Deed::Claim { name, .. } => name.starts_with(b"engine.") && *who != Principal::None,
///     Deed::Send { .. } => true,
///     _ => false,
/// });
/// let config = MuxConfig::default().with_authorizer(rules);
/// ```
pub struct AllowIf<F>(F);

impl<F: Fn(&Principal, Deed<'_>) -> bool + Send + Sync> AllowIf<F> {
    /// Allows what `allows` says. As every authorizer it is asked under the lock of the MUX.
    pub fn new(allows: F) -> Self {
        Self(allows)
    }
}

impl<F: Fn(&Principal, Deed<'_>) -> bool + Send + Sync> Authorizer for AllowIf<F> {
    fn may_claim(&self, principal: &Principal, role: Role, name: &[u8]) -> bool {
        (self.0)(principal, Deed::Claim { role, name })
    }

    fn may_send(&self, principal: &Principal, name: &[u8]) -> bool {
        (self.0)(principal, Deed::Send { name })
    }

    fn may_watch(&self, principal: &Principal, pattern: &Pattern) -> bool {
        (self.0)(principal, Deed::Watch { pattern })
    }
}

impl<F> fmt::Debug for AllowIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AllowIf(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:authority:asked.
    #[test]
    fn each_deed_is_asked_for_as_what_it_is() {
        let pattern = Pattern::new("a*".into()).unwrap();
        let asked = |wanted: Deed<'static>| AllowIf::new(move |_, deed| deed == wanted);
        let claim = asked(Deed::Claim { role: Role::Service, name: b"a" });
        assert!(claim.may_claim(&Principal::None, Role::Service, b"a"));
        assert!(!claim.may_claim(&Principal::None, Role::Client, b"a"));
        assert!(!claim.may_send(&Principal::None, b"a"));
        let send = asked(Deed::Send { name: b"a" });
        assert!(send.may_send(&Principal::None, b"a") && !send.may_send(&Principal::None, b"b"));
        assert!(!send.may_watch(&Principal::None, &pattern));
        let watch = AllowIf::new(|_, deed| matches!(deed, Deed::Watch { .. }));
        assert!(watch.may_watch(&Principal::None, &pattern));
    }
}
