//! Socket types, and which of them talk to each other.

use std::fmt;

/// The socket types of ZMTP 3.1, as the `Socket-Type` property names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard's own, and say all there is")]
pub enum SocketType {
    Req,
    Rep,
    Dealer,
    Router,
    Pub,
    Xpub,
    Sub,
    Xsub,
    Push,
    Pull,
    Pair,
    Client,
    Server,
    Radio,
    Dish,
    Scatter,
    Gather,
    Peer,
    Channel,
}

impl SocketType {
    /// Every socket type, each once.
    pub const ALL: [Self; 19] = [
        Self::Req,
        Self::Rep,
        Self::Dealer,
        Self::Router,
        Self::Pub,
        Self::Xpub,
        Self::Sub,
        Self::Xsub,
        Self::Push,
        Self::Pull,
        Self::Pair,
        Self::Client,
        Self::Server,
        Self::Radio,
        Self::Dish,
        Self::Scatter,
        Self::Gather,
        Self::Peer,
        Self::Channel,
    ];

    /// Returns the name that stands on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Req => "REQ",
            Self::Rep => "REP",
            Self::Dealer => "DEALER",
            Self::Router => "ROUTER",
            Self::Pub => "PUB",
            Self::Xpub => "XPUB",
            Self::Sub => "SUB",
            Self::Xsub => "XSUB",
            Self::Push => "PUSH",
            Self::Pull => "PULL",
            Self::Pair => "PAIR",
            Self::Client => "CLIENT",
            Self::Server => "SERVER",
            Self::Radio => "RADIO",
            Self::Dish => "DISH",
            Self::Scatter => "SCATTER",
            Self::Gather => "GATHER",
            Self::Peer => "PEER",
            Self::Channel => "CHANNEL",
        }
    }

    /// Returns the type with this name, compared exactly.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// Tells whether a socket of this type may talk to one of type `other`. Symmetric.
    // spec: 37:socket-type:pairs
    #[must_use]
    pub const fn talks_to(self, other: Self) -> bool {
        use SocketType as T;
        matches!(
            (self, other),
            (T::Req, T::Rep | T::Router)
                | (T::Rep, T::Req | T::Dealer)
                | (T::Dealer, T::Rep | T::Dealer | T::Router)
                | (T::Router, T::Req | T::Dealer | T::Router)
                | (T::Pub | T::Xpub, T::Sub | T::Xsub)
                | (T::Sub | T::Xsub, T::Pub | T::Xpub)
                | (T::Push, T::Pull)
                | (T::Pull, T::Push)
                | (T::Pair, T::Pair)
                | (T::Client, T::Server)
                | (T::Server, T::Client)
                | (T::Radio, T::Dish)
                | (T::Dish, T::Radio)
                | (T::Scatter, T::Gather)
                | (T::Gather, T::Scatter)
                | (T::Peer, T::Peer)
                | (T::Channel, T::Channel)
        )
    }

    /// Tells whether a peer of this type may announce an identity; that of any other is ignored.
    #[must_use]
    pub const fn has_identity(self) -> bool {
        matches!(self, Self::Req | Self::Dealer | Self::Router)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::SocketType;

    #[test]
    fn every_name_leads_back_to_its_type() {
        for kind in SocketType::ALL {
            assert_eq!(SocketType::from_name(kind.name().as_bytes()), Some(kind));
            assert_eq!(SocketType::from_name(kind.name().to_lowercase().as_bytes()), None);
        }
    }

    /// 37:socket-type:pairs.
    #[test]
    fn exactly_the_listed_pairs_talk_to_each_other() {
        let listed = [
            "REQ REP",
            "REQ ROUTER",
            "REP DEALER",
            "DEALER DEALER",
            "DEALER ROUTER",
            "ROUTER ROUTER",
            "PUB SUB",
            "PUB XSUB",
            "XPUB SUB",
            "XPUB XSUB",
            "PUSH PULL",
            "PAIR PAIR",
            "CLIENT SERVER",
            "RADIO DISH",
            "SCATTER GATHER",
            "PEER PEER",
            "CHANNEL CHANNEL",
        ];
        for one in SocketType::ALL {
            for other in SocketType::ALL {
                let legal = listed.contains(&format!("{one} {other}").as_str())
                    || listed.contains(&format!("{other} {one}").as_str());
                assert_eq!(one.talks_to(other), legal, "{one} and {other}");
            }
        }
    }

    #[test]
    fn only_req_dealer_and_router_announce_identities() {
        let named: Vec<_> =
            SocketType::ALL.into_iter().filter(|kind| kind.has_identity()).collect();
        assert_eq!(named, [SocketType::Req, SocketType::Dealer, SocketType::Router]);
    }
}
