//! From one libzmq peer to another through a MUX, whose links differ in their security.

use zmq::{Socket, SocketEvent, SocketType};
use zmtp_mux::{Listen, ListenerRole, MuxConfig};
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{LocalMux, Peers};

use super::credentials::{Credentials, Mechanism};
use super::guard::{Guard, Mood};
use crate::bodies::octets;

/// A MUX with a listener for clients and one for services.
struct World {
    mux: LocalMux,
    peers: Peers,
    clients: (Credentials, String),
    services: (Credentials, String),
}

impl World {
    fn new(clients: Mechanism, services: Mechanism) -> Self {
        let mux = LocalMux::start(MuxConfig::default());
        let bind = |mechanism, role| {
            let credentials = Credentials::new(mechanism);
            let url = mux.bind(Listen {
                security: credentials.our_server(),
                admittance: Guard::new(Mood::LetIn).admittance(),
                ..Listen::new(role, "tcp://127.0.0.1:0".parse().unwrap())
            });
            (credentials, url)
        };
        let clients = bind(clients, ListenerRole::Clients);
        let services = bind(services, ListenerRole::Services);
        Self { mux, peers: Peers::new(), clients, services }
    }

    fn client(&self, kind: SocketType) -> Socket {
        let socket = self.peers.socket(kind);
        self.dial(&socket, &self.clients, "");
        socket
    }

    fn dial(&self, socket: &Socket, (credentials, url): &(Credentials, String), name: &str) {
        credentials.make_client(socket);
        if !name.is_empty() {
            socket.set_identity(name.as_bytes()).unwrap();
        }
        let monitor = self.peers.monitor(socket);
        socket.connect(url).unwrap();
        monitor.wait(SocketEvent::HANDSHAKE_SUCCEEDED);
    }

    fn service(&self, name: &str) -> Socket {
        let socket = self.peers.socket(SocketType::DEALER);
        self.dial(&socket, &self.services, name);
        socket
    }
}

/// 26:curve:message-prefixes, 37:topology:roles-configured.
#[test]
fn links_of_every_mechanism_meet_in_one_mux() {
    let mechanisms = [Mechanism::Null, Mechanism::Plain, Mechanism::Curve];
    for (one, other) in mechanisms.into_iter().flat_map(|one| mechanisms.map(|other| (one, other)))
    {
        let world = World::new(one, other);
        let service = world.service("engine");
        for kind in [SocketType::DEALER, SocketType::REQ] {
            let client = world.client(kind);
            for len in [0, 255, 70_000] {
                let ask = [b"engine".as_slice(), &octets(len, 1), b"", &octets(len, 2)];
                send(&client, &ask);
                send(&service, &receive(&service));
                expect(&client, &ask);
            }
        }
        drop(service);
        world.mux.stop();
    }
}

/// 26:curve:message-size.
#[test]
fn eight_mebibytes_go_through_encrypted_links_both_ways() {
    let world = World::new(Mechanism::Curve, Mechanism::Curve);
    let (service, client) = (world.service("engine"), world.client(SocketType::DEALER));
    let body = octets(8 << 20, 1);
    for _ in 0..2 {
        send(&client, &[b"engine".as_slice(), &body, b"end"]);
        send(&service, &receive(&service));
        expect(&client, &[b"engine".as_slice(), &body, b"end"]);
    }
    drop((service, client));
    world.mux.stop();
}

/// mux:conservation:law, mux:conservation:difference-shown.
#[test]
fn no_message_is_unaccounted_for_when_an_encrypted_service_dies_with_many_waiting() {
    const COUNT: i64 = 200;
    let world = World::new(Mechanism::Curve, Mechanism::Curve);
    let service = world.peers.socket(SocketType::DEALER);
    service.set_rcvhwm(1).unwrap();
    service.set_rcvbuf(64 * 1024).unwrap();
    world.dial(&service, &world.services, "slow");
    let client = world.client(SocketType::DEALER);
    let body = octets(64 * 1024, 1);
    for _ in 0..COUNT {
        send(&client, &[b"slow".as_slice(), &body]);
    }
    world.mux.wait_counter("received", |received| received == COUNT);
    assert!(world.mux.counter("queued") > COUNT / 2);
    assert_eq!(world.mux.counter("difference"), 0);
    drop(service);
    world.mux.wait_counter("queued", |queued| queued == 0);
    assert_eq!(world.mux.counter("received"), COUNT);
    let gone = world.mux.counter("handed_over") + world.mux.counter("dropped_unreachable");
    assert_eq!((gone, world.mux.counter("difference")), (COUNT, 0));
    // Its name is free, and the next gets what is sent now.
    let next = world.service("slow");
    send(&client, &[b"slow".as_slice(), b"again"]);
    assert_eq!(receive(&next)[1], b"again");
    drop((client, next));
    world.mux.stop();
}
