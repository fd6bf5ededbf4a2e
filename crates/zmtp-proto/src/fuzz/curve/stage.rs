//! The connection that is attacked, with what it was seen to do.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::boxes::{KEYS, OFFERED, TRANSIENT};
use super::{Role, Seen, limits};
use crate::clock::start;
use crate::connection::Connection;
use crate::curve::{CurveClient, CurveServer};
use crate::event::Event;
use crate::fuzz::script::Cuts;
use crate::handshake::Local;
use crate::message::Message;
use crate::security::{ClientSecurity, Credentials, ServerSecurity};
use crate::socket_type::SocketType;

pub(super) struct Stage {
    connection: Connection,
    input: BytesMut,
    now: Instant,
    pub(super) seen: Vec<Seen>,
    pub(super) faith: Faith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faith {
    Kept,
    Broken,
}

impl Stage {
    /// Sets up the side that `adversary` plays against; a server offers this one of its keys.
    pub(super) fn new(adversary: Role, offered: usize) -> Self {
        let now = start();
        let connection = match adversary {
            Role::Client => {
                let mut chance = [OFFERED[offered]; CurveServer::CHANCE_LEN];
                chance[32..48].fill(10 + OFFERED[offered]);
                chance[48..].fill(20 + OFFERED[offered]);
                let (keys, cookie) = (Arc::clone(&KEYS.server), Arc::clone(&KEYS.cookie));
                let server = CurveServer::new(keys, cookie, chance);
                Connection::acceptor(ServerSecurity::Curve(Box::new(server)), limits(), now)
            }
            Role::Server => {
                let chance = [TRANSIENT; CurveClient::CHANCE_LEN];
                let keys = Arc::clone(&KEYS.client);
                let client = CurveClient::new(KEYS.server.public, keys, chance);
                let security = ClientSecurity::Curve(Box::new(client));
                Connection::connector(Local::new(SocketType::Dealer), security, limits(), now)
            }
        };
        let (input, seen) = (BytesMut::new(), Vec::new());
        Self { connection, input, now, seen, faith: Faith::Kept }
    }

    /// Lets it read `octets`, in pieces.
    pub(super) fn feed(&mut self, mut octets: &[u8], cuts: &mut Cuts) {
        while !octets.is_empty() {
            let (piece, rest) = octets.split_at(cuts.next(octets.len()));
            self.input.extend_from_slice(piece);
            octets = rest;
            while self.advance() {}
            // A frame but its last octet: of a handshake, or of a box with a message.
            let frame_max = 9 + 33 + limits().message_len_max;
            assert!(self.faith == Faith::Broken || self.input.len() < frame_max);
        }
    }

    /// Has it send a message, and tells whether it took it.
    pub(super) fn say(&mut self, body: &[u8]) -> bool {
        let said = self.connection.send(Message::single(body)).is_ok();
        let introduced = !self.seen.is_empty();
        assert!(!said || (introduced && self.faith == Faith::Kept));
        said
    }

    /// Returns what it wants to be sent.
    pub(super) fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(octets) = self.connection.poll_transmit() {
            sent.extend_from_slice(&octets);
        }
        sent
    }

    /// Takes one thing off the input, and tells whether there may be more.
    fn advance(&mut self) -> bool {
        let progress = match self.connection.handle_input(&self.input, self.now) {
            Ok(Some(progress)) => progress,
            Ok(None) => return false,
            Err(_) => {
                self.faith = Faith::Broken;
                return false;
            }
        };
        assert_eq!(self.faith, Faith::Kept, "nothing comes after an error");
        let consumed = progress.consumed;
        assert!(consumed > 0 && consumed <= self.input.len());
        let mut introduced = false;
        match progress.event {
            Some(Event::Message(octets)) => {
                let octets = octets.as_slice().to_vec();
                assert!(octets.len() <= limits().message_len_max);
                assert!(Message::from_octets(Bytes::copy_from_slice(&octets)).is_ok());
                self.seen.push(Seen::Message(octets));
            }
            Some(Event::Introduced(peer)) => {
                let Credentials::Curve(permanent) = peer.credentials else {
                    panic!("a client without a key: {peer:?}");
                };
                self.seen.push(Seen::Peer(Some(permanent), peer.metadata));
                introduced = true;
            }
            Some(Event::Established(peer)) => self.seen.push(Seen::Peer(None, peer.metadata)),
            Some(Event::Credentials(_) | Event::Subscription(_) | Event::Membership(_)) => {
                panic!("not under CURVE, and not to a ROUTER")
            }
            None => {}
        }
        let _ = self.input.split_to(consumed);
        if introduced {
            let router = Local::new(SocketType::Router);
            if self.connection.accept(&router, self.now).is_err() {
                self.faith = Faith::Broken;
            }
        }
        true
    }
}
