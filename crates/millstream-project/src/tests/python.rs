//! Models in Python.

use std::time::Duration;

use millstream_core::AssetKey;
use millstream_core::step::Refresh;
use millstream_dbt::manifest::Language;

use super::{loaded, project, text_of};

const MODEL: &str = "import pandas as pd

def model(dbt, session):
    dbt.config(materialized='incremental', unique_key='id', timeout=2.5)
    if dbt.is_incremental:
        return session.sql(f'select max(id) from {dbt.this}')
    return dbt.ref('a').df()
";

#[test]
fn a_model_is_read_without_running_it() {
    let project = project(&[("models/a.sql", "select 1 as id"), ("models/b.py", MODEL)]);
    let model = &project.models[1];
    assert_eq!(model.language, Language::Python);
    assert_eq!(model.inputs, [AssetKey::table(&project.models[0].relation)]);
    assert_eq!(model.limits.timeout, Some(Duration::from_millis(2500)));
    assert_eq!(model.sql(Refresh::Full), None);
    let [full, next] =
        [Refresh::Full, Refresh::Incremental].map(|refresh| model.text.known(refresh).unwrap());
    assert!(full.starts_with(MODEL), "{full}");
    assert!(full.contains("self.is_incremental = False"), "{full}");
    assert!(next.contains("self.is_incremental = True"), "{next}");
    assert!(full.contains(r#"{"a": "\"millstream\".\"main\".\"a\""}"#), "{full}");
}

#[test]
fn what_a_model_says_decides_its_definition() {
    let definition = |code: &str| {
        let files = [("models/a.sql", "select 1 as id"), ("models/b.py", code)];
        project(&files).models[1].definition
    };
    assert_eq!(definition(MODEL), definition(MODEL));
    assert_ne!(definition(MODEL), definition(&MODEL.replace(".df()", ".arrow()")));
    assert_ne!(definition(MODEL), definition(&MODEL.replace("'id'", "'key'")));
}

#[test]
fn what_cannot_be_is_reported() {
    let view = MODEL.replace("incremental", "view");
    let loaded_view = loaded(&[("models/a.sql", "select 1 as id"), ("models/b.py", &view)]);
    assert!(text_of(&loaded_view).contains("a model in Python cannot be `view`"));
    let late = MODEL.replace("dbt.ref('a')", "dbt.ref(name)");
    let text = text_of(&loaded(&[("models/b.py", &late)]));
    assert!(text.contains("dbt.python_call") && text.contains("models/b.py:7"), "{text}");
    let ephemeral = "{{ config(materialized='ephemeral') }} select 1 as id";
    let text = text_of(&loaded(&[("models/a.sql", ephemeral), ("models/b.py", MODEL)]));
    assert!(text.contains("cannot read the ephemeral model"), "{text}");
}
