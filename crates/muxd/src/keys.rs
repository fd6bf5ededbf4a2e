//! Files of CURVE keys.

use std::collections::HashSet;
use std::str::from_utf8;

use zmtp_mux::{KeyPair, PublicKey, SecretKey};

use crate::secrets::{Fault, LineFault, lines};

/// Reads the keys of a server: a secret key, alone or as [`keygen`](crate::keygen) prints it.
///
/// ```text
/// file = secret [newline]
///      / "public " public newline "secret " secret [newline]
/// ```
// spec: mux:security:curve-secret-file
pub(crate) fn own(text: &[u8]) -> Result<KeyPair, Fault> {
    let mut lines = lines(text).map(|(_, line)| line);
    match (lines.next(), lines.next(), lines.next()) {
        (Some(secret), None, None) => Ok(KeyPair::from_secret(secret_key(secret)?)),
        (Some(public), Some(secret), None) => {
            let public = public.strip_prefix(b"public ").ok_or(Fault::NoKey)?;
            let secret = secret.strip_prefix(b"secret ").ok_or(Fault::NoKey)?;
            let public = public_key(public).ok_or(Fault::NoKey)?;
            let keys = KeyPair::from_secret(secret_key(secret)?);
            if keys.public == public { Ok(keys) } else { Err(Fault::ForeignPublicKey) }
        }
        _ => Err(Fault::NoKey),
    }
}

/// Reads the keys of clients, one a line, among blank lines and comments.
///
/// A comment is a line that begins with `#`. That is a character of Z85, but the last: no key
/// begins with it, since four octets cannot hold a number so large.
// spec: mux:security:curve-clients
pub(crate) fn clients(text: &[u8]) -> Result<HashSet<PublicKey>, Fault> {
    lines(text)
        .filter(|(_, line)| !line.starts_with(b"#") && !line.trim_ascii().is_empty())
        .map(|(number, line)| public_key(line).ok_or(Fault::Line(number, LineFault::NoPublicKey)))
        .collect()
}

fn secret_key(text: &[u8]) -> Result<SecretKey, Fault> {
    from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Fault::NoKey)
}

fn public_key(text: &[u8]) -> Option<PublicKey> {
    from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The pairs of the server and of the client in libzmq's manual.
    const PUBLIC: &str = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    const SECRET: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
    const OTHER_PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";

    /// mux:security:curve-secret-file.
    #[test]
    fn own_keys_are_read_from_a_secret_key_and_from_what_keygen_prints() {
        for text in [
            SECRET.to_owned(),
            format!("{SECRET}\n"),
            format!("{SECRET}\r\n"),
            format!("public {PUBLIC}\nsecret {SECRET}"),
            format!("public {PUBLIC}\nsecret {SECRET}\n"),
            crate::keygen::text(&KeyPair::from_secret(SECRET.parse().unwrap())).to_string(),
        ] {
            assert_eq!(own(text.as_bytes()).unwrap().public.to_string(), PUBLIC, "{text:?}");
        }
    }

    /// mux:security:curve-secret-file.
    #[test]
    fn all_else_is_no_own_key() {
        for text in [
            String::new(),
            "\n".to_owned(),
            "secret".to_owned(),
            format!(" {SECRET}"),
            format!("{SECRET} "),
            format!("{SECRET}\n\n"),
            format!("{SECRET}0"),
            format!("\"{}", &SECRET[1..]),
            format!("{PUBLIC}\n{SECRET}"),
            format!("secret {SECRET}"),
            format!("public {PUBLIC}"),
            format!("secret {SECRET}\npublic {PUBLIC}"),
            format!("public {PUBLIC}\nsecret {SECRET}\nsecret {SECRET}"),
            format!("public x\nsecret {SECRET}"),
            format!("public {PUBLIC}\nsecret x"),
        ] {
            assert!(matches!(own(text.as_bytes()).unwrap_err(), Fault::NoKey), "{text:?}");
        }
        assert!(matches!(own(&[0xff; 40]).unwrap_err(), Fault::NoKey));
    }

    /// mux:security:curve-secret-file.
    #[test]
    fn a_public_key_that_belongs_to_another_secret_is_noticed() {
        let text = format!("public {OTHER_PUBLIC}\nsecret {SECRET}\n");
        assert!(matches!(own(text.as_bytes()).unwrap_err(), Fault::ForeignPublicKey));
    }

    /// mux:security:curve-clients.
    #[test]
    fn keys_of_clients_stand_among_blank_lines_and_comments() {
        let text = format!("# ours\n#\n\n{PUBLIC}\r\n  \n{PUBLIC}\n# theirs\n{OTHER_PUBLIC}");
        let expected = [PUBLIC, OTHER_PUBLIC].map(|key| key.parse().unwrap());
        assert_eq!(clients(text.as_bytes()).unwrap(), HashSet::from(expected));
        assert!(clients(b"").unwrap().is_empty());
    }

    /// mux:security:curve-clients.
    #[test]
    fn no_key_begins_as_a_comment_does() {
        let least = format!("#{}", "0".repeat(39));
        assert!(least.parse::<PublicKey>().is_err());
        assert!(clients(least.as_bytes()).unwrap().is_empty());
        assert!("%0000".repeat(8).parse::<PublicKey>().is_ok());
    }

    /// mux:security:curve-clients.
    #[test]
    fn a_line_that_is_no_key_of_a_client_is_named() {
        for line in ["x", &PUBLIC[1..], &format!(" {PUBLIC}")] {
            let text = format!("# ours\n{PUBLIC}\n{line}\n{PUBLIC}\n");
            let fault = clients(text.as_bytes()).unwrap_err();
            assert!(matches!(fault, Fault::Line(3, LineFault::NoPublicKey)), "{line}: {fault:?}");
        }
    }
}
