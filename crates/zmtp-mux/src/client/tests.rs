//! A client and services against a real core, in memory, with a clock that stands still.

mod chaos;
mod outcome;
mod presence;
mod world;
