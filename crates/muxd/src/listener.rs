//! Listener URLs: an endpoint, and what is said of it behind a `?`.
//!
//! ```text
//! tcp://127.0.0.1:5556?name=engine.7      a peer that announces no identity is this service
//! tcp://127.0.0.1:5555?identity=mux       the MUX announces this identity
//! tcp://127.0.0.1:5555?notices=always    its peers take notices without asking for them
//! ```

use std::net::Ipv4Addr;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use zmtp_mux::{Endpoint, EndpointError, Identity, Listen, ListenerRole, Name, Notices};

/// A listener as it stands on the command line; its role is known from the option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerUrl {
    pub(crate) endpoint: Endpoint,
    pub(crate) name: Option<Name>,
    pub(crate) identity: Identity,
    pub(crate) notices: Notices,
}

/// Why a text is no listener URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UrlError {
    Endpoint(EndpointError),
    Inproc,
    UnknownKey(String),
    Twice(&'static str),
    NameForm,
    IdentityForm,
    NoticesForm,
    NameElsewhere,
    Percent,
    QuestionMark,
}

impl std::fmt::Display for UrlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint(error) => write!(f, "{error}"),
            Self::Inproc => f.write_str(
                "inproc:// leads to other handles in one process, and here there are none: listen on \
                 tcp:// or ipc://",
            ),
            Self::UnknownKey(key) => {
                write!(
                    f,
                    "unknown key {key:?}: behind ? stand name=NAME, identity=NAME and \
                     notices=always, joined by &"
                )
            }
            Self::Twice(key) => write!(f, "{key} is given twice"),
            Self::NameForm => f.write_str("a name has 1 to 255 octets, the first not zero"),
            Self::IdentityForm => {
                f.write_str("an identity has 1 to 255 octets, the first not zero")
            }
            Self::NoticesForm => f.write_str("notices are always, or without the key for who asks"),
            Self::NameElsewhere => f.write_str("?name= is for --services only"),
            Self::QuestionMark => f.write_str("the keys are joined by &; ? is %3F"),
            Self::Percent => f.write_str("% is followed by two hexadecimal digits"),
        }
    }
}

impl std::error::Error for UrlError {}

impl ListenerUrl {
    /// Reads a listener URL for services.
    pub(crate) fn parse_services(text: &str) -> Result<Self, UrlError> {
        let (endpoint, query) = match text.split_once('?') {
            Some((endpoint, query)) => (endpoint, Some(query)),
            None => (text, None),
        };
        let endpoint = endpoint.parse().map_err(UrlError::Endpoint)?;
        // spec: mux:listen:inproc
        if matches!(endpoint, Endpoint::Inproc(_)) {
            return Err(UrlError::Inproc);
        }
        let (mut name, mut identity, mut notices) = (None, None, None);
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if value.contains('?') {
                return Err(UrlError::QuestionMark);
            }
            let twice = match key {
                "name" => {
                    let given = Name::new(decode(value)?).ok_or(UrlError::NameForm)?;
                    name.replace(given).map(|_| "name")
                }
                "identity" => {
                    let given = Identity::new(decode(value)?)
                        .ok()
                        .filter(|identity| !identity.is_anonymous())
                        .ok_or(UrlError::IdentityForm)?;
                    identity.replace(given).map(|_| "identity")
                }
                // spec: mux:notice:always
                "notices" if value == "always" => {
                    notices.replace(Notices::Taken).map(|_| "notices")
                }
                "notices" => return Err(UrlError::NoticesForm),
                _ => return Err(UrlError::UnknownKey(key.to_owned())),
            };
            if let Some(key) = twice {
                return Err(UrlError::Twice(key));
            }
        }
        let notices = notices.unwrap_or(Notices::NotTaken);
        Ok(Self { endpoint, name, identity: identity.unwrap_or_default(), notices })
    }

    /// Reads a listener URL for other peers than services, which cannot give names.
    pub(crate) fn parse_others(text: &str) -> Result<Self, UrlError> {
        let url = Self::parse_services(text)?;
        if url.name.is_some() { Err(UrlError::NameElsewhere) } else { Ok(url) }
    }

    pub(crate) fn listen(self, role: ListenerRole) -> Listen {
        let Self { endpoint, name, identity, notices } = self;
        Listen { name, identity, notices, ..Listen::new(role, endpoint) }
    }
}

/// Tells whether nothing can listen on one of these while something listens on the other, as far as
/// that is known without a look at the system.
pub(crate) fn collide(one: &Endpoint, other: &Endpoint) -> bool {
    let (Endpoint::Tcp { host, port }, Endpoint::Tcp { host: other_host, port: other_port }) =
        (one, other)
    else {
        return one == other;
    };
    let address = |host: &str| if host == "*" { Some(ANY) } else { host.parse().ok() };
    let hosts_collide = match (address(host), address(other_host)) {
        // Elsewhere one interface may be listened on beside all of them.
        (Some(one), Some(other)) => {
            one == other || cfg!(target_os = "linux") && (one == ANY || other == ANY)
        }
        _ => host == other_host,
    };
    hosts_collide && port == other_port && *port != 0
}

