//! Cover: of several patterns those that no other of them covers. They are about the same names.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::core::pattern::Pattern;

/// Patterns of which none covers another, by their stems. So of all that could be about a name, or
/// cover a pattern, only the last whose stem is not behind it does.
#[derive(Debug, Default)]
pub(crate) struct Cover(BTreeMap<Bytes, Pattern>);

/// What changes in a cover.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Change {
    In(Pattern),
    Out(Pattern),
}

impl Cover {
    /// Tells whether one of them is about `name`.
    pub(crate) fn is_about(&self, name: &[u8]) -> bool {
        self.not_behind(name).is_some_and(|pattern| pattern.matches(name))
    }

    /// Tells whether one of them is about every name that `pattern` is about.
    pub(crate) fn covers(&self, pattern: &Pattern) -> bool {
        self.not_behind(pattern.stem()).is_some_and(|own| own.covers(pattern))
    }

    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.0.values()
    }

    /// Puts a pattern in, unless one covers it, in place of all that it covers.
    pub(crate) fn add(&mut self, pattern: &Pattern, changes: &mut Vec<Change>) {
        if self.covers(pattern) {
            return;
        }
        let from = (Bound::Included(pattern.stem()), Bound::Unbounded);
        let behind = self.0.range::<[u8], _>(from).map(|(_, own)| own);
        let covered: Vec<_> = behind.take_while(|own| pattern.covers(own)).cloned().collect();
        for own in covered {
            self.0.remove(own.stem());
            changes.push(Change::Out(own));
        }
        self.0.insert(pattern.to_stem(), pattern.clone());
        changes.push(Change::In(pattern.clone()));
    }

    /// Takes a pattern out, and puts those of `others` in that it has covered.
    pub(crate) fn remove<'p>(
        &mut self,
        pattern: &Pattern,
        others: impl Iterator<Item = &'p Pattern>,
        changes: &mut Vec<Change>,
    ) {
        if self.0.get(pattern.stem()) != Some(pattern) {
            return;
        }
        self.0.remove(pattern.stem());
        changes.push(Change::Out(pattern.clone()));
        for other in others.filter(|other| pattern.covers(other)) {
            self.add(other, changes);
        }
    }

    fn not_behind(&self, octets: &[u8]) -> Option<&Pattern> {
        let to = (Bound::Unbounded, Bound::Included(octets));
        self.0.range::<[u8], _>(to).next_back().map(|(_, pattern)| pattern)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn pattern(octets: &[u8]) -> Pattern {
        Pattern::new(Bytes::copy_from_slice(octets)).unwrap()
    }

    /// Short ones of few letters, with one before the star and one behind it.
    fn patterns() -> impl Strategy<Value = Pattern> {
        let letters = vec(prop_oneof![Just(b'!'), Just(b'a')], 0..4);
        (letters, any::<bool>()).prop_map(|(mut octets, star)| {
            if star || octets.is_empty() {
                octets.push(b'*');
            }
            pattern(&octets)
        })
    }

    /// mux:watch:limit-ends: as watches end together.
    #[test]
    fn of_what_goes_from_the_narrowest_on_only_the_widest_is_a_change() {
        let (mut cover, mut changes) = (Cover::default(), Vec::new());
        let mut live: Vec<_> = [&b"*"[..], b"a*", b"aa*", b"aa"].map(pattern).to_vec();
        for pattern in &live {
            cover.add(pattern, &mut changes);
        }
        assert_eq!(changes, [Change::In(pattern(b"*"))]);
        changes.clear();
        while let Some(narrowest) = live.pop() {
            cover.remove(&narrowest, live.iter(), &mut changes);
        }
        assert_eq!(changes, [Change::Out(pattern(b"*"))]);
    }

    proptest! {
        /// mux:watch:found-once.
        #[test]
        fn holds_what_no_other_covers_and_says_each_change(
            steps in vec((any::<bool>(), patterns()), 0..40)
        ) {
            let (mut cover, mut live, mut told) = (Cover::default(), BTreeSet::new(), BTreeSet::new());
            for (adds, pattern) in steps {
                let mut changes = Vec::new();
                if adds {
                    live.insert(pattern.clone());
                    cover.add(&pattern, &mut changes);
                } else {
                    live.remove(&pattern);
                    cover.remove(&pattern, live.iter(), &mut changes);
                }
                for change in changes {
                    match change {
                        Change::In(pattern) => prop_assert!(told.insert(pattern)),
                        Change::Out(pattern) => prop_assert!(told.remove(&pattern)),
                    }
                }
                let widest = |one: &&Pattern| !live.iter().any(|own| own != *one && own.covers(one));
                let expected: BTreeSet<_> = live.iter().filter(widest).cloned().collect();
                prop_assert_eq!(&told, &expected);
                prop_assert_eq!(cover.patterns().cloned().collect::<BTreeSet<_>>(), expected);
                for name in [&b"a"[..], b"!", b"aa", b"a!", b"!a", b"aaa", b"aa!", b"aaaa!"] {
                    let is_about = live.iter().any(|own| own.matches(name));
                    prop_assert_eq!(cover.is_about(name), is_about, "{}", name.escape_ascii());
                }
            }
        }
    }
}
