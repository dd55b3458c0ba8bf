//! Projects that are read for the second time.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use millstream_core::clock::Timestamp;
use serde_json::Value;

use super::*;
use crate::artifacts::{ManifestFacts, Metadata, Moment, semantic_manifest, write_json};

/// A project that is read again and again, beside its artifacts.
struct Again {
    shop: Shop,
    options: ParseOptions,
}

impl Again {
    fn new(files: &[(&str, &str)]) -> Self {
        Self { shop: Shop::new(files), options: options() }
    }

    fn set(&mut self, variable: &'static str, value: &'static str) {
        self.options.env_var =
            EnvVar::new(move |name| (name == variable).then(|| value.to_owned()));
    }

    fn artifacts(&self) -> PathBuf {
        self.shop.path().join("target")
    }

    fn captures(&self) -> PathBuf {
        self.artifacts().join("captures")
    }

    fn inputs(&self) -> Inputs {
        Inputs::read(self.shop.path(), &self.options)
    }

    fn parse(&self) -> ParsedProject {
        let Parsed { project, diagnostics } = self.inputs().parse(Some(&self.captures()));
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        project.expect("the project is read")
    }

    fn parents(&self, model: &str) -> Vec<String> {
        let manifest = self.parse().manifest;
        let parents = &node(&manifest, model).depends_on.nodes;
        parents.iter().map(ToString::to_string).collect()
    }

    /// Writes artifacts and notes of what.
    fn write(&self) {
        let project = self.parse();
        let metadata = command("first");
        let facts = ManifestFacts {
            metadata: &metadata,
            adapter_type: "postgres",
            run_started_at: Moment::default(),
            compiled: &HashMap::new(),
        };
        let mut text = Vec::new();
        crate::artifacts::write_manifest(&mut text, &project.manifest, &facts).expect("is written");
        fs::write(self.artifacts().join("manifest.json"), text).expect("is written");
        let semantic = fs::File::create(self.artifacts().join("semantic_manifest.json"));
        let semantic_text = semantic_manifest(&project.manifest);
        write_json(semantic.expect("is made"), &semantic_text).expect("is written");
        if let Some(fingerprint) = &project.fingerprint {
            Renewal::new(&self.artifacts()).note(fingerprint, "Found it");
        }
    }

    fn renew(&self) -> Option<String> {
        Renewal::new(&self.artifacts()).renew(&self.inputs(), &command("second"))
    }

    fn written(&self) -> Value {
        let text = fs::read(self.artifacts().join("manifest.json")).expect("is there");
        serde_json::from_slice(&text).expect("is JSON")
    }
}

fn command(id: &str) -> Metadata {
    Metadata { invocation_id: id.to_owned(), ..Metadata::default() }
}

const FILES: &[(&str, &str)] = &[
    ("models/a.sql", "select 1 as id"),
    ("models/b.sql", "select 1 as id"),
    ("models/c.sql", "select * from {{ parent() }}"),
    ("macros/parent.sql", "{% macro parent() %}{{ ref('a') }}{% endmacro %}"),
];

#[test]
fn a_text_is_not_rendered_again() {
    let mut shop = Again::new(&[("models/a.sql", "{{ log('rendered') }} select 1 as id")]);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    shop.options.log = LogSink::new(move |_, line| {
        sink.lock().expect("nobody panics").push(line.to_owned());
    });
    let rendered = || lines.lock().expect("nobody panics").len();
    shop.parse();
    assert_eq!(rendered(), 1);
    shop.parse();
    assert_eq!(rendered(), 1);
    fs::write(shop.captures(), "{\"seen\": 1}\n").expect("is damaged");
    shop.parse();
    assert_eq!(rendered(), 2);
    let text = fs::read_to_string(shop.captures()).expect("is there");
    fs::write(shop.captures(), text.replace("\"refs\"", "\"rifs\"")).expect("is damaged");
    shop.parse();
    assert_eq!(rendered(), 3);
}

#[test]
fn a_changed_file_or_macro_counts() {
    let shop = Again::new(FILES);
    assert_eq!(shop.parents("model.shop.c"), ["model.shop.a"]);
    shop.shop.write("macros/parent.sql", "{% macro parent() %}{{ ref('b') }}{% endmacro %}");
    assert_eq!(shop.parents("model.shop.c"), ["model.shop.b"]);
    shop.shop.write("models/c.sql", "select * from {{ ref('a') }}, {{ ref('b') }}");
    assert_eq!(shop.parents("model.shop.c"), ["model.shop.a", "model.shop.b"]);
    assert_eq!(shop.parents("model.shop.c"), ["model.shop.a", "model.shop.b"]);
}