/// Returns the URL of a listener, which reads back as it.
pub(crate) fn url_of(listen: &Listen) -> String {
    let encode = |octets| percent_encode(octets, NON_ALPHANUMERIC).to_string();
    let name = listen.name.as_ref().map(|name| format!("name={}", encode(name.as_octets())));
    let identity = Some(&listen.identity)
        .filter(|identity| !identity.is_anonymous())
        .map(|identity| format!("identity={}", encode(identity.as_octets())));
    let notices = (listen.notices == Notices::Taken).then(|| "notices=always".to_owned());
    let query: Vec<_> = [name, identity, notices].into_iter().flatten().collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", listen.endpoint, query.join("&"))
}

/// Undoes percent encoding; a `%` that begins none is a mistake rather than itself.
fn decode(value: &str) -> Result<Bytes, UrlError> {
    let mut rest = value.as_bytes();
    while let Some(place) = rest.iter().position(|&octet| octet == b'%') {
        let after = rest.get(place.saturating_add(1)..).unwrap_or_default();
        match after {
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest = after,
            _ => return Err(UrlError::Percent),
        }
    }
    Ok(percent_decode_str(value).collect::<Vec<u8>>().into())
}

/// Every IPv4 interface.
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:config:listeners.
    #[test]
    fn one_place_cannot_be_listened_on_twice() {
        let collide = |one: &str, other: &str| {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(collide(&one, &other), collide(&other, &one));
            collide(&one, &other)
        };
        for (one, other) in [
            ("tcp://127.0.0.1:7", "tcp://127.0.0.1:7"),
            ("tcp://*:7", "tcp://*:7"),
            ("tcp://*:7", "tcp://0.0.0.0:7"),
            ("tcp://localhost:7", "tcp://localhost:7"),
            ("tcp://[::1]:7", "tcp://[::1]:7"),
            ("ipc:///tmp/a", "ipc:///tmp/a"),
        ] {
            assert!(collide(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("tcp://127.0.0.1:7", "tcp://127.0.0.1:8"),
            ("tcp://127.0.0.1:7", "tcp://127.0.0.2:7"),
            ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
            ("tcp://*:*", "tcp://*:*"),
            ("tcp://*:7", "tcp://[::1]:7"),
            ("tcp://a:7", "tcp://b:7"),
            ("ipc:///tmp/a", "ipc:///tmp/b"),
            ("ipc://7", "tcp://127.0.0.1:7"),
        ] {
            assert!(!collide(one, other), "{one} {other}");
        }
        for one in ["tcp://*:7", "tcp://0.0.0.0:7"] {
            assert_eq!(collide(one, "tcp://192.0.2.1:7"), cfg!(target_os = "linux"), "{one}");
        }
    }

    #[test]
    fn reads_endpoint_name_and_identity() {
        let url = ListenerUrl::parse_services("tcp://127.0.0.1:1?name=a%20b%00&identity=mux");
        let url = url.unwrap();
        assert_eq!(url.endpoint, "tcp://127.0.0.1:1".parse().unwrap());
        assert_eq!(url.name.unwrap().as_octets(), b"a b\0");
        assert_eq!(url.identity.as_octets(), b"mux");
        let plain = ListenerUrl::parse_others("ipc:///tmp/x").unwrap();
        assert_eq!((plain.name, plain.identity), (None, Identity::ANONYMOUS));
        assert_eq!(plain.notices, Notices::NotTaken);
        let told = ListenerUrl::parse_others("tcp://127.0.0.1:1?identity=mux&notices=always");
        assert_eq!(told.unwrap().listen(ListenerRole::Clients).notices, Notices::Taken);
    }

    #[test]
    fn says_what_is_wrong_with_everything_else() {
        let long = "x".repeat(256);
        for (query, error) in [
            ("", UrlError::UnknownKey(String::new())),
            ("nmae=x", UrlError::UnknownKey("nmae".to_owned())),
            ("name=x&name=y", UrlError::Twice("name")),
            ("identity=x&identity=x", UrlError::Twice("identity")),
            ("notices=always&notices=always", UrlError::Twice("notices")),
            ("notices", UrlError::NoticesForm),
            ("notices=never", UrlError::NoticesForm),
            ("name=", UrlError::NameForm),
            ("name", UrlError::NameForm),
            ("name=%00x", UrlError::NameForm),
            (&format!("name={long}"), UrlError::NameForm),
            ("identity=", UrlError::IdentityForm),
            ("identity=%00", UrlError::IdentityForm),
            ("identity=a?name=b", UrlError::QuestionMark),
            ("name=%", UrlError::Percent),
            ("name=%4", UrlError::Percent),
            ("name=%zz", UrlError::Percent),
        ] {
            let text = format!("tcp://127.0.0.1:1?{query}");
            assert_eq!(ListenerUrl::parse_services(&text), Err(error), "{text}");
        }
        let named = ListenerUrl::parse_others("tcp://127.0.0.1:1?name=x");
        assert_eq!(named, Err(UrlError::NameElsewhere));
        assert_eq!(ListenerUrl::parse_others("inproc://x"), Err(UrlError::Inproc));
        let scheme = ListenerUrl::parse_others("http://x");
        assert_eq!(scheme, Err(UrlError::Endpoint(EndpointError::Scheme)));
    }
}
