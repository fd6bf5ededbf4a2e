//! A connection that went well, at the same server and with the same key of cookies, as somebody
//! has recorded it.

use std::sync::LazyLock;

use super::Role;
use super::adversary::Adversary;
use super::listener::Listener;
use super::stage::Stage;
use crate::fuzz::script::{Cuts, Script};

/// What was said on the parallel connection.
pub(super) static PARALLEL: LazyLock<Parallel> = LazyLock::new(Parallel::record);

pub(super) struct Parallel {
    of_client: Vec<Vec<u8>>,
    of_server: Vec<Vec<u8>>,
    pub(super) cookie: Vec<u8>,
}

impl Parallel {
    /// Plays an honest client against a server that offers the other key.
    fn record() -> Self {
        let mut adversary = Adversary::new(Role::Client, 1);
        let mut stage = Stage::new(Role::Client, 1);
        let mut listener = Listener::new(Role::Client, 1);
        let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let octets = adversary.step(&mut Script(&[0, 0, 0, 3, b'o', b'l', b'd']));
            stage.feed(&octets, &mut Cuts::Never);
            of_client.push(octets);
            stage.say(b"old");
            let answer = stage.sent();
            listener.hear(&answer);
            adversary.cookie.clone_from(&listener.cookie);
            of_server.push(answer);
        }
        assert_eq!(stage.seen.len(), 2);
        Self { of_client, of_server, cookie: adversary.cookie }
    }

    /// Returns what the part that the adversary plays has said there, or what it was told.
    pub(super) fn octets(&self, role: Role, choice: u8) -> Vec<u8> {
        let said = match (role, choice & 0x80) {
            (Role::Client, 0) | (Role::Server, 0x80) => &self.of_client,
            _ => &self.of_server,
        };
        said[usize::from(choice) % said.len()].clone()
    }
}
