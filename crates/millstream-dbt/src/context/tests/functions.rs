//! Functions in a warehouse that keeps none.

use std::sync::Arc;

use serde_json::json;

use super::fake::{Shop, model};
use crate::manifest::{Argument, Function, Node, NodeKind, Overload, Returns};

fn text_argument(name: &str) -> Argument {
    Argument { name: name.to_owned(), data_type: "text".to_owned(), ..Argument::default() }
}

#[test]
fn a_function_is_proved_without_its_overloads() {
    let function = Function {
        arguments: vec![text_argument("name")],
        returns: Returns { data_type: "text".to_owned(), description: None },
        overloads: vec![Overload {
            defined_in: "labelled_twice".to_owned(),
            arguments: vec![text_argument("name"), text_argument("other")],
            raw_body: Some("select name || fail".to_owned()),
            ..Overload::default()
        }],
    };
    let kind = NodeKind::Function(Box::new(function));
    let labelled = Node { kind, ..model("labelled", "select name || '!'", json!({}), &[]) };
    let shop = Shop::new(&[], vec![labelled]);
    let (worker, labelled) = (shop.worker(), shop.node("labelled"));
    worker.prove_function(&labelled).expect("is understood");
    let (_, overload) = labelled.overloads().next().expect("an overload");
    worker.prove_function(&Arc::new(overload)).expect_err("is not understood");
}
