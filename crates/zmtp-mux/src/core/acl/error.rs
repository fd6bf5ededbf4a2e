//! What is wrong with a text of access rules.

use thiserror::Error;

use crate::core::acl::Acl;

/// A text that holds no access rules: its first line that is wrong.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {fault}")]
pub struct AclError {
    /// Which, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: AclFault,
}

/// Why a line is no access rule. Each says what was expected.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AclFault {
    /// The first word says for whom the rule is.
    #[error("a rule begins with *, none, curve:KEY, plain:USER or ipc:UID")]
    Who,
    /// A key is 40 characters of Z85.
    #[error("after curve: there are the 40 characters of a public key in Z85")]
    Key,
    /// A user has at most 255 octets.
    #[error("after plain: there is a user of at most 255 octets")]
    User,
    /// A uid is a number.
    #[error("after ipc: there is the number of a user of this machine, in decimal digits")]
    Uid,
    /// The second word says what may be done.
    #[error("the second word is claim, alias, send or watch")]
    Verb,
    /// The third word says with which names.
    #[error("the third word is a name, or a prefix and a final *: 1 to 255 octets, no zero first")]
    Pattern,
    /// A rule is three words.
    #[error("a rule is three words: WHO, then claim, alias, send or watch, then NAME or PREFIX*")]
    TooFew,
    /// A rule is three words, without a comment behind.
    #[error(
        "nothing stands behind the pattern: a space in it is \\x20, a comment has its own line"
    )]
    TooMany,
    /// An octet is written in one of two ways.
    #[error("behind a backslash there is another, or x and two hexadecimal digits")]
    Escape,
    /// Control characters cannot be seen.
    #[error("a control character is written as \\xNN")]
    Control,
    /// A final star is never taken for itself.
    #[error("no rule can be for one name that ends in a star: a final * is any octets, or none")]
    EscapedStar,
    /// A star that is a part of a name is written as an escape.
    #[error(
        "a * has a meaning at the end of a pattern only: one within a name is written as \\x2A"
    )]
    InnerStar,
    /// A line is longer than any rule.
    #[error("a line has at most {} octets", Acl::LINE_LEN_MAX)]
    LineTooLong,
    /// There are more lines than there may be.
    #[error("there are at most {} lines", Acl::LINES_MAX)]
    TooManyLines,
}
