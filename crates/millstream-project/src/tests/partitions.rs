//! `partitions:` of models, and dbt's words for microbatches.

use millstream_core::partition::{Grain, PartitionKey, PartitionedBy, Partitions};

use super::{loaded, project, text_of};
use crate::{Project, Text};

fn model(config: &str) -> Project {
    project(&[("models/daily.sql", &format!("{{{{ config({config}) }}}} select 1 as at"))])
}

fn partitions(config: &str) -> Partitions {
    model(config).graph.nodes()[0].partitions.clone().expect("it is divided")
}

fn refused(config: &str, expected: &str) {
    let text = format!("{{{{ config({config}) }}}} select 1 as at");
    let loaded = loaded(&[("models/daily.sql", &text)]);
    let said = text_of(&loaded);
    assert!(said.contains(expected), "{expected} is not in {said}");
    assert!(said.contains("error[model.partitions]") && loaded.project.is_none(), "{said}");
}

const DAYS: &str = "{'by': 'time', 'column': 'at', 'grain': 'day', 'begin': '2024-01-01'}";
const MICROBATCH: &str = "materialized='incremental', incremental_strategy='microbatch', \
                          event_time='at', batch_size='month', begin='2024-01-01'";

#[test]
fn a_model_says_how_it_is_divided() {
    for config in [format!("partitions={DAYS}"), format!("meta={{'partitions': {DAYS}}}")] {
        let days = partitions(&format!("materialized='table', {config}"));
        assert_eq!(days.column, "at");
        assert_eq!(days.time().expect("by time").grain(), Grain::Day);
    }
    let years = partitions(
        "materialized='table', partitions={'by': 'time', 'column': 'at', 'grain': 'year', 'begin': 2020}",
    );
    assert_eq!(years.time().expect("by time").grain(), Grain::Year);
    let regions = partitions(
        "materialized='table', partitions={'by': 'values', 'column': 'region', 'values': ['eu', 7]}",
    );
    let values = ["eu", "7"].map(PartitionKey::new).to_vec();
    assert_eq!(regions.by, PartitionedBy::Values { values });
}

#[test]
fn microbatches_are_partitions() {
    let project = model(MICROBATCH);
    let months = project.models[0].partitions.as_ref().expect("it is divided");
    assert_eq!(months.time().expect("by time").grain(), Grain::Month);
    assert!(matches!(project.models[0].text, Text::Late(_)), "each batch reads its own rows");
    refused(&MICROBATCH.replace("event_time='at', ", ""), "a microbatch model needs `event_time`");
    refused(&MICROBATCH.replace("'month'", "'week'"), "`batch_size` cannot be `week`");
}

#[test]
fn which_partitions_there_are_is_no_part_of_the_definition() {
    let definition = |config: &str| model(config).models[0].definition;
    let days = format!("materialized='table', partitions={DAYS}");
    assert_eq!(definition(&days), definition(&days.replace("2024", "2023")));
    assert_ne!(definition(&days), definition(&days.replace("'day'", "'month'")));
    assert_ne!(definition(&days), definition("materialized='table'"));
}

#[test]
fn what_cannot_be_divided_is_said_with_its_place() {
    let table = |from: &str, to: &str| {
        format!("materialized='table', partitions={}", DAYS.replace(from, to))
    };
    refused(&table("2024-01-01", "2024-02-30"), "`2024-02-30` is no date or time that there is");
    refused(&table("2024-01-01", "2024-02-30"), "--> models/daily.sql:1:");
    refused(&table("'day'", "'week'"), "unknown variant `week`");
    refused(&table("'column': 'at', ", ""), "missing field `column`");
    refused(&table("'at'", "'at', 'colour': 1"), "unknown field `colour`");
    refused(&table("2024-01-01'", "2024-01-01', 'end': '2023-01-01'"), "not after its begin");
    refused(&table("2024-01-01'", "2024-01-01', 'timezone': 'Mars'"), "no time zone `Mars`");
    refused(&table("'day'", "'hour'").replace("2024", "1900"), "more than 100000 partitions");
    refused(&format!("materialized='view', partitions={DAYS}"), "a `view` has no partitions");
    refused(
        "materialized='table', partitions={'by': 'values', 'column': 'r', 'values': ['a', 'a']}",
        "`a` is here twice",
    );
}
