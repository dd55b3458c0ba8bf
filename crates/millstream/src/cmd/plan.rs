//! `millstream plan`

use millstream_core::asset::AssetKey;
use millstream_core::error::Result;
use millstream_dbt::select::{SqlChange, compare_sql};
use millstream_dbt::step::Origin;
use millstream_project::Depth;
use millstream_run::{Decision, Plan, PlanEntry, Reason};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{Global, OutputFormat, SelectArgs};
use crate::exit::Outcome;
use crate::output::{Column, print_json, print_line, table};
use crate::wire::Opened;

/// The most names that a line lists.
const NAMES_MAX: usize = 5;

/// Says what would run, and why.
pub async fn run(global: &Global, args: &SelectArgs) -> Outcome {
    let opened = Opened::open(global, "plan").await?;
    let request = opened.request("plan", args)?;
    let plan = opened.executor(None).await?.plan(&request).await?;
    show(global, &opened, &plan)
}

/// Shows what a plan would run.
pub fn show(global: &Global, opened: &Opened, plan: &Plan) -> Outcome {
    let changes: Result<Vec<Option<Change>>> =
        plan.entries.iter().map(|entry| change(opened, entry)).collect();
    let entries = plan.entries.iter().zip(changes?);
    if global.output == OutputFormat::Json {
        let entries: Vec<Value> = entries.map(|(entry, change)| shown(entry, change)).collect();
        return print_json("plan", &json!({"hash": plan.hash, "entries": entries}));
    }
    let rows: Vec<Vec<String>> = entries.map(|(entry, change)| row(entry, change)).collect();
    let columns = [
        Column::Text("action"),
        Column::Text("step"),
        Column::Text("asset"),
        Column::Number("version"),
        Column::Text("reason"),
    ];
    print_line(&table(&columns, &rows))?;
    for line in plan.entries.iter().filter_map(older) {
        print_line(&line)?;
    }
    let runs = plan.entries.iter().filter(|entry| entry.decision.is_run()).count();
    print_line(&format!(
        "\n{runs} of {} steps would run; plan {}",
        plan.entries.len(),
        plan.hash.short()
    ))
}

/// What to do about partitions that were made by an older definition, which nothing makes due.
fn older(entry: &PlanEntry) -> Option<String> {
    let older = entry.partitions.as_ref()?.older;
    let name = &entry.asset.name;
    let short = name.strip_prefix("main.").unwrap_or(name);
    (older > 0).then(|| {
        format!(
            "\n{older} partitions of {name} were made by an older definition and stay as they are; \
             `millstream backfill {short} --all` makes them anew"
        )
    })
}

/// What the change of a model's SQL means for those who read its table.
#[derive(Debug, Serialize)]
struct Change {
    /// `none`, `additive` or `breaking`.
    means: &'static str,
    /// What is behind it.
    downstream: Vec<AssetKey>,
}

/// The change of a model whose definition is another one than that of its version, if the SQL of
/// both is known.
fn change(opened: &Opened, entry: &PlanEntry) -> Result<Option<Change>> {
    if entry.decision != Decision::Run(Reason::Definition) {
        return Ok(None);
    }
    let Some(relation) = entry.asset.relation() else { return Ok(None) };
    let model = opened.project.models.iter().find(|model| model.relation == relation);
    let version = opened.ledger.current(&entry.asset)?;
    let origin = version.and_then(|version| Origin::read(version.checkpoint.as_ref()?));
    let (Some(model), Some(origin)) = (model, origin) else { return Ok(None) };
    let now = model.sql(origin.refresh);
    Ok(now.map(|now| Change {
        means: match compare_sql(&origin.sql, now) {
            SqlChange::None => "none",
            SqlChange::Additive => "additive",
            SqlChange::Breaking => "breaking",
        },
        downstream: opened.project.graph.downstream(&entry.asset, Depth::All).into_iter().collect(),
    }))
}

fn shown(entry: &PlanEntry, change: Option<Change>) -> Value {
    let mut value = json!(entry);
    if let (Value::Object(fields), Some(change)) = (&mut value, change) {
        fields.insert("change".to_owned(), json!(change));
    }
    value
}

fn row(entry: &PlanEntry, change: Option<Change>) -> Vec<String> {
    let (action, reason) = match &entry.decision {
        Decision::UpToDate => ("-", "up to date".to_owned()),
        Decision::Run(reason) => ("run", reason.to_string()),
        Decision::Skip(reason) => ("skip", reason.clone()),
    };
    vec![
        action.to_owned(),
        entry.kind.word().to_owned(),
        entry.asset.name.clone(),
        entry.version.to_string(),
        reason + &change.map(|change| change.text()).unwrap_or_default(),
    ]
}

impl Change {
    /// `: breaking for main.orders, main.customers`
    fn text(&self) -> String {
        let meaning = match self.means {
            "none" => return ": its query means the same".to_owned(),
            "additive" => ": new columns only, as seen by",
            _ => ": breaking for",
        };
        if self.downstream.is_empty() {
            return format!("{meaning} nothing else");
        }
        let names: Vec<&str> =
            self.downstream.iter().take(NAMES_MAX).map(|asset| asset.name.as_str()).collect();
        let more = match self.downstream.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{meaning} {}{more}", names.join(", "))
    }
}
