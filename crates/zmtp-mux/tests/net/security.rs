//! Security through whole sockets: a MUX that asks who comes, and dealers that say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::yield_now;
use zmtp_mux::{
    Acl, Admittance, Authenticator, Claim, ConnectionError, Credentials, CurveIdentity, Dealer,
    DealerError, DealerOptions, DialSecurity, Endpoint, KeyPair, LinkEvent, Listen, ListenSecurity,
    ListenerRole, Message, Mux, MuxConfig, PlainCredentials, Principal, Reconnect, Retry, Verdict,
    Verdicting, generate_keys,
};

use crate::soon;

/// A MUX with one listener for both roles.
struct Site {
    mux: Mux,
    endpoint: Endpoint,
}

impl Site {
    fn new(security: ListenSecurity, admittance: Admittance) -> Self {
        Self::with(MuxConfig::default(), security, admittance)
    }

    fn with(config: MuxConfig, security: ListenSecurity, admittance: Admittance) -> Self {
        let mux = Mux::new(config).unwrap();
        let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse().unwrap());
        let endpoint = mux.bind(Listen { security, admittance, ..listen }).unwrap();
        Self { mux, endpoint }
    }

    async fn dial(&self, name: &str, security: DialSecurity) -> Result<Dealer, DealerError> {
        let options = DealerOptions::new(name)?.with_security(security);
        soon(Dealer::connect_with(&self.endpoint, &options)).await
    }

    fn counter(&self, name: &str) -> i64 {
        self.mux.counters().into_iter().find(|(of, _)| *of == name).expect(name).1
    }
}

fn curve(server: &CurveIdentity, keys: &Arc<KeyPair>) -> DialSecurity {
    DialSecurity::Curve { server: server.public(), keys: Arc::clone(keys) }
}

fn plain(user: &str, password: &str) -> DialSecurity {
    DialSecurity::Plain(PlainCredentials::new(user, password).unwrap())
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, DealerError>) -> String {
    let error = outcome.expect_err("not refused");
    assert_eq!(error.retry(), Retry::No, "{error}");
    match error {
        DealerError::Connection(ConnectionError::Refused { reason }) => {
            String::from_utf8_lossy(&reason).into_owned()
        }
        other => panic!("{other}"),
    }
}

async fn exchange(client: &Dealer, service: &Dealer, body: &[u8]) {
    let request = Message::from_frames([&b"engine"[..], b"", body]).unwrap();
    let (sent, arrived) = soon(async { tokio::join!(client.send(request), service.recv()) }).await;
    sent.unwrap();
    let arrived = arrived.unwrap();
    let frames: Vec<&[u8]> = arrived.frames().collect();
    assert_eq!(frames[1..], [&b""[..], body]);
    let answer = Message::from_frames([frames[0], body]).unwrap();
    let (sent, arrived) = soon(async { tokio::join!(service.send(answer), client.recv()) }).await;
    sent.unwrap();
    assert_eq!(arrived.unwrap(), Message::from_frames([&b"engine"[..], body]).unwrap());
}

/// 26:curve:message-size, mux:delivery:sealed-when-written, 26:curve:ready.
#[tokio::test]
async fn requests_and_answers_pass_encrypted_whatever_their_size() {
    let server = CurveIdentity::new(generate_keys().unwrap());
    let keys = Arc::new(generate_keys().unwrap());
    let site = Site::new(ListenSecurity::Curve(server.clone()), Admittance::Everybody);
    let service = site.dial("engine", curve(&server, &keys)).await.unwrap();
    let client = site.dial("", curve(&server, &keys)).await.unwrap();
    for len in [0, 1, 255, 256, 16_384, 70_000, 3 << 20] {
        exchange(&client, &service, &vec![b'x'; len]).await;
    }
    for _ in 0..100 {
        for _ in 0..100 {
            client.try_send(Message::from_frames(["engine", "many"]).unwrap()).unwrap();
        }
        client.flush().await;
        for _ in 0..100 {
            soon(service.recv()).await.unwrap();
        }
    }
    assert_eq!(site.counter("difference"), 0);
    assert_eq!(site.counter("handed_over"), 10_014);
}

/// 37:auth:sees-client-identity, 37:auth:refused-for-good-error.
#[tokio::test]
async fn a_key_and_the_identity_that_comes_with_it_are_judged_together() {
    let server = CurveIdentity::new(generate_keys().unwrap());
    let (known, unknown) = (Arc::new(generate_keys().unwrap()), Arc::new(generate_keys().unwrap()));
    let key = known.public;
    let judge = Admittance::judged(move |claim| match (claim.credentials, claim.introduction) {
        (Credentials::Key(shown), Some((identity, _)))
            if shown == key && identity.as_octets() == b"engine" =>
        {
            Verdict::Accept(Principal::Key(shown))
        }
        _ => Verdict::Refuse("not you".into()),
    });
    let site = Site::new(ListenSecurity::Curve(server.clone()), judge);
    assert!(site.dial("engine", curve(&server, &known)).await.is_ok());
    assert_eq!(refused(site.dial("other", curve(&server, &known)).await), "not-you");
    assert_eq!(refused(site.dial("engine", curve(&server, &unknown)).await), "not-you");
    // Counted when the peer has read that and gone.
    soon(async {
        while site.counter("ended_denied") < 2 {
            yield_now().await;
        }
    })
    .await;
}

