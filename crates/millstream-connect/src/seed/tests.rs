use std::time::Duration;

use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::hash::ContentHash;
use millstream_core::id::RunId;
use millstream_core::log::AttemptLog;
use millstream_core::step::{Previous, Refresh, StepKind};

use super::*;
use crate::testing::{Project, rows, types, warehouse::MemoryWarehouse};

fn seed_of(project: &Project, text: &str) -> SeedFile {
    project.write("seeds/things.csv", text.as_bytes());
    SeedFile {
        path: project.root().join("seeds/things.csv"),
        shown: "seeds/things.csv".to_owned(),
        delimiter: ',',
        names: ColumnNames::Lowercase,
        column_types: Vec::new(),
    }
}

/// The type and the value of one cell beside a column of text.
fn cell(value: &str) -> (String, String) {
    let project = Project::new(&[]);
    let file = seed_of(&project, &format!("a,b\n\"{value}\",x\n"));
    let batch = read::read(&file).unwrap();
    let kind = types(&batch.schema())[0].split_once(' ').unwrap().1.to_owned();
    (kind, rows(&batch)[0][0].clone())
}

fn fails(text: &str, column_types: &[(&str, &str)]) -> String {
    let project = Project::new(&[]);
    let mut file = seed_of(&project, text);
    let owned = |(column, name): &(&str, &str)| ((*column).to_owned(), (*name).to_owned());
    file.column_types = column_types.iter().map(owned).collect();
    let error = millstream_core::Error::from(read::read(&file).unwrap_err());
    format!("{}: {error}", error.code())
}

#[test]
fn values_show_the_types_that_dbt_sees() {
    for (value, kind, shown) in [
        ("1,000", "bigint", "1000"),
        ("007", "bigint", "7"),
        ("$5", "bigint", "5"),
        ("-$5", "bigint", "-5"),
        ("50%", "bigint", "50"),
        (" 5 ", "bigint", "5"),
        ("1_000", "bigint", "1000"),
        ("1.0", "bigint", "1"),
        ("1.5e3", "bigint", "1500"),
        ("1.25", "double", "1.25"),
        ("nan", "double", "NaN"),
        ("20180101", "bigint", "20180101"),
        ("5-", "text", "5-"),
        ("2018-01-01", "date", "2018-01-01"),
        ("2018-1-1", "date", "2018-01-01"),
        ("2018-02-30", "text", "2018-02-30"),
        ("2018-01-01 10:00:00", "timestamp", "2018-01-01T10:00:00"),
        ("2018-01-01 10:00:00.5", "text", "2018-01-01 10:00:00.5"),
        ("2018-01-01T10:00:00", "timestamp", "2018-01-01T10:00:00"),
        ("2018-01-01T10:00:00Z", "timestamp", "2018-01-01T10:00:00"),
        ("2018-01-01T10", "timestamp", "2018-01-01T10:00:00"),
        ("True", "boolean", "true"),
        ("t", "text", "t"),
        ("None", "text", "None"),
        ("NULL", "bigint", "~"),
        ("", "bigint", "~"),
        ("a \"\"b\"\", c", "text", "a \"b\", c"),
    ] {
        assert_eq!(cell(value), (kind.to_owned(), shown.to_owned()), "of {value:?}");
    }
}

#[test]
fn a_header_and_rows_may_be_untidy() {
    let project = Project::new(&[]);
    let file = seed_of(&project, "\u{feff}ID,id,,Flag\r\n1,2\r\n\r\n3,4,5,true");
    let batch = read::read(&file).unwrap();
    assert_eq!(types(&batch.schema()), ["id bigint", "id_2 bigint", "c bigint", "flag boolean"]);
    assert_eq!(rows(&batch)[1], ["~", "~", "~", "~"]);
    assert_eq!(rows(&batch)[2], ["3", "4", "5", "true"]);
    let none = read::read(&seed_of(&project, "a,a\n")).unwrap();
    assert_eq!(types(&none.schema()), ["a bigint", "a_2 bigint"]);
    assert_eq!(none.num_rows(), 0);
}

