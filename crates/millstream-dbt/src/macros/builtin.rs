//! The macros that come with Millstream, by package.

use std::sync::{Once, OnceLock};
use std::thread;

use super::BuiltinFile;

/// Begins to read what every project needs, in a thread of its own, so that it is read while the
/// settings of a project are. Reading a project does the rest.
pub fn read_ahead() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let read = || {
            for file in [DBT, DBT_POSTGRES, DBT_MILLSTREAM].into_iter().flatten() {
                let _ = file.program();
            }
        };
        // Without the thread, whoever needs them reads them.
        let _ = thread::Builder::new().name("millstream-macros".to_owned()).spawn(read);
    });
}

/// Files of a package that lie in a folder beside this file.
macro_rules! package {
    ($package:literal, $folder:literal, [$($path:literal),* $(,)?]) => {
        &[$(BuiltinFile {
            package: $package,
            path: $path,
            text: include_str!(concat!($folder, "/", $path)),
            parsed: {
                static PARSED: OnceLock<super::ParsedFile> = OnceLock::new();
                &PARSED
            },
        }),*]
    };
}

/// What every project expects.
pub static DBT: &[BuiltinFile] = package!(
    "dbt",
    "dbt",
    [
        "docs/overview.md",
        "macros/adapter/column_schema.sql",
        "macros/adapter/columns.sql",
        "macros/adapter/freshness.sql",
        "macros/adapter/indexes.sql",
        "macros/adapter/metadata.sql",
        "macros/adapter/persist_docs.sql",
        "macros/adapter/relation.sql",
        "macros/adapter/schema.sql",
        "macros/adapter/show.sql",
        "macros/adapter/timestamps.sql",
        "macros/adapter/validate_sql.sql",
        "macros/dates.sql",
        "macros/functions/aggregate.sql",
        "macros/functions/function.sql",
        "macros/functions/scalar.sql",
        "macros/functions/volatility.sql",
        "macros/grants/apply_grants.sql",
        "macros/grants/statements.sql",
        "macros/incremental/columns.sql",
        "macros/incremental/delete_insert.sql",
        "macros/incremental/incremental.sql",
        "macros/incremental/insert_overwrite.sql",
        "macros/incremental/merge.sql",
        "macros/incremental/schema_changes.sql",
        "macros/incremental/strategies.sql",
        "macros/materializations/clone.sql",
        "macros/materializations/configs.sql",
        "macros/materializations/hooks.sql",
        "macros/materializations/materialized_view.sql",
        "macros/materializations/table.sql",
        "macros/materializations/view.sql",
        "macros/materialized_views/alter.sql",
        "macros/materialized_views/materialized_view.sql",
        "macros/names/alias.sql",
        "macros/names/database.sql",
        "macros/names/schema.sql",
        "macros/python/python.sql",
        "macros/python/references.sql",
        "macros/relations/backup.sql",
        "macros/relations/create.sql",
        "macros/relations/drop.sql",
        "macros/relations/intermediate.sql",
        "macros/relations/rename.sql",
        "macros/relations/replace.sql",
        "macros/relations/swap.sql",
        "macros/runtime.sql",
        "macros/seeds/rows.sql",
        "macros/seeds/seed.sql",
        "macros/seeds/table.sql",
        "macros/snapshots/build.sql",
        "macros/snapshots/columns.sql",
        "macros/snapshots/deletes.sql",
        "macros/snapshots/merge.sql",
        "macros/snapshots/snapshot.sql",
        "macros/snapshots/staging.sql",
        "macros/snapshots/strategies.sql",
        "macros/snapshots/time_types.sql",
        "macros/statement.sql",
        "macros/tables/columns_and_constraints.sql",
        "macros/tables/contract.sql",
        "macros/tables/create.sql",
        "macros/tables/table.sql",
        "macros/tests/generic.sql",
        "macros/tests/test.sql",
        "macros/tests/where_subquery.sql",
        "macros/unit_tests/fixtures.sql",
        "macros/unit_tests/unit.sql",
        "macros/utils/aggregates.sql",
        "macros/utils/arrays.sql",
        "macros/utils/casts.sql",
        "macros/utils/dates.sql",
        "macros/utils/equals.sql",
        "macros/utils/literals.sql",
        "macros/utils/series.sql",
        "macros/utils/sets.sql",
        "macros/utils/strings.sql",
        "macros/utils/types.sql",
        "macros/views/create_or_replace_view.sql",
        "macros/views/view.sql",
        "tests/generic/builtin.sql",
    ]
);

/// What PostgreSQL does in its own way.
pub static DBT_POSTGRES: &[BuiltinFile] = package!(
    "dbt_postgres",
    "dbt_postgres",
    [
        "macros/catalog.sql",
        "macros/columns.sql",
        "macros/comments.sql",
        "macros/datediff.sql",
        "macros/functions.sql",
        "macros/grants.sql",
        "macros/incremental_strategies.sql",
        "macros/indexes.sql",
        "macros/materialized_views.sql",
        "macros/names.sql",
        "macros/relations_list.sql",
        "macros/schemas.sql",
        "macros/snapshots.sql",
        "macros/tables.sql",
        "macros/timestamps.sql",
        "macros/utils.sql",
        "macros/views.sql",
    ]
);

/// What the embedded engine does in its own way; for the rest it follows PostgreSQL.
pub static DBT_MILLSTREAM: &[BuiltinFile] = package!(
    "dbt_millstream",
    "millstream",
    [
        "macros/catalog.sql",
        "macros/metadata.sql",
        "macros/names.sql",
        "macros/no_ops.sql",
        "macros/rights.sql",
        "macros/schemas.sql",
    ]
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_a_package_is_listed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/macros");
        for (name, files) in
            [("dbt", DBT), ("dbt_postgres", DBT_POSTGRES), ("millstream", DBT_MILLSTREAM)]
        {
            let listed: BTreeSet<_> = files.iter().map(|file| file.path.to_owned()).collect();
            let mut found = BTreeSet::new();
            collect(&folder.join(name), &folder.join(name), &mut found);
            assert_eq!(listed, found, "{name}");
        }
    }

    fn collect(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, found);
            } else if path.extension().is_some_and(|extension| extension != "yml") {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_can_be_read_and_no_name_is_given_twice() {
        for package in [DBT, DBT_POSTGRES, DBT_MILLSTREAM] {
            let mut names = BTreeSet::new();
            for file in package {
                let program = file.program().as_ref();
                let program = program.unwrap_or_else(|error| panic!("{}: {error}", file.path));
                for definition in program.definitions() {
                    let name = format!("{} {}", definition.word(), definition.name());
                    assert!(names.insert(name.clone()), "{name} in {}", file.path);
                }
            }
        }
    }
}
