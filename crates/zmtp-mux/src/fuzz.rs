//! Bodies of the fuzz targets, beside the code that they attack.
//!
//! Built only for fuzzing and for the tests, which replay the corpora. Each panics where a
//! promise is broken, and does nothing else.

/// Whatever peers do, the core does what its [model](crate::core::model) does.
///
/// The first octet chooses how much room there is, and each eight that follow make a step.
pub fn core(data: &[u8]) {
    crate::core::model::driver::run(data);
}

/// A text of access rules is read or refused; what [`Acl`](crate::Acl) looks up is what stands in
/// the rules, read one by one; and each rule reads back however it is written.
pub fn acl(data: &[u8]) {
    crate::core::acl::scan::compare(data);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Runs a target over its corpus, and over an empty input.
    fn replay(target: &str, body: fn(&[u8])) {
        body(&[]);
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
        let mut count = 0;
        for entry in std::fs::read_dir(&corpus).unwrap() {
            body(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} is empty", corpus.display());
    }

    #[test]
    fn the_corpus_holds_no_surprise() {
        replay("core", super::core);
        replay("acl", super::acl);
    }
}