#[test]
fn columns_take_the_types_that_are_declared() {
    let project = Project::new(&[]);
    let mut file =
        seed_of(&project, "Zip;Price;At\n00501;1.50;2026-01-02\n;null;2026-01-02 10:30\n");
    file.delimiter = ';';
    file.names = ColumnNames::AsWritten;
    file.column_types = [("Zip", "varchar(5)"), ("Price", "numeric(10, 2)"), ("At", "timestamp")]
        .map(|(column, name)| (column.to_owned(), name.to_owned()))
        .to_vec();
    let batch = read::read(&file).unwrap();
    assert_eq!(types(&batch.schema()), ["Zip text", "Price decimal(10,2)", "At timestamp"]);
    assert_eq!(rows(&batch)[0], ["00501", "1.50", "2026-01-02T00:00:00"]);
    assert_eq!(rows(&batch)[1], ["~", "~", "2026-01-02T10:30:00"]);
}

#[test]
fn files_that_make_no_table_say_why() {
    assert_eq!(fails("", &[]), "seed.empty: `seeds/things.csv` has no header");
    assert_eq!(
        fails("a,b\n1,2\n3,4,5\n", &[]),
        "seed.bad_row: seeds/things.csv: row 2 has 3 fields, the header 2"
    );
    assert_eq!(
        fails("a,b\n1,2\n\"3,4\n", &[]),
        "seed.bad_row: seeds/things.csv:3: a quote is not closed"
    );
    assert_eq!(
        fails("a\n1\n", &[("a", "intger")]),
        "seed.bad_type: column `a` of `seeds/things.csv` cannot be of type `intger`"
    );
    assert_eq!(
        fails("a\n1\nx\n", &[("a", "integer")]),
        "seed.bad_value: seeds/things.csv: row 2, column `a`: `x` is no integer"
    );
}

#[tokio::test]
async fn a_seed_is_staged_and_published_with_its_columns_alone() {
    let project = Project::new(&[]);
    let file = seed_of(&project, "id,name\n1,Ada\n2,\n");
    let warehouse = Arc::new(MemoryWarehouse::default());
    let asset: AssetKey = "table:raw.things".parse().unwrap();
    let spec = StepSpec {
        kind: StepKind::Seed,
        outputs: vec![asset.clone()],
        inputs: Vec::new(),
        definition: ContentHash::of(b"definition"),
        timeout: Duration::from_mins(1),
        execution: millstream_core::execution::Execution::default(),
        partitions: None,
        flow: millstream_core::flow::Flow::default(),
    };
    let step = SeedStep::new(spec, file, warehouse.clone()).unwrap();
    let attempt = Attempt {
        run: RunId::new(),
        id: AttemptId::new(),
        claimed_at: Timestamp::from_micros(0),
        catalog: CatalogSnapshot::default(),
        inputs: Vec::new(),
        previous: Previous::default(),
        refresh: Refresh::Incremental,
        log: AttemptLog::default(),
        partition: None,
        results: millstream_core::flow::Results::new(),
        given: None,
        trace_parent: None,
    };
    let staged = step.stage(&attempt).await.unwrap();
    assert_eq!((staged.stats.rows_in, staged.stats.rows_out), (2, 2));
    let application = EffectId::application("dev", &asset, "");
    let effect = EffectId { application, sequence: 1 };
    step.publish(&staged.targets[0], &effect).await.unwrap();
    assert!(step.find(&staged.targets[0], &effect).await.unwrap().is_some());
    assert_eq!(warehouse.types("raw.things"), ["id bigint", "name text"]);
    assert_eq!(warehouse.rows("raw.things", &["id", "name"]), [["1", "Ada"], ["2", "~"]]);
}
