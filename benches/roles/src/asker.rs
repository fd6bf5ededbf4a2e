//! A client that keeps some requests open at one service, and checks the answers.

use std::collections::VecDeque;
use std::time::Instant;

use thiserror::Error;

use crate::body;

/// The requests of one client.
#[derive(Debug)]
pub struct Asker {
    octets: Vec<u8>,
    next: u64,
    due: u64,
    sent: VecDeque<Instant>,
}

/// An answer that is not the one that was due: a pair of client and service keeps the order.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the answer to {found:?} where that to {due} was due")]
pub struct NotDue {
    /// The request that was due.
    pub due: u64,
    /// The number of the answer, if it had one.
    pub found: Option<u64>,
}

impl Asker {
    /// Before the first request.
    #[must_use]
    pub fn new(body_len: usize) -> Self {
        Self { octets: body::blank(body_len), next: 0, due: 0, sent: VecDeque::new() }
    }

    /// Returns the body of the next request, which counts as sent.
    pub fn ask(&mut self) -> &[u8] {
        body::stamp(&mut self.octets, self.next);
        self.next += 1;
        self.sent.push_back(Instant::now());
        &self.octets
    }

    /// Takes the body of an answer and returns when it was asked for.
    ///
    /// # Errors
    ///
    /// It is not the one that is due.
    pub fn take(&mut self, answer: &[u8]) -> Result<Instant, NotDue> {
        let found = body::number(answer).filter(|_| answer.len() == self.octets.len());
        let fault = NotDue { due: self.due, found };
        if found != Some(self.due) {
            return Err(fault);
        }
        self.due += 1;
        self.sent.pop_front().ok_or(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_answer_that_is_not_due() {
        let mut asker = Asker::new(16);
        let first = asker.ask().to_vec();
        let second = asker.ask().to_vec();
        assert_eq!(asker.take(&second), Err(NotDue { due: 0, found: Some(1) }));
        assert!(asker.take(&first).is_ok());
        assert_eq!(asker.take(&first), Err(NotDue { due: 1, found: Some(0) }));
        assert_eq!(asker.take(&second[..15]), Err(NotDue { due: 1, found: None }));
        assert!(asker.take(&second).is_ok());
    }
}
