//! The kinds of clients and services, and what each application sees of the envelope.

use zmq::{Socket, SocketType};
use zmtp_mux_tests::Peers;
use zmtp_mux_tests::peers::{Frames, expect, receive, send};

/// What the MUX announces as its identity to clients, for those that must address it.
pub(crate) const MUX_FOR_CLIENTS: &str = "mux-c";

/// The same for services.
pub(crate) const MUX_FOR_SERVICES: &str = "mux-s";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    Req,
    /// With `REQ_CORRELATE` and `REQ_RELAXED`.
    ReqCorrelated,
    Dealer,
    Router,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceKind {
    Dealer,
    Router,
    /// Takes its name from the listener.
    Rep,
}

pub(crate) const CLIENTS: [ClientKind; 4] =
    [ClientKind::Req, ClientKind::ReqCorrelated, ClientKind::Dealer, ClientKind::Router];

pub(crate) const SERVICES: [ServiceKind; 3] =
    [ServiceKind::Dealer, ServiceKind::Router, ServiceKind::Rep];

pub(crate) struct Client {
    kind: ClientKind,
    socket: Socket,
}

pub(crate) struct Service {
    pub(crate) kind: ServiceKind,
    pub(crate) name: String,
    socket: Socket,
}

/// A request as the service's socket showed it.
pub(crate) struct Request {
    /// What is in front of the body: to be sent back.
    envelope: Frames,
    pub(crate) body: Frames,
}

impl Client {
    pub(crate) fn connect(peers: &Peers, kind: ClientKind, url: &str) -> Self {
        let socket = peers.socket(match kind {
            ClientKind::Req | ClientKind::ReqCorrelated => SocketType::REQ,
            ClientKind::Dealer => SocketType::DEALER,
            ClientKind::Router => SocketType::ROUTER,
        });
        if kind == ClientKind::ReqCorrelated {
            socket.set_req_correlate(true).unwrap();
            socket.set_req_relaxed(true).unwrap();
        }
        socket.connect(url).unwrap();
        Self { kind, socket }
    }

    /// Sends a request as an application of this kind does.
    pub(crate) fn ask(&self, service: &Service, body: &[&[u8]]) {
        let mut frames = self.head(service);
        frames.extend(self.delimiter(service).iter().map(|frame| frame.to_vec()));
        frames.extend(body.iter().map(|frame| frame.to_vec()));
        send(&self.socket, &frames);
    }

    /// Receives the answer, which must come from this service, in this envelope.
    pub(crate) fn expect_answer(&self, service: &Service, body: &[&[u8]]) {
        let mut frames = self.head(service);
        frames.extend(self.delimiter(service).iter().map(|frame| frame.to_vec()));
        frames.extend(body.iter().map(|frame| frame.to_vec()));
        expect(&self.socket, &frames);
    }

    /// A ROUTER has the MUX in front, since that is its peer; then all have the service.
    fn head(&self, service: &Service) -> Frames {
        let name = service.name.clone().into_bytes();
        match self.kind {
            ClientKind::Router => vec![MUX_FOR_CLIENTS.into(), name],
            ClientKind::Req | ClientKind::ReqCorrelated | ClientKind::Dealer => vec![name],
        }
    }

    /// What the client's application puts behind the address: a REP needs the empty delimiter,
    /// which the socket of a REQ sends by itself.
    fn delimiter(&self, service: &Service) -> &'static [&'static [u8]] {
        match (self.kind, service.kind) {
            (ClientKind::Dealer | ClientKind::Router, ServiceKind::Rep) => &[b""],
            _ => &[],
        }
    }
}

impl Service {
    pub(crate) fn connect(peers: &Peers, kind: ServiceKind, url: &str, name: &str) -> Self {
        let socket = match kind {
            ServiceKind::Dealer => peers.connect(SocketType::DEALER, url, name),
            ServiceKind::Router => peers.connect(SocketType::ROUTER, url, name),
            ServiceKind::Rep => peers.connect(SocketType::REP, url, ""),
        };
        Self { kind, name: name.to_owned(), socket }
    }

    /// Receives a request of a client of this kind; whatever stands in front of the body must be
    /// what the protocol says.
    pub(crate) fn receive(&self, from: ClientKind) -> Request {
        let mut frames = receive(&self.socket);
        if self.kind == ServiceKind::Rep {
            // Its socket sets the envelope aside.
            return Request { envelope: Vec::new(), body: frames };
        }
        let mut envelope = Vec::new();
        if self.kind == ServiceKind::Router {
            envelope.push(frames.remove(0));
            assert_eq!(envelope[0], MUX_FOR_SERVICES.as_bytes());
        }
        let source = frames.remove(0);
        assert_eq!((source.len(), source[0]), (17, 0), "no binding address: {source:?}");
        envelope.push(source);
        let delimiter = match from {
            ClientKind::ReqCorrelated => vec![4, 0],
            ClientKind::Req => vec![0],
            ClientKind::Dealer | ClientKind::Router => vec![],
        };
        for len in delimiter {
            let frame = frames.remove(0);
            assert_eq!(frame.len(), len, "{frame:?} in the envelope of {from:?}");
            envelope.push(frame);
        }
        Request { envelope, body: frames }
    }

    /// Answers a request as an application of this kind does.
    pub(crate) fn answer(&self, request: Request, body: &[&[u8]]) {
        let mut frames = request.envelope;
        frames.extend(body.iter().map(|frame| frame.to_vec()));
        send(&self.socket, &frames);
    }
}

/// Lets the client ask the service and get its answer, and compares both with what was sent.
pub(crate) fn round_trip(client: &Client, service: &Service, ask: &[&[u8]], answer: &[&[u8]]) {
    client.ask(service, ask);
    let request = service.receive(client.kind);
    assert!(request.body == ask, "another request of {:?} at {:?}", client.kind, service.kind);
    service.answer(request, answer);
    client.expect_answer(service, answer);
}
