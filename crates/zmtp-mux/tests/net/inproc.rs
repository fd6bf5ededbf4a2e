//! Handles that meet at a name in this process.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use zmtp_mux::{
    Admittance, Authenticator, Claim, Dealer, DealerError, DealerOptions, DialError, Endpoint,
    LinkEvent, Listen, ListenerRole, Message, Mux, MuxConfig, MuxLimits, PeerAddress, PoolLimits,
    Principal, Reconnect, Rule, Rules, Verdict, Verdicting,
};

use crate::raw::counter;
use crate::soon;

fn at(name: &str) -> Endpoint {
    format!("inproc://{name}").parse().unwrap()
}

fn listen(mux: &Mux, name: &str) -> Endpoint {
    mux.bind(Listen::new(ListenerRole::Any, at(name))).unwrap()
}

fn mux(name: &str) -> (Mux, Endpoint) {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let endpoint = listen(&mux, name);
    (mux, endpoint)
}

fn frames(message: &Message) -> Vec<Vec<u8>> {
    message.frames().map(<[u8]>::to_vec).collect()
}

/// Sends a request of this size, and its echo back.
async fn exchange(client: &Dealer, service: &Dealer, len: usize) {
    let body = vec![b'x'; len];
    let sent = Message::from_frames([&b"engine"[..], &body]).unwrap();
    let (sent, request) = soon(async { tokio::join!(client.send(sent), service.recv()) }).await;
    sent.unwrap();
    let request = request.unwrap();
    let (sent, reply) = soon(async { tokio::join!(service.send(request), client.recv()) }).await;
    sent.unwrap();
    assert_eq!(frames(&reply.unwrap()), [b"engine".to_vec(), body]);
}

/// mux:listen:inproc.
#[tokio::test]
async fn messages_of_any_size_pass_both_ways() {
    let (mux, endpoint) = mux("any size");
    assert_eq!(endpoint, at("any size"));
    let service = soon(Dealer::connect(&endpoint, "engine")).await.unwrap();
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    for len in [0, 1, 255, 16 << 10, 64 << 10, 3 << 20] {
        exchange(&client, &service, len).await;
    }
    drop(client);
    soon(async { tokio::join!(mux.end(), until_it_ends(service)) }).await;
    assert_eq!(counter(&mux, "ended_mux_ends"), 1);
    assert_eq!((counter(&mux, "connections"), counter(&mux, "difference")), (0, 0));
}

/// A runtime on a thread of its own, for as long as the sender lives.
fn elsewhere() -> (Handle, oneshot::Sender<()>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (handle, (alive, ended)) = (runtime.handle().clone(), oneshot::channel());
    std::thread::spawn(move || runtime.block_on(ended));
    (handle, alive)
}

/// mux:listen:inproc.
#[test]
fn threads_and_runtimes_meet() {
    let (accepts, _alive) = elsewhere();
    let (serves, _alive) = elsewhere();
    let (dials, _alive) = elsewhere();
    let mux = Mux::new(MuxConfig { shards: vec![serves], ..MuxConfig::default() }).unwrap();
    let endpoint = {
        let _here = accepts.enter();
        listen(&mux, "threads")
    };
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let service = dials.block_on(soon(Dealer::connect(&endpoint, "engine"))).unwrap();
    runtime().block_on(async {
        let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
        for _ in 0..100 {
            exchange(&client, &service, 10_000).await;
        }
        drop((client, service));
        soon(mux.end()).await;
    });
}

