//! The assets and topics that schedules name.

use millstream_core::diagnostic::Place;
use millstream_core::{AssetKey, AssetKind};
use millstream_files::{Report, meant};

use crate::graph::{Node, names_of};
use crate::names::Names;
use crate::project::Project;
use crate::resolve::parse_reference;

/// The asset that a text names: `orders`, `shop.orders`, `model:tagger`, `ref('orders')`. Problems
/// are reported.
pub(super) fn asset(
    project: &Project,
    text: &str,
    place: Place,
    report: &mut Report,
) -> Option<AssetKey> {
    if let Some(reference) = parse_reference(text) {
        return match reference.find(&Names::of(&project.dbt.manifest)) {
            Ok(relation) => Some(AssetKey::table(&relation)),
            Err(unknown) => {
                report.error(unknown.code, place, unknown.message, unknown.hint);
                None
            }
        };
    }
    let named = |node: &&Node| {
        names_of(node).any(|name| name == text)
            || node.outputs.iter().any(|asset| asset.name == text || asset.to_string() == text)
    };
    let nodes: Vec<&Node> = project.graph.nodes().iter().filter(named).collect();
    match nodes.as_slice() {
        [] => {
            let names = project.graph.nodes().iter().flat_map(names_of);
            let hint = meant(text, names, "the project has no steps");
            report.error(
                "schedule.asset_unknown",
                place,
                format!("there is no asset `{text}`"),
                hint,
            );
            None
        }
        [only] => {
            let written = only.outputs.iter().find(|it| it.name == text || it.to_string() == text);
            Some(written.unwrap_or(only.asset()).clone())
        }
        several => {
            let message = format!("`{text}` means several assets");
            let keys: Vec<String> = several.iter().map(|node| node.asset().to_string()).collect();
            let hint = format!("one of: {}", keys.join(", "));
            report.error("schedule.asset_unknown", place, message, hint);
            None
        }
    }
}

/// Whether there is a topic of this name; if not, that is reported.
pub(super) fn topic(project: &Project, name: &str, place: Place, report: &mut Report) -> bool {
    let nodes = project.graph.nodes().iter();
    let assets = nodes
        .flat_map(|node| node.outputs.iter().chain(node.inputs.iter().map(|input| &input.asset)));
    let of_steps = assets.filter(|asset| asset.kind == AssetKind::Topic).map(|it| it.name.as_str());
    let records = project.deployments.iter().filter_map(|it| it.spec.record.as_ref());
    let topics: Vec<&str> = of_steps.chain(records.map(|record| record.topic.as_str())).collect();
    if topics.contains(&name) {
        return true;
    }
    let hint =
        meant(name, topics.iter().copied(), "nothing of the project writes or reads a topic");
    report.error("schedule.topic_unknown", place, format!("there is no topic `{name}`"), hint);
    false
}
