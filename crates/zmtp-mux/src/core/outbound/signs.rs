//! Signs: what is said once at a time, however often there is a reason for it.

use crate::core::record::Sign;

/// Which signs are among the records. A queue may be long, and PINGs many: nobody looks for them
/// there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) ping: Place,
    pub(super) pong: Place,
    pub(super) hello: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Free,
    Taken,
}

impl Signs {
    pub(super) fn place(&mut self, sign: Sign) -> &mut Place {
        match sign {
            Sign::Ping => &mut self.ping,
            Sign::Pong => &mut self.pong,
        }
    }
}
