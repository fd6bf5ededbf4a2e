use bytes::BytesMut;
use futures::{SinkExt, StreamExt};
use tokio::io::{BufStream, DuplexStream};
use tokio_util::codec::Decoder as _;

use super::framed::READ_AHEAD;
use super::*;
use crate::clock::start;
use crate::command::Pong;
use crate::greeting::Version;
use crate::heartbeat::{Ping, TimeToLive};
use crate::limits::Limits;
use crate::message::Message;
use crate::outlet::Outlet;
use crate::pair::{curve_client, curve_server, plain_client};
use crate::pairing::Pairing;
use crate::security::Credentials;
use crate::socket_type::SocketType;
use crate::subscription::Subscription;
use crate::traffic::Traffic;

#[test]
fn a_header_alone_buys_at_most_the_read_ahead() {
    let (ours, theirs) = (SocketType::Router, SocketType::Dealer);
    let pairing = Pairing { ours, theirs, version: Version::V3_1 };
    let traffic = Traffic::new(&Settings::default(), pairing, start());
    let mut codec = MessageCodec::new(traffic, Outlet::Clear, start());
    let mut input = BytesMut::from(&b"\x02\0\0\0\0\0\xf0\0\0"[..]);
    assert!(codec.decode(&mut input).unwrap().is_none());
    assert!(input.capacity() <= 2 * READ_AHEAD, "{}", input.capacity());
}

/// Fails a test whose peer never answers.
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, answer).await.expect("an answer in time")
}

type Shaken = Result<(Framed<DuplexStream, MessageCodec>, Peer), CodecError>;

/// Connects a client of this type to a ROUTER, without security.
async fn both(one: DuplexStream, other: DuplexStream, client: SocketType) -> (Shaken, Shaken) {
    let (client, server) = ((client, ClientSecurity::Null), ServerSecurity::Null);
    secured(one, other, client, server, |_| Verdict::Accept).await
}

