//! The directory: who holds which name, who has which address, and who waits for a name.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use ahash::RandomState;

use crate::core::address::{Name, Token};
use crate::core::binding::BindingKey;

/// The key of a hash: peers choose names, and must not be able to choose names that collide.
#[derive(Clone, Copy, Debug)]
pub struct HashKey(
    /// Drawn at random when the MUX starts.
    pub [u64; 4],
);

impl HashKey {
    /// Returns the hash of this key.
    pub(crate) fn hasher(self) -> RandomState {
        let Self([a, b, c, d]) = self;
        RandomState::with_seeds(a, b, c, d)
    }
}

/// Names and addresses of all bindings.
#[derive(Debug)]
pub(crate) struct Directory {
    names: HashMap<Name, BindingKey, RandomState>,
    bindings: HashMap<Token, BindingKey, BuildHasherDefault<TokenHasher>>,
    waiting: HashMap<Name, VecDeque<BindingKey>, RandomState>,
    waiting_count: usize,
}

/// How [`Directory::note_binding`] came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum TokenUse {
    /// The token was free, and is this binding's now.
    New,
    /// Another binding has it.
    Taken,
}

impl Directory {
    pub(crate) fn new(key: HashKey) -> Self {
        let hasher = key.hasher();
        Self {
            names: HashMap::with_hasher(hasher.clone()),
            bindings: HashMap::default(),
            waiting: HashMap::with_hasher(hasher),
            waiting_count: 0,
        }
    }

    /// Returns the holder of a name.
    #[inline]
    pub(crate) fn holder(&self, name: &[u8]) -> Option<BindingKey> {
        self.names.get(name).copied()
    }

    /// Returns the binding with this token.
    #[inline]
    pub(crate) fn binding(&self, token: Token) -> Option<BindingKey> {
        self.bindings.get(&token).copied()
    }

    /// Gives a binding its token.
    // spec: mux:address:binding-never-reused, 28:router:unique-address
    pub(crate) fn note_binding(&mut self, token: Token, key: BindingKey) -> TokenUse {
        match self.bindings.entry(token) {
            Entry::Occupied(_) => TokenUse::Taken,
            Entry::Vacant(place) => {
                place.insert(key);
                TokenUse::New
            }
        }
    }

    pub(crate) fn forget_binding(&mut self, token: Token) {
        self.bindings.remove(&token);
    }

    /// Makes `key` the holder of `name`, and returns who held it.
    // spec: mux:name:one-holder
    pub(crate) fn hold(&mut self, name: Name, key: BindingKey) -> Option<BindingKey> {
        self.names.insert(name, key)
    }

    /// Frees `name`, and returns the binding that has waited longest for it.
    // spec: mux:duplicate:longest-waiting-gets-it
    pub(crate) fn free(&mut self, name: &Name) -> Option<BindingKey> {
        self.names.remove(name);
        let queue = self.waiting.get_mut(name)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(name);
        }
        self.waiting_count = self.waiting_count.saturating_sub(1);
        next
    }

    /// Makes `key` wait for `name`, behind those who wait already.
    pub(crate) fn wait(&mut self, name: Name, key: BindingKey) {
        self.waiting.entry(name).or_default().push_back(key);
        self.waiting_count = self.waiting_count.saturating_add(1);
    }

    /// Makes `key` wait no longer.
    pub(crate) fn wait_no_more(&mut self, name: &Name, key: BindingKey) {
        let Some(queue) = self.waiting.get_mut(name) else { return };
        let before = queue.len();
        queue.retain(|&other| other != key);
        self.waiting_count = self.waiting_count.saturating_sub(before.saturating_sub(queue.len()));
        if queue.is_empty() {
            self.waiting.remove(name);
        }
    }

    /// Returns who waits longest for `name`.
    pub(crate) fn first_waiting(&self, name: &Name) -> Option<BindingKey> {
        self.waiting.get(name)?.front().copied()
    }

    /// Returns how many bindings wait for a name.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting_count
    }
}

/// Tokens come from a CSPRNG and are never a peer's choice: they are their own hash.
#[derive(Debug, Default)]
struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn write(&mut self, octets: &[u8]) {
        if let Some(token) = octets.first_chunk() {
            self.0 = u64::from_ne_bytes(*token);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length of the array, which is always the same.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
