//! Finds the asset and the column that a text names.

use millstream_core::error::{Plain, Result};
use millstream_core::lineage::{ColumnPath, ELEMENT, Lineage, Origin};
use millstream_core::name::DEFAULT_SCHEMA;
use millstream_core::{AssetKey, AssetKind};

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
        AssetKind::Model | AssetKind::Deployment => {}
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
    let names = lineage.columns.iter().map(|column| column.name.as_str());
    let message = format!("`{}` has no column `{name}`", asset.name);
    Err(Plain::user("lineage.unknown", message).with_hint(listed("its columns are", names)).into())
}

fn unknown_asset(text: &str, assets: &Assets) -> millstream_core::Error {
    let message = format!("`{text}` is no table, column or model of the project");
    let last = text.rsplit(['.', ':']).next().unwrap_or_default();
    let alike = |asset: &&AssetKey| asset.name.contains(last) || text.contains(&asset.name);
    let mut names: Vec<&str> =
        assets.keys().filter(alike).map(|asset| asset.name.as_str()).collect();
    if names.is_empty() {
        names = assets.keys().map(|asset| asset.name.as_str()).collect();
    }
    Plain::user("lineage.unknown", message).with_hint(listed("there are", names.into_iter())).into()
}

fn listed<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "it has no columns".to_owned(),
        all if all.len() <= LISTED_MAX => format!("{what} {}", all.join(", ")),
        all => {
            format!("{what} {} and {} more", all[..LISTED_MAX].join(", "), all.len() - LISTED_MAX)
        }
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
        assert_eq!(hint("orders.idd"), "its columns are id, items");
        assert_eq!(hint("store.orders"), "there are main.orders, shop.orders");
        assert_eq!(hint("tagger.x"), "it has no columns");
    }
}
