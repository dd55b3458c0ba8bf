//! The rows of seeds.

use std::fs;

use serde_json::json;

use super::fake::{Shop, model};
use crate::manifest::{Node, NodeKind};

#[test]
fn seeds_are_loaded_with_their_types() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("models/prices.sql"), "id;price;code\n1;2.50;007\n").unwrap();
    let config = json!({"column_types": {"code": "text", "gone": "text"}, "delimiter": ";"});
    let kind = NodeKind::Seed { root_path: folder.path().to_owned() };
    let seed = Node { kind, ..model("prices", "", config, &[]) };
    let shop = Shop::new(&[], vec![seed, model("orders", "", json!({}), &[])]);
    let worker = shop.worker();
    let text = "{% set t = load_agate_table() %}{{ t.rows[0].values() }} {{ t.column_names }} \
         {{ adapter.convert_type(t, 1) }}";
    let prices = shop.node("prices");
    let rendered = worker.render(text, &prices).unwrap();
    let expected = "(Decimal('1'), Decimal('2.50'), '007') ('id', 'price', 'code') float8";
    assert_eq!(rendered, expected);
    let refused = worker.render(text, &shop.node("orders")).unwrap_err();
    assert_eq!(refused.message, "can only load_agate_table for seeds (got a model)");
}
