//! The tree for people.

use millstream_core::lineage::{EdgeKind, Origin};
use millstream_core::{AssetKey, AssetKind};

use super::walk::{Link, Tree};

/// One line for each place, below the one it belongs to.
pub(super) fn tree(tree: &Tree) -> String {
    let mut lines = vec![asset_or_column(&tree.place)];
    below(&tree.below, "", &mut lines);
    lines.join("\n")
}

fn below(trees: &[Tree], indent: &str, lines: &mut Vec<String>) {
    for (index, tree) in trees.iter().enumerate() {
        let last = index + 1 == trees.len();
        let (branch, next) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines.push(format!("{indent}{branch}{}", line(tree)));
        below(&tree.below, &format!("{indent}{next}"), lines);
    }
}

fn line(tree: &Tree) -> String {
    let words: Vec<String> = tree
        .links
        .iter()
        .filter_map(|(link, inexact)| {
            let word = match link {
                Link::Edge(EdgeKind::Value(_)) => word(*link)?.to_owned(),
                Link::Edge(EdgeKind::Condition(_)) => format!("condition: {}", word(*link)?),
                Link::Rows(_) => return None,
            };
            Some(match inexact {
                Some(reason) => format!("{word}, inexact: {}", reason.word()),
                None => word,
            })
        })
        .collect();
    let mut line = place(&tree.place);
    if !words.is_empty() {
        line = format!("{line}  ({})", words.join("; "));
    }
    if tree.repeated {
        line.push_str("  …");
    }
    line
}

fn word(link: Link) -> Option<&'static str> {
    match link {
        Link::Edge(kind) => Some(kind.word()),
        Link::Rows(_) => None,
    }
}

fn place(place: &Origin) -> String {
    match (&place.column, place.asset.kind) {
        (None, AssetKind::Table | AssetKind::Topic | AssetKind::Operational) => {
            format!("rows of {}", named(&place.asset))
        }
        _ => asset_or_column(place),
    }
}

fn asset_or_column(place: &Origin) -> String {
    match &place.column {
        Some(column) => format!("{}.{column}", named(&place.asset)),
        None => named(&place.asset),
    }
}

fn named(asset: &AssetKey) -> String {
    match asset.kind {
        AssetKind::Table => asset.name.clone(),
        kind => format!("{} {}", kind.word(), asset.name),
    }
}
