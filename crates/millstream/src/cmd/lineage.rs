//! `millstream lineage TABLE[.COLUMN]`
//!
//! `assets` asks every step of the project where its columns come from (`steps` those that are no
//! SQL), `names` finds what is asked for, `walk` follows the edges, and the rest prints.

mod assets;
mod columns;
mod facet;
mod names;
mod steps;
mod text;
mod walk;

use millstream_core::error::Result as CoreResult;
use millstream_core::lineage::Origin;
use serde_json::json;

use crate::cli::{Global, LineageArgs, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{print_json, print_line, print_note};
use crate::wire::Opened;

pub use self::walk::Direction;
use self::walk::Walk;

/// Says from which columns a column comes, or which come from it.
pub async fn run(global: &Global, args: &LineageArgs) -> Outcome {
    let opened = Opened::open(global, "lineage").await?;
    let assets = assets::read(&opened).await?;
    let target = names::find(&args.target, &assets)?;
    if args.openlineage {
        let project = (&*opened.project.name, &*opened.project.environment.name);
        let facet = facet::dataset(project, &target, &assets)
            .ok_or_else(|| Failure::Usage(format!("`{target}` is no data set")))?;
        return print_line(&format!("{facet:#}"));
    }
    let direction = if args.down { Direction::Down } else { Direction::Up };
    let walk = Walk::new(&assets, direction, args.depth);
    if global.output == OutputFormat::Json {
        return print_json("lineage", &shown(&target, &walk));
    }
    print_line(&text::tree(&walk.tree(&target)))?;
    let doubts: Vec<&String> =
        walk.reached(&target).filter_map(|known| known.doubt.as_ref()).collect();
    if let [first, rest @ ..] = doubts.as_slice() {
        print_note(&format!("note: a guess for {first}"));
        if !rest.is_empty() {
            print_note(&format!("note: so it is with {} more", rest.len()));
        }
    }
    Ok(())
}

/// The lineage of what a text names, as JSON.
pub async fn described(
    opened: &Opened,
    target: &str,
    direction: Direction,
    depth: Option<usize>,
) -> CoreResult<serde_json::Value> {
    let assets = assets::read(opened).await?;
    let target = names::find(target, &assets)?;
    Ok(shown(&target, &Walk::new(&assets, direction, depth)))
}

fn shown(target: &Origin, walk: &Walk<'_>) -> serde_json::Value {
    json!({
        "asset": target.asset,
        "column": target.column,
        "direction": walk.direction(),
        "edges": walk.edges(target),
    })
}
