//! How many tests passed and failed, read from what the test runners print.

/// Tests that passed and failed in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// Who printed the output, and so how to read it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runner {
    /// Any program: the step itself is one test.
    Whole,
    Nextest,
    /// `cargo test`, one result line a binary.
    Libtest,
    Pytest,
    /// `node --test` with the spec or TAP reporter.
    Node,
}

impl Runner {
    /// Counts the tests in `output`. A program that ended badly has at least one failure.
    pub(crate) fn count(self, output: &str, success: bool) -> Count {
        let mut count = match self {
            Self::Whole => Count { passed: u64::from(success), failed: 0 },
            Self::Nextest => nextest(output),
            Self::Libtest => libtest(output),
            Self::Pytest => pytest(output),
            Self::Node => node(output),
        };
        if !success && count.failed == 0 {
            count.failed = 1;
        }
        count
    }
}

fn nextest(output: &str) -> Count {
    let Some(line) = output.lines().rev().find(|line| line.contains("Summary [")) else {
        return Count::default();
    };
    let failed = before(line, "failed") + before(line, "timed") + before(line, "exec");
    Count { passed: before(line, "passed"), failed }
}

fn libtest(output: &str) -> Count {
    let results = output.lines().filter(|line| line.starts_with("test result:"));
    results.fold(Count::default(), |sum, line| Count {
        passed: sum.passed + before(line, "passed"),
        failed: sum.failed + before(line, "failed"),
    })
}

fn pytest(output: &str) -> Count {
    let is_summary = |line: &&str| {
        line.contains(" in ") && ["passed", "failed", "error"].iter().any(|w| line.contains(w))
    };
    let Some(line) = output.lines().rev().find(is_summary) else {
        return Count::default();
    };
    let errors = before(line, "error") + before(line, "errors");
    Count { passed: before(line, "passed"), failed: before(line, "failed") + errors }
}

fn node(output: &str) -> Count {
    let value = |word: &str| {
        let lines = output.lines().rev();
        let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        words
            .filter_map(|line| match line.as_slice() {
                [_, name, number] if *name == word => number.parse().ok(),
                _ => None,
            })
            .next()
            .unwrap_or(0)
    };
    Count { passed: value("pass"), failed: value("fail") }
}

/// The number that stands before `word` in `line`; zero when there is none.
fn before(line: &str, word: &str) -> u64 {
    let mut number = None;
    for token in line.split(|c: char| !c.is_ascii_alphanumeric()) {
        if token == word {
            return number.unwrap_or(0);
        }
        if !token.is_empty() {
            number = token.parse().ok();
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::{Count, Runner};

    fn read(runner: Runner, output: &str, success: bool) -> (u64, u64) {
        let Count { passed, failed } = runner.count(output, success);
        (passed, failed)
    }

    #[test]
    fn nextest_counts_failures_and_time_outs() {
        let output = "x\n Summary [ 1.5s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 3 skipped\n";
        assert_eq!(read(Runner::Nextest, output, false), (6, 3));
    }

    #[test]
    fn libtest_sums_over_binaries() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored\n\
                      test result: FAILED. 4 passed; 2 failed; 0 ignored\n";
        assert_eq!(read(Runner::Libtest, output, false), (7, 2));
    }

    #[test]
    fn pytest_counts_errors_as_failures() {
        assert_eq!(read(Runner::Pytest, "12 passed, 1 skipped in 0.1s", true), (12, 0));
        assert_eq!(read(Runner::Pytest, "== 1 failed, 2 passed, 3 errors in 9s ==", false), (2, 4));
    }

    #[test]
    fn node_is_read_from_either_reporter() {
        assert_eq!(
            read(Runner::Node, "\u{2139} tests 5\n\u{2139} pass 4\n\u{2139} fail 1\n", false),
            (4, 1)
        );
        assert_eq!(read(Runner::Node, "# tests 5\n# pass 5\n# fail 0\n", true), (5, 0));
    }

    #[test]
    fn a_program_that_ends_badly_is_a_failure_whatever_it_printed() {
        assert_eq!(read(Runner::Whole, "", false), (0, 1));
        assert_eq!(read(Runner::Pytest, "4 passed in 1s", false), (4, 1));
        assert_eq!(read(Runner::Nextest, "error: could not compile", false), (0, 1));
    }
}
