//! Access rules: what they allow, and what is no rule.

use proptest::collection::vec;
use proptest::prelude::*;

use super::parse::{Rule, Verb, rules};
use super::*;
use crate::core::acl::scan::compare;

const KEY: &str = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const OTHER_KEY: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";

fn key(text: &str) -> Principal {
    Principal::Key(text.parse().unwrap())
}

fn user(name: &'static str) -> Principal {
    Principal::User(bytes::Bytes::from_static(name.as_bytes()))
}

fn pattern(text: &'static str) -> Pattern {
    Pattern::new(bytes::Bytes::from_static(text.as_bytes())).unwrap()
}

fn fault(text: impl AsRef<[u8]>) -> (usize, AclFault) {
    let AclError { line, fault } = Acl::parse(text.as_ref()).unwrap_err();
    (line, fault)
}

/// Returns what is allowed: to claim, to have as alias, to send to, to watch.
fn allowed(acl: &Acl, principal: &Principal, name: &'static str) -> [bool; 4] {
    let octets = name.as_bytes();
    [
        acl.may_claim(principal, Role::Service, octets),
        acl.may_claim(principal, Role::Client, octets),
        acl.may_send(principal, octets),
        acl.may_watch(principal, &pattern(name)),
    ]
}

/// mux:acl:who, mux:acl:verbs, mux:acl:default-deny, mux:pattern:form.
#[test]
fn a_rule_allows_its_verb_for_its_principal_and_its_pattern_and_nothing_else() {
    let ipc = |uid, gid| Principal::Ipc { uid, gid };
    let everyone = [
        Principal::None,
        user(""),
        user("alice"),
        user("none"),
        user("*"),
        user("curve:x"),
        key(KEY),
        key(OTHER_KEY),
        ipc(0, 0),
        ipc(1000, 1000),
        ipc(1000, 7),
        ipc(7, 1000),
    ];
    let whos = [
        ("*".to_owned(), everyone.to_vec()),
        ("none".to_owned(), vec![Principal::None]),
        ("plain:".to_owned(), vec![user("")]),
        ("plain:alice".to_owned(), vec![user("alice")]),
        ("plain:*".to_owned(), vec![user("*")]),
        ("plain:none".to_owned(), vec![user("none")]),
        (r"plain:\x63urve:x".to_owned(), vec![user("curve:x")]),
        (format!("curve:{KEY}"), vec![key(KEY)]),
        ("ipc:0".to_owned(), vec![ipc(0, 0)]),
        ("ipc:1000".to_owned(), vec![ipc(1000, 1000), ipc(1000, 7)]),
    ];
    let patterns = [
        ("engine.7", &["engine.7"][..]),
        ("engine.*", &["engine.", "engine.7", "engine.70"]),
        ("*", &["engine.", "engine.7", "engine.70", "engine", "ui"]),
        (r"engin\x65.7", &["engine.7"]),
    ];
    for ((who, whom), verb) in whos.iter().flat_map(|who| Verb::ALL.map(|verb| (who, verb))) {
        for (about, names) in patterns {
            let acl = Acl::parse(format!("{who} {} {about}", verb.word()).as_bytes()).unwrap();
            for principal in &everyone {
                for name in ["engine.", "engine.7", "engine.70", "engine", "ui"] {
                    let fits = whom.contains(principal) && names.contains(&name);
                    let expected = Verb::ALL.map(|other| fits && other == verb);
                    assert_eq!(allowed(&acl, principal, name), expected, "{who} {verb:?} {about}");
                }
            }
        }
    }
    assert_eq!(allowed(&Acl::parse(b"").unwrap(), &Principal::None, "x"), [false; 4]);
}

/// mux:acl:verbs, mux:acl:default-deny.
#[test]
fn rules_add_up_and_may_be_repeated() {
    let acl = Acl::parse(
        b"* send log\nplain:a send engine.*\n* send log\nplain:a send engine.7\nplain:b send x\n\
          plain:a send engine.*\n",
    )
    .unwrap();
    let sends = |who, name| acl.may_send(&user(who), name);
    assert_eq!([b"log", b"x.."].map(|name| sends("a", name)), [true, false]);
    assert_eq!(
        [&b"engine.7"[..], b"engine.8", b"x"].map(|name| sends("a", name)),
        [true, true, false]
    );
    assert_eq!([&b"engine.7"[..], b"log", b"x"].map(|name| sends("b", name)), [false, true, true]);
    assert_eq!(acl.rules(), 6);
    assert_eq!(format!("{acl:?}"), "Acl { rules: 6, .. }");
}

