//! Expressions of own policies that failed while they ran.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An expression that failed at least once, or came to no number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedExpression {
    /// What it is for: `policy mine: score`.
    pub of: String,
    /// The expression as written.
    pub text: String,
    /// How often it failed.
    pub failed: u64,
    /// How often it was asked.
    pub asked: u64,
}

impl FailedExpression {
    /// Those of several runs, or of several profiles: counts of one expression added up, in order of first appearance.
    pub fn added_up(all: impl IntoIterator<Item = FailedExpression>) -> Vec<FailedExpression> {
        let mut sums: Vec<FailedExpression> = Vec::new();
        for one in all {
            match sums.iter_mut().find(|sum| (&sum.of, &sum.text) == (&one.of, &one.text)) {
                Some(sum) => {
                    sum.failed += one.failed;
                    sum.asked += one.asked;
                }
                None => sums.push(one),
            }
        }
        sums
    }
}

impl fmt::Display for FailedExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailedExpression { of, text, failed, asked } = self;
        write!(f, "{of} `{text}` failed, or came to no number, {failed} of {asked} times it was asked")
    }
}
