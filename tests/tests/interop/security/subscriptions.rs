//! Publishers and subscribers of the protocol crate, opposite those of libzmq. A MUX has neither.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use zmq::SocketType as Kind;
use zmtp_mux_tests::peers::{Frames, expect, receive, send};
use zmtp_mux_tests::{DEADLINE, Peers, Zap};
use zmtp_proto::{
    Connection, Event, Heartbeat, Local, Message, Progress, Settings, SocketType, Subscription,
    Version,
};

use super::credentials::{Credentials, MECHANISMS, Mechanism};

const VERSIONS: [Version; 2] = [Version::V3_0, Version::V3_1];

/// 37:subscription:command-form, 23:subscription:message-form, 37:subscription:both-forms-taken.
#[test]
fn a_sub_of_libzmq_subscribes_to_a_publisher_of_ours() {
    for (mechanism, ours, version) in rows(SocketType::Pub, SocketType::Xpub) {
        let credentials = Credentials::new(mechanism);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peers::new().socket(Kind::SUB);
        credentials.make_client(&peer);
        peer.set_subscribe(b"news").unwrap();
        peer.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let connection = Connection::acceptor(credentials.server_side(), settings(version), now());
        let mut publisher = End::new(stream, connection, ours);
        assert_eq!(publisher.told(), Told::Subscription(subscribe("news")));
        publisher.send(&["news", "of today"]);
        expect(&peer, &["news", "of today"]);
        // It has no more to say, and says it in the same form.
        peer.set_subscribe(b"").unwrap();
        assert_eq!(publisher.told(), Told::Subscription(subscribe("")));
        peer.set_unsubscribe(b"news").unwrap();
        assert_eq!(publisher.told(), Told::Subscription(cancel("news")));
    }
}

/// 37:subscription:command-form, 23:subscription:message-form, 37:subscription:both-forms-taken.
#[test]
fn a_subscriber_of_ours_subscribes_to_an_xpub_of_libzmq() {
    for (mechanism, ours, version) in rows(SocketType::Sub, SocketType::Xsub) {
        let credentials = Credentials::new(mechanism);
        let peers = Peers::new();
        let zap = (mechanism != Mechanism::Null).then(|| Zap::start(&peers, |_| "200"));
        let peer = peers.socket(Kind::XPUB);
        credentials.make_server(&peer);
        peer.bind("tcp://127.0.0.1:*").unwrap();
        let url = peer.get_last_endpoint().unwrap().unwrap();
        let stream = TcpStream::connect(url.strip_prefix("tcp://").unwrap()).unwrap();
        let security = credentials.client_side();
        let local = Local::new(ours);
        let connection = Connection::connector(local, security, settings(version), now());
        let mut subscriber = End::new(stream, connection, ours);
        assert_eq!(subscriber.told(), Told::Established);
        // An XPUB shows its application what it heard, in the form of 3.0 whatever came.
        subscriber.subscribe(&subscribe("news"));
        assert_eq!(receive(&peer), frames(&["\x01news"]));
        send(&peer, &["weather", "rain"]);
        send(&peer, &["news", "of today"]);
        assert_eq!(subscriber.told(), Told::Message(frames(&["news", "of today"])));
        subscriber.subscribe(&subscribe(""));
        assert_eq!(receive(&peer), frames(&["\x01"]));
        subscriber.subscribe(&cancel("news"));
        assert_eq!(receive(&peer), frames(&["\0news"]));
        send(&peer, &["weather", "sun"]);
        assert_eq!(subscriber.told(), Told::Message(frames(&["weather", "sun"])));
        drop(zap);
    }
}

/// Each mechanism, with either of two types, announcing either version.
fn rows(
    one: SocketType,
    other: SocketType,
) -> impl Iterator<Item = (Mechanism, SocketType, Version)> {
    MECHANISMS.into_iter().flat_map(move |mechanism| {
        let typed = [one, other].into_iter();
        typed.flat_map(move |ours| VERSIONS.map(|version| (mechanism, ours, version)))
    })
}

/// A connection of ours on a stream that waits.
struct End {
    stream: TcpStream,
    connection: Connection,
    ours: SocketType,
    inbox: Vec<u8>,
}

/// What it was told.
#[derive(Debug, PartialEq)]
enum Told {
    Established,
    Subscription(Subscription),
    Message(Frames),
}

impl End {
    fn new(stream: TcpStream, connection: Connection, ours: SocketType) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut end = Self { stream, connection, ours, inbox: Vec::new() };
        end.flush();
        end
    }

    fn send(&mut self, frames: &[&str]) {
        self.connection.send(Message::from_frames(frames).unwrap()).unwrap();
        self.flush();
    }

    fn subscribe(&mut self, subscription: &Subscription) {
        self.connection.send_subscription(subscription).unwrap();
        self.flush();
    }

    /// Waits for the next thing that it is told, and lets in whoever comes.
    fn told(&mut self) -> Told {
        loop {
            if let Some(told) = self.step() {
                return told;
            }
            self.flush();
            let mut read = [0; 512];
            let len = self.stream.read(&mut read).unwrap();
            assert_ne!(len, 0, "libzmq left");
            self.inbox.extend_from_slice(&read[..len]);
        }
    }

    fn step(&mut self) -> Option<Told> {
        while let Some(Progress { consumed, event }) =
            self.connection.handle_input(&self.inbox, now()).unwrap()
        {
            let told = match event {
                Some(Event::Message(octets)) => {
                    let message = octets.into_message();
                    Some(Told::Message(message.frames().map(<[u8]>::to_vec).collect()))
                }
                Some(Event::Subscription(subscription)) => Some(Told::Subscription(subscription)),
                Some(Event::Established(_)) => Some(Told::Established),
                Some(Event::Credentials(_)) => {
                    self.connection.welcome().unwrap();
                    None
                }
                Some(Event::Introduced(_)) => {
                    self.connection.accept(&Local::new(self.ours), now()).unwrap();
                    None
                }
                Some(Event::Membership(told)) => panic!("libzmq joins: {told:?}"),
                None => None,
            };
            self.inbox.drain(..consumed);
            if told.is_some() {
                return told;
            }
        }
        None
    }

    fn flush(&mut self) {
        while let Some(octets) = self.connection.poll_transmit() {
            self.stream.write_all(&octets).unwrap();
        }
    }
}

fn subscribe(topic: &'static str) -> Subscription {
    Subscription::Subscribe(topic.into())
}

fn cancel(topic: &'static str) -> Subscription {
    Subscription::Cancel(topic.into())
}

fn frames(texts: &[&str]) -> Frames {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn settings(version: Version) -> Settings {
    Settings { version, heartbeat: Heartbeat::Off, ..Settings::default() }
}

fn now() -> Instant {
    Instant::now()
}
