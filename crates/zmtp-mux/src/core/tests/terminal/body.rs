//! Bodies that the application gives away: where they lie when they are written.

use std::io::IoSlice;

use bytes::Bytes;
use zmtp_proto::{Message, MessageBuilder};

use super::{Dealer, Policy, Taken, Target, Terminal};
use crate::client::{ClientCore, ClientLimits};
use crate::core::{BindingKey, Event};
use crate::service::{Envelopes, Lead};

const LEAST: usize = Message::SHARED_LEN_MIN;

/// Octets that somebody owns, and that are nobody else's.
fn owned(len: usize) -> Bytes {
    Bytes::from_owner(vec![7; len])
}

/// Writes all that waits for a peer, and returns it with how many of its octets lay in `body`.
fn written(terminal: &mut Terminal, to: BindingKey, body: &Bytes) -> (Vec<u8>, usize) {
    let (mut octets, mut shared) = (Vec::new(), 0);
    let flight = terminal.mux.take(to);
    let mut slices = [IoSlice::new(&[]); 8];
    let count = flight.slices(&mut slices);
    for slice in &slices[..count] {
        octets.extend_from_slice(slice);
        if body.as_ptr_range().contains(&slice.as_ptr()) {
            shared += slice.len();
        }
    }
    terminal.mux.core.handle_transmitted(to, octets.len());
    (octets, shared)
}

/// mux:terminal:nothing-added.
#[test]
fn a_large_body_is_written_from_where_it_lies_and_a_small_one_copied() {
    for (len, shared) in [(64, 0), (LEAST - 1, 0), (LEAST, LEAST), (1 << 17, 1 << 17)] {
        let mut terminal = Terminal::new(Policy::Reject);
        let (key, token) = terminal.join(Dealer, b"");
        let body = owned(len);
        let mut several = MessageBuilder::new();
        several.push("first").push("");
        for message in [Message::from(body.clone()), several.finish_with(body.clone())] {
            terminal.send(Target::Peer(token), &message).unwrap();
            let (octets, lying) = written(&mut terminal, key, &body);
            assert_eq!(lying, shared, "{len}");
            assert!(octets == message.as_octets());
        }
        assert_eq!(terminal.mux.queued(), 0);
    }
}

/// mux:client:request-form, mux:service:reply-repeats-envelope.
#[test]
fn a_request_and_its_reply_are_put_behind_their_envelope_without_a_copy() {
    let limits = ClientLimits { in_flight_max: 1, message_len_max: 1 << 20, watch_names_max: 1 };
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"");
    let (to, now) = (Target::Peer(token), terminal.mux.now);
    let body = owned(LEAST);
    let message = Message::from(body.clone());
    let (mut client, mut lead) = (ClientCore::new(limits), Vec::new());
    client.handle_up();
    client.begin(b"engine", message.encoded_len(), (), now).unwrap();
    client.poll_transmit(&mut lead).unwrap();
    terminal.mux.core.send_local(to, &lead, &message, now).unwrap();
    let (octets, lying) = written(&mut terminal, key, &body);
    let id = [0; 8];
    let whole = Message::from_frames([&b"engine"[..], &id, b"", &body]).unwrap();
    assert!(octets == whole.as_octets());
    assert_eq!(lying, LEAST);
    let lead = Lead::find(&whole, Envelopes::Detect).unwrap();
    terminal.mux.core.send_local(to, lead.octets(&whole), &message, now).unwrap();
    let (octets, lying) = written(&mut terminal, key, &body);
    assert!(octets == whole.as_octets());
    assert_eq!(lying, LEAST);
}

/// mux:terminal:returned.
#[test]
fn a_message_in_pieces_comes_back_whole() {
    let mut terminal = Terminal::new(Policy::Reject);
    let (key, token) = terminal.join(Dealer, b"");
    let (to, now) = (Target::Peer(token), terminal.mux.now);
    let message = Message::from(owned(LEAST));
    let lead = b"\x01\x04lead";
    terminal.mux.core.send_local(to, lead, &message, now).unwrap();
    terminal.mux.close(key);
    let events = terminal.take().into_iter().filter_map(|delivery| match delivery {
        Taken::Event(number) => terminal.mux.core.take_event(number),
        Taken::Message(..) => None,
    });
    let mut returned = events.filter_map(|event| {
        if let Event::Returned { octets, .. } = event { Some(octets) } else { None }
    });
    assert!(returned.next().unwrap() == [lead, message.as_octets()].concat());
}
