//! Security in three lines: mechanisms as applications set them, on real sockets.

use std::io::ErrorKind;
use std::sync::Arc;

use zmtp_mux::{
    Acl, Admittance, AllowIf, Authenticator, Claim, Client, ClientError, ConnectError,
    ConnectionError, Credentials, CurveIdentity, Dealer, DealerError, DealerOptions, Deed,
    Endpoint, KeyPair, Listen, ListenerRole, Mechanism, Message, Mux, MuxConfig, MuxSocket,
    PlainCredentials, Principal, PublicKey, RequestError, Retry, ReturnReason, Service,
    SocketConfig, SocketEvent, UnsentReason, Verdict, WatchError, generate_keys,
};

use crate::soon;

fn keys() -> KeyPair {
    generate_keys().unwrap()
}

fn text(text: &str) -> Message {
    Message::single(text.as_bytes())
}

fn listen() -> Listen {
    Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap())
}

fn admin() -> Admittance {
    Admittance::users([PlainCredentials::new("admin", "secret").unwrap()])
}

fn is_refused(error: &DealerError) -> bool {
    matches!(error, DealerError::Connection(ConnectionError::Refused { .. }))
        && error.retry() == Retry::No
}

/// Has a peer of this principal talk with the socket.
async fn talks(socket: &MuxSocket, endpoint: &Endpoint, options: &DealerOptions, who: Principal) {
    let dealer = soon(Dealer::connect_with(endpoint, options)).await.unwrap();
    let SocketEvent::Up(peer) = soon(socket.event()).await.unwrap() else { panic!("not up") };
    assert_eq!(peer.principal, who);
    dealer.send(text("there")).await.unwrap();
    let incoming = soon(socket.recv()).await.unwrap();
    soon(socket.send(&incoming.from, text("and back"))).await.unwrap();
    assert_eq!(soon(dealer.recv()).await.unwrap(), text("and back"));
    dealer.close().await;
    assert!(matches!(soon(socket.event()).await, Ok(SocketEvent::Gone { .. })));
}

/// mux:security:gates.
#[tokio::test]
async fn a_listed_key_is_let_in_and_no_other_and_no_other_server_is_taken() {
    let (server, known) = (keys(), Arc::new(keys()));
    let (public, listed) = (server.public, known.public);
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let endpoint = socket.bind(listen().curve_server(server, Admittance::keys([listed]))).unwrap();
    let options = DealerOptions::default().curve_client(public, Arc::clone(&known));
    talks(&socket, &endpoint, &options, Principal::Key(listed)).await;
    let stranger = DealerOptions::default().curve_client(public, keys());
    let refused = soon(Dealer::connect_with(&endpoint, &stranger)).await.unwrap_err();
    assert!(is_refused(&refused), "{refused}");
    // It cannot read what was sealed for another.
    let mistaken = DealerOptions::default().curve_client(keys().public, known);
    assert!(soon(Dealer::connect_with(&endpoint, &mistaken)).await.is_err());
}

/// mux:security:gates.
#[tokio::test]
async fn a_user_is_let_in_with_its_password_and_with_no_other() {
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let endpoint = socket.bind(listen().plain_server(admin())).unwrap();
    let options = |password| DealerOptions::default().plain("admin", password).unwrap();
    talks(&socket, &endpoint, &options("secret"), Principal::User("admin".into())).await;
    let refused = soon(Dealer::connect_with(&endpoint, &options("Secret"))).await.unwrap_err();
    assert!(is_refused(&refused), "{refused}");
}

