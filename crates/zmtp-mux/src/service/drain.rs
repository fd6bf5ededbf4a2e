//! Ending in order: nothing new, what waits is served, then the connection is closed.
//!
//! | is         | on                                  | becomes     | says    |
//! |------------|-------------------------------------|-------------|---------|
//! | `Serving`  | the application wants to end        | `Begun`     |         |
//! | `Begun`    | sent                                | `Told`      | DRAIN   |
//! | `Told`     | sent                                | `Asked`     | HELLO   |
//! | `Asked`    | a request                           | `AskAgain`  |         |
//! | `Asked`    | the answer                          | `Served`    |         |
//! | `AskAgain` | the answer                          | `Told`      |         |
//! | all but `Serving` | the connection ended         | `Served`    |         |
//!
//! The answer to a HELLO stands behind what waited for us, unless the MUX queues that by source.
//! So the last HELLO is one before whose answer no request came. Should a request still wait then,
//! it is returned as DRAINING when the connection is closed: it is not lost.

/// How far a service has come with its end.
// spec: mux:service:drain
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    Serving,
    Begun,
    Told,
    Asked,
    AskAgain,
    Served,
}

impl Drain {
    pub(super) fn begin(self) -> Self {
        if self == Self::Serving { Self::Begun } else { self }
    }

    pub(super) fn handle_sent(self) -> Self {
        match self {
            Self::Begun => Self::Told,
            Self::Told => Self::Asked,
            Self::Serving | Self::Asked | Self::AskAgain | Self::Served => self,
        }
    }

    pub(super) fn handle_request(self) -> Self {
        if self == Self::Asked { Self::AskAgain } else { self }
    }

    pub(super) fn handle_hello(self) -> Self {
        match self {
            Self::Asked => Self::Served,
            Self::AskAgain => Self::Told,
            Self::Serving | Self::Begun | Self::Told | Self::Served => self,
        }
    }

    pub(super) fn handle_down(self) -> Self {
        if self == Self::Serving { self } else { Self::Served }
    }
}

#[cfg(test)]
mod tests {
    use super::Drain::{AskAgain, Asked, Begun, Served, Serving, Told};
    use super::*;

    /// mux:service:drain.
    #[test]
    fn every_step_is_as_in_the_table() {
        type Step = fn(Drain) -> Drain;
        let steps: [(Step, [Drain; 6]); 5] = [
            (Drain::begin, [Begun, Begun, Told, Asked, AskAgain, Served]),
            (Drain::handle_sent, [Serving, Told, Asked, Asked, AskAgain, Served]),
            (Drain::handle_request, [Serving, Begun, Told, AskAgain, AskAgain, Served]),
            (Drain::handle_hello, [Serving, Begun, Told, Served, Told, Served]),
            (Drain::handle_down, [Serving, Served, Served, Served, Served, Served]),
        ];
        for (step, becomes) in steps {
            let all = [Serving, Begun, Told, Asked, AskAgain, Served];
            assert_eq!(all.map(step), becomes);
        }
    }
}
