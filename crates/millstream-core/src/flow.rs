//! Whether a step runs: what must have become of those before it, a condition over their results,
//! the word of a person; and how often, where it runs once for each item of a list.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::asset::AssetKey;
use crate::error::Result;

/// The most bytes that the result of a step may have, as JSON.
pub const RESULT_BYTES_MAX: usize = 64 * 1024;

/// The most items for which a step runs.
pub const ITEMS_MAX: usize = 100_000;

/// What the steps before have given, by their assets.
pub type Results = BTreeMap<AssetKey, Value>;

/// What decides whether, and how often, a step runs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Flow {
    /// What must have become of the steps before it.
    pub rule: Rule,
    /// It runs only while this is true.
    pub when: Option<Expression>,
    /// It runs once for each item.
    pub for_each: Option<Mapping>,
    /// It waits for the word of a person.
    pub approval: Option<Approval>,
}

/// A step that runs once for each item of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Mapping {
    /// Gives the list.
    pub over: Expression,
    /// How many of them work at the same time.
    pub parallel_max: usize,
}

/// The word of a person for which a step waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who may give it, and whoever may do more.
    pub role: Approver,
    /// What is asked.
    pub message: String,
    /// How long it waits for an answer, in seconds; for ever without.
    pub timeout_seconds: Option<u64>,
    /// What holds if nobody answers in time.
    pub on_timeout: Answer,
}

impl Approval {
    /// How long it waits for an answer.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_seconds.map(Duration::from_secs)
    }
}

/// Who may approve.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Who starts, stops and pauses.
    #[default]
    Operator,
    /// Who queries and promotes.
    Author,
    /// Who may do everything.
    Admin,
}

impl Approver {
    /// The word that files have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Author => "author",
            Self::Admin => "admin",
        }
    }
}

/// What a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The step is done, and what is behind it runs.
    Approve,
    /// Nothing that is behind it runs.
    Reject,
}

impl Answer {
    /// What was done by it: `approved`, `rejected`.
    pub fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
        }
    }
}

type Evaluate = dyn Fn(&Results) -> Result<Value> + Send + Sync;

/// An expression over the results of steps, which somebody else can read.
#[derive(Clone)]
pub struct Expression {
    text: String,
    reads: Vec<AssetKey>,
    evaluate: Arc<Evaluate>,
}

impl Expression {
    /// The expression of a text, which reads the results of these steps.
    pub fn new(
        text: impl Into<String>,
        reads: Vec<AssetKey>,
        evaluate: impl Fn(&Results) -> Result<Value> + Send + Sync + 'static,
    ) -> Self {
        Self { text: text.into(), reads, evaluate: Arc::new(evaluate) }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The steps whose results it reads.
    pub fn reads(&self) -> &[AssetKey] {
        &self.reads
    }

    /// Its value.
    pub fn value(&self, results: &Results) -> Result<Value> {
        (self.evaluate)(results)
    }

    /// Whether its value is true; so are numbers other than 0 and what is not empty.
    pub fn is_true(&self, results: &Results) -> Result<bool> {
        Ok(match self.value(results)? {
            Value::Null => false,
            Value::Bool(is_true) => is_true,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        })
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.text)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

/// What must have become of the steps before a step, of those that are in the same run. The names
/// and their meaning are Airflow's.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All succeeded.
    #[default]
    AllSuccess,
    /// None failed: they succeeded or were skipped.
    NoneFailed,
    /// None failed, and at least one succeeded.
    NoneFailedMinOneSuccess,
    /// None was skipped.
    NoneSkipped,
    /// They have ended, however that was.
    AllDone,
    /// All failed.
    AllFailed,
    /// All were skipped.
    AllSkipped,
    /// One succeeded; the others are not waited for.
    OneSuccess,
    /// One failed; the others are not waited for.
    OneFailed,
    /// One succeeded or failed; the others are not waited for.
    OneDone,
}

/// How a step before stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It has not ended.
    Open,
    /// It let pass.
    Succeeded,
    /// It failed, or did not run because something before it failed.
    Failed,
    /// It was skipped.
    Skipped,
}

/// What becomes of a step by its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing yet.
    Wait,
    /// It may run.
    Run,
    /// It is skipped, which is no failure.
    Skip,
    /// It cannot run because of a failure.
    Blocked,
}

