//! Keys and passwords, and how either library is given them.

use std::sync::Arc;

use zmq::{CurveKeyPair, Socket};
use zmtp_mux::{
    CurveIdentity, DialSecurity, KeyPair, ListenSecurity, PlainCredentials, PublicKey, SecretKey,
};
use zmtp_proto::curve::{CookieKey, CurveClient, CurveServer};
use zmtp_proto::{ClientSecurity, ServerSecurity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Null,
    Plain,
    Curve,
}

pub(crate) const MECHANISMS: [Mechanism; 3] = [Mechanism::Null, Mechanism::Plain, Mechanism::Curve];

pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "open sesame";

/// A permanent key, as either library has it.
pub(crate) struct Key {
    pub(crate) public: [u8; 32],
    secret: [u8; 32],
}

/// A server and a client that know each other.
pub(crate) struct Credentials {
    pub(crate) mechanism: Mechanism,
    pub(crate) server: Key,
    pub(crate) client: Key,
    pub(crate) password: &'static str,
}

impl Key {
    pub(crate) fn new() -> Self {
        let CurveKeyPair { public_key, secret_key } = CurveKeyPair::new().unwrap();
        Self { public: public_key, secret: secret_key }
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::from_octets(self.public)
    }

    fn pair(&self) -> KeyPair {
        let pair = KeyPair::from_secret(SecretKey::from_octets(self.secret));
        assert_eq!(pair.public, self.public(), "libzmq and we compute different keys");
        pair
    }
}

impl Credentials {
    pub(crate) fn new(mechanism: Mechanism) -> Self {
        Self { mechanism, server: Key::new(), client: Key::new(), password: PASSWORD }
    }

    pub(crate) fn our_server(&self) -> ListenSecurity {
        match self.mechanism {
            Mechanism::Null => ListenSecurity::Null,
            Mechanism::Plain => ListenSecurity::Plain,
            Mechanism::Curve => ListenSecurity::Curve(CurveIdentity::new(self.server.pair())),
        }
    }

    pub(crate) fn our_client(&self) -> DialSecurity {
        match self.mechanism {
            Mechanism::Null => DialSecurity::Null,
            Mechanism::Plain => {
                DialSecurity::Plain(PlainCredentials::new(USER, self.password).unwrap())
            }
            Mechanism::Curve => DialSecurity::Curve {
                server: self.server.public(),
                keys: Arc::new(self.client.pair()),
            },
        }
    }

    /// Returns the client's half for a connection without a dealer around it.
    pub(crate) fn client_side(&self) -> ClientSecurity {
        match self.our_client() {
            DialSecurity::Plain(credentials) => ClientSecurity::Plain(credentials),
            DialSecurity::Curve { server, keys } => {
                ClientSecurity::Curve(Box::new(CurveClient::new(server, keys, [1; 48])))
            }
            DialSecurity::Null => ClientSecurity::Null,
        }
    }

    /// Returns the server's half for a connection without a MUX around it.
    pub(crate) fn server_side(&self) -> ServerSecurity {
        match self.mechanism {
            Mechanism::Null => ServerSecurity::Null,
            Mechanism::Plain => ServerSecurity::Plain,
            Mechanism::Curve => {
                let (keys, cookie) = (self.server.pair(), CookieKey::from_octets([2; 32]));
                let server = CurveServer::new(Arc::new(keys), Arc::new(cookie), [3; 64]);
                ServerSecurity::Curve(Box::new(server))
            }
        }
    }

    pub(crate) fn make_server(&self, socket: &Socket) {
        match self.mechanism {
            Mechanism::Null => {}
            Mechanism::Plain => socket.set_plain_server(true).unwrap(),
            Mechanism::Curve => {
                socket.set_curve_server(true).unwrap();
                socket.set_curve_secretkey(&self.server.secret).unwrap();
            }
        }
    }

    pub(crate) fn make_client(&self, socket: &Socket) {
        match self.mechanism {
            Mechanism::Null => {}
            Mechanism::Plain => {
                socket.set_plain_username(Some(USER)).unwrap();
                socket.set_plain_password(Some(self.password)).unwrap();
            }
            Mechanism::Curve => {
                socket.set_curve_serverkey(&self.server.public).unwrap();
                socket.set_curve_publickey(&self.client.public).unwrap();
                socket.set_curve_secretkey(&self.client.secret).unwrap();
            }
        }
    }
}