/// mux:listen:inproc, 37:errors:close-is-temporary.
#[tokio::test]
async fn who_dials_a_name_comes_when_somebody_listens_there() {
    let name = "comes and goes";
    match soon(Dealer::connect(&at(name), "engine")).await {
        Err(DealerError::Dial { endpoint, error: DialError::Io(error) }) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            assert_eq!(endpoint, at(name));
        }
        other => panic!("{other:?}"),
    }
    let options = DealerOptions::new("engine").unwrap().with_reconnect(Reconnect::default());
    let dealer = Dealer::start(at(name), options).unwrap();
    assert_eq!(dealer.try_event().unwrap(), None, "there is nobody, and it tries again");
    for _ in 0..2 {
        let mux = mux(name).0;
        let up = soon(dealer.event()).await.unwrap();
        assert!(matches!(up, LinkEvent::Up(_)), "{up:?}");
        let taken = mux.bind(Listen::new(ListenerRole::Any, at(name))).unwrap_err();
        assert_eq!(taken.error.kind(), ErrorKind::AddrInUse);
        let ((), down) = soon(async { tokio::join!(mux.end(), dealer.event()) }).await;
        assert!(matches!(down, Ok(LinkEvent::Down { .. })), "{down:?}");
    }
}

async fn until_it_ends(dealer: Dealer) -> DealerError {
    dealer.recv().await.expect_err("nothing was sent")
}

/// mux:listen:inproc, mux:limit:connections, mux:limit:exempt-addresses.
#[tokio::test]
async fn connections_are_limited_in_all_and_by_no_address() {
    let limits = MuxLimits {
        connections: 16,
        service_places_part: 0,
        connections_per_ip: 1,
        ..MuxLimits::default()
    };
    let mux = Mux::new(MuxConfig { limits, ..MuxConfig::default() }).unwrap();
    let endpoint = listen(&mux, "limits");
    let mut dealers = Vec::new();
    for _ in 0..16 {
        dealers.push(soon(Dealer::connect(&endpoint, "")).await.unwrap());
    }
    assert!(soon(Dealer::connect(&endpoint, "")).await.is_err());
    assert_eq!(counter(&mux, "connections_refused"), 1);
    assert_eq!(counter(&mux, "connections_refused_per_ip"), 0);
}

/// Lets all in, and keeps from where they came.
#[derive(Debug, Default)]
struct Doorman(Mutex<Vec<(PeerAddress, Principal)>>);

impl Authenticator for Doorman {
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        self.0.lock().unwrap().push((claim.address, claim.principal()));
        Box::pin(async move { Verdict::Accept(claim.principal()) })
    }
}

/// mux:listen:inproc.
#[tokio::test]
async fn a_peer_acts_for_nobody_by_where_it_comes_from() {
    let mux = Mux::new(MuxConfig::default()).unwrap();
    let doorman = Arc::new(Doorman::default());
    let admittance = Admittance::By(Arc::<Doorman>::clone(&doorman));
    let listen = Listen::new(ListenerRole::Any, at("doorman"));
    let endpoint = mux.bind(Listen { admittance, ..listen }).unwrap();
    let _client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    assert_eq!(*doorman.0.lock().unwrap(), [(PeerAddress::Inproc, Principal::None)]);
}

/// mux:listen:inproc, mux:liveness:withheld-shows-fin.
#[tokio::test]
async fn a_client_that_is_held_up_and_leaves_is_noticed() {
    let pool = PoolLimits { octets: 64 << 20, messages: 1 };
    let service = Rule { pool, block_timeout: Duration::from_hours(1), ..Rule::SERVICE };
    let rules = Rules { service, ..Rules::default() };
    let mux = Mux::new(MuxConfig { rules, ..MuxConfig::default() }).unwrap();
    let endpoint = listen(&mux, "held up");
    // It reads nothing.
    let _service = soon(Dealer::connect(&endpoint, "engine")).await.unwrap();
    let client = soon(Dealer::connect(&endpoint, "")).await.unwrap();
    let large = vec![b'x'; 1 << 20];
    for body in [&large[..], &large, b"small", b"small"] {
        client.send(Message::from_frames([&b"engine"[..], body]).unwrap()).await.unwrap();
    }
    let until = |name: &'static str, count| {
        let mux = mux.clone();
        soon(async move {
            while counter(&mux, name) != count {
                tokio::task::yield_now().await;
            }
        })
    };
    until("parked", 1).await;
    drop(client);
    until("bindings", 1).await;
    assert_eq!((counter(&mux, "ended_peer_left"), counter(&mux, "difference")), (1, 0));
}
