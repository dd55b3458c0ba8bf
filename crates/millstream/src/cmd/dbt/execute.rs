//! The commands that run or compile nodes.

use std::sync::Arc;

use millstream_dbt::context::{Resumed, Session};
use millstream_dbt::manifest::UniqueId;
use millstream_dbt::run::{Job, JobEnd, OnFailure, Purpose, lines};
use millstream_dbt::select::{Bits, Blanks, Entry, Graph, Waits};

use super::Context;
use super::cli::{CompileArgs, Selection};
use super::project::{self, OpenWarehouse};
use super::show::Shown;
use super::{artifacts, defer, inline, report, selection, show};
use crate::exit::{Failure, Outcome};

/// What one of these commands does.
#[derive(Debug, Clone, Copy)]
pub struct Executing {
    /// Kinds of nodes that it is about.
    types: &'static [&'static str],
    /// What it does with them.
    purpose: Purpose,
    /// What they wait for.
    waits: Waits,
}

impl Executing {
    /// `build`
    pub const BUILD: Self = Self {
        types: &[
            "model",
            "seed",
            "snapshot",
            "test",
            "unit_test",
            "exposure",
            "saved_query",
            "function",
        ],
        purpose: Purpose::Run,
        waits: Waits::ForTests,
    };
    /// `run`
    pub const RUN: Self = Self::of(&["model"]);
    /// `test`
    pub const TEST: Self = Self::of(&["test", "unit_test"]);
    /// `seed`
    pub const SEED: Self = Self::of(&["seed"]);
    /// `snapshot`
    pub const SNAPSHOT: Self = Self::of(&["snapshot"]);
    /// What a word stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "build" => Self::BUILD,
            "run" => Self::RUN,
            "test" => Self::TEST,
            "seed" => Self::SEED,
            "snapshot" => Self::SNAPSHOT,
            "clone" => Self::CLONE,
            _ => return None,
        })
    }

    /// `clone`
    pub const CLONE: Self = Self {
        types: &["model", "seed", "snapshot"],
        purpose: Purpose::Clone,
        waits: Waits::ForParents,
    };
    /// `show`
    const SHOW: Self = Self {
        types: &["model", "test", "snapshot", "analysis", "seed"],
        purpose: Purpose::Compile,
        waits: Waits::ForParents,
    };
    /// `compile`
    pub const COMPILE: Self = Self {
        types: &["model", "test", "snapshot", "analysis", "seed", "function"],
        purpose: Purpose::Compile,
        waits: Waits::ForParents,
    };

    const fn of(types: &'static [&'static str]) -> Self {
        Self { types, purpose: Purpose::Run, waits: Waits::ForParents }
    }
}

