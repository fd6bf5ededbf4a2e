//! Small trees, one for each thing the check must see or must leave alone.

use super::audit::Audit;
use super::id::Id;
use crate::workspace::Source;

const CLAUSE: &str = "# Framing\n\n### 37:framing:reserved-zero — MUST\nBits are zero.\n";
const CODE: &str = "fn flags() {\n    // spec: 37:framing:reserved-zero\n}\n";
const TEST: &str = "/// 37:framing:reserved-zero.\n#[test]\nfn refuses_flags() {}\n";

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// Audits a note, a file of a published crate and a file of tests.
fn audit(note: &str, code: &str, test: &str) -> Audit {
    let notes = [source("spec-notes/37.md", note)];
    let sources = [source("crates/zmtp/src/frame.rs", code), source("tests/it/frame.rs", test)];
    Audit::new(&notes, &sources)
}

/// Audits as above and returns the problems as they are printed.
fn problems(note: &str, code: &str, test: &str) -> Vec<String> {
    audit(note, code, test).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn passes_a_clause_with_code_and_a_test() {
    assert_eq!(problems(CLAUSE, CODE, TEST), [""; 0]);
}

#[test]
fn reports_notes_without_any_clause() {
    assert_eq!(problems("# Framing\n", "", ""), ["spec-notes:1: no clauses"]);
}

#[test]
fn reports_a_clause_without_code() {
    let expected = "spec-notes/37.md:3: 37:framing:reserved-zero has no code";
    assert_eq!(problems(CLAUSE, "", TEST), [expected]);
    for not_code in [
        "/// spec: 37:framing:reserved-zero\nfn flags() {}\n",
        "//! spec: 37:framing:reserved-zero\n",
        "// As in 37:framing:reserved-zero.\n",
        "#[cfg(test)]\nmod tests {\n    // spec: 37:framing:reserved-zero\n}\n",
    ] {
        assert_eq!(problems(CLAUSE, not_code, TEST), [expected], "{not_code}");
    }
}

#[test]
fn reports_a_clause_whose_only_code_is_in_a_test_file() {
    let notes = [source("spec-notes/37.md", CLAUSE)];
    for path in ["crates/a/src/frame/tests.rs", "crates/a/tests/b.rs", "tests/it/b.rs"] {
        let audit = Audit::new(&notes, &[source(path, CODE), source("tests/c.rs", TEST)]);
        assert_eq!(audit.problems.len(), 1, "{path}");
    }
}

#[test]
fn reads_code_again_after_a_test_module() {
    let code = format!("#[cfg(test)]\nmod tests {{\n    fn a() {{\n    }}\n}}\n{CODE}");
    assert_eq!(problems(CLAUSE, &code, TEST), [""; 0]);
}

#[test]
fn takes_a_comment_after_code_and_a_list_over_two_lines() {
    let note = "### 37:a:b — MUST\n### 37:a:c — SHOULD NOT\n### mux:a:d — MAY\n";
    let code = "refuse(); // spec: 37:a:b, 37:a:c,\n    // mux:a:d\n";
    let test = "/// 37:a:b, `37:a:c` (mux:a:d)\n#[test]\nfn refuses() {}\n";
    assert_eq!(problems(note, code, test), [""; 0]);
}

#[test]
fn reports_a_clause_without_a_test() {
    let expected = "spec-notes/37.md:3: 37:framing:reserved-zero has no test";
    for not_test in [
        "",
        "/// 37:framing:reserved-zero\nfn helper() {}\n#[test]\nfn refuses() {}\n",
        "/// 37:framing:reserved-zero\n#[cfg(test)]\nfn helper() {}\n",
        "#[test]\nfn refuses() {\n    // 37:framing:reserved-zero\n}\n",
        "//! 37:framing:reserved-zero\n#[test]\nfn refuses() {}\n",
    ] {
        assert_eq!(problems(CLAUSE, CODE, not_test), [expected], "{not_test}");
    }
}

#[test]
fn finds_every_kind_of_test() {
    for test in [
        "#[test]\n/// 37:framing:reserved-zero\nfn refuses() {}\n",
        "/// 37:framing:reserved-zero\n#[test] fn refuses() {}\n",
        "/// 37:framing:reserved-zero\n#[tokio::test]\nasync fn refuses() {}\n",
        "/// 37:framing:reserved-zero\n#[tokio::test(\n    flavor = \"multi_thread\",\n)]\n\
         #[cfg(unix)]\n// Why.\n\nasync fn refuses() {}\n",
        "proptest! {\n    #![proptest_config(config())]\n\n    /// 37:framing:reserved-zero\n    \
         #[test]\n    fn refuses(octet in 0_u8..8) {\n    }\n}\n",
    ] {
        assert_eq!(problems(CLAUSE, CODE, test), [""; 0], "{test}");
    }
    assert_eq!(problems(CLAUSE, &format!("{CODE}\n{TEST}"), ""), [""; 0]);
}

#[test]
fn reports_an_id_that_no_note_has() {
    let code = format!("{CODE}// spec:37:framing:gone\n");
    let test = format!("{TEST}/// See mux:names:gone.\nfn helper() {{}}\n");
    let expected = [
        "crates/zmtp/src/frame.rs:4: 37:framing:gone is no clause of spec-notes/",
        "tests/it/frame.rs:4: mux:names:gone is no clause of spec-notes/",
    ];
    assert_eq!(problems(CLAUSE, &code, &test), expected);
}

#[test]
fn reports_words_in_a_spec_comment() {
    let code = format!("{CODE}// spec: 37:framing:reserved-zero and more\n");
    let expected = "crates/zmtp/src/frame.rs:4: \"37:framing:reserved-zero and more\" is no \
                    clause id";
    assert_eq!(problems(CLAUSE, &code, TEST), [expected]);
}

#[test]
fn reports_a_test_with_more_than_five_ids() {
    let ids: Vec<String> = ('a'..='f').map(|slug| format!("37:topic:{slug}")).collect();
    let note = format!("### {} — MUST", ids.join(" — MUST\n### "));
    let code = format!("// spec: {}", ids.join("\n// spec: "));
    let test = |ids: &[String]| format!("/// {}\n#[test]\nfn shows() {{}}\n", ids.join(", "));

    let expected = "tests/it/frame.rs:3: shows carries 6 ids, at most 5: split the test";
    assert_eq!(problems(&note, &code, &test(&ids)), [expected]);
    let split = test(&ids[..5]) + &test(&ids[5..]);
    assert_eq!(problems(&note, &code, &split), [""; 0]);
}

#[test]
fn reports_a_malformed_heading() {
    for heading in [
        "### 37:framing:reserved-zero",
        "### 37:framing:reserved-zero - MUST",
        "### 37:framing:reserved-zero — MSUT",
        "### 37:framing:reserved-zero — MUST, COULD",
        "### 37:framing:Reserved — MUST",
        "### 37:framing: — MUST",
        "### framing:reserved-zero — MUST",
        "## 37:framing:reserved-zero — MUST",
        "###37:framing:reserved-zero — MUST",
    ] {
        let note = format!("{CLAUSE}{heading}\n");
        let expected = format!(
            "spec-notes/37.md:5: heading {heading:?} is not of the form `### 37:topic:slug — MUST`"
        );
        assert_eq!(problems(&note, CODE, TEST), [expected]);
    }
}

#[test]
fn leaves_other_headings_and_samples_alone() {
    let note = format!(
        "# 37/ZMTP — notes\n## Frames: layout\n### Where libzmq differs\n\
         ```\n### 37:sample:only — MUST\n```\n{CLAUSE}"
    );
    assert_eq!(problems(&note, CODE, TEST), [""; 0]);
}

#[test]
fn reports_a_heading_given_twice() {
    let note = format!("{CLAUSE}{CLAUSE}");
    let expected = "spec-notes/37.md:7: 37:framing:reserved-zero stands already at \
                    spec-notes/37.md:3";
    assert_eq!(problems(&note, CODE, TEST), [expected]);
}

#[test]
fn excuses_what_is_not_done_for_a_reason() {
    let note = format!("{CLAUSE}- Not done: ROUTER only.\n");
    assert_eq!(problems(&note, "", ""), [""; 0]);
    assert_eq!(problems(&note, CODE, TEST), [""; 0]);

    let note = format!("{CLAUSE}- Not done:\n");
    let expected = "spec-notes/37.md:5: 37:framing:reserved-zero is not done, but no reason is \
                    given";
    assert_eq!(problems(&note, "", ""), [expected]);

    let note = format!("{CLAUSE}## Next\n- Not done: of another entry.\n");
    assert_eq!(problems(&note, "", "").len(), 2);
}

#[test]
fn asks_nothing_of_an_informative_clause() {
    assert_eq!(problems("### 28:router:why — DOC\nText.\n", "", ""), [""; 0]);
    assert_eq!(problems("### 28:router:why — DOC, MUST\nText.\n", "", "").len(), 2);
}

#[test]
fn takes_no_time_path_or_address_for_an_id() {
    let text = "at 10:30:00, mux::core::names, 2001:db8:1, zmtp-mux:a:b, 37:a:b:c, x37:a:b";
    assert_eq!(Id::find_all(text), []);
    assert_eq!(Id::find_all("(37:a:b), mux:c:d-e: `28:x1:y`").len(), 3);
}

#[test]
fn keeps_the_places_of_each_clause() {
    let audit = audit(CLAUSE, CODE, TEST);
    let id = Id::parse("37:framing:reserved-zero").unwrap();
    assert_eq!(audit.clauses[&id].level, "MUST");
    assert_eq!(audit.code[&id][0].to_string(), "crates/zmtp/src/frame.rs:2");
    assert_eq!(audit.tests[&id][0].to_string(), "tests/it/frame.rs:3");
}
