//! Between which sockets a connection is, and in which version: what may be said on it.

use bytes::BytesMut;
use thiserror::Error;

use crate::error::ConnectionError;
use crate::greeting::Version;
use crate::socket_type::SocketType;
use crate::subscription::{Membership, NoGroups, Relevance, Subscription};

/// The socket types of an established connection, and the version that both sides follow.
///
/// On them depends who may subscribe or join a group, and in which form that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// The type that we announced.
    pub ours: SocketType,
    /// The type that the peer announced.
    pub theirs: SocketType,
    /// The lower of both versions.
    pub version: Version,
}

/// A subscription or a membership was not sent, and nothing was written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TellError {
    /// A socket of our type does not tell one of theirs any such thing. The caller's fault.
    #[error("a {ours} does not tell a {theirs} so")]
    WrongType {
        /// The type that we announced.
        ours: SocketType,
        /// The type that the peer announced.
        theirs: SocketType,
    },
    /// The peer's version has no groups. Nobody's fault.
    #[error(transparent)]
    NoGroups(#[from] NoGroups),
    /// The connection is not, or no longer, established.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

/// What the peer is to our socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// It subscribes: we are a PUB or XPUB.
    Subscriber,
    /// It joins groups: we are a RADIO.
    Dish,
    /// Neither: what looks like a subscription is a message, and what joins is dropped.
    Other,
}

impl Pairing {
    /// Returns what we take from the peer beside messages.
    // spec: 37:subscription:wrong-type
    pub(crate) fn audience(self) -> Audience {
        let Self { ours, theirs, .. } = self;
        if Subscription::relevance(ours) == Relevance::Meant && Subscription::is_sent_by(theirs) {
            return Audience::Subscriber;
        }
        if Membership::relevance(ours) == Relevance::Meant && Membership::is_sent_by(theirs) {
            return Audience::Dish;
        }
        Audience::Other
    }

    /// Appends a subscription in the clear, in the form of the version.
    // spec: 37:subscription:wrong-type, 37:subscription:command-form,
    //       23:subscription:message-form
    pub(crate) fn put_subscription(
        self,
        subscription: &Subscription,
        out: &mut BytesMut,
    ) -> Result<(), TellError> {
        if self.turned().audience() != Audience::Subscriber {
            return Err(self.wrong_type());
        }
        subscription.put(self.version, out);
        Ok(())
    }

    /// Appends a membership in the clear.
    // spec: 37:subscription:wrong-type, 37:radio:join-leave
    pub(crate) fn put_membership(
        self,
        membership: &Membership,
        out: &mut BytesMut,
    ) -> Result<(), TellError> {
        if self.turned().audience() != Audience::Dish {
            return Err(self.wrong_type());
        }
        Ok(membership.put(self.version, out)?)
    }

    /// The same connection, as the peer sees it.
    fn turned(self) -> Self {
        Self { ours: self.theirs, theirs: self.ours, ..self }
    }

    fn wrong_type(self) -> TellError {
        TellError::WrongType { ours: self.ours, theirs: self.theirs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::Group;

    /// 37:subscription:wrong-type.
    #[test]
    fn of_all_pairs_only_subscribers_subscribe_and_only_dishes_join() {
        for ours in SocketType::ALL {
            for theirs in SocketType::ALL {
                let pairing = Pairing { ours, theirs, version: Version::V3_1 };
                let wrong = TellError::WrongType { ours, theirs };
                let told = |right, told: Result<(), TellError>, out: BytesMut| {
                    assert_eq!(told, if right { Ok(()) } else { Err(wrong.clone()) });
                    assert_eq!(out.is_empty(), !right, "{ours} to {theirs}");
                };
                let mut out = BytesMut::new();
                let subscription = Subscription::Subscribe("A".into());
                let sent = pairing.put_subscription(&subscription, &mut out);
                let subscribes = matches!(ours, SocketType::Sub | SocketType::Xsub)
                    && matches!(theirs, SocketType::Pub | SocketType::Xpub);
                told(subscribes, sent, out);
                let mut out = BytesMut::new();
                let membership = Membership::Join(Group::default());
                let sent = pairing.put_membership(&membership, &mut out);
                told((ours, theirs) == (SocketType::Dish, SocketType::Radio), sent, out);
            }
        }
    }
}
