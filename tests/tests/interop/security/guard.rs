//! An authenticator that does as it is told, and remembers whom it was shown.

use std::sync::{Arc, Mutex};

use zmtp_mux::{
    Admittance, Authenticator, Claim, Credentials, PeerAddress, Principal, Verdict, Verdicting,
};

use super::credentials::{PASSWORD, USER};

/// What a guard does with a peer whose credentials are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    LetIn,
    Refuse(&'static str),
    RefuseForNow,
    NeverSay,
    Panic,
}

/// What a guard was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) address: PeerAddress,
    pub(crate) principal: Principal,
    /// The identity, once the peer has introduced itself.
    pub(crate) identity: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct Guard {
    mood: Mutex<Mood>,
    shown: Mutex<Vec<Shown>>,
}

impl Guard {
    pub(crate) fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self { mood: Mutex::new(mood), shown: Mutex::default() })
    }

    pub(crate) fn admittance(self: &Arc<Self>) -> Admittance {
        Admittance::By(Arc::<Self>::clone(self))
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap().clone()
    }
}

impl Authenticator for Guard {
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        let (address, principal) = (claim.address, claim.principal());
        let identity = claim.introduction.map(|(identity, _)| identity.as_octets().to_vec());
        let shown = Shown { address, principal: principal.clone(), identity };
        self.shown.lock().unwrap().push(shown);
        if let Credentials::Password(credentials) = claim.credentials
            && !(credentials.user() == USER && credentials.has_password(PASSWORD.as_bytes()))
        {
            return Box::pin(async { Verdict::Refuse("400".to_owned()) });
        }
        let mood = *self.mood.lock().unwrap();
        Box::pin(async move {
            match mood {
                Mood::LetIn => Verdict::Accept(principal),
                Mood::Refuse(reason) => Verdict::Refuse(reason.to_owned()),
                Mood::RefuseForNow => Verdict::RefuseForNow,
                Mood::NeverSay => std::future::pending().await,
                Mood::Panic => panic!("a guard that a test made panic"),
            }
        })
    }
}
