//! Users of PLAIN and their passwords.

use std::collections::HashMap;

use bytes::Bytes;
use zmtp_mux::PlainCredentials;

use crate::secrets::{Fault, LineFault, lines};

/// Reads one user a line, among empty lines. The passwords are wiped when they are dropped.
///
/// ```text
/// line = user ":" password     ; the first colon counts, neither is empty
/// ```
// spec: mux:security:plain-users
pub(crate) fn parse(text: &[u8]) -> Result<Vec<PlainCredentials>, Fault> {
    let mut users = Vec::new();
    let mut places: HashMap<Bytes, usize> = HashMap::new();
    for (number, line) in lines(text).filter(|(_, line)| !line.is_empty()) {
        let user = user_and_password(line).map_err(|fault| Fault::Line(number, fault))?;
        if let Some(&first) = places.get(user.user()) {
            return Err(Fault::Line(number, LineFault::Twice(first)));
        }
        places.insert(user.user().clone(), number);
        users.push(user);
    }
    Ok(users)
}

fn user_and_password(line: &[u8]) -> Result<PlainCredentials, LineFault> {
    let missing = if line.starts_with(b"#") { LineFault::Comment } else { LineFault::NoColon };
    let colon = line.iter().position(|&octet| octet == b':').ok_or(missing)?;
    let (user, rest) = line.split_at(colon);
    let password = rest.strip_prefix(b":").unwrap_or_default();
    // Who leaves them out in a client's configuration sends these.
    if user.is_empty() || password.is_empty() {
        return Err(LineFault::Empty);
    }
    PlainCredentials::new(user, password).map_err(|_| LineFault::Unsendable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:security:plain-users.
    #[test]
    fn the_first_colon_ends_the_user() {
        let long = "x".repeat(255);
        let text = format!("admin:se:cr et\n\ncolon::\r\n# is one:too\n{long}:{long}");
        let users = parse(text.as_bytes()).unwrap();
        let expected = [("admin", "se:cr et"), ("colon", ":"), ("# is one", "too"), (&long, &long)];
        assert_eq!(users.len(), expected.len());
        for (user, (name, password)) in users.iter().zip(expected) {
            assert_eq!(user.user(), name);
            assert!(user.has_password(password.as_bytes()), "{name}");
        }
        assert!(parse(b"\n\n").unwrap().is_empty());
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
            let fault = parse(text.as_bytes()).unwrap_err();
            let Fault::Line(3, fault) = fault else { panic!("{line}: {fault:?}") };
            assert_eq!(fault, expected, "{line}");
        }
    }

    /// mux:security:plain-users.
    #[test]
    fn no_log_shows_a_password() {
        let users = parse(b"admin:secret\n").unwrap();
        assert_eq!(format!("{users:?}"), "[PlainCredentials(admin, ..)]");
    }
}
