//! What is said of files that are wrong in themselves.

use super::{SOURCE, says};

#[test]
fn a_tab_in_yaml() {
    says(
        &[
            ("sources/a.yml", "sources:\n\t- name: a\n"),
            ("models/m.sql", "select * from {{ source('a', 'b') }}"),
        ],
        "error[yaml.syntax]: a tab indents this line; YAML allows spaces only
  --> sources/a.yml:2:1
  hint: replace the tab by spaces",
    );
}

#[test]
fn a_key_twice() {
    says(
        &[("millstream.yml", "name: shop\nvars:\n  a: 1\n  a: 2\n")],
        "error[yaml.key_duplicate]: `a` is here for the second time
  --> millstream.yml:4:3
  hint: the first is in line 3; keep one of them",
    );
}

#[test]
fn an_unknown_key_in_every_kind_of_file() {
    says(
        &[
            ("millstream.yml", "name: shop\nenviroments: {}\n"),
            ("dbt_project.yml", "name: shop\nmodel_paths: [models]\n"),
            ("models/a.sql", "select 1 as id"),
            ("models/schema.yml", "models:\n  - name: a\n    colums: []\n"),
            ("functions/f.yml", "function: []\n"),
            (
                "deployments/d.yml",
                "deployments:\n  - {name: d, model: m@1, realtime: true, recrd: {topic: t}}\n",
            ),
        ],
        "warning[yaml.key_unknown]: unknown key `model_paths`
  --> dbt_project.yml:2:1
  hint: did you mean `model-paths`?
error[yaml.key_unknown]: unknown key `recrd`
  --> deployments/d.yml:2:43
  hint: did you mean `record`?
error[yaml.key_missing]: `functions` is missing
  --> functions/f.yml:1:1
error[yaml.key_unknown]: unknown key `function`
  --> functions/f.yml:1:1
  hint: did you mean `functions`?
error[yaml.key_unknown]: unknown key `enviroments`
  --> millstream.yml:2:1
  hint: did you mean `environments`?
warning[yaml.key_unknown]: unknown key `colums`
  --> models/schema.yml:3:5
  hint: did you mean `columns`?",
    );
}

#[test]
fn an_unknown_setting_of_a_connector() {
    says(
        &[(
            "sources/a.yml",
            "sources:\n  - name: a\n    connector: file\n    compresion: gz\n    streams:\n      - name: b\n        pth: x\n",
        )],
        "error[yaml.key_unknown]: unknown key `compresion`
  --> sources/a.yml:4:5
  hint: known: connector, description, execution, fresh_within, keep_raw, name, streams
error[yaml.key_missing]: `path` is missing
  --> sources/a.yml:6:9
error[yaml.key_unknown]: unknown key `pth`
  --> sources/a.yml:7:9
  hint: did you mean `path`?",
    );
}

#[test]
fn wrong_types_and_missing_keys() {
    says(
        &[
            (
                "training/t.yml",
                "trainings:\n  - name: t\n    data: 7\n    inputs: [a]\n    trainer: text_linear\n    split: {test: yes, seed: -1}\n    settings: {ngrams: two}\n",
            ),
            ("functions/f.yml", "functions:\n  - name:\n    on: {topic: t, batch: many}\n"),
        ],
        "error[yaml.key_missing]: `into` is missing
  --> functions/f.yml:2:5
  hint: into: Table of the operational database that takes the rows: `operational.predictions`. Made if it is missing.
error[yaml.key_missing]: `sql` is missing
  --> functions/f.yml:2:5
  hint: sql: Query over `records`, the events of one batch. Event fields are columns.
error[yaml.value_wrong]: `name` is empty
  --> functions/f.yml:2:9
  hint: give text
error[yaml.value_wrong]: `batch` must be a whole number, not text
  --> functions/f.yml:3:27
error[yaml.key_missing]: `label` is missing
  --> training/t.yml:2:5
  hint: label: Column to predict. Rows without it are left out.
error[yaml.value_wrong]: `data` must be text, not a number
  --> training/t.yml:3:11
  hint: put it in quotes
error[yaml.value_wrong]: `inputs` must be a map, not a list
  --> training/t.yml:4:13
error[yaml.value_wrong]: `test` must be a number, not text
  --> training/t.yml:6:19
error[yaml.value_wrong]: `seed` must be at least 0
  --> training/t.yml:6:30
error[yaml.value_wrong]: `ngrams` must be a whole number, not text
  --> training/t.yml:7:24",
    );
}

