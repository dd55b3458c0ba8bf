//! Runs of copies: to their end, or until they are killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_chaos::{Difference, Luck, Reference, Victim, below, kill};
use millstream_core::clock::Clock;
use millstream_core::error::Plain;
use millstream_ledger::{Ledger, StepState};
use millstream_project::state_dir;
use serde::Serialize;

use super::copies::Copies;
use super::look;
use crate::cli::{ChaosArgs, Global};
use crate::exit::Failure;
use crate::wire::{LEDGER, unwritable};

/// How often it is looked whether a run has ended.
const LOOK: Duration = Duration::from_millis(5);
/// A run that takes so many times as long as an undisturbed one is stuck.
const STUCK_TIMES: u32 = 20;
/// The shortest time after which a run can be stuck: leases of dead processes may have to run out.
const STUCK_MIN: Duration = Duration::from_mins(2);
/// How often a kill that came too late is tried again, sooner each time.
const TRIES_MAX: u32 = 4;
/// Lines of what a run said that are shown when it fails.
const LINES_SHOWN: usize = 6;
/// Of so many kills that could hit a process below the run, one hits the run itself.
const RUN_ONE_OF: u64 = 2;

/// What came of a kill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The next run ended with what undisturbed ones have.
    Same,
    /// It ended with something else.
    Different { differences: Vec<Difference> },
    /// It did not end well.
    Failed { said: String },
    /// It did not end.
    Stuck,
    /// Every run had ended before the kill came.
    TooLate,
}

/// One kill.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// Its number, from 1.
    pub number: u64,
    /// When it came, after the start of the run.
    pub at_millis: u64,
    /// Which process it hit.
    pub victim: Victim,
    /// The steps that were cut off, as `kind name`.
    pub steps: Vec<String>,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The copy, if it is kept to be looked at.
    pub copy: Option<PathBuf>,
    /// How long all of it took.
    pub millis: u64,
}

impl Trial {
    /// Whether something is wrong.
    pub fn is_different(&self) -> bool {
        !matches!(self.verdict, Verdict::Same | Verdict::TooLate)
    }
}

/// Starts runs of copies.
#[derive(Debug)]
pub struct Runner<'c> {
    program: PathBuf,
    arguments: Vec<String>,
    copies: &'c Copies,
    /// How long undisturbed runs took.
    took: Vec<Duration>,
}

/// How a run ended.
enum Ended {
    Well,
    Badly,
    Stuck,
}

/// What a kill hit.
struct Hit {
    victim: Victim,
    at: Duration,
}