impl Rule {
    /// What becomes of a step with these before it. One with none before it may run.
    pub fn turn(self, before: &[Before]) -> Turn {
        let has = |state: Before| before.contains(&state);
        let all = |state: Before| before.iter().all(|it| *it == state);
        let (failed, skipped) = (has(Before::Failed), has(Before::Skipped));
        let succeeded = has(Before::Succeeded);
        let first = |is_met: bool, otherwise: Turn| match is_met {
            true => Turn::Run,
            false if has(Before::Open) => Turn::Wait,
            false => otherwise,
        };
        let run_or = |is_met: bool, otherwise: Turn| if is_met { Turn::Run } else { otherwise };
        if before.is_empty() {
            return Turn::Run;
        }
        match self {
            Self::OneSuccess => {
                return first(succeeded, if failed { Turn::Blocked } else { Turn::Skip });
            }
            Self::OneFailed => return first(failed, Turn::Skip),
            Self::OneDone => return first(succeeded || failed, Turn::Skip),
            _ if has(Before::Open) => return Turn::Wait,
            _ => {}
        }
        match self {
            Self::AllSuccess | Self::NoneFailed | Self::NoneFailedMinOneSuccess if failed => {
                Turn::Blocked
            }
            Self::AllSuccess | Self::NoneSkipped => run_or(!skipped, Turn::Skip),
            Self::NoneFailedMinOneSuccess => run_or(succeeded, Turn::Skip),
            Self::AllFailed => run_or(all(Before::Failed), Turn::Skip),
            Self::AllSkipped => run_or(all(Before::Skipped), Turn::Skip),
            _ => Turn::Run,
        }
    }

    /// What it asks of the steps before, for people: `one before it failed`.
    pub fn asks(self) -> &'static str {
        match self {
            Self::AllSuccess => "all before it succeeded",
            Self::NoneFailed => "none before it failed",
            Self::NoneFailedMinOneSuccess => "none before it failed and one succeeded",
            Self::NoneSkipped => "none before it was skipped",
            Self::AllDone => "all before it ended",
            Self::AllFailed => "all before it failed",
            Self::AllSkipped => "all before it were skipped",
            Self::OneSuccess => "one before it succeeded",
            Self::OneFailed => "one before it failed",
            Self::OneDone => "one before it ran",
        }
    }

    /// Whether it can be met before all have ended.
    pub fn is_early(self) -> bool {
        matches!(self, Self::OneSuccess | Self::OneFailed | Self::OneDone)
    }

    /// The word that files have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::AllSuccess => "all_success",
            Self::NoneFailed => "none_failed",
            Self::NoneFailedMinOneSuccess => "none_failed_min_one_success",
            Self::NoneSkipped => "none_skipped",
            Self::AllDone => "all_done",
            Self::AllFailed => "all_failed",
            Self::AllSkipped => "all_skipped",
            Self::OneSuccess => "one_success",
            Self::OneFailed => "one_failed",
            Self::OneDone => "one_done",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use Before::{Failed, Open, Skipped, Succeeded};

    const RULES: [Rule; 10] = [
        Rule::AllSuccess,
        Rule::NoneFailed,
        Rule::NoneFailedMinOneSuccess,
        Rule::NoneSkipped,
        Rule::AllDone,
        Rule::AllFailed,
        Rule::AllSkipped,
        Rule::OneSuccess,
        Rule::OneFailed,
        Rule::OneDone,
    ];

    /// What each rule says, in the order of `RULES`.
    fn turns(before: &[Before]) -> String {
        let letter = |rule: &Rule| match rule.turn(before) {
            Turn::Wait => '.',
            Turn::Run => 'R',
            Turn::Skip => 's',
            Turn::Blocked => 'B',
        };
        RULES.iter().map(letter).collect()
    }

    #[test]
    fn rules_say_what_airflows_say() {
        assert_eq!(turns(&[]), "RRRRRRRRRR");
        assert_eq!(turns(&[Succeeded, Succeeded]), "RRRRRssRsR");
        assert_eq!(turns(&[Succeeded, Skipped]), "sRRsRssRsR");
        assert_eq!(turns(&[Skipped, Skipped]), "sRssRsRsss");
        assert_eq!(turns(&[Succeeded, Failed]), "BBBRRssRRR");
        assert_eq!(turns(&[Failed, Failed]), "BBBRRRsBRR");
        assert_eq!(turns(&[Failed, Skipped]), "BBBsRssBRR");
        assert_eq!(turns(&[Open, Succeeded]), ".......R.R");
        assert_eq!(turns(&[Open, Failed]), "........RR");
        assert_eq!(turns(&[Open, Skipped]), "..........");
    }

    #[test]
    fn what_is_there_is_true() {
        let is_true = |value: Value| {
            let expression = Expression::new("x", Vec::new(), move |_| Ok(value.clone()));
            expression.is_true(&Results::new()).unwrap()
        };
        for value in [json!(true), json!(1), json!(-0.5), json!("no"), json!([0]), json!({"a": 1})]
        {
            assert!(is_true(value.clone()), "{value}");
        }
        for value in [json!(null), json!(false), json!(0), json!(0.0), json!(""), json!([])] {
            assert!(!is_true(value.clone()), "{value}");
        }
    }
}
