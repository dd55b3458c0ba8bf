//! Templates that ask the warehouse: they are rendered when their step runs.

use std::sync::Arc;

use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::sql::{SqlAnswer, SqlColumn, SqlConnection, SqlValue, SqlWarehouse};
use millstream_core::step::Refresh;
use millstream_core::text::Scene;
use millstream_dbt::step::Making;

use super::{SOURCE, full, loaded, project, text_of};
use crate::{Project, Text};

/// A warehouse whose every query has one row, `3`.
#[derive(Debug)]
struct Three;

impl SqlWarehouse for Three {
    fn kind(&self) -> &'static str {
        "millstream"
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn SqlConnection>> {
        Ok(Box::new(Self))
    }

    fn cancel(&self) {}
}

impl SqlConnection for Three {
    fn execute(&mut self, _sql: &str) -> Result<SqlAnswer> {
        let column = SqlColumn { name: "n".to_owned(), data_type: "bigint".to_owned() };
        Ok(SqlAnswer {
            columns: vec![column],
            rows: vec![vec![SqlValue::Int(3)]],
            ..SqlAnswer::default()
        })
    }
}

/// What a text is once a warehouse answers.
fn rendered(project: &Project, text: &Text, refresh: Refresh) -> String {
    let Text::Late(id) = text else { panic!("the text is known already") };
    let now = Timestamp::from_micros(0);
    let scene = Scene { catalog: CatalogSnapshot::default(), now, refresh, part: None };
    project.dbt.render(id, Arc::new(Three), &scene).unwrap()
}

/// A model that asks how many columns to make, and its test that asks as well.
fn asking(macros: &str, model: &str) -> Project {
    project(&[
        SOURCE,
        ("macros/m.sql", macros),
        ("models/a.sql", model),
        (
            "tests/none.sql",
            "{% set n = run_query('select 3').columns[0][0] %}select * from {{ ref('a') }} where c > {{ n }}",
        ),
    ])
}

const MACRO: &str = "{% macro width() %}{% if execute %}{{ return(run_query('select 3').columns[0][0]) }}{% endif %}{% endmacro %}";
const MODEL: &str = "{{ config(materialized='incremental', unique_key='c') }}select {{ width() }} as c from {{ source('shop', 'orders') }}{% if is_incremental() %} where new{% endif %}";

#[test]
fn a_template_that_asks_is_rendered_when_it_runs() {
    let project = asking(MACRO, MODEL);
    let model = &project.models[0];
    assert!(model.text.known(Refresh::Full).is_none());
    assert_eq!(model.inputs[0].to_string(), "table:shop.orders");
    let source = "\"millstream\".\"shop\".\"orders\"";
    assert_eq!(
        rendered(&project, &model.text, Refresh::Full),
        format!("select 3 as c from {source}")
    );
    assert_eq!(
        rendered(&project, &model.text, Refresh::Incremental),
        format!("select 3 as c from {source} where new")
    );
    let check = &project.checks[0];
    assert_eq!(check.asset.to_string(), "table:main.a");
    assert!(rendered(&project, &check.text, Refresh::Full).contains("where c > 3"));
}

#[test]
fn its_definition_is_made_of_all_that_it_is_rendered_with() {
    let definition = |macros: &str, model: &str| asking(macros, model).models[0].definition;
    let base = definition(MACRO, MODEL);
    assert_eq!(base, definition(MACRO, MODEL));
    assert_ne!(base, definition(&MACRO.replace('3', "4"), MODEL), "the macro counts");
    assert_ne!(base, definition(MACRO, &MODEL.replace("where new", "where newer")));
    assert_ne!(base, definition(MACRO, &MODEL.replace("'c'", "'d'")), "the key counts");
    let other = format!("{MACRO}\n{{% macro other() %}}1{{% endmacro %}}");
    assert_eq!(base, definition(&other, MODEL), "other macros do not");
}

#[test]
fn a_broken_template_is_an_error_whether_it_asks_or_not() {
    let text = text_of(&loaded(&[("models/a.sql", "select {{ 'x' | nothing }} from x")]));
    assert!(text.contains("models/a.sql:1"), "{text}");
}

#[test]
fn snapshots_are_made_of_both_spellings() {
    let project = project(&[
        SOURCE,
        (
            "snapshots/old.sql",
            "{% snapshot old %}{{ config(unique_key='id', strategy='check', check_cols='all') }}select * from {{ source('shop', 'orders') }}{% endsnapshot %}",
        ),
        (
            "snapshots/new.yml",
            "snapshots: [{name: new, relation: \"source('shop', 'orders')\", config: {unique_key: id, strategy: timestamp, updated_at: at}}]\n",
        ),
        ("models/a.sql", "select * from {{ ref('old') }} join {{ ref('new') }} using (id)"),
    ]);
    let kinds: Vec<(&str, &str)> =
        project.models.iter().map(|model| (&*model.name, &*model.materialized)).collect();
    assert_eq!(kinds, [("a", "view"), ("new", "snapshot"), ("old", "snapshot")]);
    assert!(project.models[1..].iter().all(|model| matches!(model.making, Making::Snapshot(_))));
    assert_eq!(full(&project.models[1].text), "select * from \"millstream\".\"shop\".\"orders\"");
    let files = [(
        "snapshots/s.sql",
        "{% snapshot s %}{{ config(unique_key='id') }}select 1 as id{% endsnapshot %}",
    )];
    let text = text_of(&loaded(&files));
    assert!(text.contains("the snapshot has no `strategy`"), "{text}");
}

#[test]
fn what_cannot_run_here_is_said() {
    let text = text_of(&loaded(&[
        ("models/own.sql", "{{ config(materialized='mine') }} select 1 as id"),
        (
            "macros/mine.sql",
            "{% materialization mine, default %}{{ return({'relations': []}) }}{% endmaterialization %}",
        ),
    ]));
    assert!(
        text.contains("`mine` is a materialization of the project\n  --> models/own.sql:1:11"),
        "{text}"
    );
}
