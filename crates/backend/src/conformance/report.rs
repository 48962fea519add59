//! What came of the cases.

use std::fmt;

use crate::contract::BackendInfo;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the oracle says.
    Passed,
    /// The backend says that it cannot run one of the ops, and keeps to it.
    Unsupported {
        /// Op and the backend's reason.
        reason: String,
    },
    /// Wrong values, the wrong error, an answer that contradicts another one, or a panic.
    Failed {
        /// What was expected and what came.
        reason: String,
    },
}

/// One case and its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// Op or behaviour, element type, shape, form.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
}

/// Every case, in a fixed order.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who was examined.
    pub backend: BackendInfo,
    /// The cases.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// Numbers of cases passed, unsupported, failed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        self.cases.iter().fold((0, 0, 0), |(p, u, f), case| match case.verdict {
            Verdict::Passed => (p + 1, u, f),
            Verdict::Unsupported { .. } => (p, u + 1, f),
            Verdict::Failed { .. } => (p, u, f + 1),
        })
    }

    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|c| matches!(c.verdict, Verdict::Failed { .. }))
    }

    /// Panics with the text of the report unless every case passed or is unsupported, and one passed: for tests.
    #[track_caller]
    pub fn assert_passed(&self) {
        let (passed, _, failed) = self.counts();
        assert!(passed > 0 && failed == 0, "{self}");
    }
}

/// Counts, then the failed and the unsupported cases with their reasons.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, unsupported, failed) = self.counts();
        let BackendInfo { backend, device, .. } = &self.backend;
        writeln!(
            f,
            "conformance of {backend} on {device}: {passed} passed, {unsupported} unsupported, {failed} failed"
        )?;
        for case in &self.cases {
            if let Verdict::Failed { reason } = &case.verdict {
                writeln!(f, "failed       {}: {reason}", case.name)?;
            }
        }
        for case in &self.cases {
            if let Verdict::Unsupported { reason } = &case.verdict {
                writeln!(f, "unsupported  {}: {reason}", case.name)?;
            }
        }
        Ok(())
    }
}
