//! An arbitrary peer against a whole connection, under NULL and under PLAIN.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::script::Cuts;
use crate::clock::start;
use crate::connection::Connection;
use crate::event::Event;
use crate::handshake::Local;
use crate::limits::Limits;
use crate::message::Message;
use crate::plain::PlainCredentials;
use crate::security::{ClientSecurity, ServerSecurity};
use crate::socket_type::SocketType;

/// A connection gives the same events however its input is cut, and its memory is bounded.
///
/// The first octet chooses the role and, as connector, the socket type; the second is the seed of the
/// cuts.
pub fn connection(data: &[u8]) {
    let [role, seed, octets @ ..] = data else { return };
    let side = match role % 4 {
        0 | 2 => Side::NullServer,
        1 => Side::NullClient(SocketType::Dealer),
        _ => Side::NullClient(SocketType::Pub),
    };
    let _ = same_however_cut(side, *seed, octets);
}

/// A PLAIN server lets nobody in but by HELLO, the right password, and INITIATE, and does the
/// same however its input is cut.
///
/// The first octet is the seed of the cuts.
pub fn plain_server(data: &[u8]) {
    let Some((&seed, octets)) = data.split_first() else { return };
    let trace = same_however_cut(Side::PlainServer, seed, octets);
    let kinds: Vec<Kind> = trace.events.iter().map(|(kind, _)| *kind).collect();
    match kinds.as_slice() {
        [] | [Kind::Credentials] => {}
        [Kind::Credentials, Kind::Introduced, rest @ ..] => {
            assert!(rest.iter().all(|kind| kind.is_traffic()));
            assert_eq!(octets[12..32], *b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
            let (hello, rest) = command(&octets[64..]);
            let (initiate, _) = command(rest);
            assert!(hello.starts_with(b"\x05HELLO") && hello.ends_with(b"\x06secret"));
            assert!(initiate.starts_with(b"\x08INITIATE"));
        }
        kinds => panic!("out of order: {kinds:?}"),
    }
}

/// A PLAIN client takes nobody for a server but by an empty WELCOME and READY, and does the same
/// however its input is cut.
///
/// The first octet is the seed of the cuts.
pub fn plain_client(data: &[u8]) {
    let Some((&seed, octets)) = data.split_first() else { return };
    let trace = same_however_cut(Side::PlainClient, seed, octets);
    let kinds: Vec<Kind> = trace.events.iter().map(|(kind, _)| *kind).collect();
    match kinds.as_slice() {
        [] => {}
        [Kind::Established, rest @ ..] => {
            assert!(rest.iter().all(|kind| *kind == Kind::Message));
            assert_eq!(octets[12..32], *b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
            let (welcome, rest) = command(&octets[64..]);
            let (ready, _) = command(rest);
            assert_eq!(welcome, b"\x07WELCOME");
            assert!(ready.starts_with(b"\x05READY"));
        }
        kinds => panic!("out of order: {kinds:?}"),
    }
    // INITIATE is not sent to one who has not said WELCOME.
    let named = trace.sent.windows(9).any(|octets| octets == b"\x08INITIATE");
    assert!(!named || command(&octets[64..]).0 == b"\x07WELCOME");
}

/// Which side is attacked.
#[derive(Clone, Copy)]
enum Side {
    /// Of a type that fits.
    NullServer,
    NullClient(SocketType),
    PlainServer,
    PlainClient,
}

impl Side {
    fn connection(self, limits: Limits, now: Instant) -> Connection {
        let security = match self {
            Self::NullServer => return Connection::acceptor(ServerSecurity::Null, limits, now),
            Self::PlainServer => return Connection::acceptor(ServerSecurity::Plain, limits, now),
            Self::NullClient(socket_type) => {
                let local = Local::new(socket_type);
                return Connection::connector(local, ClientSecurity::Null, limits, now);
            }
            Self::PlainClient => {
                ClientSecurity::Plain(PlainCredentials::new("admin", "secret").unwrap())
            }
        };
        Connection::connector(Local::new(SocketType::Dealer), security, limits, now)
    }
}

/// What a connection did: its events, the octets it sent, and how it ended.
#[derive(Debug, PartialEq)]
struct Trace {
    events: Vec<(Kind, String)>,
    sent: Vec<u8>,
    end: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Credentials,
    Introduced,
    Established,
    Message,
    Subscription,
    Membership,
}

impl Kind {
    fn is_traffic(self) -> bool {
        matches!(self, Self::Message | Self::Subscription | Self::Membership)
    }
}

fn same_however_cut(side: Side, seed: u8, octets: &[u8]) -> Trace {
    let whole = run(side, octets, &mut Cuts::Never);
    let cut = run(side, octets, &mut Cuts::Small(u32::from(seed) | 0x100));
    assert_eq!(whole, cut);
    whole
}

fn run(side: Side, octets: &[u8], cuts: &mut Cuts) -> Trace {
    let limits = Limits { message_len_max: 4096, message_frames_max: 8, ..Limits::default() };
    let now = start();
    let mut connection = side.connection(limits, now);
    let (mut events, mut sent, mut input) = (Vec::new(), Vec::new(), BytesMut::new());
    let mut rest = octets;
    let end = loop {
        if let Err(error) = drain(&mut connection, &mut input, now, &mut events) {
            assert!(connection.handle_input(&input, now).is_err(), "closed for good");
            break Some(error);
        }
        if rest.is_empty() || connection.is_closed() {
            break None;
        }
        assert!(input.len() <= 4096 + 8 * 1024 + 18, "more than a message and a command waits");
        let (piece, after) = rest.split_at(cuts.next(rest.len()));
        input.extend_from_slice(piece);
        rest = after;
    };
    // Cut differently, PINGs meet another number of free places for a PONG; leave those out.
    connection.drop_pong();
    while let Some(octets) = connection.poll_transmit() {
        sent.extend_from_slice(&octets);
    }
    Trace { events, sent, end }
}

fn drain(
    connection: &mut Connection,
    input: &mut BytesMut,
    now: Instant,
    events: &mut Vec<(Kind, String)>,
) -> Result<(), String> {
    loop {
        let progress = match connection.handle_input(input, now) {
            Ok(Some(progress)) => progress,
            Ok(None) => return Ok(()),
            Err(error) => return Err(format!("{error:?}")),
        };
        let consumed = progress.consumed;
        assert!(consumed > 0 && consumed <= input.len());
        let Some(event) = progress.event else {
            let _ = input.split_to(consumed);
            continue;
        };
        let mut local = Local::new(SocketType::Router);
        let (kind, shown, welcome) = match event {
            Event::Message(octets) => {
                let message = Message::from_octets(Bytes::copy_from_slice(octets.as_slice()));
                (Kind::Message, format!("{:?}", message.unwrap()), false)
            }
            Event::Credentials(credentials) => {
                let fits = credentials.has_password(b"secret");
                (Kind::Credentials, format!("{credentials:?}"), fits)
            }
            Event::Introduced(peer) => {
                local = Local::new(fitting(peer.socket_type));
                (Kind::Introduced, format!("{peer:?}"), false)
            }
            Event::Established(peer) => (Kind::Established, format!("{peer:?}"), false),
            Event::Subscription(told) => (Kind::Subscription, format!("{told:?}"), false),
            Event::Membership(told) => (Kind::Membership, format!("{told:?}"), false),
        };
        events.push((kind, shown));
        let _ = input.split_to(consumed);
        match kind {
            Kind::Credentials if welcome => connection.welcome(),
            Kind::Credentials => {
                connection.refuse("no");
                Ok(())
            }
            Kind::Introduced => connection.accept(&local, now),
            Kind::Established | Kind::Message | Kind::Subscription | Kind::Membership => Ok(()),
        }
        .map_err(|error| format!("{error:?}"))?;
    }
}

/// Returns a type that talks to this one, if possible one that hears more than messages.
fn fitting(theirs: SocketType) -> SocketType {
    let kinds = [SocketType::Xpub, SocketType::Radio, SocketType::Router];
    kinds.into_iter().find(|ours| ours.talks_to(theirs)).unwrap_or(SocketType::Router)
}

/// Returns the body of the command frame at the front of `octets`, and what follows.
fn command(octets: &[u8]) -> (&[u8], &[u8]) {
    let (header_len, body_len) = match octets[0] {
        4 => (2, usize::from(octets[1])),
        6 => (9, usize::try_from(u64::from_be_bytes(octets[1..9].try_into().unwrap())).unwrap()),
        flags => panic!("no command: {flags}"),
    };
    octets[header_len..].split_at(body_len)
}
