//! The writers of a driver's peers: what they take, and what the kernel accepts of it.

use std::io::IoSlice;

use crate::core::model::driver::{Driver, Writer};
use crate::core::model::parts::{Item, Phase, State};
use crate::core::model::step::Then;
use crate::core::model::wire::decode;
use crate::core::{Cause, Flight, Transmit};

impl Driver {
    pub(super) fn take(&mut self, peer: usize) {
        if let Some(peer) = self.pick(peer, |seat, _| seat.writer == Writer::Woken) {
            self.poll(peer, 0);
        }
    }

    pub(super) fn accept(&mut self, peer: usize, octets: usize, then: Then) {
        if let Some(peer) = self.pick(peer, |seat, _| !seat.in_flight.is_empty()) {
            self.write(peer, octets, then);
        }
    }

    /// The kernel accepts `octets` of what is in flight for `peer`, or all if that is less.
    pub(super) fn write(&mut self, peer: usize, octets: usize, then: Then) {
        let octets = octets.min(self.seats[peer].in_flight.len());
        let seat = &mut self.seats[peer];
        let now = read(&seat.flight);
        assert!(now[..octets] == seat.in_flight[..octets], "what is in flight has changed");
        seat.in_flight.drain(..octets);
        seat.flight.advance(octets);
        assert_eq!(seat.flight.is_empty(), seat.in_flight.is_empty());
        self.model.accept(peer, octets);
        let told = self.told_octets(octets);
        match (then, self.seats[peer].key) {
            (Then::AskForMore, _) => self.poll(peer, told),
            (Then::WriteOn, Some(key)) => self.core.handle_transmitted(key, told),
            (Then::WriteOn, None) => {}
        }
    }

    /// The writer of `peer` tells what it wrote, and asks for what comes next.
    pub(super) fn poll(&mut self, peer: usize, written: usize) {
        let seat = &mut self.seats[peer];
        let Some(key) = seat.key else { return };
        let before = seat.in_flight.len();
        let transmit = self.core.poll_transmit(key, written, &mut seat.flight);
        if !self.model.peers[peer].is_live() && self.model.peers[peer].state != State::Held
            || self.model.phase == Phase::Ended
        {
            let cause = match self.model.peers[peer].state {
                State::TakenOver => Cause::Takeover,
                State::Evicted => Cause::Evicted,
                _ => Cause::MuxEnds,
            };
            assert_eq!(transmit, Transmit::End(cause));
            return;
        }
        if before == 0 {
            seat.in_flight = read(&seat.flight);
            let octets = decode(&seat.in_flight);
            let taken = self.said_items(octets);
            let seat = &mut self.seats[peer];
            self.model.take(peer, &taken);
            let messages = taken.into_iter().filter_map(|item| match item {
                Item::Message(frames) => Some(frames),
                Item::Pong(_) | Item::Ping => None,
            });
            seat.deliveries.extend(messages);
        }
        let seat = &mut self.seats[peer];
        let expected = if seat.in_flight.is_empty() {
            seat.writer = Writer::Asleep;
            Transmit::Sleep
        } else {
            Transmit::Write
        };
        assert_eq!(transmit, expected);
    }
}

/// Reads all that is in flight.
fn read(flight: &Flight) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 1024];
    let count = flight.slices(&mut slices);
    let mut octets = Vec::new();
    slices[..count].iter().for_each(|slice| octets.extend_from_slice(slice));
    octets
}
