//! The memo key, which decides whether a step runs, and the basis, by which trainings ignore what
//! came back through feedback (DESIGN 2).

use std::collections::BTreeMap;

use millstream_core::asset::AssetKey;
use millstream_core::hash::ContentHash;
use millstream_core::step::{Edge, Input, InputVersion, StepSpec};
use millstream_ledger::{AssetVersion, Memo};

/// What a memo key is made of, besides the step itself.
#[derive(Debug)]
pub struct MemoInputs<'a> {
    /// The current versions of all assets.
    pub current: &'a BTreeMap<AssetKey, AssetVersion>,
    /// The fingerprint of what lies outside the graph.
    pub probe: Option<ContentHash>,
    /// That of the list, of a step that runs once for each item of one.
    pub items: Option<ContentHash>,
}

/// The memo of a step if it ran now.
pub fn memo(spec: &StepSpec, inputs: &MemoInputs<'_>) -> Memo {
    let versions = input_versions(spec, inputs.current);
    Memo {
        key: memo_key(spec, inputs),
        definition: spec.definition,
        basis: basis(spec, inputs),
        inputs: versions,
        probe: inputs.probe,
    }
}

/// The version of every input whose rows are read, 0 where there is none yet.
fn input_versions(
    spec: &StepSpec,
    current: &BTreeMap<AssetKey, AssetVersion>,
) -> Vec<InputVersion> {
    spec.inputs
        .iter()
        .map(|input| InputVersion {
            asset: input.asset.clone(),
            version: current.get(&input.asset).map_or(0, AssetVersion::rows_version),
        })
        .collect()
}

/// Equal to the key of the current version: there is nothing to do. Feedback inputs are left out;
/// what came through them is seen by the step's probe.
fn memo_key(spec: &StepSpec, inputs: &MemoInputs<'_>) -> ContentHash {
    let mut parts = vec![spec.asset().to_string(), spec.definition.to_string()];
    for input in &spec.inputs {
        let current = inputs.current.get(&input.asset);
        match input.edge {
            Edge::Feedback | Edge::After => {}
            Edge::Data => {
                parts.push(format!(
                    "{}@{}",
                    input.asset,
                    current.map_or(0, AssetVersion::rows_version)
                ));
            }
            Edge::Basis => {
                let basis = current.map_or_else(String::new, |v| v.basis.to_string());
                parts.push(format!("{}~{basis}", input.asset));
            }
        }
    }
    if let Some(probe) = inputs.probe {
        parts.push(probe.to_string());
    }
    parts.extend(inputs.items.map(|items| items.to_string()));
    ContentHash::of_parts(parts)
}

/// Whether the step reads the input as data.
pub(crate) fn counts(input: &Input) -> bool {
    matches!(input.edge, Edge::Data | Edge::Basis)
}

/// Names what an asset was derived from, feedback left out: equal bases mean that nothing but
/// feedback has changed.
fn basis(spec: &StepSpec, inputs: &MemoInputs<'_>) -> ContentHash {
    let mut parts = vec![spec.asset().to_string(), spec.definition.to_string()];
    let fed_back = spec.inputs.iter().any(|input| input.edge == Edge::Feedback);
    for input in spec.inputs.iter().filter(|input| counts(input)) {
        let basis = inputs.current.get(&input.asset).map(|version| version.basis.to_string());
        parts.push(basis.unwrap_or_default());
    }
    if let Some(probe) = inputs.probe.filter(|_| !fed_back) {
        parts.push(probe.to_string());
    }
    ContentHash::of_parts(parts)
}
