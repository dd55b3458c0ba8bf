//! The project that `init` makes.

use std::path::PathBuf;

/// The files of a small project that runs: a generated shop, one model and its tests. `name` is
/// the project's name, letters, digits and `_`.
pub fn init_files(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let manifest = format!("name: {name}\n");
    [
        ("millstream.yml", manifest.as_str()),
        ("sources/shop.yml", SOURCE),
        ("models/customer_orders.sql", MODEL),
        ("models/schema.yml", PROPERTIES),
        (".gitignore", ".millstream/\n"),
    ]
    .into_iter()
    .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()))
    .collect()
}

const SOURCE: &str = "\
sources:
  - name: shop
    connector: demo_shop
    scale: 0.1
    streams:
      - {name: customers, key: customer_id}
      - {name: orders, key: order_id}
";

const MODEL: &str = "\
{{ config(materialized='table') }}

select
    c.customer_id,
    count(o.order_id) as orders
from {{ source('shop', 'customers') }} c
left join {{ source('shop', 'orders') }} o on o.customer_id = c.customer_id
group by c.customer_id
";

const PROPERTIES: &str = "\
version: 2

models:
  - name: customer_orders
    description: How many orders each customer has.
    columns:
      - name: customer_id
        description: Identifies the customer.
        data_tests: [unique, not_null]
";
