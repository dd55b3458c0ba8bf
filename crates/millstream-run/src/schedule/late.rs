//! What is older than it may be, and because of what.

use std::collections::BTreeSet;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::{Depth, Graph};

use super::freshness::{StepHistory, freshness_of};

/// An asset that is older than it may be, and not because one before it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// The asset.
    pub asset: AssetKey,
    /// Until when it was fresh enough.
    pub fresh_until: Timestamp,
    /// What is late behind it.
    pub behind: BTreeSet<AssetKey>,
}

/// The assets at which lateness begins. What was never made is not late.
pub fn late(graph: &Graph, history: &StepHistory, now: Timestamp) -> Vec<Late> {
    let as_of = freshness_of(graph, history);
    let mut late: Vec<Late> = Vec::new();
    // Steps come after all that they wait for, so that the first of a way is found first.
    for (node, as_of) in graph.nodes().iter().zip(as_of) {
        let (Some(within), Some(as_of)) = (node.fresh_within, as_of) else { continue };
        let fresh_until = Timestamp::from_micros(as_of.as_micros() + within.micros());
        if now <= fresh_until {
            continue;
        }
        let asset = node.asset().clone();
        let upstream = graph.upstream(&asset, Depth::All);
        match late.iter_mut().find(|before| upstream.contains(&before.asset)) {
            Some(before) => {
                before.behind.insert(asset);
            }
            None => late.push(Late { asset, fresh_until, behind: BTreeSet::new() }),
        }
    }
    late
}
