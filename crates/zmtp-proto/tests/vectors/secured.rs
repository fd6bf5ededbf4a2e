//! Where the rows of PLAIN and CURVE begin: what our side waits for, and how it gets there.

use std::sync::Arc;
use std::time::Instant;

use zmtp_proto::curve::{CookieKey, CurveClient, CurveServer, KeyPair, SecretKey};
use zmtp_proto::{
    ClientSecurity, Connection, Greeting, Local, Mechanism, PlainCredentials, SecurityRole,
    ServerSecurity, Settings, SocketType, Version,
};

use crate::run::Role;

/// What our side waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    PlainHello,
    PlainInitiate,
    PlainWelcome,
    PlainReady,
    CurveHello,
    CurveInitiate,
    CurveWelcome,
    CurveReady,
    /// Messages, as the server.
    CurveTraffic,
    /// Messages, as the client.
    CurveClientTraffic,
}

impl Awaits {
    pub(crate) fn from_words(words: &[&str]) -> Option<Self> {
        match words {
            ["plain", "hello"] => Some(Self::PlainHello),
            ["plain", "initiate"] => Some(Self::PlainInitiate),
            ["plain", "welcome"] => Some(Self::PlainWelcome),
            ["plain", "ready"] => Some(Self::PlainReady),
            ["curve", "hello"] => Some(Self::CurveHello),
            ["curve", "initiate"] => Some(Self::CurveInitiate),
            ["curve", "welcome"] => Some(Self::CurveWelcome),
            ["curve", "ready"] => Some(Self::CurveReady),
            ["curve", "traffic"] => Some(Self::CurveTraffic),
            ["curve", "client", "traffic"] => Some(Self::CurveClientTraffic),
            _ => None,
        }
    }

    /// Returns the ids of the rows that come before.
    pub(crate) fn prelude(self) -> &'static [&'static str] {
        match self {
            Self::PlainHello | Self::PlainWelcome | Self::CurveHello | Self::CurveWelcome => &[],
            Self::PlainInitiate => &["P-01"],
            Self::PlainReady => &["P-09"],
            Self::CurveInitiate => &["V-01"],
            Self::CurveReady => &["V-06"],
            Self::CurveTraffic => &["V-01", "V-08"],
            Self::CurveClientTraffic => &["V-06", "V-11"],
        }
    }

    pub(crate) fn role(self) -> Role {
        match self {
            Self::PlainHello
            | Self::PlainInitiate
            | Self::CurveHello
            | Self::CurveInitiate
            | Self::CurveTraffic => Role::Acceptor,
            Self::PlainWelcome
            | Self::PlainReady
            | Self::CurveWelcome
            | Self::CurveReady
            | Self::CurveClientTraffic => Role::Connector,
        }
    }

    pub(crate) fn is_traffic(self) -> bool {
        matches!(self, Self::CurveTraffic | Self::CurveClientTraffic)
    }

    /// Returns what our socket is: the peer is a DEALER or a ROUTER.
    pub(crate) fn ours(self) -> Local {
        Local::new(match self.role() {
            Role::Acceptor => SocketType::Router,
            Role::Connector => SocketType::Dealer,
        })
    }

    /// Returns the greeting of the peer.
    pub(crate) fn greeting(self) -> [u8; Greeting::LEN] {
        let security_role = match self.role() {
            Role::Acceptor => SecurityRole::Client,
            Role::Connector => SecurityRole::Server,
        };
        let mechanism = if self.is_plain() { Mechanism::PLAIN } else { Mechanism::CURVE };
        Greeting { version: Version::V3_1, mechanism, security_role }.to_octets()
    }

    /// Makes a connection that has not read anything.
    pub(crate) fn connection(self, settings: Settings, now: Instant) -> Connection {
        match self.role() {
            Role::Acceptor => Connection::acceptor(self.server(), settings, now),
            Role::Connector => Connection::connector(self.ours(), self.client(), settings, now),
        }
    }

    fn is_plain(self) -> bool {
        matches!(
            self,
            Self::PlainHello | Self::PlainInitiate | Self::PlainWelcome | Self::PlainReady
        )
    }

    fn server(self) -> ServerSecurity {
        if self.is_plain() {
            return ServerSecurity::Plain;
        }
        let chance = joined(&[&count::<32>(0x21), &count::<16>(0xa0), &count::<16>(0xb0)]);
        let cookie_key = Arc::new(CookieKey::from_octets(count(0x41)));
        ServerSecurity::Curve(Box::new(CurveServer::new(keys(SERVER), cookie_key, chance)))
    }

    fn client(self) -> ClientSecurity {
        if self.is_plain() {
            return ClientSecurity::Plain(PlainCredentials::new("admin", "secret").unwrap());
        }
        let chance = joined(&[&count::<32>(0x01), &count::<16>(0xc0)]);
        let server = keys(SERVER).public;
        ClientSecurity::Curve(Box::new(CurveClient::new(server, keys(CLIENT), chance)))
    }
}

fn keys(secret: &str) -> Arc<KeyPair> {
    let secret: SecretKey = secret.parse().unwrap();
    Arc::new(KeyPair::from_secret(secret))
}

/// As many octets, counting up from `first`.
fn count<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|at| first + u8::try_from(at).unwrap())
}

fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    parts.concat().try_into().unwrap()
}

/// The secret keys in libzmq's manual.
const CLIENT: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
const SERVER: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