/// Connects a client of this type and security to a ROUTER.
async fn secured(
    one: DuplexStream,
    other: DuplexStream,
    (client, client_security): (SocketType, ClientSecurity),
    server_security: ServerSecurity,
    judge: impl FnMut(Claim<'_>) -> Verdict,
) -> (Shaken, Shaken) {
    let (now, limits) = (start(), Limits::default());
    let (client, router) = (Local::new(client), Local::new(SocketType::Router));
    in_time(async {
        tokio::join!(
            connect(one, client, client_security, limits, now),
            accept(other, router, server_security, judge, limits, now),
        )
    })
    .await
}

#[tokio::test]
async fn both_sides_see_messages_and_pings_through_framed() {
    let (one, other) = tokio::io::duplex(64);
    let (client, server) = both(one, other, SocketType::Dealer).await;
    let ((mut client, router), (server, _)) = (client.unwrap(), server.unwrap());
    assert_eq!(router.socket_type, SocketType::Router);
    let parts = server.into_parts();
    let (mut raw, codec) = (parts.io, parts.codec);
    raw.write_all(b"\x04\x08\x04PING\0\0c\x04\x02\x01X\x01\x01a").await.unwrap();
    let Some(Ok(Incoming::Ping(pong))) = in_time(client.next()).await else { panic!("no PING") };
    client.send(pong.into()).await.unwrap();
    raw.write_all(b"\x00\x01b").await.unwrap();
    let whole = Message::from_frames(["a", "b"]).unwrap();
    let Some(Ok(incoming)) = in_time(client.next()).await else { panic!("no message") };
    assert_eq!(incoming, Incoming::Message(whole));
    let mut answer = [0; 8];
    in_time(raw.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"\x04\x06\x04PONGc");
    drop((raw, codec));
    assert!(in_time(client.next()).await.is_none());
}

/// Both greetings are longer than what the stream takes at once, and both sides begin to write.
#[tokio::test]
async fn a_handshake_needs_no_room_in_the_stream() {
    for len in [1, 63] {
        for (client, server) in mechanisms() {
            let (one, other) = tokio::io::duplex(len);
            let client = (SocketType::Dealer, client);
            let (client, server) = secured(one, other, client, server, |_| Verdict::Accept).await;
            assert!(client.is_ok() && server.is_ok(), "{len}");
        }
    }
}

#[tokio::test]
async fn a_handshake_waits_for_nothing_in_the_buffer_of_a_stream() {
    let (one, other) = tokio::io::duplex(4096);
    let (one, other) = (BufStream::new(one), BufStream::new(other));
    let (now, limits) = (start(), Limits::default());
    let local = Local::new;
    let judge = |_: Claim<'_>| Verdict::Accept;
    let (client, server) = in_time(async {
        tokio::join!(
            connect(one, local(SocketType::Dealer), curve_client(), limits, now),
            accept(other, local(SocketType::Router), curve_server(), judge, limits, now),
        )
    })
    .await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn a_peer_that_does_not_fit_is_told_so() {
    let (one, other) = tokio::io::duplex(4096);
    let (client, server) = both(one, other, SocketType::Pub).await;
    let Err(CodecError::Connection(ConnectionError::Refused { reason })) = client else {
        panic!("not refused")
    };
    assert_eq!(reason, "incompatible-socket-type");
    assert!(matches!(server, Err(CodecError::Connection(ConnectionError::Incompatible { .. }))));
}

/// Both mechanisms, with the user or the key that they prove.
fn mechanisms() -> [(ClientSecurity, ServerSecurity); 2] {
    [(plain_client(), ServerSecurity::Plain), (curve_client(), curve_server())]
}

#[tokio::test]
async fn messages_and_pings_pass_behind_each_mechanism() {
    for (client, server) in mechanisms() {
        // So few octets at a time that hardly a frame is whole at once.
        let (one, other) = tokio::io::duplex(64);
        let client = (SocketType::Dealer, client);
        let mut claims = Vec::new();
        let judge = |claim: Claim<'_>| {
            claims.push(format!("{claim:?}"));
            Verdict::Accept
        };
        let (client, server) = secured(one, other, client, server, judge).await;
        let ((client, _), (server, peer)) = (client.unwrap(), server.unwrap());
        match &peer.credentials {
            Credentials::Plain { user } => {
                assert_eq!((user, claims.len()), (&bytes::Bytes::from_static(b"admin"), 2));
            }
            Credentials::Curve(_) => assert_eq!(claims.len(), 1),
            Credentials::None => panic!("nothing is proven"),
        }
        assert!(claims.iter().all(|claim| !claim.contains("secret")));

        let (mut to_server, mut from_client) = (client, server);
        let large = Message::from_frames([&b"a"[..], &vec![7; 100_000]]).unwrap();
        for message in [Message::single(b"small"), large] {
            let (sent, received) = in_time(async {
                tokio::join!(to_server.send(message.clone().into()), from_client.next())
            })
            .await;
            sent.unwrap();
            assert_eq!(received.unwrap().unwrap(), Incoming::Message(message));
        }
        let context = crate::Context::new(b"c").unwrap();
        let after = Message::single(b"after");
        let (sent, received) = in_time(async {
            let pong_and_after = async {
                to_server.send(Pong(context).into()).await?;
                to_server.send(after.clone().into()).await
            };
            tokio::join!(pong_and_after, from_client.next())
        })
        .await;
        sent.unwrap();
        assert_eq!(received.unwrap().unwrap(), Incoming::Message(after));
    }
}

/// 37:auth:refused-for-good-error.
#[tokio::test]
async fn a_refusal_for_good_is_told_under_each_mechanism() {
    for (client, server) in mechanisms() {
        let (one, other) = tokio::io::duplex(4096);
        let judge = |_: Claim<'_>| Verdict::Refuse("not you".to_owned());
        let client = (SocketType::Dealer, client);
        let (client, server) = secured(one, other, client, server, judge).await;
        let Err(CodecError::Connection(ConnectionError::Refused { reason })) = client else {
            panic!("not refused")
        };
        assert_eq!(reason, "not-you");
        let refused = server.err().unwrap();
        assert!(matches!(refused, CodecError::Connection(ConnectionError::RefusedByUs)));
    }
}

/// 37:auth:refused-for-now-silent.
#[tokio::test]
async fn a_refusal_for_now_is_a_close_without_a_word() {
    for (client, server) in mechanisms() {
        let (one, other) = tokio::io::duplex(4096);
        let judge = |_: Claim<'_>| Verdict::RefuseForNow;
        let client = (SocketType::Dealer, client);
        let (client, server) = secured(one, other, client, server, judge).await;
        let Err(CodecError::Io(error)) = client else { panic!("not closed") };
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(matches!(server, Err(CodecError::RefusedForNow)));
    }
}

/// 24:plain:credentials-at-hello.
#[tokio::test]
async fn a_welcome_is_not_yet_a_yes() {
    let (one, other) = tokio::io::duplex(4096);
    let judge = |claim: Claim<'_>| match claim {
        Claim::Credentials(credentials) if credentials.has_password(b"secret") => Verdict::Accept,
        Claim::Credentials(_) | Claim::Peer(_) => Verdict::Refuse("late".to_owned()),
    };
    let client = (SocketType::Dealer, plain_client());
    let (client, _) = secured(one, other, client, ServerSecurity::Plain, judge).await;
    let Err(CodecError::Connection(ConnectionError::Refused { reason })) = client else {
        panic!("not refused")
    };
    assert_eq!(reason, "late");
}

