//! How much code a fuzzer reached, and whether it still found more at the end of its run.

use std::fmt;

/// The edges that the inputs of one run reached, by what libFuzzer printed.
pub(super) struct Coverage {
    /// Executions after which the last quarter of the run begins.
    late: u64,
    executions: u64,
    edges_before: u64,
    edges: u64,
}

impl Coverage {
    /// Returns the coverage of a run of so many executions, which has not begun.
    pub(super) fn new(executions: u64) -> Self {
        Self {
            late: executions.saturating_sub(executions.div_ceil(4)),
            executions: 0,
            edges_before: 0,
            edges: 0,
        }
    }

    /// Takes note of a line; returns whether it was one about coverage.
    ///
    /// libFuzzer prints one whenever an input reached new code, so none is missed between them.
    pub(super) fn note(&mut self, line: &str) -> bool {
        let Some((executions, edges)) = status(line) else { return false };
        (self.executions, self.edges) = (executions, edges);
        if executions <= self.late {
            self.edges_before = edges;
        }
        true
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, edges_before, edges, .. } = self;
        let verdict = if edges > edges_before { "still growing" } else { "flat" };
        write!(
            f,
            "{executions} executions, {edges_before} edges at 3/4, {edges} at the end: {verdict}"
        )
    }
}

/// Returns executions and edges of a line like `#1024 NEW cov: 65 ft: 70`, which has a tab after the number.
fn status(line: &str) -> Option<(u64, u64)> {
    let (executions, rest) = line.strip_prefix('#')?.split_once('\t')?;
    let edges = rest.split_once("cov: ")?.1.split(' ').next()?;
    Some((executions.parse().ok()?, edges.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Coverage;

    fn after(lines: &[&str]) -> String {
        let mut coverage = Coverage::new(100);
        for line in lines {
            coverage.note(line);
        }
        coverage.to_string()
    }

    #[test]
    fn a_run_that_finds_nothing_late_is_flat() {
        assert_eq!(
            after(&[
                "#9\tINITED cov: 60 ft: 60",
                "#75\tNEW    cov: 64 ft: 70",
                "#100\tDONE   cov: 64"
            ]),
            "100 executions, 64 edges at 3/4, 64 at the end: flat"
        );
    }

    #[test]
    fn new_code_in_the_last_quarter_shows() {
        assert_eq!(
            after(&[
                "#75\tNEW    cov: 64 ft: 70",
                "#76\tNEW    cov: 65 ft: 71",
                "#100\tDONE   cov: 65"
            ]),
            "100 executions, 64 edges at 3/4, 65 at the end: still growing"
        );
    }

    #[test]
    fn other_lines_say_nothing_of_coverage() {
        let mut coverage = Coverage::new(100);
        for line in ["#1 0x5 in main", "INFO: cov: 3", "#\tcov: 4", "==7== ERROR"] {
            assert!(!coverage.note(line), "{line}");
        }
    }
}
