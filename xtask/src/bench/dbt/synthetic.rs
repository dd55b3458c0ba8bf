//! dbt projects of any size, the same ones every time.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

const SEED_ROWS: u64 = 1_000;
/// A model refers to some of this many models before it.
const REACH: u64 = 60;
const REFERENCES_MAX: u64 = 3;
const TAGS: u64 = 10;

const PROJECT: &str = "\
name: synthetic
version: '1.0'
config-version: 2
profile: synthetic
";
const MACROS: &str = "\
{% macro cents_to_dollars(column) %}({{ column }} / 100.0){% endmacro %}

{% macro cols(names) %}
  {% set out = [] %}
  {% for name in names %}{% do out.append('m.' ~ name) %}{% endfor %}
  {{ return(out | join(', ')) }}
{% endmacro %}
";

/// A project of `models` models with two tests each, on one seed: a tenth are views on the seed,
/// the others tables that join up to three models before them.
pub(super) fn write_synthetic(folder: &Path, models: u64) -> Result<()> {
    let mut random = Random(7);
    let staged = (models / 10).max(1);
    for name in ["seeds", "macros", "models/staging", "models/marts"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    std::fs::write(folder.join("dbt_project.yml"), PROJECT)?;
    std::fs::write(folder.join("macros/columns.sql"), MACROS)?;
    std::fs::write(folder.join("seeds/raw.csv"), seed(&mut random))?;
    for number in 0..models {
        let (place, sql) = if number < staged {
            ("staging", staging_model(number))
        } else {
            ("marts", mart_model(number, staged, &mut random))
        };
        let file = format!("models/{place}/{}.sql", model_name(number, staged));
        std::fs::write(folder.join(file), sql)?;
    }
    let names = |numbers: std::ops::Range<u64>| numbers.map(|number| model_name(number, staged));
    std::fs::write(folder.join("models/staging/schema.yml"), properties(names(0..staged)))?;
    std::fs::write(folder.join("models/marts/schema.yml"), properties(names(staged..models)))?;
    Ok(())
}

/// A table of rows that arrive (`src`) and a table that they are merged into (`merged`). Half of
/// the rows that arrive are new. Variables say which: `rows` rows, of which the first half have
/// the keys `known_from`, `known_from + stride` ... and the others those from `new_from`.
pub(super) fn write_merge(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder.join("models"))?;
    std::fs::write(folder.join("dbt_project.yml"), PROJECT)?;
    std::fs::write(
        folder.join("models/src.sql"),
        "{{ config(materialized='table') }}
select
  id,
  id % 100000 as customer,
  (id * 37 % 10007) / 100.0 as amount,
  {{ var('batch') }} as batch,
  concat('note ', cast(id % 977 as varchar)) as note
from (
  select case
    when i < {{ var('rows') }} / 2 then {{ var('known_from') }} + i * {{ var('stride') }}
    else {{ var('new_from') }} + i - {{ var('rows') }} / 2
  end as id
  from generate_series(0, {{ var('rows') }} - 1) as numbers(i)
) as keys
",
    )?;
    std::fs::write(
        folder.join("models/merged.sql"),
        "{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}
select cast(id as bigint) as id, customer, amount, batch, note from {{ ref('src') }}
",
    )?;
    Ok(())
}

fn seed(random: &mut Random) -> String {
    let mut csv = "id,grp,amount,ts\n".to_owned();
    for id in 0..SEED_ROWS {
        let (group, cents, day) = (random.below(10), random.below(100_000), 1 + random.below(28));
        let _ = writeln!(csv, "{id},g{group},{cents},2026-01-{day:02}");
    }
    csv
}

fn model_name(number: u64, staged: u64) -> String {
    if number < staged { format!("stg_{number}") } else { format!("mart_{number}") }
}

fn staging_model(number: u64) -> String {
    format!(
        "{{{{ config(materialized='view') }}}}
select
  id,
  grp,
  {{{{ cents_to_dollars('amount') }}}} as amount,
  cast(ts as date) as ts,
  {number} as src
from {{{{ ref('raw') }}}}
"
    )
}

fn mart_model(number: u64, staged: u64, random: &mut Random) -> String {
    let references = 1 + random.below(REFERENCES_MAX);
    let mut names: Vec<String> = Vec::new();
    for _ in 0..references {
        let before = 1 + random.below(REACH.min(number));
        let name = model_name(number - before, staged);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let tag = random.below(TAGS);
    let mut sql = format!("{{{{ config(materialized='table', tags=['t{tag}']) }}}}\nwith ");
    let parts = names.iter().enumerate();
    let parts = parts
        .map(|(place, name)| format!("part_{place} as (select * from {{{{ ref('{name}') }}}})"));
    sql.push_str(&parts.collect::<Vec<_>>().join(",\n"));
    sql.push_str("\nselect {{ cols(['id', 'grp', 'amount', 'ts', 'src']) }}\nfrom part_0 as m\n");
    for place in 1..names.len() {
        let _ = writeln!(sql, "left join part_{place} on m.id = part_{place}.id");
    }
    sql
}

fn properties(models: impl Iterator<Item = String>) -> String {
    let mut yaml = "version: 2\nmodels:\n".to_owned();
    for name in models {
        let _ = write!(
            yaml,
            "  - name: {name}
    description: What {name} holds
    columns:
      - name: id
        description: The key
        data_tests: [unique, not_null]
      - name: amount
        description: In dollars
"
        );
    }
    yaml
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}
