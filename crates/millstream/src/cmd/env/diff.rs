//! What differs between two environments.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use futures::StreamExt as _;
use millstream_core::asset::AssetKey;
use millstream_core::error::Result;
use millstream_core::warehouse::{Query, Warehouse as _};
use millstream_ledger::AssetVersion;
use serde::Serialize;

use super::within;
use crate::cli::{Global, OutputFormat};
use crate::exit::Outcome;
use crate::output::{Column, print_line, print_rows, thousands};
use crate::wire::Opened;

/// How an asset of one environment stands to that of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Difference {
    /// Only the first has it.
    OnlyLeft,
    /// Only the second has it.
    OnlyRight,
    /// They are made by other definitions.
    Definition,
    /// They are made by the same definition at other times, or from other input.
    Data,
    /// They are the same version.
    None,
}

impl Difference {
    fn word(self) -> &'static str {
        match self {
            Self::OnlyLeft => "only left",
            Self::OnlyRight => "only right",
            Self::Definition => "definition",
            Self::Data => "data",
            Self::None => "same",
        }
    }
}

/// An asset of two environments.
#[derive(Debug, Serialize)]
struct Compared {
    asset: AssetKey,
    difference: Difference,
    left: Option<Side>,
    right: Option<Side>,
}

/// An asset of one environment.
#[derive(Debug, Clone, Copy, Serialize)]
struct Side {
    version: u64,
    /// Of tables and views.
    rows: Option<i64>,
}

/// Compares two environments.
pub async fn run(global: &Global, left: &str, right: &str, all: bool) -> Outcome {
    let (global_left, global_right) = (within(global, left), within(global, right));
    let opened_left = Opened::open(&global_left, "env diff").await?;
    let opened_right = Opened::open(&global_right, "env diff").await?;
    let (now_left, now_right) =
        (opened_left.ledger.all_current()?, opened_right.ledger.all_current()?);
    let mut compared = Vec::new();
    let mut same = 0;
    for (asset, difference) in differences(&now_left, &now_right) {
        same += usize::from(difference == Difference::None);
        if difference == Difference::None && !all {
            continue;
        }
        let left = side(&opened_left, now_left.get(&asset)).await?;
        let right = side(&opened_right, now_right.get(&asset)).await?;
        compared.push(Compared { asset, difference, left, right });
    }
    let version = |side: Option<Side>| side.map_or_else(String::new, |s| s.version.to_string());
    let rows = |side: Option<Side>| {
        let count = side.and_then(|side| side.rows);
        count.map_or_else(String::new, |count| thousands(count.unsigned_abs()))
    };
    let columns = [
        Column::Text("asset"),
        Column::Text("difference"),
        Column::Number("version_left"),
        Column::Number("version_right"),
        Column::Number("rows_left"),
        Column::Number("rows_right"),
    ];
    print_rows(global.output, "assets", &compared, &columns, |item| {
        vec![
            item.asset.to_string(),
            item.difference.word().to_owned(),
            version(item.left),
            version(item.right),
            rows(item.left),
            rows(item.right),
        ]
    })?;
    if global.output == OutputFormat::Json {
        return Ok(());
    }
    let different = compared.iter().filter(|item| item.difference != Difference::None).count();
    print_line(&format!(
        "\n`{left}` is left, `{right}` is right: {different} differ, {same} are the same"
    ))
}

fn differences(
    left: &BTreeMap<AssetKey, AssetVersion>,
    right: &BTreeMap<AssetKey, AssetVersion>,
) -> Vec<(AssetKey, Difference)> {
    let mut assets: Vec<&AssetKey> = left.keys().chain(right.keys()).collect();
    assets.sort_unstable();
    assets.dedup();
    let difference = |asset: &AssetKey| match (left.get(asset), right.get(asset)) {
        (Some(_), None) => Difference::OnlyLeft,
        (None, Some(_)) => Difference::OnlyRight,
        // A branch has the versions of its base under the attempts that made them.
        (Some(left), Some(right)) if left.definition != right.definition => Difference::Definition,
        (Some(left), Some(right)) if left.attempt != right.attempt => Difference::Data,
        _ => Difference::None,
    };
    assets.into_iter().map(|asset| (asset.clone(), difference(asset))).collect()
}

async fn side(opened: &Opened, version: Option<&AssetVersion>) -> Result<Option<Side>> {
    let Some(version) = version else { return Ok(None) };
    Ok(Some(Side { version: version.version, rows: rows(opened, &version.asset).await? }))
}

async fn rows(opened: &Opened, asset: &AssetKey) -> Result<Option<i64>> {
    let Some(relation) = asset.relation() else { return Ok(None) };
    let sql = format!("select count(*) from {}", relation.quoted());
    let query = Query { sql, catalog: opened.catalog()?, now: opened.clock.now() };
    let mut counted = opened.engine.query(&query).await?;
    let Some(batch) = counted.batches.next().await else { return Ok(None) };
    let batch = batch?;
    let count = batch.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>());
    Ok(count.filter(|count| !count.is_empty()).map(|count| count.value(0)))
}
