//! The register: which services are there, and who is shown which of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use ahash::RandomState;
use bytes::Bytes;

use crate::core::binding::BindingKey;
use crate::core::cover::Change;
use crate::core::pattern::Pattern;

/// The services of a MUX, and those who watch them.
///
/// Who watches a name is found by that name and by each prefix of it, once: of a watcher's patterns only
/// its cover is here. It costs nothing that others watch other names, however many.
#[derive(Debug)]
pub(crate) struct Register {
    /// Every service that holds a name, with its generation.
    services: BTreeMap<Bytes, u64>,
    /// Who watches one name.
    by_name: HashMap<Bytes, BTreeSet<BindingKey>, RandomState>,
    /// Who watches all names that begin so.
    by_prefix: HashMap<Bytes, BTreeSet<BindingKey>, RandomState>,
}

impl Register {
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self {
            services: BTreeMap::new(),
            by_name: HashMap::with_hasher(hasher.clone()),
            by_prefix: HashMap::with_hasher(hasher),
        }
    }

    /// Notes that a service holds `name`, and returns the name as it is kept.
    pub(super) fn note_up(&mut self, name: &[u8], generation: u64) -> Bytes {
        let name = Bytes::copy_from_slice(name);
        self.services.insert(name.clone(), generation);
        name
    }

    /// Notes that no service holds `name` any more.
    pub(super) fn note_gone(&mut self, name: &[u8]) {
        self.services.remove(name);
    }

    /// Returns the services that `pattern` is about, with their generations.
    pub(super) fn matching(&self, pattern: &Pattern) -> impl Iterator<Item = (&Bytes, &u64)> {
        matching(&self.services, pattern)
    }

    /// Returns who watches `name`, each once: one pattern of a cover at most is about it.
    // spec: mux:watch:found-once
    pub(super) fn watchers(&self, name: &[u8]) -> Vec<BindingKey> {
        let mut all: Vec<_> = self.by_name.get(name).into_iter().flatten().copied().collect();
        if !self.by_prefix.is_empty() {
            let prefixes = (0..=name.len()).filter_map(|len| name.get(..len));
            all.extend(prefixes.filter_map(|prefix| self.by_prefix.get(prefix)).flatten());
        }
        all
    }

    /// Notes what has changed in the cover of a watcher.
    pub(super) fn apply(&mut self, changes: Vec<Change>, watcher: BindingKey) {
        for change in changes {
            match change {
                Change::In(pattern) => self.add(&pattern, watcher),
                Change::Out(pattern) => self.remove(&pattern, watcher),
            }
        }
    }

    fn add(&mut self, pattern: &Pattern, watcher: BindingKey) {
        self.index(pattern).entry(pattern.to_stem()).or_default().insert(watcher);
    }

    pub(super) fn remove(&mut self, pattern: &Pattern, watcher: BindingKey) {
        let index = self.index(pattern);
        let Some(watchers) = index.get_mut(pattern.stem()) else { return };
        watchers.remove(&watcher);
        if watchers.is_empty() {
            index.remove(pattern.stem());
        }
    }

    /// Tells whether nobody watches, and no service is there.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty() && self.by_name.is_empty() && self.by_prefix.is_empty()
    }

    fn index(
        &mut self,
        pattern: &Pattern,
    ) -> &mut HashMap<Bytes, BTreeSet<BindingKey>, RandomState> {
        if pattern.as_name().is_some() { &mut self.by_name } else { &mut self.by_prefix }
    }
}

/// Returns the entries whose name `pattern` is about; it looks at no others.
pub(super) fn matching<'m, T>(
    names: &'m BTreeMap<Bytes, T>,
    pattern: &Pattern,
) -> impl Iterator<Item = (&'m Bytes, &'m T)> {
    let from = (Bound::Included(pattern.stem()), Bound::Unbounded);
    names.range::<[u8], _>(from).take_while(|(name, _)| pattern.matches(name))
}