impl<'c> Runner<'c> {
    /// Starts runs as the command line says.
    pub fn new(global: &Global, args: &ChaosArgs, copies: &'c Copies) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| {
            Plain::external("env.io", format!("the program does not find itself: {error}"))
        })?;
        let mut arguments = vec!["run".to_owned(), "--env".to_owned()];
        arguments.push(copies.environment().to_owned());
        arguments.extend(global.vars.iter().map(|var| format!("--var={var}")));
        arguments.extend(args.of_runs());
        Ok(Self { program, arguments, copies, took: Vec::new() })
    }

    /// How long the shortest undisturbed run took.
    pub fn undisturbed(&self) -> Duration {
        self.took.iter().min().copied().unwrap_or_default()
    }

    /// Runs a copy to its end, which must be a good one.
    pub async fn run_undisturbed(&mut self, copy: &Path) -> Result<(), Failure> {
        let begun = Instant::now();
        match self.to_end(copy).await? {
            Ended::Well => {}
            Ended::Badly | Ended::Stuck => {
                let message = format!("an undisturbed run failed: {}", said(copy));
                return Err(Plain::user("chaos.undisturbed_failed", message)
                    .with_hint("`millstream run` has to end well before it is worth killing")
                    .into());
            }
        }
        self.took.push(begun.elapsed());
        Ok(())
    }

    /// Kills a run of a fresh copy, runs it again to its end, and compares. A difference is believed
    /// only if one more undisturbed run, now, does not have it, too: a source may have changed, or
    /// a day begun.
    pub async fn trial(
        &mut self,
        number: u64,
        mut luck: Luck,
        reference: &mut Reference,
    ) -> Result<Trial, Failure> {
        let begun = Instant::now();
        let name = format!("kill-{number}");
        let (copy, hit) = self.killed(&name, &mut luck).await?;
        let mut trial = Trial {
            number,
            at_millis: millis(hit.as_ref().map_or(Duration::ZERO, |hit| hit.at)),
            victim: hit.as_ref().map_or(Victim::Run, |hit| hit.victim),
            steps: Vec::new(),
            verdict: Verdict::TooLate,
            copy: None,
            millis: 0,
        };
        if hit.is_some() {
            trial.steps = self.cut_off(&copy).await?;
            trial.verdict = self.verdict(&copy, reference).await?;
        }
        trial.millis = millis(begun.elapsed());
        if trial.is_different() {
            trial.copy = Some(self.copies.keep(&name)?);
        } else {
            self.copies.remove(&name)?;
        }
        Ok(trial)
    }

    async fn verdict(
        &mut self,
        copy: &Path,
        reference: &mut Reference,
    ) -> Result<Verdict, Failure> {
        match self.to_end(copy).await? {
            Ended::Well => {}
            Ended::Badly => return Ok(Verdict::Failed { said: said(copy) }),
            Ended::Stuck => return Ok(Verdict::Stuck),
        }
        let picture = look::picture(&self.copies.within(copy), reference).await?;
        if reference.differences(&picture).is_empty() {
            return Ok(Verdict::Same);
        }
        let witness = self.copies.fresh("witness")?;
        self.run_undisturbed(&witness).await?;
        reference.add(look::picture(&self.copies.within(&witness), reference).await?);
        self.copies.remove("witness")?;
        let differences = reference.differences(&picture);
        if differences.is_empty() {
            Ok(Verdict::Same)
        } else {
            Ok(Verdict::Different { differences })
        }
    }

    /// A copy whose run was killed, and what was hit; nothing if every run was too quick.
    async fn killed(&self, name: &str, luck: &mut Luck) -> Result<(PathBuf, Option<Hit>), Failure> {
        let mut moment = self.undisturbed().mul_f64(luck.share());
        let below_run = luck.below(RUN_ONE_OF) != 0;
        for _ in 0..TRIES_MAX {
            let copy = self.copies.fresh(name)?;
            let mut run = self.start(&copy)?;
            tokio::time::sleep(moment).await;
            let at = run.begun.elapsed();
            if let Some(victim) = run.hit(below_run, luck)? {
                // A run that has lost a process of its own ends by itself.
                self.wait(&mut run).await?;
                return Ok((copy, Some(Hit { victim, at })));
            }
            moment = moment.mul_f64(luck.share());
        }
        Ok((self.copies.path(name), None))
    }

    /// The steps of the last run that were cut off.
    async fn cut_off(&self, copy: &Path) -> Result<Vec<String>, Failure> {
        let name = self.copies.environment();
        let path = state_dir(copy, name).join(LEDGER);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let ledger = Ledger::open(&path, name, Clock::System).await?;
        let Some(last) = ledger.runs(1)?.into_iter().next() else { return Ok(Vec::new()) };
        let steps = ledger.run(last.run)?.map(|run| run.steps).unwrap_or_default();
        let is_cut_off =
            |state: &StepState| matches!(state, StepState::Running | StepState::Failed);
        let cut_off = steps
            .into_iter()
            .filter(|step| step.attempts.iter().any(|attempt| is_cut_off(&attempt.state)))
            .map(|step| format!("{} {}", step.kind.word(), step.asset.name));
        Ok(cut_off.collect())
    }

    async fn to_end(&self, copy: &Path) -> Result<Ended, Failure> {
        let mut run = self.start(copy)?;
        self.wait(&mut run).await
    }

    async fn wait(&self, run: &mut Run) -> Result<Ended, Failure> {
        let longest = self.took.iter().max().copied().unwrap_or_default();
        // The first undisturbed run may take as long as it takes.
        let limit = (!self.took.is_empty()).then(|| (longest * STUCK_TIMES).max(STUCK_MIN));
        loop {
            if let Some(status) = run.child.try_wait().map_err(unwritable(&self.program))? {
                return Ok(if status.success() { Ended::Well } else { Ended::Badly });
            }
            if limit.is_some_and(|limit| run.begun.elapsed() > limit) {
                return Ok(Ended::Stuck);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn start(&self, copy: &Path) -> Result<Run, Failure> {
        let started = || -> io::Result<Run> {
            let log = File::create(log_of(copy))?;
            let mut command = Command::new(&self.program);
            command.arg("-C").arg(copy).args(&self.arguments);
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            // What a terminal sends is for this process, which ends the other.
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            Ok(Run { child: command.spawn()?, begun: Instant::now() })
        };
        Ok(started().map_err(unwritable(copy))?)
    }
}

/// A run that is going on. It ends with its owner.
struct Run {
    child: Child,
    begun: Instant,
}

impl Run {
    /// Kills the run, or a process that it has started. `None` if it has ended already.
    fn hit(&mut self, below_run: bool, luck: &mut Luck) -> Result<Option<Victim>, Failure> {
        let pid = self.child.id();
        let found = if below_run { below(pid) } else { Vec::new() };
        let has_ended = |child: &mut Child| child.try_wait().map_err(unwritable(Path::new("run")));
        if has_ended(&mut self.child)?.is_some() {
            return Ok(None);
        }
        if !found.is_empty() {
            let chosen = found[luck.below(found.len() as u64) as usize];
            if kill(chosen.pid) {
                return Ok(Some(chosen.victim));
            }
        }
        self.child.kill().map_err(unwritable(Path::new("run")))?;
        Ok(Some(Victim::Run))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended already unless it is stuck or somebody pressed Ctrl-C.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where what a run says is kept.
fn log_of(copy: &Path) -> PathBuf {
    copy.join(".millstream").join("chaos.log")
}

/// The end of what a run said.
fn said(copy: &Path) -> String {
    let text = fs::read_to_string(log_of(copy)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