/// mux:acl:watch-covers.
#[test]
fn to_watch_needs_a_rule_for_all_that_is_watched() {
    let acl = Acl::parse(b"* watch engine.*\n* watch log\n* watch a\n* watch ab\n").unwrap();
    for (watched, expected) in [
        ("engine.*", true),
        ("engine.7", true),
        ("engine.7*", true),
        ("engine*", false),
        ("*", false),
        ("log", true),
        ("log*", false),
        ("lo*", false),
        ("a*", false),
        ("ab", true),
    ] {
        assert_eq!(acl.may_watch(&Principal::None, &pattern(watched)), expected, "{watched}");
    }
}

/// mux:acl:form, mux:acl:comments.
#[test]
fn blanks_comments_and_line_ends_mean_nothing() {
    let plain = "plain:a claim x\n* send y\n";
    let expected: Vec<Rule> = rules(plain.as_bytes()).collect::<Result<_, _>>().unwrap();
    for text in [
        "plain:a claim x\n* send y",
        "plain:a claim x\r\n* send y\r\n",
        "\n\n# who\n  # what \\q \n\t\nplain:a claim x\n#\n#* send z\n* send y\n\n",
        "  plain:a\tclaim \t x\t\n\t* send y  ",
    ] {
        let read: Vec<Rule> = rules(text.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, expected, "{text:?}");
    }
    // Behind the first word # is an octet as any other.
    let sharp = Acl::parse(b"* send #7\n").unwrap();
    assert!(sharp.may_send(&Principal::None, b"#7"));
}

/// mux:acl:escapes.
#[test]
fn every_octet_can_be_written_and_all_but_few_stand_for_themselves() {
    for octet in 0..=u8::MAX {
        let name = [b'n', octet, b'.'];
        for format in ["upper", "lower"] {
            let hex =
                if format == "upper" { format!("{octet:02X}") } else { format!("{octet:02x}") };
            let acl = Acl::parse(format!("* send n\\x{hex}.").as_bytes()).unwrap();
            assert!(acl.may_send(&Principal::None, &name));
            let acl = Acl::parse(format!("plain:n\\x{hex}. send x").as_bytes()).unwrap();
            let user = Principal::User(name.to_vec().into());
            assert!(acl.may_send(&user, b"x"));
        }
        let raw = [&b"* send "[..], &name].concat();
        match octet {
            b' ' | b'\t' => assert_eq!(fault(raw), (1, AclFault::TooMany)),
            b'\n' => assert_eq!(fault(raw), (2, AclFault::Who)),
            b'\\' => assert_eq!(fault(raw), (1, AclFault::Escape)),
            b'*' => assert_eq!(fault(raw), (1, AclFault::InnerStar)),
            0..0x20 | 0x7F => assert_eq!(fault(raw), (1, AclFault::Control), "{octet}"),
            _ => assert!(Acl::parse(&raw).unwrap().may_send(&Principal::None, &name)),
        }
    }
    let acl = Acl::parse(br"* send a\\x41*").unwrap();
    assert!(acl.may_send(&Principal::None, br"a\x41b"));
}

