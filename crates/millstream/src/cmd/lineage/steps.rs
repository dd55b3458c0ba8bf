//! The lineage of what is no SQL: trainings, scorings, events, and rows that come back.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millstream_core::lineage::{
    ColumnLineage, ConditionKind, EdgeKind, Edges, Inexact, Lineage, Origin, OutputColumn,
    ValueKind,
};
use millstream_core::spec::TrainingSpec;
use millstream_core::{AssetKey, Relation};

/// What an event has beside the answer and what was asked.
const OWN_OF_EVENTS: [&str; 3] = ["deployment", "at", "kind"];

/// What a model learns from. A model has no columns: all of it comes from all of that.
pub(super) fn training(spec: &TrainingSpec, data: &Relation) -> Lineage {
    let data = AssetKey::table(data);
    let mut edges = Edges::default();
    for column in inputs(spec).chain([&spec.label]) {
        add(
            &mut edges,
            Origin::column(data.clone(), column),
            EdgeKind::Value(ValueKind::Aggregated),
        );
    }
    let held_out = [&spec.key, &spec.split.stratify, &spec.split.time];
    for column in held_out.into_iter().flatten() {
        let kind = EdgeKind::Condition(ConditionKind::Filter);
        add(&mut edges, Origin::column(data.clone(), column), kind);
    }
    Lineage { columns: Vec::new(), rows: edges, reads: [data].into() }
}

/// A batch of answers.
#[derive(Debug)]
pub(super) struct Scoring<'a> {
    /// The table that is scored.
    pub(super) over: &'a Relation,
    /// The column that identifies a row.
    pub(super) key: &'a str,
    /// The registered model.
    pub(super) model: &'a str,
    /// How it was trained, if the project says.
    pub(super) training: Option<&'a TrainingSpec>,
}

impl Scoring<'_> {
    /// The table of the answers.
    pub(super) fn table(&self) -> Lineage {
        let mut lineage = self.answers(self.key);
        lineage.columns.push(column("scored_at", Edges::default()));
        lineage
    }

    /// The events of the answers.
    pub(super) fn events(&self) -> Lineage {
        let mut lineage = self.answers("key");
        lineage.columns.push(column("input", self.inputs()));
        lineage.columns.extend(OWN_OF_EVENTS.map(|name| column(name, Edges::default())));
        lineage
    }

    fn answers(&self, key: &str) -> Lineage {
        let table = AssetKey::table(self.over);
        let key_edges = Edges::copy_of(Origin::column(table.clone(), self.key));
        let model = of_model(self.model);
        let mut answer = self.inputs();
        answer.extend(&model);
        let mut id = answer.clone();
        id.extend(&key_edges.changed(ValueKind::Derived));
        let columns = [
            ("event_id", id),
            (key, key_edges),
            ("label", answer.clone()),
            ("score", answer.clone()),
            ("scores", answer),
            ("model", model.clone()),
            ("version", model),
        ];
        let columns = columns.map(|(name, edges)| column(name, edges));
        Lineage { columns: columns.into(), rows: Edges::default(), reads: [table].into() }
    }

    /// What is scored: the columns that the model was trained on; if that is not known, any.
    fn inputs(&self) -> Edges {
        let table = AssetKey::table(self.over);
        let Some(training) = self.training else {
            let whole = Edges::copy_of(Origin::whole(table)).changed(ValueKind::Derived);
            return whole.doubted(Inexact::OpaqueStep);
        };
        let mut edges = Edges::default();
        for column in inputs(training) {
            let kind = EdgeKind::Value(ValueKind::Derived);
            add(&mut edges, Origin::column(table.clone(), column), kind);
        }
        edges
    }
}

/// The events of answers to requests, which come from outside.
pub(super) fn requested_events(model: &str) -> Lineage {
    let answers = ["event_id", "label", "score", "scores", "model", "version"];
    let mut columns = answers.map(|name| column(name, of_model(model))).to_vec();
    let asked = ["key", "input"].into_iter().chain(OWN_OF_EVENTS);
    columns.extend(asked.map(|name| column(name, Edges::default())));
    Lineage { columns, ..Lineage::default() }
}

/// The columns of the answers. The key has the type of the column that it is.
pub(super) fn scored_schema(key: &str, key_type: DataType) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("event_id"),
        Field::new(key, key_type, true),
        text("label"),
        Field::new("score", DataType::Float64, true),
        text("scores"),
        text("model"),
        Field::new("version", DataType::Int64, true),
        Field::new("scored_at", utc(), true),
    ]))
}

/// The fields of our own events, as a function sees them.
pub(super) fn event_schema() -> SchemaRef {
    let mut fields: Vec<Field> =
        ["event_id", "model", "deployment", "key", "input", "label", "scores", "kind"]
            .map(|name| Field::new(name, DataType::Utf8, true))
            .into();
    fields.push(Field::new("version", DataType::Int64, true));
    fields.push(Field::new("score", DataType::Float64, true));
    fields.push(Field::new("at", utc(), true));
    Arc::new(Schema::new(fields))
}

/// The columns of a table whose rows are those of another asset.
pub(super) fn copied(from: &AssetKey, columns: impl IntoIterator<Item = String>) -> Lineage {
    let columns = columns.into_iter().map(|name| {
        // What a sync adds to every row begins so.
        let own = name.starts_with('_');
        let edges = if own {
            Edges::default()
        } else {
            Edges::copy_of(Origin::column(from.clone(), name.as_str()))
        };
        column(&name, edges)
    });
    Lineage { columns: columns.collect(), rows: Edges::default(), reads: [from.clone()].into() }
}

/// The columns of what comes from outside.
pub(super) fn given(columns: impl IntoIterator<Item = String>) -> Lineage {
    let columns = columns.into_iter().map(|name| column(&name, Edges::default()));
    Lineage { columns: columns.collect(), ..Lineage::default() }
}

/// All may come from all: what is said of SQL that cannot be planned.
pub(super) fn guessed(
    inputs: &[AssetKey],
    columns: impl IntoIterator<Item = String>,
    reason: Inexact,
) -> Lineage {
    let mut edges = Edges::default();
    for input in inputs {
        let whole = Edges::copy_of(Origin::whole(input.clone())).changed(ValueKind::Derived);
        edges.extend(&whole.doubted(reason));
    }
    let mut lineage = given(columns);
    lineage.rows = edges;
    lineage.reads = inputs.iter().cloned().collect();
    lineage
}

fn column(name: &str, edges: Edges) -> OutputColumn {
    OutputColumn { name: name.to_owned(), lineage: ColumnLineage::of(edges) }
}

fn of_model(name: &str) -> Edges {
    Edges::copy_of(Origin::whole(AssetKey::model(name))).changed(ValueKind::Derived)
}

fn add(edges: &mut Edges, origin: Origin, kind: EdgeKind) {
    edges.insert(Arc::new(origin), kind, None);
}

fn inputs(spec: &TrainingSpec) -> impl Iterator<Item = &String> {
    spec.inputs.text.iter().chain(&spec.inputs.numeric).chain(&spec.inputs.categorical)
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
