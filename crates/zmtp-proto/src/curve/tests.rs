//! The handshake with keys that everybody knows, and every way to get it wrong.
//!
//! The octets were computed with libsodium, apart from this code; libzmq takes the HELLO.

mod flow;
mod forged;
mod known;
mod lengths;
mod order;
mod replayed;
mod weak;

use std::sync::Arc;

use bytes::BytesMut;

use super::*;
use crate::clock::start;
use crate::error::ConnectionError;
use crate::greeting::{Greeting, SecurityRole, Version};
use crate::mechanism::Mechanism;
use crate::pair::{End, router};
use crate::security::{ClientSecurity, ServerSecurity};

/// The pairs in libzmq's manual.
fn client_keys() -> Arc<KeyPair> {
    let secret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
    Arc::new(KeyPair::from_secret(secret.parse().unwrap()))
}

fn server_keys() -> Arc<KeyPair> {
    let secret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
    Arc::new(KeyPair::from_secret(secret.parse().unwrap()))
}

/// As many octets, counting up from `first`.
fn from<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|at| first + u8::try_from(at).unwrap())
}

fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    parts.concat().try_into().unwrap()
}

/// c' and s'.
const CLIENT_TRANSIENT: u8 = 0x01;
const SERVER_TRANSIENT: u8 = 0x21;

fn cookie_key() -> Arc<CookieKey> {
    Arc::new(CookieKey::from_octets(from(0x41)))
}

fn curve_client() -> CurveClient {
    let chance = joined(&[&from::<32>(CLIENT_TRANSIENT), &from::<16>(0xc0)]);
    CurveClient::new(server_keys().public, client_keys(), chance)
}

fn curve_server() -> CurveServer {
    let chance = joined(&[&from::<32>(SERVER_TRANSIENT), &from::<16>(0xa0), &from::<16>(0xb0)]);
    CurveServer::new(server_keys(), cookie_key(), chance)
}

fn security(server: CurveServer) -> ServerSecurity {
    ServerSecurity::Curve(Box::new(server))
}

fn greeting(security_role: SecurityRole) -> [u8; 64] {
    Greeting { version: Version::V3_1, mechanism: Mechanism::CURVE, security_role }.to_octets()
}

/// What a server waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ServerAwaits {
    Hello,
    Initiate,
    Message,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ClientAwaits {
    Welcome,
    Ready,
    Message,
}

/// A server that has come so far with the client whose octets are below.
fn server_at(awaits: ServerAwaits) -> End {
    let mut server = End::acceptor(security(curve_server()));
    server.feed(&greeting(SecurityRole::Client), start());
    if awaits >= ServerAwaits::Initiate {
        server.feed(&hex(HELLO), start());
    }
    if awaits >= ServerAwaits::Message {
        server.feed(&hex(INITIATE), start());
        server.connection.accept(&router(), start()).unwrap();
    }
    assert_eq!(server.failed, None);
    server
}

/// A client that has come so far with the server whose octets are below.
fn client_at(awaits: ClientAwaits) -> End {
    let mut client = End::connector(ClientSecurity::Curve(Box::new(curve_client())));
    client.feed(&greeting(SecurityRole::Server), start());
    if awaits >= ClientAwaits::Ready {
        client.feed(&hex(WELCOME), start());
    }
    if awaits >= ClientAwaits::Message {
        client.feed(&hex(READY), start());
    }
    assert_eq!(client.failed, None);
    client
}

fn refused_by_curve(end: &mut End, octets: &[u8]) -> CurveError {
    let refused = end.refuses(octets);
    let ConnectionError::Curve(error) = refused else { panic!("{refused:?}") };
    error
}

/// A command frame of any body.
fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    crate::frame::put_header(crate::frame::FrameKind::Command, body.len(), &mut frame);
    frame.extend_from_slice(body);
    frame
}

/// The body of a frame.
fn body(frame: &[u8]) -> &[u8] {
    &frame[if frame[0] & 2 == 0 { 2 } else { 9 }..]
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

/// HELLO, counter 1.
const HELLO: &str = "\
    04c80548454c4c4f01000000000000000000000000000000000000000000000000000000 \
    000000000000000000000000000000000000000000000000000000000000000000000000 \
    0000000000000000000007a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdf \
    c0b2b86d1c7c00000000000000016e3f26f72fe2f05db20de7881ee6a08fc432afe73b13 \
    8226f5930879c93bdd4d8586425a3a8d6bc5d83598a3017e0f1792ff0381360d168b6fe1 \
    c5e0bb752b0d365e13ea8e8a29ce1c5052c8c63eced7";

/// WELCOME.
const WELCOME: &str = "\
    04a80757454c434f4d45a0a1a2a3a4a5a6a7a8a9aaabacadaeafde30ad3917102ed03f32 \
    52ff5df61e274d7aab13f9fab374e52fdb35267e556dbae9dc929e81121e700070a00704 \
    f657807a24350e915ba16e09a035668bb80d0136e98f1301217848e471b9596e84292c98 \
    cd981243e07bde8bc043ce7fe00914fc994e83f357dc8488a0bb0e692cd73543d5edda93 \
    2e36f8e3368f778980b2801bedaf6386ad0c7f9974b7c179ccf7";

/// INITIATE of an anonymous DEALER, counter 2.
const INITIATE: &str = "\
    06000000000000012408494e495449415445b0b1b2b3b4b5b6b7b8b9babbbcbdbebf8ca4 \
    25494c574328d111eef24e3b0b3d840373c65095e0e37b27c1e6f8023437d26f84b09d05 \
    2fd3e50642b734f2f2bd12b61652b783fea7c17345b44121876822655328b60bbdb58aa4 \
    8ca029fff97e00000000000000022597eb279059ce6087140f1f16e0c608f4b83c445dab \
    fe76b764205b74eeced08560918c380fe1f6615aa96926bbfd8bddf0a74d63d94ae8f676 \
    476c0355f33f6258bfb9453c4d687dfda30d56645b70a73eaa6e7290c73b601890954177 \
    d54897aeff9f8701b48c4d5e48c07beaee38b9c809374f8352db3a22a2f1e62d3447aa1a \
    9d1434b1f74e0db52b848e02d06e7523cdb6612d1dcd2e3c1025f1b8642572653b809633 \
    9e6dfabca005b814c15e89d3e2";

/// READY of a ROUTER that gives no identity, counter 1.
const READY: &str = "\
    04340552454144590000000000000001adc2fa6feb5ec88b3caab334c82cde81e5b976c4 \
    83ec0654f901c19a18bef5ba8a058356adbb";

/// The message "hi" of the client, counter 3.
const HI: &str = "\
    0023074d4553534147450000000000000003680f4d15c019802830afc3f01e9e78152227 \
    3d";

/// The same, counter 10.
const HI_LATER: &str = "\
    0023074d455353414745000000000000000a70960ce91adadccb9a742552d48766f8ba48 \
    cb";

/// The same, counter 2, which INITIATE had.
const HI_TOO_EARLY: &str = "\
    0023074d4553534147450000000000000002ee69c57f2bf9eae94c75e9e459d7a05fe141 \
    69";

/// PING of the client, counter 4.
const PING: &str = "\
    0028074d455353414745000000000000000406507d4ea9deae564bb60ff692aa34276a89 \
    e651eb00d1dd";