/// mux:acl:error-by-line, mux:acl:escapes, mux:acl:inner-star.
#[test]
fn a_line_that_is_no_rule_is_named_with_what_was_expected() {
    let long = |len| "n".repeat(len);
    for (line, expected) in [
        ("engine.7", AclFault::Who),
        ("** claim x", AclFault::Who),
        ("None claim x", AclFault::Who),
        ("curve claim x", AclFault::Who),
        ("user:x claim x", AclFault::Who),
        ("curve: claim x", AclFault::Key),
        (&format!("curve:{}", &KEY[1..]), AclFault::Key),
        (&format!("curve:{KEY}0 claim x"), AclFault::Key),
        (&format!("curve:\\x72{} claim x", &KEY[1..]), AclFault::Key),
        (&format!("plain:{} claim x", long(256)), AclFault::User),
        ("plain:\\q claim x", AclFault::Escape),
        ("ipc: claim x", AclFault::Uid),
        ("ipc:+1 claim x", AclFault::Uid),
        ("ipc:1000:1000 claim x", AclFault::Uid),
        ("ipc:4294967296 claim x", AclFault::Uid),
        ("*", AclFault::TooFew),
        ("* claim", AclFault::TooFew),
        ("* clam", AclFault::Verb),
        ("* Claim x", AclFault::Verb),
        ("* send,watch x", AclFault::Verb),
        ("* claim x y", AclFault::TooMany),
        ("* claim x # all", AclFault::TooMany),
        (&format!("* claim {}", long(256)), AclFault::Pattern),
        (&format!("* claim {}*", long(255)), AclFault::Pattern),
        ("* claim \\x00x", AclFault::Pattern),
        ("* claim \\", AclFault::Escape),
        ("* claim \\x", AclFault::Escape),
        ("* claim \\x4", AclFault::Escape),
        ("* claim \\x4g", AclFault::Escape),
        ("* claim \\x+4", AclFault::Escape),
        ("* claim \\X41", AclFault::Escape),
        ("* claim \\n", AclFault::Escape),
        ("* claim a\\x2a", AclFault::EscapedStar),
        ("* claim engine.*.log", AclFault::InnerStar),
        ("* claim *x", AclFault::InnerStar),
        ("* claim a**", AclFault::InnerStar),
        ("* claim a*\\x2a", AclFault::InnerStar),
        ("* claim a\x07", AclFault::Control),
        (&format!("#{}", long(4096)), AclFault::LineTooLong),
    ] {
        let text = format!("# ours\n* send ok\n\n{line}\nnothing else is looked at\n");
        assert_eq!(fault(&text), (4, expected), "{line}");
        let message = Acl::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message.starts_with("line 4: ") && message.len() > 30, "{message}");
    }
    for line in
        [format!("* claim {}", long(255)), format!("plain:{} send {}*", long(255), long(254))]
    {
        assert!(Acl::parse(line.as_bytes()).is_ok(), "{line}");
    }
}

/// mux:acl:limits.
#[test]
fn lines_have_limits() {
    let longest = format!("#{}", "x".repeat(Acl::LINE_LEN_MAX - 1));
    assert!(Acl::parse(longest.as_bytes()).is_ok());
    let rules = "* send x\n".repeat(Acl::LINES_MAX);
    assert_eq!(Acl::parse(rules.as_bytes()).unwrap().rules(), Acl::LINES_MAX);
    let more = rules + "\n";
    assert_eq!(fault(more), (Acl::LINES_MAX + 1, AclFault::TooManyLines));
    // The longest rule that means something fits.
    let escaped = |count| r"\x20".repeat(count);
    let rule = format!("plain:{} claim {}*", escaped(255), r"\xFF".repeat(254));
    assert!(rule.len() < Acl::LINE_LEN_MAX && Acl::parse(rule.as_bytes()).is_ok());
}

/// Rules over so few octets that they overlap.
fn some_rules() -> impl Strategy<Value = String> {
    let who = prop_oneof![
        Just("*".to_owned()),
        Just("none".to_owned()),
        "plain:[ab]{0,2}",
        Just("ipc:1".to_owned()),
        Just(format!("curve:{KEY}")),
    ];
    let rule = (who, 0..4_usize, "[ab]{0,4}(\\*|a|\\\\xFF|b\\*)");
    vec(rule, 0..24).prop_map(|rules| {
        let line = |(who, verb, pattern): (String, usize, String)| {
            format!("{who} {} {pattern}\n", Verb::ALL[verb].word())
        };
        rules.into_iter().map(line).collect()
    })
}

proptest! {
    /// mux:acl:form, mux:acl:default-deny.
    #[test]
    fn what_is_looked_up_equals_what_is_read_line_by_line(text in some_rules()) {
        compare(text.as_bytes());
    }

    /// mux:acl:form, mux:acl:error-by-line.
    #[test]
    fn no_text_is_a_surprise(
        octets in vec(any::<u8>(), 0..200),
        words in "((plain:|curve:|ipc:|none|\\*|#|claim|send|\\\\x|[ -~\t\r\n]){0,4}[ \n]){0,12}",
    ) {
        compare(&octets);
        compare(words.as_bytes());
    }
}
