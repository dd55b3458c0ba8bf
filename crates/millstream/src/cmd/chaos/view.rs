//! What `chaos` shows: kill by kill while it works, and a table at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::trial::{Trial, Verdict};
use crate::cli::{Global, OutputFormat};
use crate::exit::Outcome;
use crate::output::{Column, duration, has_terminal, print_json, print_line, print_note, table};

/// Differences of one kill that are shown.
const DIFFERENCES_SHOWN: usize = 10;
/// The most steps that a line names.
const STEPS_SHOWN: usize = 2;

/// Progress: one redrawn line on a terminal, a line for each kill elsewhere; on stderr.
#[derive(Debug)]
pub struct View {
    bar: Option<ProgressBar>,
    kills: u64,
}

impl View {
    /// For so many kills.
    pub fn new(format: OutputFormat, kills: u64) -> Self {
        let bar = (has_terminal() && format == OutputFormat::Text).then(|| {
            let bar = ProgressBar::new(kills);
            match ProgressStyle::with_template("{wide_bar} {pos} of {len}  {msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { bar, kills }
    }

    /// Says what is going on.
    pub fn says(&self, what: &'static str) {
        match &self.bar {
            Some(bar) => bar.set_message(what),
            None => print_note(what),
        }
    }

    /// Shows what came of a kill.
    pub fn trial(&self, trial: &Trial) {
        let text = format!("{} during {}: {}", victim(trial), steps(trial), word(&trial.verdict));
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.set_message(text);
            }
            None => print_note(&format!("kill {} of {}: {text}", trial.number, self.kills)),
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// All that came of it.
#[derive(Debug)]
pub struct Report {
    /// Decided about the kills.
    pub seed: u64,
    /// Kills that were asked for.
    pub asked: u64,
    /// How long an undisturbed run took.
    pub undisturbed: Duration,
    /// Assets that were compared.
    pub assets: usize,
    /// Of each asset what undisturbed runs do not agree on.
    pub not_comparable: BTreeMap<String, BTreeSet<String>>,
    /// How long all of it took.
    pub millis: u64,
    /// What was said on the command line, but for the kills.
    pub said: Vec<String>,
    /// The kills.
    pub trials: Vec<Trial>,
}

impl Report {
    /// Prints it.
    pub fn print(&self, global: &Global, root: &Path) -> Outcome {
        if global.output == OutputFormat::Json {
            return print_json("chaos", &self.json());
        }
        let columns = [
            Column::Number("kill"),
            Column::Number("at"),
            Column::Text("hit"),
            Column::Text("during"),
            Column::Number("took"),
            Column::Text("afterwards"),
        ];
        let rows: Vec<Vec<String>> = self.trials.iter().map(row).collect();
        print_line(&table(&columns, &rows))?;
        for trial in self.trials.iter().filter(|trial| trial.is_different()) {
            print_line(&self.details(trial, root))?;
        }
        print_line(&self.summary())?;
        for line in self.left_out() {
            print_line(&line)?;
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "seed": self.seed,
            "kills_asked": self.asked,
            "kills": self.trials,
            "different": self.different(),
            "too_late": self.too_late(),
            "undisturbed_millis": self.undisturbed.as_millis() as u64,
            "assets": self.assets,
            "not_comparable": self.not_comparable,
            "millis": self.millis,
        })
    }

    fn different(&self) -> usize {
        self.trials.iter().filter(|trial| trial.is_different()).count()
    }

    fn too_late(&self) -> usize {
        self.trials.iter().filter(|trial| trial.verdict == Verdict::TooLate).count()
    }

    fn summary(&self) -> String {
        let kills = self.trials.len() - self.too_late();
        let result = match self.different() {
            0 => "all left the same as undisturbed runs".to_owned(),
            different => format!("{different} did NOT leave the same as undisturbed runs"),
        };
        let mut text = format!(
            "\n{kills} kills with seed {}: {result}, in {}\n{} assets compared; an undisturbed run \
             takes {}",
            self.seed,
            duration(self.millis),
            self.assets,
            duration(self.undisturbed.as_millis() as u64),
        );
        let done = self.trials.len() as u64;
        if done < self.asked {
            text.push_str(&format!(
                "\nthe time was over after {done} of {} kills; --time-limit gives more",
                self.asked
            ));
        }
        text
    }

    /// What is not compared, and of which assets.
    fn left_out(&self) -> Vec<String> {
        let mut by_fact: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (asset, facts) in &self.not_comparable {
            for fact in facts {
                by_fact.entry(fact).or_default().push(asset);
            }
        }
        let of = |assets: &[&str]| match assets {
            [one] => (*one).to_owned(),
            many => format!("{} assets", many.len()),
        };
        let named = by_fact.iter().map(|(fact, assets)| format!("  {fact} of {}", of(assets)));
        let named: Vec<String> = named.collect();
        if named.is_empty() {
            return named;
        }
        let head = "not compared, because undisturbed runs do not agree on it:".to_owned();
        [vec![head], named].concat()
    }

    /// What is wrong after a kill, and how to see it again.
    fn details(&self, trial: &Trial, root: &Path) -> String {
        let mut lines = vec![format!("\nkill {}: {}", trial.number, word(&trial.verdict))];
        match &trial.verdict {
            Verdict::Different { differences } => {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
                for one in differences.iter().take(DIFFERENCES_SHOWN) {
                    let (expected, found) = (value(&one.expected), value(&one.found));
                    lines.push(format!("  {} {}: {found}, not {expected}", one.asset, one.what));
                }
                let more = differences.len().saturating_sub(DIFFERENCES_SHOWN);
                if more > 0 {
                    lines.push(format!("  and {more} more; --output json has all"));
                }
            }
            Verdict::Failed { said } => lines.extend(said.lines().map(|line| format!("  {line}"))),
            Verdict::Stuck | Verdict::Same | Verdict::TooLate => {}
        }
        lines.push(format!("  again: {}", self.again(trial)));
        if let Some(copy) = &trial.copy {
            let shown = copy.strip_prefix(root).unwrap_or(copy);
            lines.push(format!("  the copy is kept in {}", shown.display()));
        }
        lines.join("\n")
    }

    /// The command that shows a kill again, as it can be given to a shell.
    fn again(&self, trial: &Trial) -> String {
        let kill = format!("millstream chaos --seed {} --only {}", self.seed, trial.number);
        let said = self.said.iter().map(|word| for_shell(word));
        std::iter::once(kill).chain(said).collect::<Vec<_>>().join(" ")
    }
}

/// A word in single quotes, if a shell would read it otherwise than it stands there.
fn for_shell(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=.:,/@+".contains(letter);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn row(trial: &Trial) -> Vec<String> {
    vec![
        trial.number.to_string(),
        duration(trial.at_millis),
        victim(trial).to_owned(),
        steps(trial),
        duration(trial.millis),
        word(&trial.verdict).to_owned(),
    ]
}

fn victim(trial: &Trial) -> &'static str {
    match trial.verdict {
        Verdict::TooLate => "nothing",
        _ => trial.victim.words(),
    }
}

fn steps(trial: &Trial) -> String {
    match trial.steps.as_slice() {
        [] => "no step".to_owned(),
        steps if steps.len() <= STEPS_SHOWN => steps.join(", "),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same",
        Verdict::Different { .. } => "DIFFERENT",
        Verdict::Failed { .. } => "FAILED",
        Verdict::Stuck => "STUCK",
        Verdict::TooLate => "the run had ended",
    }
}

#[cfg(test)]
mod tests {
    use millstream_chaos::{Difference, Victim};

    use super::*;

    fn report(verdict: Verdict) -> Report {
        let trial = Trial {
            number: 3,
            at_millis: 120,
            victim: Victim::Run,
            steps: vec!["sync shop.orders".to_owned()],
            verdict,
            copy: Some("/shop/.millstream/chaos.7.kept/kill-3".into()),
            millis: 900,
        };
        let at = BTreeSet::from(["column _loaded_at".to_owned()]);
        let not_comparable = ["table:shop.orders", "table:shop.clicks"];
        Report {
            seed: 7,
            asked: 5,
            undisturbed: Duration::from_millis(400),
            assets: 4,
            not_comparable: not_comparable.map(|asset| (asset.to_owned(), at.clone())).into(),
            millis: 2000,
            said: vec!["--select=+tag:it's".to_owned(), "--commands".to_owned()],
            trials: vec![trial],
        }
    }

    #[test]
    fn a_difference_says_how_to_see_it_again() {
        let difference = Difference {
            asset: "table:main.orders".to_owned(),
            what: "versions".to_owned(),
            expected: Some("1".to_owned()),
            found: Some("2".to_owned()),
        };
        let report = report(Verdict::Different { differences: vec![difference] });
        let details = report.details(&report.trials[0], Path::new("/shop"));
        assert!(details.contains("table:main.orders versions: 2, not 1"), "{details}");
        assert!(
            details
                .contains("millstream chaos --seed 7 --only 3 '--select=+tag:it'\\''s' --commands"),
            "{details}"
        );
        assert!(details.contains("kept in .millstream/chaos.7.kept/kill-3"), "{details}");
        assert!(report.summary().contains("1 kills with seed 7: 1 did NOT"));
    }

    #[test]
    fn what_is_left_out_is_told_once() {
        let report = report(Verdict::Same);
        let lines = report.left_out();
        assert_eq!(lines[1..], ["  column _loaded_at of 2 assets"]);
        assert!(report.summary().contains("the time was over after 1 of 5 kills"));
    }
}
