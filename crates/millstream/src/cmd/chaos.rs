//! `millstream chaos`: whether runs that are killed leave the same as runs that are not.

mod copies;
mod look;
mod trial;
mod view;

use std::time::Instant;

use millstream_chaos::{Luck, Reference};
use millstream_core::asset::AssetKey;
use millstream_core::error::Plain;
use millstream_core::hash::ContentHash;
use millstream_core::id::RunId;
use millstream_project::Project;

use self::copies::{Begin, Copies};
use self::trial::{Runner, Trial};
use self::view::{Report, View};
use super::run::stop_signal;
use crate::cli::{ChaosArgs, Global, SelectArgs};
use crate::exit::{Failure, Outcome};
use crate::wire::{LEDGER, Opened, required_project};

/// The status after Ctrl-C: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;
/// Seeds that are chosen by chance are below this, so that they can be typed.
const SEEDS: u64 = 1_000_000;

/// Kills runs of copies of the project, and compares what they leave.
pub async fn run(global: &Global, args: &ChaosArgs) -> Outcome {
    let seed = args.seed.unwrap_or_else(chance);
    let project = required_project(global)?;
    let copies = Copies::begin(global, &project, seed, beginning(&project, args)).await?;
    let ended = tokio::select! {
        ended = kill_runs(global, args, &project, &copies) => ended,
        _ = stop_signal() => Err(Failure::Status(INTERRUPTED)),
    };
    copies.end()?;
    ended
}

/// A seed that nobody chose.
fn chance() -> u64 {
    let hash = ContentHash::of(RunId::new().to_string().as_bytes());
    let first = hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes");
    u64::from_le_bytes(first) % SEEDS
}

/// What was said on the command line, but for the kills.
fn said(global: &Global, args: &ChaosArgs) -> Vec<String> {
    let env = global.env.iter().map(|name| format!("--env={name}"));
    let vars = global.vars.iter().map(|var| format!("--var={var}"));
    env.chain(vars).chain(args.of_kills()).collect()
}

/// What copies begin with. An environment in which nothing was ever run is not even opened.
fn beginning(project: &Project, args: &ChaosArgs) -> Begin {
    let has_ledger = project.environment.root.join(LEDGER).exists();
    if args.empty || !has_ledger { Begin::Empty } else { Begin::Environment }
}

async fn kill_runs(
    global: &Global,
    args: &ChaosArgs,
    project: &Project,
    copies: &Copies,
) -> Outcome {
    expect_work(copies, args).await?;
    let begun = Instant::now();
    let view = View::new(global.output, args.only.map_or(args.kills, |_| 1));
    let mut runner = Runner::new(global, args, copies)?;
    view.says("two runs that nobody disturbs");
    let mut reference = undisturbed(&mut runner, copies).await?;
    view.says("the first kill");
    let numbers = args.only.map_or(1..=args.kills, |only| only..=only);
    let mut trials = Vec::new();
    for number in numbers {
        // On a slow machine undisturbed runs alone may take all the time: one kill there is.
        if begun.elapsed() >= args.time_limit && !trials.is_empty() {
            break;
        }
        let luck = Luck::of(copies.seed(), number);
        let trial = runner.trial(number, luck, &mut reference).await?;
        view.trial(&trial);
        trials.push(trial);
    }
    view.end();
    let report = Report {
        seed: copies.seed(),
        asked: args.only.map_or(args.kills, |_| 1),
        undisturbed: runner.undisturbed(),
        assets: reference.assets(),
        not_comparable: reference.not_comparable(),
        millis: begun.elapsed().as_millis() as u64,
        said: said(global, args),
        trials,
    };
    report.print(global, &project.root)?;
    if report.trials.iter().any(Trial::is_different) { Err(Failure::Status(1)) } else { Ok(()) }
}

/// There is something that could be killed, and nothing that may not run.
async fn expect_work(copies: &Copies, args: &ChaosArgs) -> Result<(), Failure> {
    let opened = Opened::open(&copies.within(copies.base()), "chaos").await?;
    let selection = SelectArgs {
        select: args.select.clone(),
        exclude: args.exclude.clone(),
        full_refresh: false,
        state: None,
    };
    let request = opened.request("chaos", &selection)?;
    let commands = opened.project.commands.iter().map(|command| &command.spec.name);
    let run: Vec<&String> =
        commands.filter(|name| request.selected.contains(&AssetKey::step(name))).collect();
    if let (Some(first), false) = (run.first(), args.commands) {
        let message =
            format!("{} of the selected steps run commands, as `step:{first}`", run.len());
        return Err(Plain::user("chaos.commands", message)
            .with_hint(format!(
                "say `--commands` if they may run many times, or leave them out: \
                 --exclude step:{first}"
            ))
            .into());
    }
    let plan = opened.executor(None).await?.plan(&request).await?;
    if plan.is_up_to_date() {
        return Err(Plain::user(
            "chaos.nothing_due",
            "nothing is due in a copy of the environment",
        )
        .with_hint("`--empty` makes everything anew, in a copy that is empty")
        .into());
    }
    Ok(())
}

/// Two undisturbed runs, looked at twice: only then is it known which columns do not count for rows
/// as a whole.
async fn undisturbed(runner: &mut Runner<'_>, copies: &Copies) -> Result<Reference, Failure> {
    let names = ["undisturbed-1", "undisturbed-2"];
    let mut first = Reference::default();
    for name in names {
        let copy = copies.fresh(name)?;
        runner.run_undisturbed(&copy).await?;
        first.add(look::picture(&copies.within(&copy), &Reference::default()).await?);
    }
    let mut reference = Reference::default();
    for name in names {
        let copy = copies.path(name);
        reference.add(look::picture(&copies.within(&copy), &first).await?);
        copies.remove(name)?;
    }
    Ok(reference)
}
