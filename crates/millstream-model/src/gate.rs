//! The gate: what a version must pass before `champion` moves to it.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::bootstrap::{CONFIDENCE, Comparison, RESAMPLES, ROWS_MAX};
use crate::error::ModelError;
use crate::metrics::{self, Metrics};
use crate::near::closest;

/// What comparisons are made of, right or wrong.
const SIGNS: &[char] = &['<', '>', '=', '!', '~', '≥', '≤', '≠'];
/// The comparisons that there are, for messages.
const COMPARISONS: &str = ">=, >, <= or <";

/// One rule of a gate.
#[derive(Debug, Clone, PartialEq)]
pub enum GateRule {
    /// A metric on the held-out rows against a number.
    Threshold {
        /// Name of the metric.
        metric: String,
        /// How it must compare.
        operator: Operator,
        /// With what.
        number: f64,
    },
    /// Unless the candidate is worse than the present champion on the same held-out rows with 95 %
    /// confidence, both judged by twins that were fitted on the training side only. Passes when
    /// there is no champion. The metric is that of the first threshold if it can be resampled
    /// (`accuracy`, `f1_macro`, `f1_weighted`, `log_loss`, `mae`, `rmse`, `roc_auc`), else
    /// `f1_weighted`, or `rmse` for numbers.
    NotWorseThanChampion,
}

/// How a metric must compare with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

/// What is known of the present champion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Champion {
    /// There is none yet.
    None,
    /// It was made by the same definition, and would be equal on the same rows.
    SameDefinition {
        /// Its version.
        version: u64,
    },
    /// Its twin was judged on the same rows.
    Compared {
        /// Its version.
        version: u64,
        /// The result.
        comparison: Comparison,
    },
    /// It cannot be judged on these rows.
    NotComparable {
        /// Its version.
        version: u64,
        /// Why not.
        reason: String,
    },
}

/// How a version did at its gate, with the evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every rule passed.
    pub passed: bool,
    /// Each rule.
    pub rules: Vec<RuleVerdict>,
    /// The champion at that time; only looked at when a rule asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
}

/// How a version did at one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVerdict {
    /// The rule.
    pub rule: String,
    /// Whether it passed.
    pub passed: bool,
    /// The numbers behind it.
    pub evidence: String,
}

/// Reads a rule: `METRIC >= NUMBER` (or `>`, `<=`, `<`) or `not worse than champion`.
pub fn parse(rule: &str) -> Result<GateRule, ModelError> {
    let refuse = |message: String| Err(ModelError::Gate { rule: rule.to_owned(), message });
    if rule.split_whitespace().eq(["not", "worse", "than", "champion"]) {
        return Ok(GateRule::NotWorseThanChampion);
    }
    let Some((metric, sign, number)) = operands(rule) else {
        return refuse(format!("it compares nothing; the comparison must be {COMPARISONS}"));
    };
    let Some(operator) = Operator::of(sign) else {
        return refuse(format!("`{sign}` is none: the comparison must be {COMPARISONS}"));
    };
    if !is_metric(metric) {
        return refuse(no_metric(metric));
    }
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() => {
            Ok(GateRule::Threshold { metric: metric.to_owned(), operator, number })
        }
        _ => refuse(format!("`{number}` is not a number")),
    }
}

/// Judges a version. Pure: the same evidence gives the same verdict.
pub fn judge(rules: &[GateRule], metrics: &Metrics, champion: Option<Champion>) -> Verdict {
    let verdict = |rule: &GateRule| {
        let (passed, evidence) = match rule {
            GateRule::Threshold { metric, operator, number } => {
                threshold(metrics, metric, *operator, *number)
            }
            GateRule::NotWorseThanChampion => against(champion.as_ref()),
        };
        RuleVerdict { rule: rule.to_string(), passed, evidence }
    };
    let rules: Vec<RuleVerdict> = rules.iter().map(verdict).collect();
    Verdict { passed: rules.iter().all(|rule| rule.passed), rules, champion }
}

/// The metric by which a candidate is compared with the champion, if the rules prefer one.
pub(crate) fn preferred_metric(rules: &[GateRule]) -> Option<&str> {
    rules.iter().find_map(|rule| match rule {
        GateRule::Threshold { metric, .. } => Some(metric.as_str()),
        GateRule::NotWorseThanChampion => None,
    })
}

/// The metric, the sign of the comparison as it is written, and the number.
fn operands(rule: &str) -> Option<(&str, &str, &str)> {
    // A label in `f1[label]` may hold any sign, so that the comparison is sought behind it.
    let start = rule.rfind(']').unwrap_or(0);
    let at = start + rule[start..].find(SIGNS)?;
    let (metric, rest) = rule.split_at(at);
    let number = rest.trim_start_matches(SIGNS);
    let sign = &rest[..rest.len() - number.len()];
    Some((metric.trim(), sign, number.trim()))
}

