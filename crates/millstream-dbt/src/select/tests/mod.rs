pub(crate) mod fixture;
mod graphs;
mod indirect;
mod lists;
mod methods;
mod named;
mod states;

use std::path::Path;

use super::*;
use fixture::Shop;

/// Every type that `dbt ls` lists.
pub(crate) const ALL: &[&str] = &[
    "model",
    "snapshot",
    "seed",
    "test",
    "source",
    "exposure",
    "metric",
    "saved_query",
    "semantic_model",
    "unit_test",
    "analysis",
];

fn given() -> Given<'static> {
    Given {
        root: Path::new("/shop"),
        manifest: None,
        results: None,
        sources_before: None,
        sources_now: None,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Names of what a selection selects, sorted, and its warnings.
fn run(shop: &Shop, request: &Request<'_>, given: &Given<'_>) -> (String, Vec<String>) {
    let graph = Graph::new(&shop.0);
    let selected = select(&graph, request, given).expect("selects");
    let mut names: Vec<String> = graph.ids(&selected.positions).iter().map(short).collect();
    names.sort();
    (names.join(" "), selected.warnings)
}

fn short(id: &crate::manifest::UniqueId) -> String {
    id.as_str().replacen("model.shop.", "", 1).replacen(".shop.", ":", 1)
}

fn request<'a>(select: &'a [String], exclude: &'a [String]) -> Request<'a> {
    Request { select, exclude, types: ALL.iter().copied().collect(), ..Request::default() }
}

/// What `--select` selects of the usual shop, without the tests that would come along.
fn selected(text: &str) -> String {
    let texts = words(text);
    let asked = Request { indirect: Indirect::Empty, ..request(&texts, &[]) };
    run(&Shop::usual(), &asked, &given()).0
}

fn refused(shop: &Shop, text: &str) -> String {
    let select_texts = words(text);
    let graph = Graph::new(&shop.0);
    let found = select(&graph, &request(&select_texts, &[]), &given());
    found.expect_err("is refused").to_string()
}