#[test]
fn a_wrong_choice() {
    says(
        &[(
            "sources/a.yml",
            "sources:\n  - name: a\n    connector: file\n    streams:\n      - {name: b, path: x, sync: apend, contract: 1}\n",
        )],
        "error[yaml.value_wrong]: `sync` cannot be `apend`
  --> sources/a.yml:5:34
  hint: did you mean `append`?
error[yaml.value_wrong]: `contract` cannot be a number
  --> sources/a.yml:5:51
  hint: one of: evolve, freeze",
    );
}

#[test]
fn a_kind_that_does_not_exist() {
    says(
        &[
            (
                "sources/a.yml",
                "sources:\n  - {name: a, connector: fil, streams: [{name: b, path: x}]}\n",
            ),
            SOURCE,
            (
                "training/t.yml",
                "trainings:\n  - {name: t, data: \"source('shop', 'orders')\", label: l, inputs: {text: [a]}, trainer: xgboost}\n",
            ),
        ],
        "error[connector.unknown]: there is no connector `fil`
  --> sources/a.yml:2:26
  hint: did you mean `file`?
error[trainer.unknown]: there is no trainer `xgboost`
  --> training/t.yml:2:89
  hint: known: text_linear",
    );
}

#[test]
fn what_a_connector_says_of_its_settings() {
    says(
        &[(
            "sources/a.yml",
            "sources:\n  - name: a\n    connector: file\n    streams:\n      - name: b\n        path: ''\n      - name: c\n        path: x\n        sync: merge\n",
        )],
        "error[setting.invalid]: `path` is empty
  --> sources/a.yml:6:15
  hint: name a file
error[yaml.key_missing]: stream `c` merges, but has no `key`
  --> sources/a.yml:9:15
  hint: name the column that identifies a record: `key: id`",
    );
}

#[test]
fn what_connectors_and_trainers_doubt() {
    says(
        &[
            (
                "sources/shop.yml",
                "sources:\n  - name: shop\n    connector: file\n    streams:\n      - name: orders\n        path: x\n        columns:\n          - id\n          - {name: total, type: doubel}\n",
            ),
            (
                "training/t.yml",
                "trainings:\n  - name: t\n    data: source('shop', 'orders')\n    label: l\n    inputs: {text: [a]}\n    trainer: text_linear\n    gate:\n      - accuracy >= 0.5\n      - rmse >= 0.5\n",
            ),
        ],
        "error[source.invalid]: `columns/1/type` is doubted
  --> sources/shop.yml:9:33
error[gate.invalid]: `gate/1` is doubted
  --> training/t.yml:9:9",
    );
}

