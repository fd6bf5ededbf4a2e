//! Lies between core and model, to show that the comparison notices each.

use bytes::Bytes;

use crate::core::model::driver::Driver;
use crate::core::model::parts::{Item, State};
use crate::core::model::step::{Buffer, NAMES};
use crate::core::{BindingKey, Encoded, Outcome};

/// What goes wrong: in what the core is told or, for the last four, in what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    MessageSwallowed,
    MessageTwice,
    OctetCorrupted,
    OtherSource,
    NameSwapped,
    CloseForgotten,
    DrainForgotten,
    PingSwallowed,
    OctetForgotten,
    OctetsUnheard,
    ClockStopped,
    PrincipalLost,
    WakeForgotten,
    DeliveredTwice,
    DeliveriesSwapped,
    DeliveryLost,
}

impl Driver {
    /// Tells whether `fault` is to happen now, which it does once.
    pub(super) fn tells(&mut self, fault: Fault) -> bool {
        self.fault.take_if(|ours| *ours == fault).is_some()
    }

    /// Tells the core of a message; `likely` is what the model makes
    /// of it, if there is a fault to come.
    pub(super) fn tell_message(
        &mut self,
        mut key: BindingKey,
        octets: &[u8],
        buffer: Buffer,
        likely: Option<Outcome>,
    ) -> Outcome {
        let mut octets = octets.to_vec();
        if likely == Some(Outcome::Admitted) {
            let other = self.seats.iter().filter_map(|seat| seat.key).find(|&other| other != key);
            if self.tells(Fault::MessageSwallowed) {
                return Outcome::Admitted;
            }
            if self.tells(Fault::MessageTwice) {
                let _ = self.core.handle_message(key, Encoded::Borrowed(&octets), self.now());
            }
            if let Some(other) = other
                && self.tells(Fault::OtherSource)
            {
                key = other;
            }
            // A last frame without octets ends with its length.
            if octets.last() != Some(&0) && self.tells(Fault::OctetCorrupted) {
                octets.last_mut().into_iter().for_each(|octet| *octet ^= 0x80);
            }
        }
        let octets = Bytes::from(octets);
        match buffer {
            Buffer::Borrowed => {
                self.core.handle_message(key, Encoded::Borrowed(&octets), self.now())
            }
            Buffer::Shared => self.core.handle_message(key, Encoded::Shared(&octets), self.now()),
        }
    }

    /// Returns the name to tell the core of.
    pub(super) fn told_name<'n>(&mut self, name: &'n [u8], state: State) -> &'n [u8] {
        let is_held = state == State::Service && !name.is_empty();
        let swapped = is_held && self.tells(Fault::NameSwapped);
        if swapped { NAMES[usize::from(name == NAMES[0])] } else { name }
    }

    /// Returns how many octets to tell the core were written.
    pub(super) fn told_octets(&mut self, octets: usize) -> usize {
        let forgotten = octets > 0 && self.tells(Fault::OctetForgotten);
        octets - usize::from(forgotten)
    }

    /// Returns what the core is said to have written.
    pub(super) fn said_items(&mut self, mut items: Vec<Item>) -> Vec<Item> {
        if !items.is_empty() && self.tells(Fault::DeliveredTwice) {
            items.push(items[0].clone());
        }
        // Only those of one source have an order.
        let pair = items.windows(2).position(|pair| match pair {
            [Item::Message(first), Item::Message(second)] => first.first() == second.first(),
            _ => false,
        });
        if let Some(first) = pair
            && self.tells(Fault::DeliveriesSwapped)
        {
            items.swap(first, first + 1);
        }
        if !items.is_empty() && self.tells(Fault::DeliveryLost) {
            items.remove(0);
        }
        items
    }
}
