//! Claims: who may take a name that a service holds.
//!
//! | the holder                            | the claimant         | what becomes of the claim        |
//! |---------------------------------------|----------------------|----------------------------------|
//! | has an authenticated principal        | has the same         | takes over at once               |
//! | has an authenticated principal        | any other            | refused                          |
//! | has none, and is idle                 | any                  | waits while the holder is probed |
//! | has none; cannot be asked, or is busy | any                  | refused                          |
//!
//! Under [`NamePolicy::Reject`], after a fight, and while the MUX ends, all are refused.

use zmtp_proto::Version;

use crate::core::binding::Binding;
use crate::core::principal::Principal;

/// How a claim on a name that a service holds is decided. No name has two holders under any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamePolicy {
    /// The same authenticated principal takes over at once. Else the holder is asked whether it
    /// lives, if it has no authenticated principal, and keeps the name if it does.
    #[default]
    Auto,
    /// The holder keeps the name until it ends.
    Reject,
    /// Whoever comes last takes over at once; but not from another authenticated principal.
    Takeover,
}

/// How a claim comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The claimant takes over.
    TakeOver,
    /// The holder is asked whether it lives.
    Probe,
    /// The holder keeps the name.
    Refuse,
}

/// Decides on a claim on the name of `holder`, fights apart.
// spec: mux:takeover:same-principal, mux:takeover:never-from-another,
//       mux:takeover:policy, mux:probe:busy-is-alive
pub(crate) fn decide(policy: NamePolicy, holder: &Binding, claimant: &Principal) -> Verdict {
    // spec: mux:drain:name-kept
    if holder.drains() {
        return Verdict::Refuse;
    }
    let same = claimant.is_authenticated() && *claimant == holder.principal;
    match policy {
        NamePolicy::Reject => Verdict::Refuse,
        NamePolicy::Auto | NamePolicy::Takeover if same => Verdict::TakeOver,
        NamePolicy::Auto | NamePolicy::Takeover if holder.principal.is_authenticated() => {
            Verdict::Refuse
        }
        NamePolicy::Takeover => Verdict::TakeOver,
        NamePolicy::Auto if holder.version == Version::V3_0 || holder.is_excused() => {
            Verdict::Refuse
        }
        NamePolicy::Auto => Verdict::Probe,
    }
}