/// mux:security:gates, mux:client:opts-in.
#[tokio::test]
async fn clients_and_services_show_keys_or_passwords() {
    let (server, service) = (keys(), Arc::new(keys()));
    let (public, listed) = (server.public, service.public);
    // Only the holder of the listed key may be a service.
    let rules = AllowIf::new(move |who, deed| match deed {
        Deed::Claim { .. } => *who == Principal::Key(listed),
        _ => true,
    });
    let mux = Mux::new(MuxConfig::default().with_authorizer(rules)).unwrap();
    let endpoint = mux.bind(listen().curve_server(server, Admittance::Everybody)).unwrap();
    let builder = || Service::builder(endpoint.clone(), "engine");
    let refused = soon(builder().curve_client(public, keys()).connect()).await.unwrap_err();
    assert!(matches!(&refused, ConnectError::Dealer(error) if is_refused(error)), "{refused}");
    let serving = soon(builder().curve_client(public, service).connect()).await.unwrap();
    let client = Client::builder(endpoint.clone()).curve_client(public, keys());
    serve_once(serving, soon(client.connect()).await.unwrap()).await;
    // The same with a password, and rules from text.
    let rules = Acl::parse(b"plain:admin claim engine\n* send engine\n").unwrap();
    let mux = Mux::new(MuxConfig::default().with_authorizer(rules)).unwrap();
    let endpoint = mux.bind(listen().plain_server(admin())).unwrap();
    let builder = |name| Service::builder(endpoint.clone(), name).plain("admin", "secret");
    let refused = soon(builder("other").connect()).await.unwrap_err();
    assert!(matches!(&refused, ConnectError::Dealer(error) if is_refused(error)), "{refused}");
    let refused = soon(builder("engine").plain("admin", "x").connect()).await.unwrap_err();
    assert!(matches!(&refused, ConnectError::Dealer(error) if is_refused(error)), "{refused}");
    let serving = soon(builder("engine").connect()).await.unwrap();
    let client = Client::builder(endpoint).plain("admin", "secret");
    serve_once(serving, soon(client.connect()).await.unwrap()).await;
}

async fn serve_once(service: Service, client: Client) {
    let serving = async {
        let request = service.recv().await.unwrap();
        let body = request.message();
        request.reply(body).await.unwrap();
    };
    let asking = client.request("engine", text("x"));
    let ((), reply) = soon(async { tokio::join!(serving, asking) }).await;
    assert_eq!(reply, Ok(text("x")));
    let returned = soon(client.request("nobody", text("x"))).await.unwrap_err();
    let RequestError::Returned { reason, .. } = returned else { panic!("{returned}") };
    assert!(matches!(reason, ReturnReason::Unknown | ReturnReason::Denied), "{reason:?}");
}

/// A closure sees who comes, and what it announces.
#[tokio::test]
async fn a_closure_chooses_whom_to_let_in() {
    let judge = |claim: Claim<'_>| match claim.introduction {
        Some((identity, _)) if identity.as_octets() == b"worker" => {
            Verdict::Accept(claim.principal())
        }
        _ => Verdict::Refuse("not you".into()),
    };
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let endpoint = socket.bind(listen().admit(Admittance::judged(judge))).unwrap();
    let options = DealerOptions::new("worker").unwrap();
    talks(&socket, &endpoint, &options, Principal::None).await;
    let refused = soon(Dealer::connect(&endpoint, "other")).await.unwrap_err();
    assert!(is_refused(&refused), "{refused}");
}

/// A judge for one mechanism.
#[derive(Debug)]
struct OfKeys;

impl Authenticator for OfKeys {
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> zmtp_mux::Verdicting<'a> {
        let accepts = matches!(claim.credentials, Credentials::Key(_));
        Box::pin(async move {
            if accepts { Verdict::Accept(claim.principal()) } else { Verdict::RefuseForNow }
        })
    }

    fn mechanism(&self) -> Option<Mechanism> {
        Some(Mechanism::CURVE)
    }
}

