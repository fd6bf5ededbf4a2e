//! Users of PLAIN and their passwords.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;
use zmtp_mux::PlainCredentials;

use crate::secrets::{Fault, LineFault, lines};

/// Who may come in with which password. The passwords are wiped when it is dropped.
pub(crate) struct Users {
    passwords: HashMap<Bytes, Zeroizing<Vec<u8>>>,
}

impl Users {
    /// Reads one user a line, among empty lines.
    ///
    /// ```text
    /// line = user ":" password     ; the first colon counts, neither is empty
    /// ```
    // spec: mux:security:plain-users
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut passwords = HashMap::new();
        let mut places: HashMap<Bytes, usize> = HashMap::new();
        for (number, line) in lines(text).filter(|(_, line)| !line.is_empty()) {
            let (user, password) =
                user_and_password(line).map_err(|fault| Fault::Line(number, fault))?;
            if let Some(&first) = places.get(&user) {
                return Err(Fault::Line(number, LineFault::Twice(first)));
            }
            places.insert(user.clone(), number);
            passwords.insert(user, password);
        }
        Ok(Self { passwords })
    }

    /// Returns whether these are a user and its password. An unknown user costs a comparison,
    /// too, so that the time does not tell who is known.
    // spec: mux:security:plain-users
    pub(crate) fn know(&self, credentials: &PlainCredentials) -> bool {
        let password = self.passwords.get(credentials.user());
        let fits = credentials.has_password(password.map_or(NO_PASSWORD, |known| known.as_slice()));
        fits & password.is_some()
    }

    /// Returns whether there is a user of this name.
    pub(crate) fn have(&self, user: &Bytes) -> bool {
        self.passwords.contains_key(user)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.passwords.keys()).finish()
    }
}

fn user_and_password(line: &[u8]) -> Result<(Bytes, Zeroizing<Vec<u8>>), LineFault> {
    let missing = if line.starts_with(b"#") { LineFault::Comment } else { LineFault::NoColon };
    let colon = line.iter().position(|&octet| octet == b':').ok_or(missing)?;
    let (user, rest) = line.split_at(colon);
    let password = rest.strip_prefix(b":").unwrap_or_default();
    // Who leaves them out in a client's configuration sends these.
    if user.is_empty() || password.is_empty() {
        return Err(LineFault::Empty);
    }
    let credentials = PlainCredentials::new(user, password).map_err(|_| LineFault::Unsendable)?;
    Ok((credentials.user().clone(), password.to_vec().into()))
}

/// What the password of an unknown user is compared with. Nobody can send it.
const NO_PASSWORD: &[u8] = &[0; 16];

#[cfg(test)]
mod tests {
    use super::*;

    fn know(users: &Users, user: &str, password: impl AsRef<[u8]>) -> bool {
        users.know(&PlainCredentials::new(user, password).unwrap())
    }

    /// mux:security:plain-users.
    #[test]
    fn the_first_colon_ends_the_user() {
        let long = "x".repeat(255);
        let text = format!("admin:se:cr et\n\ncolon::\r\n# is one:too\n{long}:{long}");
        let users = Users::parse(text.as_bytes()).unwrap();
        assert!(!users.is_empty());
        for (user, password) in
            [("admin", "se:cr et"), ("colon", ":"), ("# is one", "too"), (&long, &long)]
        {
            assert!(know(&users, user, password), "{user}");
            assert!(users.have(&Bytes::copy_from_slice(user.as_bytes())));
        }
        assert!(Users::parse(b"\n\n").unwrap().is_empty());
    }

    /// mux:security:plain-users.
    #[test]
    fn only_a_user_and_its_own_password_are_known() {
        let users = Users::parse(b"admin:secret\nguest:guest\n").unwrap();
        for (user, password) in [
            ("admin", ""),
            ("admin", "guest"),
            ("admin", "secrets"),
            ("guest", "secret"),
            ("Admin", "secret"),
            ("", ""),
            ("nobody", "secret"),
            ("nobody", ""),
            ("nobody", "0123456789abcdef"),
        ] {
            assert!(!know(&users, user, password), "{user}");
        }
        assert!(!users.have(&Bytes::from_static(b"nobody")));
    }

    /// mux:security:plain-users.
    #[test]
    fn a_line_that_is_no_user_is_named() {
        let long = "x".repeat(256);
        for (line, expected) in [
            ("admin", LineFault::NoColon),
            (" ", LineFault::NoColon),
            ("# ours", LineFault::Comment),
            ("#", LineFault::Comment),
            (":", LineFault::Empty),
            ("admin:", LineFault::Empty),
            (":secret", LineFault::Empty),
            ("gr\u{f6}\u{df}e:x", LineFault::Unsendable),
            ("x:a\tb", LineFault::Unsendable),
            (&format!("{long}:x"), LineFault::Unsendable),
            (&format!("x:{long}"), LineFault::Unsendable),
            ("guest:other", LineFault::Twice(1)),
        ] {
            let text = format!("guest:guest\n\n{line}\n");
            let fault = Users::parse(text.as_bytes()).unwrap_err();
            let Fault::Line(3, fault) = fault else { panic!("{line}: {fault:?}") };
            assert_eq!(fault, expected, "{line}");
        }
    }

    /// mux:security:plain-users.
    #[test]
    fn no_log_shows_a_password() {
        let users = Users::parse(b"admin:secret\n").unwrap();
        assert_eq!(format!("{users:?}"), "{b\"admin\"}");
    }
}