/// What a command is about.
#[derive(Debug, Clone)]
pub enum Wanted<'a> {
    /// What flags select.
    Selected(&'a Selection),
    /// These very nodes, with what was left undone of them.
    Ids(&'a [UniqueId], Resumed),
}

/// Runs what is wanted.
pub async fn run(context: &Context<'_>, wanted: Wanted<'_>, what: Executing) -> Outcome {
    let resumed = match &wanted {
        Wanted::Ids(_, resumed) => resumed.clone(),
        Wanted::Selected(_) => Resumed::default(),
    };
    let session = Opened::resumed(context, resumed).await?;
    let outcome = session.execute(context, &wanted, what).await.and_then(|end| {
        report::summarize(context.log, &session.session.manifest, &end);
        if end.succeeded() { Ok(()) } else { Err(Failure::Status(super::HANDLED)) }
    });
    session.warehouse.end(outcome.is_ok()).await?;
    outcome
}

/// Renders what is selected, or a query of the command line, and prints its text.
pub async fn compile(context: &Context<'_>, args: &CompileArgs) -> Outcome {
    if args.inline.is_some() {
        defer::refuse_missing(context)?;
    }
    let opened = Opened::open(context).await?;
    let outcome = match &args.inline {
        Some(text) => {
            let node = inline::node(&opened.session, text);
            let printed = show::print_inline(context, &opened.session, node, &args.output).await;
            printed.and_then(|end| artifacts::write(context, &opened.session, &end))
        }
        None => compile_selected(context, &opened, args).await,
    };
    opened.warehouse.end(outcome.is_ok()).await?;
    outcome
}

async fn compile_selected(context: &Context<'_>, opened: &Opened, args: &CompileArgs) -> Outcome {
    let session = &opened.session;
    let wanted = Wanted::Selected(&args.selection);
    let end = opened.execute(context, &wanted, Executing::COMPILE).await?;
    report::failures(context.log, &session.manifest, &end);
    if !end.succeeded() {
        return Err(Failure::Status(super::UNHANDLED));
    }
    if !args.selection.selected().is_empty() {
        let is_named = |name: &str| names(&args.selection, name);
        show::print_texts(context, session, &end, is_named, &args.output);
    }
    Ok(())
}

/// Prints the first rows of what is selected, or of a query of the command line.
pub async fn show(context: &Context<'_>, args: &CompileArgs) -> Outcome {
    let selection = &args.selection;
    let is_selected = !selection.selected().is_empty() || selection.selector.is_some();
    if !is_selected && args.inline.is_none() && args.inline_direct.is_none() {
        context.log.error("Either --select or --inline must be passed to show");
        return Err(Failure::Status(super::UNHANDLED));
    }
    defer::refuse_missing(context)?;
    let opened = Opened::open(context).await?;
    let session = &opened.session;
    let wanted = match (&args.inline, &args.inline_direct) {
        (Some(text), _) => vec![Shown::Inline(inline::node(session, text))],
        (None, Some(sql)) => vec![Shown::Direct(sql.clone())],
        (None, None) => {
            let wanted = Wanted::Selected(selection);
            let schedule = opened.schedule(context, &wanted, Executing::SHOW)?;
            let nodes = schedule.iter().filter_map(|(id, _)| session.manifest.nodes.get(id));
            let named = nodes.filter(|node| names(selection, &node.name));
            named.map(|node| Shown::Node(Arc::clone(node))).collect()
        }
    };
    let printed = show::print_rows(context, session, wanted, args).await;
    let outcome = printed.and_then(|end| artifacts::write(context, session, &end));
    opened.warehouse.end(outcome.is_ok()).await?;
    outcome
}

/// Whether a selection names a node, rather than only reach it: that is what is printed. A method
/// such as `tag:` names all that it finds.
fn names(selection: &Selection, name: &str) -> bool {
    let words = selection.selected();
    words.iter().any(|word| word.contains(name) || word.contains(':'))
        || selection.selector.is_some()
}

/// Nodes in their order, each with those it waits for.
type Schedule = Vec<(UniqueId, Vec<UniqueId>)>;

/// A project that was read, and the warehouse it runs in.
pub struct Opened {
    /// The project and the command.
    pub session: Arc<Session>,
    /// The warehouse.
    pub warehouse: OpenWarehouse,
}

impl Opened {
    /// Reads the project and opens its warehouse.
    pub async fn open(context: &Context<'_>) -> Result<Self, Failure> {
        Self::resumed(context, Resumed::default()).await
    }

    /// The same, to go on with what a former command left undone.
    async fn resumed(context: &Context<'_>, resumed: Resumed) -> Result<Self, Failure> {
        let (project, warehouse) = project::read_and_open(context).await?;
        let mut session = project::session(context.place, project, warehouse.warehouse.clone());
        session.deferred = defer::relations(context)?;
        session.resumed = resumed;
        Ok(Self { session: Arc::new(session), warehouse })
    }

    /// Runs or compiles what is wanted, and writes what that leaves.
    pub async fn execute(
        &self,
        context: &Context<'_>,
        wanted: &Wanted<'_>,
        what: Executing,
    ) -> Result<JobEnd, Failure> {
        let log = context.log;
        log.say(&format!("Found {}", artifacts::found(&self.session.manifest)));
        let schedule = self.schedule(context, wanted, what)?;
        defer::refuse_missing(context)?;
        if schedule.is_empty() {
            let advice = "Try checking your model configs and model specification args";
            log.warn(&format!("Nothing to do. {advice}"));
        }
        let threads = threads(context, &self.session);
        let target = &self.session.around.target.name;
        log.say("");
        log.say(&format!("Concurrency: {threads} threads (target='{target}')"));
        log.say("");
        let end = work(context, &self.session, schedule, what.purpose, threads).await?;
        if let Some(failure) = &end.aborted {
            log.error(&failure.to_string());
            return Err(Failure::Status(super::UNHANDLED));
        }
        artifacts::write(context, &self.session, &end)?;
        Ok(end)
    }

    fn schedule(
        &self,
        context: &Context<'_>,
        wanted: &Wanted<'_>,
        what: Executing,
    ) -> Result<Schedule, Failure> {
        let graph = Graph::new(&self.session.manifest);
        let selected = match wanted {
            Wanted::Selected(flags) => {
                selection::selected(context, &graph, flags, what.types, Blanks::Skip)?
            }
            Wanted::Ids(ids, _) => {
                let mut selected = graph.none();
                for position in ids.iter().filter_map(|id| graph.position(id.as_str())) {
                    selected.insert(position);
                }
                selected
            }
        };
        let selected = without_ephemeral(&graph, &selected, what.purpose);
        graph.schedule(&selected, what.waits).map_err(|cycle| {
            context.log.error(&cycle.to_string());
            Failure::Status(super::UNHANDLED)
        })
    }
}

/// Runs the job.
async fn work(
    context: &Context<'_>,
    session: &Arc<Session>,
    schedule: Schedule,
    purpose: Purpose,
    threads: usize,
) -> Result<JobEnd, Failure> {
    let session = Arc::clone(session);
    let log = context.log.clone();
    let stops = context.place.flags.is_on("fail_fast");
    let width = context.cli.common.printer_width.unwrap_or(lines::WIDTH);
    let job = move || {
        Job {
            session,
            schedule,
            purpose,
            threads,
            on_failure: if stops { OnFailure::Stop } else { OnFailure::GoOn },
            width,
            say: &|text: &str| log.say(text),
        }
        .run()
    };
    super::aside(job).await?.map_err(|error| Failure::of_write(&error))
}

/// Nodes at the same time.
pub fn threads(context: &Context<'_>, session: &Session) -> usize {
    if context.place.flags.is_on("single_threaded") {
        return 1;
    }
    context.cli.common.threads.unwrap_or(session.around.target.threads).max(1)
}

/// Ephemeral models are parts of others and do not run.
fn without_ephemeral(graph: &Graph<'_>, selected: &Bits, purpose: Purpose) -> Bits {
    if purpose == Purpose::Compile {
        return selected.clone();
    }
    let mut kept = graph.none();
    for position in selected.iter() {
        let is_ephemeral = match graph.entry(position) {
            Entry::Node(node) => {
                node.unique_id.resource_type() == "model"
                    && node.config.materialized() == "ephemeral"
            }
            _ => false,
        };
        if !is_ephemeral {
            kept.insert(position);
        }
    }
    kept
}
