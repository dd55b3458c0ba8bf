//! Relations of dbt's nodes, made by steps.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_connect::seed::{ColumnNames, SeedFile, SeedStep};
use millstream_core::asset::AssetKey;
use millstream_core::catalog::CatalogEntry;
use millstream_core::error::{Fault, Plain, Result, Retry};
use millstream_core::hash::ContentHash;
use millstream_core::name::Relation;
use millstream_core::slot::Slot;
use millstream_core::sql::{MaterializeRequest, Materialized, Materializer, Question, Rule};
use millstream_core::step::{CheckOutcome, Step, StepKind, StepSpec};
use millstream_core::warehouse::Warehouse;
use millstream_dbt::manifest::Config;
use millstream_dbt::programs::limits_of;
use millstream_dbt::step::{Making, ProgramText, RelationStep, Source};
use millstream_run::{StepOutcome, StepReport};
use millstream_watch::{Audited, CheckSpec};

use super::{EmbeddedWarehouse, STEP_TIMEOUT};

/// Relations that share the syncs of the ledger; each has a thread that waits.
const SETTLING_MAX: usize = 32;

impl Materializer for EmbeddedWarehouse {
    fn materialize(&self, request: &MaterializeRequest, slot: Slot) -> Result<Materialized> {
        let step = self.step(request)?;
        let report = self.0.runtime.block_on(self.0.run.step(step, slot))?;
        made(request, report)
    }

    fn count(&self, question: &Question) -> Result<Option<u64>> {
        let Ok(relation) = Relation::new(&question.schema, &question.identifier) else {
            return Ok(None);
        };
        let Some(CatalogEntry::Table { version }) =
            self.0.backends.catalog()?.get(&relation).cloned()
        else {
            return Ok(None);
        };
        let engine = &self.0.backends.engine;
        let counted = engine.count(&relation, version, &question.column, question.counted);
        self.0.runtime.block_on(counted)
    }

    fn settling_max(&self) -> usize {
        SETTLING_MAX
    }
}

impl EmbeddedWarehouse {
    fn step(&self, request: &MaterializeRequest) -> Result<Arc<dyn Step>> {
        let relation = relation(request)?;
        let comments = request.comments.clone();
        let warehouse: Arc<dyn Warehouse> = self.0.backends.engine.clone();
        let spec = spec(request, &relation);
        if request.materialization == "seed" {
            let file = seed_file(request)?;
            return Ok(Arc::new(SeedStep::new(spec, file, warehouse)?.with_comments(comments)));
        }
        let config = Config::from(request.config.clone());
        let making =
            Making::of_config(&request.materialization, &config, request.batch.as_deref())?;
        let text = Arc::new(request.code.clone());
        let source = match &request.program {
            Some(name) => Source::Program(ProgramText {
                name: name.clone(),
                text,
                limits: limits_of(&config),
                programs: Arc::clone(&self.0.backends.programs),
            }),
            None => Source::Query(text),
        };
        let step = RelationStep::new(spec, relation, making, source, Arc::clone(&warehouse))
            .with_comments(comments);
        if request.rules.is_empty() {
            return Ok(Arc::new(step));
        }
        let checks = request.rules.iter().map(check).collect();
        Ok(Arc::new(Audited::new(Arc::new(step), checks, warehouse)))
    }
}

fn relation(request: &MaterializeRequest) -> Result<Relation> {
    let relation = Relation::new(&request.schema, &request.identifier);
    Ok(relation.map_err(|error| Plain::user("dbt.relation_name", error.to_string()))?)
}

/// A rule lets nothing pass that breaks it.
fn check(rule: &Rule) -> CheckSpec {
    let text = format!(
        "select count(*) as failures, false as should_warn, count(*) > 0 as should_error \
         from (\n{}\n) as broken",
        rule.broken
    );
    CheckSpec { name: rule.name.clone(), text: Arc::new(text), worst: CheckOutcome::Fail }
}

fn spec(request: &MaterializeRequest, relation: &Relation) -> StepSpec {
    let config = serde_json::Value::Object(request.config.clone()).to_string();
    StepSpec {
        kind: if request.materialization == "seed" { StepKind::Seed } else { StepKind::Model },
        outputs: vec![AssetKey::table(relation)],
        inputs: Vec::new(),
        definition: ContentHash::of_parts([
            request.materialization.as_str(),
            request.code.as_str(),
            config.as_str(),
        ]),
        timeout: STEP_TIMEOUT,
        execution: millstream_core::execution::Execution::default(),
        partitions: None,
        flow: millstream_core::flow::Flow::default(),
    }
}

fn seed_file(request: &MaterializeRequest) -> Result<SeedFile> {
    let config = Config::from(request.config.clone());
    let delimiter = config.text("delimiter").unwrap_or(",");
    let mut letters = delimiter.chars();
    let (Some(delimiter), None) = (letters.next(), letters.next()) else {
        let message = format!("the delimiter of a seed cannot be `{delimiter}`");
        return Err(Plain::user("seed.delimiter", message).into());
    };
    let column_types = config.get("column_types").and_then(|types| types.as_object());
    let column_types = column_types
        .into_iter()
        .flatten()
        .filter_map(|(column, data_type)| Some((column.clone(), data_type.as_str()?.to_owned())));
    let quoted = config.bool("quote_columns").unwrap_or(false);
    Ok(SeedFile {
        path: PathBuf::from(&request.code),
        shown: request.code.clone(),
        delimiter,
        names: if quoted { ColumnNames::AsWritten } else { ColumnNames::Lowercase },
        column_types: column_types.collect(),
    })
}

fn made(request: &MaterializeRequest, report: StepReport) -> Result<Materialized> {
    let rows = report.stats.rows_out;
    let missing_columns = report.missing_columns.clone();
    published(report)?;
    let (code, rows) = match request.materialization.as_str() {
        "view" => ("CREATE VIEW", None),
        "seed" => ("INSERT", Some(rows)),
        "incremental" | "snapshot" => ("MERGE", Some(rows)),
        _ => ("SELECT", Some(rows)),
    };
    Ok(Materialized { code: code.to_owned(), rows, missing_columns })
}

/// Whether a step did what it was asked for.
pub(super) fn published(report: StepReport) -> Result<()> {
    match report.outcome {
        StepOutcome::Published | StepOutcome::Unchanged | StepOutcome::UpToDate => Ok(()),
        StepOutcome::Refused => Err(refused(&report)),
        _ => Err(failed(report)),
    }
}

/// The rows break the contract of their model.
fn refused(report: &StepReport) -> millstream_core::Error {
    let broken: Vec<String> = report
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Fail)
        .map(|check| format!("`{}` ({} times)", check.name, check.failures))
        .collect();
    Plain::user("dbt.contract_broken", format!("rows break a constraint: {}", broken.join(", ")))
        .with_hint("what was there before is still in place")
        .into()
}

fn failed(report: StepReport) -> millstream_core::Error {
    let Some(error) = report.error else {
        return Plain::user("run.cancelled", "the run was cancelled").into();
    };
    Plain {
        code: "dbt.database",
        fault: Fault::User,
        retry: Retry::Never,
        message: error.message,
        hint: error.hint,
    }
    .into()
}
