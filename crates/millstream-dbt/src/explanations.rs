//! The pages behind `millstream explain` for the codes of this crate.

use millstream_core::explain::Explanation;

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

/// One page for every code that this crate can give.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "dbt.access_denied",
        "A model that is private is read from outside its group",
        "A model with `access: private` may be read by models of its own group only. Make it \
         protected, or put the reader into the group.",
    ),
    page(
        "dbt.access_invalid",
        "`access` has a value that there is not",
        "It is one of private, protected and public.",
    ),
    page(
        "dbt.adapter_unknown",
        "The profile names a kind of warehouse that Millstream does not have",
        "`type` of the profile's output is one of postgres, millstream and duckdb (which the \
         embedded engine stands in for).",
    ),
    page(
        "dbt.argument",
        "An argument of the command line is no map",
        "`--vars` and `--args` take YAML: `{key: value}`.",
    ),
    page(
        "dbt.artifact",
        "An artifact cannot be read or written",
        "A file below the target folder is no artifact of dbt, or the folder cannot be written. \
         Look at its rights and at the space on the disk.",
    ),
    page(
        "dbt.catalog.incomplete",
        "The catalog of the warehouse lacks something",
        "A relation or column that was listed could not be described. The rest of the catalog is \
         whole.",
    ),
    page(
        "dbt.compilation",
        "A template cannot be rendered",
        "The SQL of a model, test, hook or macro calls what is not there, raises an error of its \
         own, or is told something that does not fit. The place is in the text itself, or in the \
         macro that failed.",
    ),
    page(
        "dbt.constraint_invalid",
        "A constraint cannot be",
        "A property file names a kind of constraint that there is not, or one that lacks what it \
         needs.",
    ),
    page(
        "dbt.cycle",
        "Models read each other in a circle",
        "None of them can be made before the others. Take one of the references out; a model \
         names its own rows of before with `this`.",
    ),
    page(
        "dbt.database",
        "The warehouse refused a statement",
        "The message is the warehouse's own. Nothing that it had before is changed by the failed \
         step.",
    ),
    page(
        "dbt.dependency",
        "A package is missing or does not fit",
        "Install what `packages.yml` lists, in a version that fits.",
    ),
    page(
        "dbt.deprecated",
        "A spelling that dbt has given up",
        "It still works; the hint says how it is written now. `--strict` makes it an error.",
    ),
    page(
        "dbt.doc_duplicate",
        "Two docs blocks have one name",
        "A description could mean either of them. Rename one of the blocks.",
    ),
    page(
        "dbt.fail_fast",
        "The command ended at the first failure",
        "`--fail-fast` was given. What had not begun was skipped.",
    ),
    page("dbt.group_invalid", "A group cannot be", "A group has a name and an owner."),
    page(
        "dbt.group_unknown",
        "A node belongs to a group that is not there",
        "Declare it under `groups:` in a property file, or correct the name.",
    ),
    page(
        "dbt.internal",
        "The state of the command contradicts itself",
        "This is a fault of Millstream. Please report it with the project.",
    ),
    page(
        "dbt.macro_duplicate",
        "Two macros of one package have one name",
        "A call could mean either of them. Rename or remove one.",
    ),
    page(
        "dbt.materialization_unknown",
        "There is no such materialization",
        "It is view, table, incremental, snapshot, seed or ephemeral, or one that the project \
         defines with `{% materialization %}`.",
    ),
    page(
        "dbt.name_duplicate",
        "Two resources have one name",
        "`ref` could mean either. Rename one of the files, or give a test a `name`.",
    ),
    page(
        "dbt.not_implemented",
        "The adapter has no such ability",
        "A macro asks for what the warehouse of the target cannot do.",
    ),
    page(
        "dbt.package_duplicate",
        "Two packages have one name",
        "Keep one of them in the folder of packages or in `packages.yml`.",
    ),
    page(
        "dbt.package_missing",
        "A package is listed and not there",
        "Install it with dbt into `dbt_packages/`, or correct the path of a local one, which \
         starts at the file that names it.",
    ),
    page(
        "dbt.parsing",
        "A property, variable or file is wrong",
        "The message says which. Nothing runs until it is corrected.",
    ),
    page(
        "dbt.patch_duplicate",
        "A resource is described twice",
        "Two entries of property files describe one model, seed or snapshot. Keep one of them.",
    ),
    page(
        "dbt.patch_unused",
        "A property file describes what is not there",
        "The entry has no effect. Correct its name, or remove it.",
    ),
    page(
        "dbt.patch_wrong_section",
        "A resource is described in the wrong list",
        "A seed stands under `models:`, or the like. Move the entry to the list of its kind.",
    ),
    page(
        "dbt.profile_invalid",
        "An output of the profile lacks something",
        "It needs at least a `type`, and what that asks for.",
    ),
    page(
        "dbt.profile_missing",
        "There is no such profile",
        "`profile` of dbt_project.yml names it in `profiles.yml`, which lies beside the project, \
         in the folder of --profiles-dir or in ~/.dbt.",
    ),
    page(
        "dbt.project_invalid",
        "dbt_project.yml cannot be",
        "It is a map, with at least a `name`.",
    ),
    page(
        "dbt.project_missing",
        "There is no dbt_project.yml",
        "Run the command in the folder of a dbt project, or name it with --project-dir.",
    ),
    page(
        "dbt.properties_invalid",
        "A property file cannot be",
        "An entry is no map, has no name, or says something of a wrong form. The place is that of \
         the entry.",
    ),
    page(
        "dbt.python_call",
        "A Python model calls dbt in a way that cannot be read",
        "The arguments of `dbt.ref`, `dbt.source` and `dbt.config` are literals.",
    ),
    page(
        "dbt.reference_unknown",
        "A reference means nothing",
        "A `ref` or `source` names what is not there or not enabled. A generic test of it is \
         skipped; for anything else correct the name, or declare what it names.",
    ),
    page(
        "dbt.relation_duplicate",
        "Two nodes have one relation",
        "Set `alias` or `schema` of one of them.",
    ),
    page(
        "dbt.runtime",
        "A command failed while it ran",
        "The message says why. What had been made before stays.",
    ),
    page(
        "dbt.schema_change_unknown",
        "There is no such `on_schema_change`",
        "It is ignore, fail, append_new_columns or sync_all_columns.",
    ),
    page(
        "dbt.select.circular",
        "Selectors mean each other",
        "Let one of the selectors in selectors.yml say what it means itself.",
    ),
    page(
        "dbt.select.definition",
        "A selector in selectors.yml cannot be read",
        "It is text, or a map with `union`, `intersection` or `method`.",
    ),
    page(
        "dbt.select.invalid",
        "A text is no selector",
        "A selector is a name, or METHOD:VALUE, with `+` or `@` around it.",
    ),
    page(
        "dbt.select.method",
        "There is no such method of selection",
        "The word before the colon is tag, path, source, config.KEY, state and the like.",
    ),
    page(
        "dbt.select.no_state",
        "A selector needs what another run has left",
        "Name the folder of its artifacts with `--state`.",
    ),
    page(
        "dbt.select.unknown",
        "There is no such selector",
        "`--selector` names one of selectors.yml.",
    ),
    page(
        "dbt.selector_invalid",
        "selectors.yml cannot be",
        "It lists selectors, each with a name and a definition.",
    ),
    page(
        "dbt.snapshot_incomplete",
        "A snapshot lacks a setting",
        "It needs a `unique_key` and a `strategy`: timestamp with `updated_at`, or check with \
         `check_cols`.",
    ),
    page(
        "dbt.snapshot_unfit",
        "A table is no snapshot",
        "The relation of the snapshot has no columns but those that a snapshot adds. Rename one \
         of the two.",
    ),
    page(
        "dbt.state.unreadable",
        "The manifest of `--state` cannot be read",
        "It is the manifest.json of an earlier command, in a version that is known.",
    ),
    page(
        "dbt.strategy_unknown",
        "There is no such incremental strategy",
        "It is append, merge, delete+insert, insert_overwrite or microbatch.",
    ),
    page(
        "dbt.target_missing",
        "The profile has no such target",
        "`--target` or `target:` names one of its outputs.",
    ),
    page(
        "dbt.template_syntax",
        "A text is no template",
        "A block does not end, or an expression is incomplete. The place is where reading \
         stopped.",
    ),
    page(
        "dbt.test_invalid",
        "A test cannot be",
        "It is a name, or a name with its arguments and configuration.",
    ),
    page(
        "dbt.test_unknown",
        "There is no such test",
        "A property file names a generic test that neither the project nor its packages define. \
         Correct the name, or define it under tests/generic/.",
    ),
    page(
        "dbt.unit_test_invalid",
        "A unit test cannot be",
        "It names a model, the rows that are given and the rows that are expected.",
    ),
    page(
        "dbt.validation",
        "A value does not fit",
        "The message says which one, and what it should be.",
    ),
    page(
        "dbt.vars_twice",
        "Variables are set in two files",
        "Keep them in vars.yml or under `vars:` of dbt_project.yml.",
    ),
    page(
        "dbt.version_duplicate",
        "A version of a model is declared twice",
        "`ref` could mean either of them. Give each version its own number.",
    ),
    page(
        "dbt.version_invalid",
        "A version of a model cannot be",
        "`versions` lists maps with `v`, and `latest_version` is one of them.",
    ),
    page(
        "dbt.yaml_template",
        "A template in a YAML file cannot be rendered",
        "It calls what is not there, or a variable is not set. Known are env_var, var and target.",
    ),
    page(
        "dbt.retry",
        "There is nothing to retry",
        "`retry` runs what failed or was skipped in the last command, which it finds in the \
         target folder.",
    ),
];