/// A handshake can be made in a task of a runtime with several threads.
#[test]
fn handshakes_are_send_if_stream_and_judge_are() {
    fn is_send<T: Send>(_: T) {}
    for (client, server) in mechanisms() {
        let (one, other) = tokio::io::duplex(64);
        let (local, now) = (Local::new(SocketType::Dealer), start());
        let known = std::sync::Mutex::new(vec!["admin".to_owned()]);
        let judge = move |claim: Claim<'_>| match claim {
            Claim::Credentials(credentials) => {
                known.lock().unwrap().push(format!("{credentials:?}"));
                Verdict::Accept
            }
            Claim::Peer(_) => Verdict::Accept,
        };
        is_send(connect(one, local.clone(), client, Limits::default(), now));
        is_send(accept(other, local, server, judge, Limits::default(), now));
    }
}

/// 37:subscription:command-form, 37:subscription:wrong-type.
#[tokio::test]
async fn a_subscriber_and_its_publisher_meet_through_framed() {
    let (one, other) = tokio::io::duplex(4096);
    let (now, limits, local) = (start(), Limits::default(), Local::new);
    let judge = |_: Claim<'_>| Verdict::Accept;
    let (subscriber, publisher) = in_time(async {
        tokio::join!(
            connect(one, local(SocketType::Sub), curve_client(), limits, now),
            accept(other, local(SocketType::Pub), curve_server(), judge, limits, now),
        )
    })
    .await;
    let ((mut subscriber, _), (mut publisher, _)) = (subscriber.unwrap(), publisher.unwrap());
    for told in [Subscription::Subscribe("news".into()), Subscription::Cancel("news".into())] {
        in_time(subscriber.send(told.clone().into())).await.unwrap();
        let heard = in_time(publisher.next()).await.unwrap().unwrap();
        assert_eq!(heard, Incoming::Subscription(told.clone()));
        let Err(CodecError::Tell(TellError::WrongType { ours, theirs })) =
            publisher.send(told.into()).await
        else {
            panic!("a publisher subscribes");
        };
        assert_eq!((ours, theirs), (SocketType::Pub, SocketType::Sub));
        let message = Message::single(b"news: none");
        in_time(publisher.send(message.clone().into())).await.unwrap();
        assert_eq!(in_time(subscriber.next()).await.unwrap().unwrap(), Incoming::Message(message));
    }
}

/// 37:heartbeat:pong-repeats-context.
#[tokio::test]
async fn a_ping_of_ones_own_is_answered_and_the_sink_closes() {
    for (client, server) in mechanisms() {
        let (one, other) = tokio::io::duplex(4096);
        let client = (SocketType::Dealer, client);
        let (client, server) = secured(one, other, client, server, |_| Verdict::Accept).await;
        let ((mut client, _), (mut server, _)) = (client.unwrap(), server.unwrap());
        in_time(client.feed(Ping::new(TimeToLive::NONE).into())).await.unwrap();
        in_time(client.flush()).await.unwrap();
        let Incoming::Ping(pong) = in_time(server.next()).await.unwrap().unwrap() else {
            panic!("no PING")
        };
        assert_eq!(pong.0.as_octets(), b"");
        in_time(server.send(pong.into())).await.unwrap();
        in_time(server.close()).await.unwrap();
        assert!(in_time(client.next()).await.is_none(), "a PONG is for nobody, then the end");
    }
}
