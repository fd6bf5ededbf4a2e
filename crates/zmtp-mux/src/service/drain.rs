//! Ending in order: nothing new, what waits is served, then the connection is closed.
//!
//! | is                | on                                        | becomes  | says    |
//! |-------------------|-------------------------------------------|----------|---------|
//! | `Serving`         | the application wants to end              | `Begun`  |         |
//! | `Serving`         | the same, without a connection            | `Served` |         |
//! | `Begun`           | sent                                      | `Told`   | DRAIN   |
//! | `Told`            | sent, when all that came is settled       | `Asked`  | HELLO   |
//! | `Asked`           | a request is dropped without an answer    | `Told`   |         |
//! | `Told`, `Asked`   | the answer to a HELLO                     | `Served` |         |
//! | all but `Serving` | the connection ended                      | `Served` |         |
//! | all but `Serving` | a connection stands                       | `Begun`  |         |
//!
//! The MUX answers a HELLO of a service that drains when all that waited for it is on its way. A HELLO
//! says as well that nothing is unanswered: so it waits for that to be true, and is said again for
//! what will never be answered, or the window would stay full.

use crate::service::state::Standing;

/// How far a service has come with its end.
// spec: mux:service:drain
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    Serving,
    Begun,
    Told,
    Asked,
    Served,
}

impl Drain {
    pub(super) fn begin(self, link: Standing) -> Self {
        match (self, link) {
            (Self::Serving, Standing::Stands) => Self::Begun,
            (Self::Serving, Standing::Over) => Self::Served,
            (Self::Begun | Self::Told | Self::Asked | Self::Served, _) => self,
        }
    }

    pub(super) fn handle_sent(self) -> Self {
        match self {
            Self::Begun => Self::Told,
            Self::Told => Self::Asked,
            Self::Serving | Self::Asked | Self::Served => self,
        }
    }

    pub(super) fn handle_unanswered(self) -> Self {
        if self == Self::Asked { Self::Told } else { self }
    }

    pub(super) fn handle_hello(self) -> Self {
        match self {
            Self::Told | Self::Asked => Self::Served,
            Self::Serving | Self::Begun | Self::Served => self,
        }
    }

    pub(super) fn handle_down(self) -> Self {
        if self == Self::Serving { self } else { Self::Served }
    }

    pub(super) fn handle_up(self) -> Self {
        if self == Self::Serving { self } else { Self::Begun }
    }
}

#[cfg(test)]
mod tests {
    use super::Drain::{Asked, Begun, Served, Serving, Told};
    use super::*;

    /// mux:service:drain.
    #[test]
    fn every_step_is_as_in_the_table() {
        type Step = fn(Drain) -> Drain;
        let steps: [(Step, [Drain; 5]); 7] = [
            (|drain| drain.begin(Standing::Stands), [Begun, Begun, Told, Asked, Served]),
            (|drain| drain.begin(Standing::Over), [Served, Begun, Told, Asked, Served]),
            (Drain::handle_sent, [Serving, Told, Asked, Asked, Served]),
            (Drain::handle_unanswered, [Serving, Begun, Told, Told, Served]),
            (Drain::handle_hello, [Serving, Begun, Served, Served, Served]),
            (Drain::handle_down, [Serving, Served, Served, Served, Served]),
            (Drain::handle_up, [Serving, Begun, Begun, Begun, Begun]),
        ];
        for (step, becomes) in steps {
            assert_eq!([Serving, Begun, Told, Asked, Served].map(step), becomes);
        }
    }
}