/// 24:plain:no-authenticator-refuses, 26:curve:unknown-authenticator-refuses,
/// mux:security:checked-first.
#[tokio::test]
async fn a_listener_that_could_let_nobody_in_does_not_listen() {
    let foreign = || KeyPair { public: PublicKey::from_octets([7; 32]), secret: keys().secret };
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    let unjudged = "lets nobody in unless an Admittance says whom";
    let other = "the Admittance is for";
    for (wrong, why) in [
        (listen().plain_server(Admittance::Usual), unjudged),
        (listen().curve_server(keys(), Admittance::Usual), unjudged),
        (listen().plain_server(Admittance::keys([])), other),
        (listen().plain_server(Admittance::By(Arc::new(OfKeys))), other),
        (listen().curve_server(CurveIdentity::new(keys()), admin()), other),
        (listen().admit(admin()), other),
        (listen().curve_server(foreign(), Admittance::Everybody), "does not belong"),
    ] {
        for bound in [mux.bind(wrong.clone()), socket.bind(wrong.clone())] {
            let error = bound.unwrap_err().error;
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(why), "{error}");
        }
        assert!(Dealer::bind(wrong).is_err());
    }
}

/// mux:security:checked-first.
#[tokio::test]
async fn what_dials_with_a_mechanism_that_cannot_work_does_not_dial() {
    // Nobody listens there: that would be the error.
    let endpoint = Endpoint::Inproc("mechanisms nobody".to_owned());
    let foreign = || KeyPair { public: PublicKey::from_octets([7; 32]), secret: keys().secret };
    let security = |outcome: Result<(), DealerError>| {
        let error = outcome.unwrap_err();
        assert!(matches!(error, DealerError::Security(_)), "{error}");
        assert_eq!(error.retry(), Retry::No);
    };
    let options = DealerOptions::default().curve_client(keys().public, foreign());
    security(soon(Dealer::connect_with(&endpoint, &options)).await.map(drop));
    security(Dealer::start(endpoint.clone(), options.clone()).map(drop));
    let socket = MuxSocket::new(SocketConfig::default()).unwrap();
    security(socket.connect(endpoint.clone(), options));
    security(DealerOptions::default().plain("gr\u{f6}\u{df}e", "x").map(drop));
    let of = |error: ConnectError| match error {
        ConnectError::Dealer(error) => Err(error),
        other => panic!("{other}"),
    };
    let long = [b'x'; 256];
    let client = || Client::builder(endpoint.clone()).plain("admin", long);
    security(of(soon(client().connect()).await.unwrap_err()));
    security(of(client().start().unwrap_err()));
    let service = Service::builder(endpoint.clone(), "engine");
    security(of(soon(service.curve_client(keys().public, foreign()).connect()).await.unwrap_err()));
    // What was said last counts.
    let mended = soon(client().plain("admin", "secret").connect()).await.unwrap_err();
    assert!(matches!(mended, ConnectError::Dealer(DealerError::Dial { .. })), "{mended}");
    assert!(mended.to_string().starts_with(&format!("cannot dial {endpoint}: ")), "{mended}");
}

/// mux:client:says-why-over.
#[tokio::test]
async fn a_client_that_is_refused_for_good_says_why() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let server = keys();
    let public = server.public;
    let listen = listen().curve_server(server, Admittance::keys([]));
    let client = Client::builder(mux.bind(listen).unwrap()).curve_client(public, keys());
    let client = client.start().unwrap();
    let mut watch = client.watch("*".parse().unwrap());
    let refused = RequestError::NotSent { reason: UnsentReason::Over, message: text("x") };
    assert_eq!(soon(client.request("engine", text("x"))).await, Err(refused.clone()));
    assert_eq!(soon(watch.recv()).await, Err(WatchError::Over));
    let ClientError::Link(why) = soon(client.ended()).await else { panic!("not refused") };
    assert!(is_refused(&why), "{why:?}");
    // It stays so when it is closed.
    client.close().await;
    assert!(matches!(soon(client.ended()).await, ClientError::Link(_)));
    assert_eq!(soon(client.request("engine", text("x"))).await, Err(refused));
}
