//! Cookies: what a server would have to remember of a HELLO, in a box that the client carries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::curve::boxes::BoxKey;
use crate::curve::error::CurveError;
use crate::curve::key::{PublicKey, SecretKey};
use crate::curve::nonce::{self, Random};

/// The key of a server's cookies.
#[derive(Debug)]
pub struct CookieKey(BoxKey);

impl CookieKey {
    /// Takes 32 random octets for a key.
    #[must_use]
    pub fn from_octets(octets: [u8; 32]) -> Self {
        Self(BoxKey::own(octets))
    }

    /// Appends a cookie that holds both transient keys of a connection: the client's public one
    /// and the server's secret one.
    // spec: 26:curve:cookie
    pub(crate) fn seal(
        &self,
        random: &Random,
        client: &PublicKey,
        secret: &SecretKey,
        out: &mut BytesMut,
    ) {
        out.extend_from_slice(random);
        let parts = [&client.as_octets()[..], secret.as_octets()];
        self.0.seal(&nonce::long(nonce::COOKIE, random), &parts, out);
    }

    /// Opens the cookie that was sealed with `expected` for `client`, and returns the server's
    /// secret key in it.
    ///
    /// The key of cookies is shared by connections. Without the comparison of the random octets
    /// one who recorded a HELLO and an INITIATE could repeat both on a connection of its own: the
    /// old secret would come back with the old cookie, and all nonces a second time.
    // spec: 26:curve:cookie-of-this-connection
    pub(crate) fn open(
        &self,
        cookie: &[u8],
        expected: &Random,
        client: &PublicKey,
    ) -> Result<SecretKey, CurveError> {
        let (random, boxed) = cookie
            .split_first_chunk()
            .filter(|(random, _)| bool::from(expected.ct_eq(*random)))
            .ok_or(CurveError::Cookie)?;
        let mut keys = BytesMut::with_capacity(COOKIE_LEN);
        let opened = self.0.open(&nonce::long(nonce::COOKIE, random), boxed, &mut keys);
        let secret = keys
            .split_first_chunk::<{ PublicKey::LEN }>()
            .filter(|(whose, _)| client.is(*whose))
            .and_then(|(_, secret)| secret.try_into().ok())
            .map(SecretKey::from_octets);
        zeroize::Zeroize::zeroize(keys.as_mut());
        opened.map_err(|_| CurveError::Cookie)?;
        secret.ok_or(CurveError::Cookie)
    }
}

/// The cookie key that a server uses now. It is replaced every so often, and one that is replaced
/// lives on only in the handshakes that began with it.
#[derive(Debug, Default)]
pub struct CookieKeys {
    current: Option<(Arc<CookieKey>, Instant)>,
}

impl CookieKeys {
    /// How long a key is given to new handshakes: 30 s.
    pub const LIFE: Duration = Duration::from_secs(30);

    /// Returns the key for a handshake that begins at `now`; `fresh` gives 32 random octets if it
    /// is time for a new one.
    ///
    /// # Errors
    ///
    /// Those of `fresh`.
    // spec: 26:curve:cookie-key-short-lived
    pub fn current<E>(
        &mut self,
        now: Instant,
        fresh: impl FnOnce() -> Result<[u8; 32], E>,
    ) -> Result<Arc<CookieKey>, E> {
        if let Some((key, since)) = &self.current
            && now.saturating_duration_since(*since) < Self::LIFE
        {
            return Ok(Arc::clone(key));
        }
        let octets = Zeroizing::new(fresh()?);
        let key = Arc::new(CookieKey::from_octets(*octets));
        self.current = Some((Arc::clone(&key), now));
        Ok(key)
    }

    /// Forgets a key whose time is over, for a server at which nobody knocks any more.
    pub fn forget_old(&mut self, now: Instant) {
        if self
            .current
            .as_ref()
            .is_some_and(|(_, since)| now.saturating_duration_since(*since) >= Self::LIFE)
        {
            self.current = None;
        }
    }
}

/// Octets in a cookie.
pub(crate) const COOKIE_LEN: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::start;

    fn key(octet: u8) -> SecretKey {
        SecretKey::from_octets([octet; 32])
    }

    /// 26:curve:cookie, 26:curve:cookie-of-this-connection.
    #[test]
    fn a_cookie_opens_for_the_client_it_was_made_for_and_no_other() {
        let (client, other) = (PublicKey::from_octets([1; 32]), PublicKey::from_octets([2; 32]));
        let cookies = CookieKey::from_octets([3; 32]);
        let mut cookie = BytesMut::new();
        cookies.seal(&[4; 16], &client, &key(5), &mut cookie);
        assert_eq!(cookie.len(), COOKIE_LEN);
        let open = |keys: &CookieKey, cookie: &[u8], random, client| {
            keys.open(cookie, &[random; 16], client).map(|secret| *secret.as_octets())
        };
        let refused = Err(CurveError::Cookie);
        assert_eq!(open(&cookies, &cookie, 4, &client), Ok([5; 32]));
        assert_eq!(open(&cookies, &cookie, 4, &other), refused);
        assert_eq!(open(&cookies, &cookie, 7, &client), refused, "another connection's");
        assert_eq!(open(&CookieKey::from_octets([6; 32]), &cookie, 4, &client), refused);
        for at in 0..cookie.len() {
            let mut damaged = cookie.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&cookies, &damaged, 4, &client), refused, "{at}");
            assert_eq!(open(&cookies, &cookie[..at], 4, &client), refused, "{at}");
        }
    }

    /// 26:curve:cookie-key-short-lived.
    #[test]
    fn a_key_is_replaced_when_its_time_is_over_and_then_forgotten() {
        let begin = start();
        let mut keys = CookieKeys::default();
        let mut drawn = 0;
        let mut at = |keys: &mut CookieKeys, after: Duration| {
            let fresh = || {
                drawn += 1;
                Ok::<_, ()>([drawn; 32])
            };
            keys.current(begin + after, fresh).unwrap()
        };
        let first = at(&mut keys, Duration::ZERO);
        let same = at(&mut keys, Duration::from_millis(29_999));
        assert!(Arc::ptr_eq(&first, &same));
        let next = at(&mut keys, CookieKeys::LIFE);
        assert!(!Arc::ptr_eq(&first, &next));
        // Only those who hold one keep it alive.
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&next)), (2, 2));
        keys.forget_old(begin + CookieKeys::LIFE);
        assert_eq!(Arc::strong_count(&next), 2);
        keys.forget_old(begin + CookieKeys::LIFE * 2);
        assert_eq!(Arc::strong_count(&next), 1);
        assert_eq!(keys.current(begin, || Err::<[u8; 32], _>("dry")).unwrap_err(), "dry");
    }
}
