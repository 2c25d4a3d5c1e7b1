//! Reading a guest's console.

use std::collections::BTreeMap;

/// The result of a test binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// Its exit status; `None` where the guest ended before it did.
    pub(super) status: Option<i32>,
    /// Its run time in seconds, by the guest's clock.
    pub(super) seconds: u32,
    /// Tests in it that passed.
    pub(super) passed: u32,
    /// Tests or parts of tests that it skipped, and why.
    pub(super) skipped: Vec<String>,
    /// Interfaces or namespaces that it left behind.
    pub(super) left: Vec<String>,
    /// Its output.
    pub(super) output: String,
}

impl Ran {
    /// Whether it passed, with something in it that ran.
    pub(super) fn is_passed(&self) -> bool {
        self.status == Some(0) && self.left.is_empty() && self.passed > 0
    }
}

/// The verifier's figures for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) program: String,
    pub(super) instructions: u64,
    pub(super) translated_bytes: u64,
}

/// A console.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The results of test binaries, by name.
    pub(super) tests: BTreeMap<String, Ran>,
    pub(super) verified: Vec<Verified>,
    /// Its lines outside of tests. They have the cause, where a guest never got to its tests.
    pub(super) outside: String,
}

impl Log {
    /// Reads what a guest's `/init` and its tests wrote.
    pub(super) fn parse(text: &str) -> Self {
        let mut log = Self::default();
        let mut current: Option<(String, Ran)> = None;
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            // Output without a newline at its end is in front of a mark, in the mark's line.
            let (before, mark) =
                line.split_once("@@ ").map_or((line, None), |(before, mark)| (before, Some(mark)));
            if !before.is_empty() {
                if let Some((_, ran)) = &mut current {
                    ran.read(before);
                } else {
                    log.outside.push_str(before);
                    log.outside.push('\n');
                }
            }
            let mut words = mark.unwrap_or_default().split_whitespace();
            match (words.next(), words.next()) {
                (Some("begin"), Some(name)) => {
                    if let Some((name, ran)) = current.take() {
                        log.tests.insert(name, ran);
                    }
                    current = Some((name.to_owned(), Ran::default()));
                }
                (Some("end"), Some(name)) => {
                    if let Some((_, mut ran)) = current.take() {
                        ran.status = words.next().and_then(|status| status.parse().ok());
                        ran.seconds = words.next().and_then(|s| s.parse().ok()).unwrap_or(0);
                        log.tests.insert(name.to_owned(), ran);
                    }
                }
                (Some("left"), Some(name)) => {
                    if let Some(ran) = log.tests.get_mut(name) {
                        ran.left.push(words.collect::<Vec<_>>().join(" "));
                    }
                }
                (Some("verified"), Some(_)) => log.verified.extend(mark.and_then(verified)),
                _ => {}
            }
        }
        log.tests.extend(current);
        log
    }
}

impl Ran {
    fn read(&mut self, line: &str) {
        if let Some(what) = line.split_once("SKIPPED: ") {
            self.skipped.push(what.1.to_owned());
        }
        // test result: ok. 6 passed; 0 failed; …
        if let Some(result) = line.strip_prefix("test result: ")
            && let Some(passed) = result.split_whitespace().nth(1)
        {
            self.passed += passed.parse::<u32>().unwrap_or(0);
        }
        self.output.push_str(line);
        self.output.push('\n');
    }
}

/// `verified edge with everything|113190|31608`
fn verified(mark: &str) -> Option<Verified> {
    let mut fields = mark.strip_prefix("verified ")?.split('|');
    Some(Verified {
        program: fields.next()?.to_owned(),
        instructions: fields.next()?.parse().ok()?,
        translated_bytes: fields.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "[    0.1] Linux version 6.1\r\n@@ release 6.1.0\r\n@@ begin wire\r\n\
        running 2 tests\r\ntest a ... ok\r\nSKIPPED: native jumbo frames: too old\r\n\
        test result: ok. 2 passed; 0 failed; 0 ignored\r\n@@ end wire 0 12\r\n\
        @@ begin verifier\r\n@@ verified edge with everything|113190|31608\r\n\
        test b ... @@ verified edge|8833|11264\r\ntest result: FAILED. 0 passed; 1 failed\r\n\
        @@ end verifier 101 7\r\n@@ left verifier 1 interfaces\r\n@@ begin books\r\nhalf a li";

    #[test]
    fn what_ran_and_what_became_of_it() {
        let log = Log::parse(CONSOLE);
        assert_eq!(log.outside, "[    0.1] Linux version 6.1\n");
        let wire = &log.tests["wire"];
        assert!(wire.is_passed());
        assert_eq!((wire.seconds, wire.passed), (12, 2));
        assert_eq!(wire.skipped, ["native jumbo frames: too old"]);
        let verifier = &log.tests["verifier"];
        assert_eq!(verifier.status, Some(101));
        assert_eq!(verifier.left, ["1 interfaces"]);
        assert!(!verifier.is_passed());
        assert_eq!(log.tests["books"].status, None);
        assert!(!log.tests["books"].is_passed());
        assert_eq!(log.verified.len(), 2);
        assert_eq!(log.verified[0].program, "edge with everything");
        assert_eq!(log.verified[1].instructions, 8833);
    }

    #[test]
    fn a_binary_that_ran_no_test_has_not_passed() {
        let log = Log::parse("@@ begin x\ntest result: ok. 0 passed; 0 failed\n@@ end x 0 1\n");
        assert!(!log.tests["x"].is_passed());
    }
}
