//! Sources: whose share of the queues a message is of.
//!
//! A source is not a connection: a peer gets no larger share by connecting more often, nor by
//! making up keys. It is the principal if somebody vouched for it, else the address, else, where
//! addresses tell nothing, the connection after all.

use std::collections::HashMap;

use ahash::RandomState;
use slotmap::{SlotMap, new_key_type};

use crate::core::lobby::Origin;
use crate::core::pool::Used;
use crate::core::principal::Principal;

new_key_type! {
    /// What the core calls a source.
    pub(crate) struct SourceKey;
}

/// Who shares the queues with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// Whoever acts for this principal, which the configuration names.
    Of(Principal),
    /// Whoever comes from this address.
    At(Origin),
    /// This connection alone: a process of this machine, or at an address without limit.
    Own,
}

/// All sources that have a connection, or something queued.
#[derive(Debug)]
pub(crate) struct Sources {
    all: SlotMap<SourceKey, Source>,
    known: HashMap<Share, SourceKey, RandomState>,
}

#[derive(Debug)]
pub(crate) struct Source {
    share: Share,
    bindings: usize,
    /// What it holds of all pools: queued, parked or incomplete.
    pub(crate) held: Used,
    /// What waits for those of its connections that are clients.
    pub(crate) waiting: Used,
    /// Its messages wait for no room until it holds no more octets than this.
    pub(crate) stalled: Option<usize>,
}

impl Sources {
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self { all: SlotMap::with_key(), known: HashMap::with_hasher(hasher) }
    }

    /// Counts a binding of this source, and returns its key.
    // spec: mux:overload:source
    pub(crate) fn join(&mut self, share: Share) -> SourceKey {
        if let Some(&key) = self.known.get(&share)
            && let Some(source) = self.all.get_mut(key)
        {
            source.bindings = source.bindings.saturating_add(1);
            return key;
        }
        let source = Source {
            share: share.clone(),
            bindings: 1,
            held: Used::default(),
            waiting: Used::default(),
            stalled: None,
        };
        let key = self.all.insert(source);
        if share != Share::Own {
            self.known.insert(share, key);
        }
        key
    }

    /// Counts a binding less.
    pub(crate) fn leave(&mut self, key: SourceKey) {
        if let Some(source) = self.all.get_mut(key) {
            source.bindings = source.bindings.saturating_sub(1);
        }
        self.forget_empty(key);
    }

    #[inline]
    pub(crate) fn get(&self, key: SourceKey) -> Option<&Source> {
        self.all.get(key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: SourceKey) -> Option<&mut Source> {
        self.all.get_mut(key)
    }

    /// Charges a message to a source.
    #[inline]
    pub(crate) fn take(&mut self, key: SourceKey, len: usize) {
        if let Some(source) = self.all.get_mut(key) {
            source.held.take(len);
        }
    }

    /// Charges several messages to a source.
    #[inline]
    pub(crate) fn take_all(&mut self, key: SourceKey, more: Used) {
        if let Some(source) = self.all.get_mut(key) {
            source.held.take_all(more);
        }
    }

    /// Gives back the room of a message.
    pub(crate) fn give_back(&mut self, key: SourceKey, len: usize) {
        self.give_back_all(key, Used::of(1, len));
    }

    /// Gives back the room of several messages.
    #[inline]
    pub(crate) fn give_back_all(&mut self, key: SourceKey, freed: Used) {
        let Some(source) = self.all.get_mut(key) else { return };
        source.held.give_back_all(freed);
        if source.stalled.is_some_and(|mark| source.held.octets() <= mark) {
            source.stalled = None;
        }
        if source.bindings == 0 {
            self.forget_empty(key);
        }
    }

    /// Charges octets that are no message.
    pub(crate) fn take_octets(&mut self, key: SourceKey, len: usize) {
        if let Some(source) = self.all.get_mut(key) {
            source.held.take_octets(len);
        }
    }

    /// Gives back what [`take_octets`](Self::take_octets) took.
    pub(crate) fn give_back_octets(&mut self, key: SourceKey, len: usize) {
        if let Some(source) = self.all.get_mut(key) {
            source.held.give_back_octets(len);
        }
        self.forget_empty(key);
    }

    /// Notes a message that waits for a client of this source.
    #[inline]
    pub(crate) fn take_waiting(&mut self, key: SourceKey, len: usize) {
        if let Some(source) = self.all.get_mut(key) {
            source.waiting.take(len);
        }
    }

    /// Notes that messages wait no longer for a client of this source.
    #[inline]
    pub(crate) fn give_back_waiting(&mut self, key: SourceKey, freed: Used) {
        if let Some(source) = self.all.get_mut(key) {
            source.waiting.give_back_all(freed);
        }
    }

    fn forget_empty(&mut self, key: SourceKey) {
        let Some(source) = self.all.get(key) else { return };
        if source.bindings == 0 && source.held == Used::default() {
            self.known.remove(&source.share);
            self.all.remove(key);
        }
    }

    /// Returns how many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:overload:source.
    #[test]
    fn connections_of_one_address_share_and_others_do_not() {
        let mut sources = Sources::new(RandomState::with_seeds(1, 2, 3, 4));
        let at = |text: &str| Share::At(Origin::of(Some(text.parse().unwrap())));
        let first = sources.join(at("10.0.0.1"));
        assert_eq!(sources.join(at("10.0.0.1")), first);
        assert_ne!(sources.join(at("10.0.0.2")), first);
        let six = sources.join(at("2001:db8::1"));
        assert_eq!(sources.join(at("2001:db8::ffff:1")), six, "one /64");
        assert_ne!(sources.join(Share::Own), sources.join(Share::Own));
        let user = Share::Of(Principal::User(bytes::Bytes::from_static(b"alice")));
        let alice = sources.join(user.clone());
        assert_eq!(sources.join(user), alice);
    }

    /// mux:overload:source.
    #[test]
    fn a_source_is_forgotten_with_its_last_connection_and_message() {
        let mut sources = Sources::new(RandomState::with_seeds(1, 2, 3, 4));
        let key = sources.join(Share::Own);
        sources.take(key, 10);
        sources.leave(key);
        assert_eq!(sources.len(), 1);
        sources.give_back(key, 10);
        assert_eq!(sources.len(), 0);
        let at = Share::At(Origin::of(Some("10.0.0.1".parse().unwrap())));
        let key = sources.join(at.clone());
        sources.leave(key);
        assert_eq!(sources.len(), 0);
        assert_ne!(sources.join(at), key);
    }
}