fn no_metric(written: &str) -> String {
    let names = metrics::CLASSIFICATION.iter().chain(metrics::REGRESSION).copied();
    match closest(written, names) {
        Some(name) => format!("there is no metric `{written}`, did you mean `{name}`?"),
        None => format!("there is no metric `{written}`"),
    }
}

fn is_metric(name: &str) -> bool {
    let of_label = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match of_label {
        Some((metric, label)) => metrics::PER_LABEL.contains(&metric) && !label.is_empty(),
        None => metrics::CLASSIFICATION.contains(&name) || metrics::REGRESSION.contains(&name),
    }
}

fn threshold(metrics: &Metrics, metric: &str, operator: Operator, number: f64) -> (bool, String) {
    match metrics.values.get(metric) {
        Some(&value) => (operator.holds(value, number), format!("{metric} is {value:.4}")),
        None => (false, format!("{metric} is not defined on the held-out rows")),
    }
}

fn against(champion: Option<&Champion>) -> (bool, String) {
    match champion {
        None | Some(Champion::None) => (true, "there is no champion yet".to_owned()),
        Some(Champion::SameDefinition { version }) => {
            (true, format!("champion {version} has the same definition"))
        }
        Some(Champion::NotComparable { version, reason }) => {
            (false, format!("champion {version} cannot be judged on these rows: {reason}"))
        }
        Some(Champion::Compared { version, comparison }) => {
            let Comparison { metric, candidate, champion, worse_share, resamples } = comparison;
            let evidence = format!(
                "{metric} is {candidate:.4}, that of champion {version} {champion:.4}; worse in \
                 {:.1} % of {resamples} resamples",
                worse_share * 100.0
            );
            (!comparison.is_worse(), evidence)
        }
    }
}

impl Operator {
    /// The operator that a sign stands for.
    fn of(sign: &str) -> Option<Self> {
        match sign {
            ">=" => Some(Self::AtLeast),
            ">" => Some(Self::Above),
            "<=" => Some(Self::AtMost),
            "<" => Some(Self::Below),
            _ => None,
        }
    }

    fn holds(self, value: f64, number: f64) -> bool {
        match self {
            Self::AtLeast => value >= number,
            Self::Above => value > number,
            Self::AtMost => value <= number,
            Self::Below => value < number,
        }
    }
}

impl fmt::Display for GateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWorseThanChampion => f.write_str("not worse than champion"),
            Self::Threshold { metric, operator, number } => {
                let sign = match operator {
                    Operator::AtLeast => ">=",
                    Operator::Above => ">",
                    Operator::AtMost => "<=",
                    Operator::Below => "<",
                };
                write!(f, "{metric} {sign} {number}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_written_alike() {
        for rule in
            ["f1_weighted >= 0.8", "rmse < 12.5", "f1[a >= b] > 0.1", "not worse than champion"]
        {
            assert_eq!(parse(rule).unwrap().to_string(), rule);
        }
        assert_eq!(parse(" r2>=-1 ").unwrap().to_string(), "r2 >= -1");
        for wrong in
            ["", "f1 >= 0.8", "accuracy", "accuracy = 1", "accuracy > x", "f1[] > 1", "r2 > inf"]
        {
            assert!(matches!(parse(wrong), Err(ModelError::Gate { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_rule_says_what_is_wrong_with_it() {
        for (rule, why) in [
            ("r2 => 0.8", "`=>` is none: the comparison must be >=, >, <= or <"),
            ("r2 ≥ 0.8", "`≥` is none: the comparison must be >=, >, <= or <"),
            ("r2 == 0.8", "`==` is none: the comparison must be >=, >, <= or <"),
            ("r2 0.8", "it compares nothing; the comparison must be >=, >, <= or <"),
            ("acuracy >= 0.8", "there is no metric `acuracy`, did you mean `accuracy`?"),
            ("recall >= 0.8", "there is no metric `recall`"),
            ("r2 >= much", "`much` is not a number"),
        ] {
            let error = parse(rule).unwrap_err();
            assert!(
                matches!(&error, ModelError::Gate { message, .. } if message == why),
                "{error}"
            );
        }
    }

    #[test]
    fn a_metric_that_is_not_defined_fails_its_rule() {
        let metrics =
            Metrics { values: [("accuracy".to_owned(), 0.9)].into(), ..Metrics::default() };
        let rules = [parse("accuracy >= 0.9").unwrap(), parse("roc_auc > 0").unwrap()];
        let verdict = judge(&rules, &metrics, None);
        assert!(!verdict.passed);
        assert!(verdict.rules[0].passed);
        assert_eq!(verdict.rules[1].evidence, "roc_auc is not defined on the held-out rows");
        assert!(judge(&[], &metrics, None).passed);
    }
}