#[test]
fn a_training_that_makes_no_sense() {
    says(
        &[
            SOURCE,
            (
                "training/t.yml",
                "trainings:
  - name: t
    data: source('shop', 'orders')
    label: tag
    inputs: {text: [title, tag, title]}
    trainer: text_linear
    split: {test: 1.5, stratify: tag, time: at}
    gate: [\"f1 > \", \"f1 >= 0.5\"]
",
            ),
        ],
        "error[training.invalid]: `tag` is the label and cannot be an input
  --> training/t.yml:5:13
  hint: a model that sees the answer learns nothing
error[training.invalid]: input `title` is here twice
  --> training/t.yml:5:13
error[training.invalid]: a split is by `stratify` or by `time`, not by both
  --> training/t.yml:7:12
error[training.invalid]: `test` cannot be 1.5
  --> training/t.yml:7:19
  hint: a share between 0 and 1, such as 0.2
error[gate.invalid]: gate `f1 > `: has no comparison
  --> training/t.yml:8:12
  hint: METRIC >= NUMBER (or >, <=, <), or `not worse than champion`",
    );
}

#[test]
fn deployments_and_functions_that_make_no_sense() {
    says(
        &[
            SOURCE,
            (
                "deployments/d.yml",
                "deployments:
  - name: d
    model: \"@champion\"
    batch: {over: orders, key: id, into: topic.x}
  - {name: e, model: m}
",
            ),
            (
                "functions/f.yml",
                "functions:
  - {name: f, on: {topic: predictions, batch: 0}, sql: '-- nothing', into: main.predictions}
",
            ),
        ],
        "error[deployment.invalid]: `model` cannot be `@champion`
  --> deployments/d.yml:3:12
  hint: a model with its alias or version: tagger@champion, tagger@3
error[yaml.value_wrong]: `over` cannot be `orders`
  --> deployments/d.yml:4:19
  hint: ref('model') or source('source', 'stream')
warning[deployment.idle]: the deployment serves nothing
  --> deployments/d.yml:5:5
  hint: add `realtime: true` or `batch:`
warning[deployment.model_unknown]: no training of this project makes model `m`
  --> deployments/d.yml:5:22
  hint: it must be in the registry before it can be served
warning[topic.unknown]: no deployment records to topic `predictions`
  --> functions/f.yml:2:27
  hint: events must come to it from elsewhere
error[function.invalid]: `batch` must be at least 1
  --> functions/f.yml:2:47
  hint: the default is 1000
error[function.invalid]: the function has no SQL
  --> functions/f.yml:2:56
  hint: select ... from records
error[function.invalid]: `into` cannot be `main.predictions`
  --> functions/f.yml:2:76
  hint: a table of the operational database: operational.predictions",
    );
}

#[test]
fn a_project_without_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = crate::load(folder.path(), &super::options());
    assert_eq!(loaded.diagnostics.len(), 1);
    assert_eq!(loaded.diagnostics[0].code, "project.not_found");
    let loaded = crate::load(&folder.path().join("none"), &super::options());
    assert_eq!(loaded.diagnostics[0].code, "project.not_found");
    assert!(loaded.project.is_none());
}

#[test]
fn an_environment_that_does_not_exist() {
    let mut options = super::options();
    options.env = Some("prd".to_owned());
    let files = [("millstream.yml", "name: shop\nenvironments: {prod: {}}\n")];
    let loaded = super::loaded_with(&files, &options);
    assert_eq!(
        super::text_of(&loaded),
        "error[project.environment_unknown]: the project has no environment `prd`
  --> millstream.yml
  hint: did you mean `prod`?"
    );
}

#[test]
fn values_of_an_environment_that_cannot_be() {
    says(
        &[(
            "millstream.yml",
            "name: shop
environments:
  dev:
    lake: bucket/path
    memory_limit: lots
    threads: 0
    operational: {url: {env: A}, path: b}
  pro.d: {}
",
        )],
        "error[yaml.value_wrong]: `lake` cannot be `bucket/path`
  --> millstream.yml:4:11
  hint: a URL such as s3://bucket/path
error[yaml.value_wrong]: `memory_limit` cannot be `lots`
  --> millstream.yml:5:19
  hint: a size such as 512MiB or 2GiB
error[yaml.value_wrong]: `threads` must be at least 1
  --> millstream.yml:6:14
error[yaml.value_wrong]: `operational` takes either `url` or `path`
  --> millstream.yml:7:18
  hint: operational: {url: {env: NAME}}, or {url: {file: PATH}}, or {path: FILE}
error[name.invalid]: `pro.d` cannot be the name of an environment
  --> millstream.yml:8:3
  hint: letters, digits, `_` and `-`",
    );
}

#[test]
fn a_url_is_given_by_reference() {
    says(
        &[(
            "millstream.yml",
            "name: shop\nenvironments: {dev: {operational: {url: 'postgres://u:p@h/d'}}}\n",
        )],
        "error[yaml.value_wrong]: `url` must be a map, not text
  --> millstream.yml:2:41",
    );
}
