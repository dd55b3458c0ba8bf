//! Finds the asset and the column that a text names.

use millstream_core::error::{Plain, Result};
use millstream_core::lineage::{ColumnPath, ELEMENT, Lineage, Origin};
use millstream_core::name::{DEFAULT_SCHEMA, QUARANTINE_SCHEMA};
use millstream_core::{AssetKey, AssetKind};
use millstream_files::closest;

use super::assets::Assets;

/// Names that a hint lists at most.
const LISTED_MAX: usize = 20;

/// `orders`, `main.orders.total`, `orders.address.city`, `model:tagger`, `topic:predictions.label`.
pub(super) fn find(text: &str, assets: &Assets) -> Result<Origin> {
    let mut best: Option<(usize, &AssetKey, &Lineage, &str)> = None;
    for (asset, known) in assets {
        for spelling in spellings(asset) {
            let Some(rest) = rest_of(text, &spelling) else { continue };
            if best.is_none_or(|(length, ..)| spelling.len() > length) {
                best = Some((spelling.len(), asset, &known.lineage, rest));
            }
        }
    }
    match best {
        None => Err(unknown_asset(text, assets)),
        Some((_, asset, _, "")) => Ok(Origin::whole(asset.clone())),
        Some((_, asset, lineage, rest)) => {
            let column = Some(column_of(asset, lineage, rest)?);
            Ok(Origin { asset: asset.clone(), column })
        }
    }
}

fn spellings(asset: &AssetKey) -> Vec<String> {
    let mut spellings = vec![asset.to_string(), asset.name.clone()];
    match asset.kind {
        AssetKind::Table => {
            let short = asset.name.strip_prefix(DEFAULT_SCHEMA);
            spellings.extend(short.and_then(|name| name.strip_prefix('.')).map(str::to_owned));
        }
        AssetKind::Topic | AssetKind::Operational => {
            spellings.push(format!("{}.{}", asset.kind.word(), asset.name));
        }
        AssetKind::Model | AssetKind::Deployment | AssetKind::Step => {}
    }
    spellings
}

/// What stands behind an asset's name and a point.
fn rest_of<'t>(text: &'t str, spelling: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(spelling)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

fn column_of(asset: &AssetKey, lineage: &Lineage, text: &str) -> Result<ColumnPath> {
    if lineage.column(text).is_some() {
        return Ok(ColumnPath::column(text));
    }
    let mut steps = text.split('.').flat_map(|step| {
        let name = step.trim_end_matches(ELEMENT);
        let elements = (step.len() - name.len()) / ELEMENT.len();
        std::iter::once(name).chain(std::iter::repeat_n(ELEMENT, elements))
    });
    let name = steps.next().unwrap_or_default();
    let known = lineage.column(name).is_some();
    // Columns of a table that was never made may be any.
    if known || (lineage.columns.is_empty() && asset.kind == AssetKind::Table) {
        return Ok(steps.fold(ColumnPath::column(name), |path, step| path.part(step)));
    }
    let names: Vec<&str> = lineage.columns.iter().map(|column| column.name.as_str()).collect();
    let hint = match (closest(name, names.iter().copied()), names.is_empty()) {
        (_, true) => "it has no columns".to_owned(),
        (meant, false) => hint(meant, "its columns are", &names),
    };
    let message = format!("`{}` has no column `{name}`", asset.name);
    Err(Plain::user("lineage.unknown", message).with_hint(hint).into())
}

fn unknown_asset(text: &str, assets: &Assets) -> millstream_core::Error {
    let candidates: Vec<String> = assets
        .iter()
        .flat_map(|(asset, known)| {
            let columns = known.lineage.columns.iter();
            spellings(asset).into_iter().flat_map(move |spelling| {
                let columns = columns.clone().map(|column| format!("{spelling}.{}", column.name));
                columns.chain([spelling.clone()]).collect::<Vec<_>>()
            })
        })
        .collect();
    let meant = closest(text, candidates.iter().map(String::as_str));
    let last = text.rsplit(['.', ':']).next().unwrap_or_default();
    let alike = |name: &&str| name.contains(last) || text.contains(*name);
    let all = || assets.keys().map(|asset| asset.name.as_str());
    let mut names: Vec<&str> = all().filter(alike).collect();
    if names.is_empty() || text.is_empty() {
        names = all().collect();
    }
    // What was refused is rarely meant.
    names.sort_by_key(|name| name.starts_with(QUARANTINE_SCHEMA));
    let message = format!("`{text}` is no table, column or model of the project");
    Plain::user("lineage.unknown", message).with_hint(hint(meant, "there are", &names)).into()
}

fn hint(meant: Option<&str>, what: &str, names: &[&str]) -> String {
    let meant = meant.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
    let shown = names[..names.len().min(LISTED_MAX)].join(", ");
    match names.len().saturating_sub(LISTED_MAX) {
        0 => format!("{meant}{what} {shown}"),
        more => format!("{meant}{what} {shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cmd::lineage::assets::Known;
    use crate::cmd::lineage::steps;

    fn assets() -> Assets {
        let table = |name: &str| AssetKey { kind: AssetKind::Table, name: name.to_owned() };
        let columns = |names: &[&str]| Known {
            lineage: steps::given(names.iter().map(|name| (*name).to_owned())),
            ..Known::default()
        };
        BTreeMap::from([
            (table("main.orders"), columns(&["id", "items"])),
            (table("shop.orders"), columns(&["id"])),
            (table("shop.never"), columns(&[])),
            (AssetKey::model("tagger"), columns(&[])),
            (AssetKey::topic("predictions"), columns(&["label"])),
        ])
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        for (text, expected) in [
            ("orders", "table:main.orders"),
            ("orders.id", "main.orders.id"),
            ("main.orders.items[].name", "main.orders.items[].name"),
            ("shop.orders", "table:shop.orders"),
            ("shop.orders.id", "shop.orders.id"),
            ("shop.never.any", "shop.never.any"),
            ("table:shop.orders.id", "shop.orders.id"),
            ("tagger", "model:tagger"),
            ("topic.predictions.label", "predictions.label"),
        ] {
            assert_eq!(find(text, &assets()).unwrap().to_string(), expected, "of {text}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_what_is() {
        let hint = |text| find(text, &assets()).unwrap_err().hint().unwrap();
        assert_eq!(hint("orders.idd"), "did you mean `id`? its columns are id, items");
        assert_eq!(hint("orders.total"), "its columns are id, items");
        assert_eq!(hint("cellar.orders"), "there are main.orders, shop.orders");
        assert!(hint("ORDERS.Id").starts_with("did you mean `orders.id`? "));
        assert!(hint("shop.order.id").starts_with("did you mean `shop.orders.id`? "));
        assert!(hint("model:taggers").starts_with("did you mean `model:tagger`? "));
        assert_eq!(hint("tagger.x"), "it has no columns");
    }
}
