//! The comparison: every clause against the code and the tests that carry it.

use std::collections::BTreeMap;

use super::id::Id;
use super::notes::{self, Clause, Duty};
use super::problem::{Fault, Place, Problem};
use super::{code, tests_of};
use crate::workspace::Source;

/// The clauses, what carries them, and what is wrong.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) clauses: BTreeMap<Id, Clause>,
    pub(super) code: BTreeMap<Id, Vec<Place>>,
    pub(super) tests: BTreeMap<Id, Vec<Place>>,
    /// In order of place.
    pub(super) problems: Vec<Problem>,
}

impl Audit {
    /// Reads the whole tree.
    pub(super) fn new(notes: &[Source], sources: &[Source]) -> Self {
        let mut audit = Self::default();
        for note in notes {
            audit.read_note(note);
        }
        for source in sources {
            audit.read_source(source);
        }
        audit.find_missing();
        audit.problems.sort();
        audit.problems.dedup();
        audit
    }

    fn read_note(&mut self, note: &Source) {
        for clause in notes::clauses(note, &mut self.problems) {
            if let Some(first) = self.clauses.get(&clause.id) {
                let fault = Fault::GivenTwice(clause.id, first.place.clone());
                self.problems.push(Problem { place: clause.place, fault });
            } else {
                self.clauses.insert(clause.id.clone(), clause);
            }
        }
    }

    fn read_source(&mut self, source: &Source) {
        for (id, place) in code::carried(source, &mut self.problems) {
            self.code.entry(id).or_default().push(place);
        }
        for test in tests_of::tests(source) {
            let count = test.ids.len();
            for id in test.ids {
                self.tests.entry(id).or_default().push(test.place.clone());
            }
            if count > tests_of::IDS_MAX {
                let fault = Fault::TooManyIds { test: test.name, count };
                self.problems.push(Problem { place: test.place, fault });
            }
        }
        let unknown = code::mentioned(source)
            .into_iter()
            .filter(|(id, _)| !self.clauses.contains_key(id))
            .map(|(id, place)| Problem { place, fault: Fault::Unknown(id) });
        self.problems.extend(unknown);
    }

    fn find_missing(&mut self) {
        if self.clauses.is_empty() {
            let place = Place { path: "spec-notes".to_owned(), line: 1 };
            self.problems.push(Problem { place, fault: Fault::NoClauses });
        }
        for (id, clause) in self.clauses.iter().filter(|(_, clause)| clause.duty == Duty::Owed) {
            let mut missing =
                |fault| self.problems.push(Problem { place: clause.place.clone(), fault });
            if !self.code.contains_key(id) {
                missing(Fault::NoCode(id.clone()));
            }
            if !self.tests.contains_key(id) {
                missing(Fault::NoTest(id.clone()));
            }
        }
    }

    /// Prints how many clauses there are, and of what kind.
    pub(super) fn print_counts(&self) {
        let count = |wanted: &dyn Fn(&Clause) -> bool| {
            self.clauses.values().filter(|clause| wanted(clause)).count()
        };
        println!(
            "spec: {} clauses, {} with code, {} with a test, {} excused, {} informative",
            self.clauses.len(),
            count(&|clause| self.code.contains_key(&clause.id)),
            count(&|clause| self.tests.contains_key(&clause.id)),
            count(&|clause| matches!(clause.duty, Duty::Excused(_))),
            count(&|clause| clause.duty == Duty::Informative),
        );
    }

    /// Prints each clause with every place that carries it.
    pub(super) fn print_list(&self) {
        for clause in self.clauses.values() {
            println!("{} — {} ({})", clause.id, clause.level, clause.place);
            if let Duty::Excused(reason) = &clause.duty {
                println!("  not done: {reason}");
            }
            for (kind, carried) in [("code", &self.code), ("test", &self.tests)] {
                for place in carried.get(&clause.id).into_iter().flatten() {
                    println!("  {kind} {place}");
                }
            }
        }
        self.print_counts();
    }
}