#[test]
fn a_changed_variable_counts() {
    let mut shop = Again::new(FILES);
    shop.shop.write("models/d.sql", "select * from {{ ref(env_var('WHICH', 'a')) }}");
    shop.shop.write("models/e.sql", "select * from {{ ref(var('which', 'a')) }}");
    assert_eq!(shop.parents("model.shop.d"), ["model.shop.a"]);
    assert_eq!(shop.parents("model.shop.e"), ["model.shop.a"]);
    shop.set("WHICH", "b");
    assert_eq!(shop.parents("model.shop.d"), ["model.shop.b"]);
    shop.options.vars.insert("which".to_owned(), Value::from("b"));
    assert_eq!(shop.parents("model.shop.e"), ["model.shop.b"]);
}

#[test]
fn what_flags_decide_is_decided_anew() {
    let mut shop = Again::new(FILES);
    let text = "select * from {{ ref('b') if flags.FULL_REFRESH else ref('a') }}";
    shop.shop.write("models/d.sql", text);
    assert_eq!(shop.parents("model.shop.d"), ["model.shop.a"]);
    let args = [("full_refresh".to_owned(), Value::Bool(true))].into_iter().collect();
    shop.options.invocation = Arc::new(Invocation { args, ..Invocation::default() });
    assert_eq!(shop.parents("model.shop.d"), ["model.shop.b"]);
    shop.write();
    assert_eq!(shop.renew(), None);
}

#[test]
fn a_manifest_stays_when_nothing_has_changed() {
    let mut shop = Again::new(FILES);
    shop.shop.write("models/d.sql", "select * from {{ ref(env_var('WHICH', 'a')) }}");
    assert_eq!(shop.renew(), None);
    shop.write();
    let before = shop.written();
    assert_eq!(shop.renew().as_deref(), Some("Found it"));
    assert_eq!(shop.renew().as_deref(), Some("Found it"));
    let after = shop.written();
    assert_eq!(after["metadata"]["invocation_id"], "second");
    assert_eq!(after["metadata"]["project_name"], "shop");
    assert_eq!(after["nodes"], before["nodes"]);

    shop.set("WHICH", "b");
    assert_eq!(shop.renew(), None);
    shop.write();
    assert_eq!(shop.renew().as_deref(), Some("Found it"));
    shop.shop.write("models/schema.yml", "models: [{name: a, description: changed}]");
    assert_eq!(shop.renew(), None);
    shop.write();
    shop.shop.write("models/new.sql", "select 1");
    assert_eq!(shop.renew(), None);
}

#[test]
fn a_change_that_hides_its_time_counts() {
    let mut shop = Again::new(FILES);
    // Long after the files were written, so that their times are trusted.
    shop.options.clock = Clock::fixed(Timestamp::from_micros(i64::MAX / 2));
    shop.write();
    assert_eq!(shop.renew().as_deref(), Some("Found it"));
    let file = shop.shop.path().join("models/a.sql");
    let modified = fs::metadata(&file).and_then(|meta| meta.modified()).expect("has a time");
    fs::write(&file, "select 2 as id").expect("can be written");
    let open = fs::File::options().append(true).open(&file).expect("can be opened");
    open.set_modified(modified).expect("the time can be set");
    assert_eq!(shop.renew(), None);
}

#[test]
fn files_that_only_look_changed_are_read_and_found_the_same() {
    let mut shop = Again::new(FILES);
    shop.options.clock = Clock::fixed(Timestamp::from_micros(i64::MAX / 2));
    shop.write();
    shop.shop.write("models/a.sql", "select 1 as id");
    assert_eq!(shop.renew().as_deref(), Some("Found it"));
    assert_eq!(shop.written()["metadata"]["invocation_id"], "second");
}

#[test]
fn a_manifest_of_somebody_else_is_written_anew() {
    let shop = Again::new(FILES);
    shop.write();
    let manifest = shop.artifacts().join("manifest.json");
    fs::write(&manifest, "{\"metadata\":{},\"nodes\":{}}").expect("is written");
    assert_eq!(shop.renew(), None);
    shop.write();
    fs::remove_file(manifest).expect("is there");
    assert_eq!(shop.renew(), None);
}

#[test]
fn warnings_are_said_every_time() {
    let shop = Again::new(FILES);
    shop.shop.write("models/schema.yml", "models: [{name: nothing}]");
    let parsed = shop.inputs().parse(Some(&shop.captures()));
    assert_eq!(parsed.diagnostics.len(), 1);
    assert_eq!(parsed.project.expect("is read").fingerprint, None);
}