/// 24:plain:credentials-at-hello, 24:plain:refused-with-error, 37:auth:verdict-once-heard.
#[tokio::test]
async fn a_password_is_judged_before_its_owner_introduces_itself() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let judge = Admittance::judged(move |claim| {
        counted.fetch_add(1, Ordering::Relaxed);
        match claim.credentials {
            Credentials::Password(shown) => {
                assert!(claim.introduction.is_none());
                if shown.user() == "admin" && shown.has_password(b"secret") {
                    Verdict::Accept(claim.principal())
                } else {
                    Verdict::Refuse("wrong".into())
                }
            }
            Credentials::User(user) if claim.introduction.is_some() => {
                Verdict::Accept(Principal::User(user.clone()))
            }
            _ => Verdict::RefuseForNow,
        }
    });
    let site = Site::new(ListenSecurity::Plain, judge);
    assert_eq!(refused(site.dial("engine", plain("admin", "Secret")).await), "wrong");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the wrong password ended it");
    let service = site.dial("engine", plain("admin", "secret")).await.unwrap();
    let client = site.dial("", plain("admin", "secret")).await.unwrap();
    exchange(&client, &service, b"hello").await;
}

/// 37:auth:refused-for-now-silent, 37:errors:close-is-temporary.
#[tokio::test]
async fn who_is_refused_for_now_comes_again_and_who_is_refused_for_good_does_not() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let site = Site::new(
        ListenSecurity::Null,
        Admittance::judged(move |claim| match counted.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Verdict::RefuseForNow,
            2 => Verdict::Accept(claim.principal()),
            _ => Verdict::Refuse("enough".into()),
        }),
    );
    let first = Duration::from_millis(10);
    let policy = Reconnect::Backoff { first, max: first * 2 };
    let options = DealerOptions::new("engine").unwrap();
    let options = options.with_reconnect(policy);
    let dealer = Dealer::start(site.endpoint.clone(), options).unwrap();
    let up = soon(dealer.event()).await.unwrap();
    assert!(matches!(up, LinkEvent::Up(_)), "{up:?}");
    assert_eq!(tries.load(Ordering::Relaxed), 3);
    assert_eq!(site.counter("ended_denied_for_now"), 2, "before the third came in");
    site.mux.set_authorizer(Arc::new(Acl::parse(b"").unwrap()));
    let down = soon(dealer.event()).await.unwrap();
    assert!(matches!(down, LinkEvent::Down { .. }), "{down:?}");
    refused(soon(dealer.event()).await);
    assert!(matches!(soon(dealer.event()).await, Err(DealerError::GivenUp)));
    assert_eq!(tries.load(Ordering::Relaxed), 4, "not dialled once more");
}

/// An authenticator that never says anything.
struct Silent;

impl Authenticator for Silent {
    fn authenticate<'a>(&'a self, _: Claim<'a>) -> Verdicting<'a> {
        Box::pin(std::future::pending())
    }
}

/// 37:auth:delay-never-admits.
#[tokio::test]
async fn a_verdict_that_does_not_come_in_time_lets_nobody_in() {
    let config = MuxConfig { verdict_time: Duration::from_millis(30), ..MuxConfig::default() };
    let site = Site::with(config, ListenSecurity::Null, Admittance::By(Arc::new(Silent)));
    let error = site.dial("engine", DialSecurity::Null).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later, "{error}");
    assert_eq!(site.counter("ended_no_verdict"), 1);
    assert_eq!(site.counter("bindings"), 0);
}

/// 37:auth:delay-never-admits.
#[tokio::test]
async fn an_authenticator_that_panics_lets_nobody_in_and_hurts_nobody_else() {
    let judge = Admittance::judged(|claim| match claim.introduction {
        Some((identity, _)) if identity.as_octets() == b"poison" => panic!("as the test wants"),
        _ => Verdict::Accept(claim.principal()),
    });
    let site = Site::new(ListenSecurity::Null, judge);
    let service = site.dial("engine", DialSecurity::Null).await.unwrap();
    let error = site.dial("poison", DialSecurity::Null).await.unwrap_err();
    assert!(matches!(error, DealerError::LetGo), "{error}");
    let client = site.dial("", DialSecurity::Null).await.unwrap();
    exchange(&client, &service, b"still here").await;
    assert_eq!(site.counter("bindings"), 2);
    assert_eq!(site.counter("connections"), 2);
}

/// 37:auth:one-mechanism, 37:auth:mechanisms-match.
#[tokio::test]
async fn another_mechanism_than_the_listeners_is_no_way_in() {
    let server = CurveIdentity::new(generate_keys().unwrap());
    let keys = Arc::new(generate_keys().unwrap());
    for security in
        [ListenSecurity::Null, ListenSecurity::Plain, ListenSecurity::Curve(server.clone())]
    {
        let site = Site::new(security.clone(), Admittance::Everybody);
        for dialled in [DialSecurity::Null, plain("a", "b"), curve(&server, &keys)] {
            let same = matches!(
                (&security, &dialled),
                (ListenSecurity::Null, DialSecurity::Null)
                    | (ListenSecurity::Plain, DialSecurity::Plain(_))
                    | (ListenSecurity::Curve(_), DialSecurity::Curve { .. })
            );
            let outcome = site.dial("engine", dialled).await;
            assert_eq!(outcome.is_ok(), same, "{security:?}: {outcome:?}");
        }
    }
}
