//! The pages of this crate's error codes, and of those of the commands that it is made for: reading
//! and running dbt projects, and statements that change relations.

use millstream_core::explain::Explanation;

/// Every code that reading, selecting and running a dbt project can give.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "dbt.access_denied",
        "A model may not be referred to from here",
        "The model is private to its group, or protected inside of its package. Move what refers to it, or change `access` of the model. Nothing was run.",
    ),
    page(
        "dbt.access_invalid",
        "An access that does not exist",
        "`access` of a model is private, protected or public.",
    ),
    page(
        "dbt.adapter_unknown",
        "No warehouse of this type",
        "`type` of an output in profiles.yml is postgres, duckdb or millstream; the last two are the embedded engine.",
    ),
    page(
        "dbt.argument",
        "An argument cannot be read",
        "`--vars` and `--args` take a YAML map, such as '{key: value}'.",
    ),
    page(
        "dbt.artifact",
        "An artifact cannot be written",
        "A file of the target folder cannot be written. What ran is done; look at the disk and at the rights of the folder.",
    ),
    page(
        "dbt.catalog.incomplete",
        "The catalog lacks a column",
        "The macro `get_catalog` of the project or of a package names its columns otherwise than dbt does. The message names the one that is missing.",
    ),
    page(
        "dbt.clean",
        "A folder is not removed",
        "`clean-targets` names folders that are made anew by dbt, such as target. What is outside of the project, or holds its sources, stays. Nothing was removed.",
    ),
    page(
        "dbt.compilation",
        "A template cannot be rendered",
        "A model, test, macro or hook is wrong, or calls something with other arguments. The message has the place and the macros that led there. Nothing of the node was changed.",
    ),
    page(
        "dbt.config_invalid",
        "A configuration cannot be used",
        "A value of `config` or of a file of properties is of another kind than its key takes. The message names both.",
    ),
    page(
        "dbt.constraint_invalid",
        "A constraint that does not exist",
        "Constraints are not_null, unique, primary_key, foreign_key, check and custom, with `columns` where they are of a model.",
    ),
    page(
        "dbt.constraint_not_enforced",
        "A foreign key that nobody holds",
        "A contract names a foreign key, which the embedded engine does not look at: the other constraints of the contract are held. A `relationships` test finds rows that break it; `warn_unenforced: false` on the constraint says that this is known.",
    ),
    page(
        "dbt.contract_broken",
        "A model breaks its contract",
        "Columns, types or rows of the model are not what its contract says. The message names \
         them. The former version stays in place.",
    ),
    page(
        "dbt.cycle",
        "Models refer to each other in a circle",
        "Each of the named nodes needs the next one. Take one of the references away. Nothing was run.",
    ),
    page(
        "dbt.database",
        "The warehouse refuses a statement",
        "The message is the warehouse's own. The relation that was there stays; what is behind the node is skipped.",
    ),
    page(
        "dbt.dependency",
        "A package does not fit",
        "A package that is needed is missing or of another version. `dbt deps` installs what packages.yml names.",
    ),
    page(
        "dbt.deprecated",
        "An old spelling",
        "dbt has given the spelling up. It is read as it was meant; with `--strict` it is an error, as in dbt 2.",
    ),
    page(
        "dbt.description_cut",
        "A description that is kept in part",
        "`persist_docs` keeps descriptions with the relation, where other readers of the lake show them. Some of those take 4000 letters, so that a longer description is cut there; `manifest.json` and the documentation have all of it.",
    ),
    page(
        "dbt.doc_duplicate",
        "A docs block twice",
        "Two docs blocks of a package have one name. Rename one.",
    ),
    page(
        "dbt.doc_unknown",
        "A docs block that does not exist",
        "`doc('name')` in a description names no block of the project or its packages.",
    ),
    page(
        "dbt.docs_missing",
        "There is no documentation to serve",
        "`millstream dbt docs generate` writes the files that `docs serve` shows.",
    ),
    page(
        "dbt.fail_fast",
        "The command ended at the first failure",
        "`--fail-fast` was set. What had begun was finished; the rest did not begin.",
    ),
    page(
        "dbt.freshness_unknowable",
        "Nothing says how old a source is",
        "A source with `freshness` needs `loaded_at_field` or `loaded_at_query`.",
    ),
    page(
        "dbt.function_invalid",
        "A function is not what a function is",
        "A function of functions/ has an entry in a file of properties with `returns` and, for each argument, `name` and `data_type`; arguments with a `default_value` come last. Its type is scalar, aggregate or table, its volatility deterministic, stable or non-deterministic. An overload names a file of its own with `defined_in`. Nothing was run.",
    ),
    page(
        "dbt.grants_no_effect",
        "Grants that have no effect",
        "`grants` of a configuration are rights in a database. Relations of the embedded engine have none of their own, so that nothing is granted or revoked there; in PostgreSQL the same project grants what it says. Nothing else is left out.",
    ),
    page(
        "dbt.group_invalid",
        "A group without its parts",
        "A group has a `name` and an `owner` with a name or an email.",
    ),
    page(
        "dbt.group_unknown",
        "A group that does not exist",
        "The configuration of a node names a group that no file of properties declares.",
    ),
    page(
        "dbt.internal",
        "A run contradicts itself",
        "This is a fault of Millstream, or of a materialization of the project that leaves out what dbt needs. The message says what.",
    ),
    page(
        "dbt.macro_duplicate",
        "A macro twice",
        "Two macros of a package have one name. The message names both files.",
    ),
    page(
        "dbt.materialization_unknown",
        "A materialization that does not exist",
        "The embedded engine makes view, table, incremental, materialized_view, snapshot, seed and ephemeral; others come from macros of the project or its packages.",
    ),
    page(
        "dbt.key_unknown",
        "A key that dbt 2 does not know",
        "With --strict the project is held to what dbt 2 takes: every key of its YAML files and \
               every setting of `config()` has to be one that it knows. What a project wants to \
               say beyond that belongs under `meta`. Without --strict the key is kept as it is.",
    ),
    page(
        "dbt.name_invalid",
        "A name that dbt 2 does not take",
        "With --strict names of files of nodes and of exposures have no spaces.",
    ),
    page(
        "dbt.name_duplicate",
        "A name twice",
        "Two resources of a kind have one name in a package. The message names both files.",
    ),
    page(
        "dbt.not_implemented",
        "The warehouse has no such ability",
        "A macro asks the adapter for what it cannot do.",
    ),
    page(
        "dbt.package_duplicate",
        "A package twice",
        "Two folders of packages have the same project name.",
    ),
    page(
        "dbt.package_fetch",
        "A package cannot be brought here",
        "Packages are brought by the programs `git`, `curl` and `tar`; what the program said is in the message. Packages that were installed stay as they are.",
    ),
    page(
        "dbt.package_hub",
        "The registry of packages cannot be asked",
        "Packages that `package:` names come from a registry. Without a way to it, name them by `git`, `tarball` or `local`, or set DBT_PACKAGE_HUB_URL to a registry that can be reached.",
    ),
    page(
        "dbt.package_install",
        "Packages cannot be put into the folder of packages",
        "The folder is `dbt_packages`, or what `packages-install-path` names. Its content is replaced, so that it may not be a folder that the project lies in.",
    ),
    page(
        "dbt.package_invalid",
        "A file of packages or a package says something that is not understood",
        "Every package has one of the keys `local`, `git`, `tarball` (with `name`) and `package` (with `version`). The name of a package's project has letters, digits and `_`.",
    ),
    page(
        "dbt.package_missing",
        "A package is not installed",
        "packages.yml names it, and it is not in the folder of packages. `millstream dbt deps` installs it.",
    ),
    page(
        "dbt.panic",
        "A thread broke down",
        "This is a fault of Millstream. Relations stay as they were before the node. Please report it.",
    ),
    page(
        "dbt.package_version",
        "No version of a package is all that is asked for",
        "Two places that name a git package must name the same revision. A package of the registry must have a version that fits all requirements and this version of dbt.",
    ),
    page(
        "dbt.parsing",
        "A file cannot be understood",
        "A property, variable or file is wrong. The message has the place. Nothing was run.",
    ),
    page(
        "dbt.patch_duplicate",
        "Properties twice",
        "Two entries of files of properties describe one resource. Merge them.",
    ),
    page(
        "dbt.patch_unused",
        "Properties of nothing",
        "A file of properties describes something that does not exist, or is disabled. It is left out.",
    ),
    page(
        "dbt.patch_wrong_section",
        "Properties in another section",
        "A resource is described under the wrong key, such as a seed under `models`. It is left out.",
    ),
    page(
        "dbt.profile_invalid",
        "An output of the profile cannot be used",
        "A field of the output in profiles.yml is missing or of the wrong kind.",
    ),
    page(
        "dbt.profile_missing",
        "There is no such profile",
        "dbt_project.yml or `--profile` names a profile that profiles.yml does not have, or there is no profiles.yml where it was said to be.",
    ),
    page(
        "dbt.project_invalid",
        "dbt_project.yml cannot be used",
        "The file lacks a name, is no map, or has a value of the wrong kind. Nothing was run.",
    ),
    page(
        "dbt.project_missing",
        "There is no dbt project here",
        "No dbt_project.yml is in this folder or above. `--project-dir` names another one.",
    ),
    page(
        "dbt.properties_invalid",
        "A file of properties cannot be used",
        "An entry has no name, is of another kind than its key takes, or has a key twice. The message has the place.",
    ),
    page(
        "dbt.program_view",
        "A model in Python cannot be a view",
        "Its rows are made by a program when it runs: it is a table or incremental.",
    ),
    page(
        "dbt.python_call",
        "A function of Python is called otherwise",
        "A method or function of `modules` was given other arguments than Python takes; or a model \
         in Python calls `dbt.ref`, `dbt.source` or `dbt.config` with more than literals. Such a \
         model is read without running it, so that names stand there as they are.",
    ),
    page(
        "dbt.python_jinja",
        "A model in Python has a template in it",
        "Its file is run as it is, so that `{{ ... }}` and `{% ... %}` would stay in it. \
         `dbt.ref`, `dbt.source`, `dbt.config.get` and `dbt.this` are there instead.",
    ),
    page(
        "dbt.python_model",
        "A file of a Python model defines no model",
        "It has one function `def model(dbt, session)`, which ends with `return` of one value \
         that has rows. Other functions may stand beside it.",
    ),
    page(
        "dbt.reference_unknown",
        "A reference to nothing",
        "`ref`, `source`, `metric` or a test names something that does not exist or is disabled. In a test that is a warning, elsewhere an error.",
    ),
    page(
        "dbt.relation_duplicate",
        "Two nodes make one relation",
        "Their schema and alias are the same. Give one another `alias`, or let `generate_alias_name` tell them apart.",
    ),
    page(
        "dbt.relation_name",
        "A name that the lake cannot have",
        "Schemas and tables of the embedded engine are names of letters, digits and _, in lower case.",
    ),
    page(
        "dbt.retry",
        "There is nothing to retry",
        "`retry` reads run_results.json of the last command. That is missing, cannot be read, or is of a command without nodes. `--state` names another folder.",
    ),
    page(
        "dbt.runtime",
        "A command could not go on",
        "Something that a macro or command needs is missing. The message says what.",
    ),
    page(
        "dbt.schema_change_unknown",
        "A way with new columns that does not exist",
        "`on_schema_change` is ignore, fail, append_new_columns or sync_all_columns.",
    ),
    page(
        "dbt.seed_refers",
        "A hook of a seed refers to a node",
        "Seeds come before everything else, so that their hooks can refer to nothing.",
    ),
    page(
        "dbt.select.circular",
        "Selectors mean each other",
        "A definition of selectors.yml refers to itself through others.",
    ),
    page(
        "dbt.select.definition",
        "A definition of selectors.yml cannot be used",
        "It has no name, or a part that is neither text, method nor a union, intersection or exclusion of such.",
    ),
    page(
        "dbt.select.invalid",
        "A selector cannot be read",
        "Selectors are names, paths and `method:value`, with +, @ and numbers of steps: `2+orders+1`.",
    ),
    page(
        "dbt.select.method",
        "A method that does not exist",
        "Methods are tag, path, file, fqn, source, config, resource_type, package, group, access, exposure, metric, result, source_status, state, test_name, test_type, unit_test, version and others of dbt.",
    ),
    page(
        "dbt.select.no_state",
        "There is nothing to compare with",
        "`state:`, `result:` and `source_status:` need the artifacts of another run: `--state FOLDER`.",
    ),
    page(
        "dbt.select.unknown",
        "A selector that is not defined",
        "`--selector` names no definition of selectors.yml.",
    ),
    page(
        "dbt.selector_invalid",
        "selectors.yml cannot be read",
        "A definition has no name, or the file is no list of definitions.",
    ),
    page(
        "dbt.snapshot_incomplete",
        "A snapshot lacks a part",
        "A snapshot needs `unique_key` and `strategy`: timestamp with `updated_at`, or check with `check_cols`.",
    ),
    page(
        "dbt.snapshot_unfit",
        "A snapshot does not fit its table",
        "Columns that the snapshot keeps have other names in the table that is there. Rename them, or set `snapshot_meta_column_names` as it was.",
    ),
    page(
        "dbt.state.unreadable",
        "The artifacts of another run cannot be read",
        "`--state` is a folder with a manifest.json of dbt 1.0 or newer, or of Millstream.",
    ),
    page(
        "dbt.strategy_unknown",
        "A strategy that does not exist",
        "`incremental_strategy` is append, merge, delete+insert, insert_overwrite or microbatch.",
    ),
    page(
        "partition.no_column",
        "A model does not make the column that divides it",
        "A partition takes the rows of the model whose column has its value, or lies in its stretch of time. The model has to make that column. What was there stays in place.",
    ),
    page(
        "partition.column_type",
        "The column that divides a model is no moment",
        "Partitions by time need a timestamp, or for days, months and years a date. Cast the column in the model. What was there stays in place.",
    ),
    page(
        "dbt.target_missing",
        "The profile has no such output",
        "`--target` or `target` of the profile names no output of it.",
    ),
    page(
        "dbt.template_syntax",
        "A template cannot be read",
        "A block is not closed, or an expression is wrong. The message has file, line and column.",
    ),
    page(
        "dbt.test_invalid",
        "A test cannot be used",
        "An entry under `data_tests` is neither a name nor a map with one, or has arguments twice.",
    ),
    page(
        "dbt.test_unknown",
        "A test that does not exist",
        "No macro `test_NAME` is in the project or its packages.",
    ),
    page(
        "dbt.unit_test_invalid",
        "A unit test cannot be used",
        "It names a model, input or fixture that does not exist, or rows that are no rows.",
    ),
    page(
        "dbt.validation",
        "A value does not fit",
        "A configuration or argument is of another kind than is needed. The message says which.",
    ),
    page(
        "dbt.vars_twice",
        "Variables in two places",
        "vars.yml and `vars` of dbt_project.yml exclude each other.",
    ),
    page(
        "dbt.version_duplicate",
        "A version twice",
        "A model has two files or entries for one version.",
    ),
    page(
        "dbt.version_invalid",
        "Versions that contradict each other",
        "`latest_version` names no version of the model, or a version has no file.",
    ),
    page(
        "dbt.version_required",
        "A project or package requires another version of dbt",
        "`require-dbt-version` in its dbt_project.yml does not include the version of dbt whose behaviour is matched. `--no-version-check` reads it all the same.",
    ),
    page(
        "dbt.yaml_template",
        "A template in YAML cannot be rendered",
        "A value of a YAML file has a template that is wrong, or asks for what is not known while files are read.",
    ),
    page(
        "sql.column_count",
        "Values and columns differ in number",
        "`insert` gives more values than the table has columns, or another number than the \
               columns that it names.",
    ),
    page(
        "sql.column_exists",
        "The column is there already",
        "`alter table` adds a column, or gives it a name, that the table has. Write `add \
               column if not exists` where it may be there.",
    ),
    page(
        "sql.no_rollback",
        "What is published cannot be rolled back",
        "In the embedded engine every statement that changes something is a transaction of \
               its own: it is published when it has ended, and `begin` and `commit` around several \
               do nothing. So `rollback` after a change cannot undo it. Make one statement of \
               what belongs together (`create table as`, `insert ... select`, `delete`), or let a \
               model do it.",
    ),
    page(
        "sql.not_a_table",
        "Rows of a view cannot be changed",
        "A statement inserts, deletes or updates rows of a view, or changes its columns. A \
               view has the rows of the tables that it reads: change those, or the query.",
    ),
    page(
        "sql.relation_exists",
        "The name is taken",
        "A statement makes a table or view, or gives it a name, that another one has. Drop \
               that one before, or write `create or replace` or `create ... if not exists`.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::EXPLANATIONS;

    /// Texts that look like a code: a file, and the start of several codes.
    const OTHERS: &[&str] = &["dbt.log", "dbt.project"];

    #[test]
    fn every_code_has_a_page() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of crates");
        let mut codes = BTreeSet::new();
        collect(&crates.join("millstream-dbt/src"), &mut codes);
        collect(&crates.join("millstream/src/cmd/dbt"), &mut codes);
        collect(&crates.join("millstream/src/wire/warehouse"), &mut codes);
        let pages: BTreeSet<String> =
            EXPLANATIONS.iter().map(|page| page.code.to_owned()).collect();
        let missing: Vec<&String> = codes.difference(&pages).collect();
        assert!(missing.is_empty(), "codes without a page: {missing:?}");
    }

    fn collect(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the sources are there").flatten() {
            let path = entry.path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            if path.is_dir() && !is_test {
                collect(&path, codes);
            } else if path.extension().is_some_and(|end| end == "rs") && !is_test {
                let text = fs::read_to_string(&path).expect("it is text");
                let texts = text.split('"').filter(|text| is_code(text));
                codes.extend(texts.map(str::to_owned));
            }
        }
    }

    fn is_code(text: &str) -> bool {
        let is_part = |letter: char| letter.is_ascii_lowercase() || "._".contains(letter);
        text.strip_prefix("dbt.").is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_part))
            && !OTHERS.contains(&text)
    }
}
