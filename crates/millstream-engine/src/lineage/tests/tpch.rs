//! The queries of TPC-H, and others over its tables, against the ground truth.

use super::Desk;
use super::constructs::CONSTRUCTS;
use super::mutation::{Figures, mutate};
use super::tpch_queries::QUERIES;

/// The share of predicted pairs of a source column and a query in which a change is seen. Not all:
/// a filter may let the changed values pass as well.
const SHOWN_PERCENT_MIN: usize = 80;

/// The tables of TPC-H, small, where every query finds rows. Numbers are the row's number `i`.
const TABLES: [(&str, &str); 8] = [
    (
        "region",
        "select i as r_regionkey,
        ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'][i + 1] as r_name,
        'about ' || i as r_comment from generate_series(0, 4) g(i)",
    ),
    (
        "nation",
        "select i as n_nationkey,
        ['ALGERIA', 'BRAZIL', 'CHINA', 'FRANCE', 'SAUDI ARABIA',
         'KENYA', 'CANADA', 'INDIA', 'GERMANY', 'IRAN'][i + 1] as n_name,
        i % 5 as n_regionkey, 'about ' || i as n_comment from generate_series(0, 9) g(i)",
    ),
    (
        "supplier",
        "select i as s_suppkey, 'Supplier ' || i as s_name, 'street ' || i as s_address,
        i % 10 as s_nationkey, '55-' || i as s_phone,
        cast(i * 731 % 9000 as decimal(15, 2)) as s_acctbal,
        case when i = 7 then 'Customer wrote Complaints' else 'fine' end as s_comment
        from generate_series(1, 10) g(i)",
    ),
    (
        "customer",
        "select i as c_custkey, 'Customer ' || i as c_name, 'road ' || i as c_address,
        (i * 3 + i / 4) % 10 as c_nationkey, (10 + (i * 3 + i / 4) % 10) || '-555-' || i as c_phone,
        cast(i * 977 % 9000 - 900 as decimal(15, 2)) as c_acctbal,
        ['BUILDING', 'AUTOMOBILE'][i % 2 + 1] as c_mktsegment, 'says ' || i as c_comment
        from generate_series(1, 30) g(i)",
    ),
    (
        "part",
        "select i as p_partkey,
        ['forest green', 'lace green', 'forest red', 'blue'][i % 4 + 1] || ' ' || i as p_name,
        'Manufacturer#' || (i % 3) as p_mfgr,
        ['Brand#12', 'Brand#23', 'Brand#45'][i % 3 + 1] as p_brand,
        ['PROMO BURNISHED COPPER', 'ECONOMY ANODIZED STEEL', 'SMALL PLATED BRASS',
         'MEDIUM POLISHED TIN'][i % 4 + 1] as p_type,
        i % 15 + 1 as p_size, ['SM CASE', 'MED BOX', 'LG BOX'][i % 3 + 1] as p_container,
        cast(900 + i as decimal(15, 2)) as p_retailprice, 'made ' || i as p_comment
        from generate_series(1, 20) g(i)",
    ),
    (
        "partsupp",
        "select i % 20 + 1 as ps_partkey, (i % 20 + i / 20 * 3) % 10 + 1 as ps_suppkey,
        i * 37 % 100 + 20 as ps_availqty,
        cast(i * 61 % 300 + 1 as decimal(15, 2)) as ps_supplycost, 'held ' || i as ps_comment
        from generate_series(0, 59) g(i)",
    ),
    (
        "orders",
        "select i + 1 as o_orderkey, i * 7 % 20 + 1 as o_custkey,
        ['F', 'O', 'F'][i % 3 + 1] as o_orderstatus,
        cast(1000 + i * 997 % 5000 as decimal(15, 2)) as o_totalprice,
        cast(cast(8401 + i * 29 % 1800 as int) as date) as o_orderdate,
        ['1-URGENT', '2-HIGH', '3-MEDIUM', '5-LOW'][i % 4 + 1] as o_orderpriority,
        'Clerk ' || (i % 5) as o_clerk, i % 2 as o_shippriority,
        case when i % 9 = 0 then 'has special requests' else 'plain' end as o_comment
        from generate_series(0, 59) g(i)",
    ),
    (
        "lineitem",
        "select i % 60 + 1 as l_orderkey, (i * 3 + i / 60 * 7) % 20 + 1 as l_partkey,
        ((i * 3 + i / 60 * 7) % 20 + i % 3 * 3) % 10 + 1 as l_suppkey, i / 60 + 1 as l_linenumber,
        cast(i * 13 % 50 + 1 as decimal(15, 2)) as l_quantity,
        cast(1000 + i * 331 % 9000 as decimal(15, 2)) as l_extendedprice,
        cast(i % 11 as decimal(15, 2)) / 100 as l_discount,
        cast(i % 9 as decimal(15, 2)) / 100 as l_tax,
        ['R', 'A', 'N'][i % 3 + 1] as l_returnflag, ['O', 'F'][i % 2 + 1] as l_linestatus,
        cast(cast(8401 + i % 60 * 29 % 1800 + i % 90 + 1 as int) as date) as l_shipdate,
        cast(cast(8401 + i % 60 * 29 % 1800 + i % 80 + 25 as int) as date) as l_commitdate,
        cast(cast(8401 + i % 60 * 29 % 1800 + i % 90 + i * 7 % 30 + 2 as int) as date)
          as l_receiptdate,
        ['DELIVER IN PERSON', 'NONE'][i % 2 + 1] as l_shipinstruct,
        ['MAIL', 'SHIP', 'AIR', 'AIR REG', 'RAIL'][i % 5 + 1] as l_shipmode,
        'packed ' || i as l_comment from generate_series(0, 239) g(i)",
    ),
];

#[tokio::test]
async fn every_change_in_the_queries_of_tpch_was_predicted() {
    let queries = QUERIES.map(|(number, sql)| (format!("query {number}"), sql));
    let figures = figures(&queries).await;
    assert!(
        figures.queries.shown * 100 >= figures.queries.predicted * SHOWN_PERCENT_MIN,
        "{figures}"
    );
    assert!(figures.queries.silent > figures.queries.predicted, "{figures}");
}

#[tokio::test]
async fn every_change_in_other_constructs_was_predicted() {
    let queries = CONSTRUCTS.map(|sql| (sql.to_owned(), sql));
    figures(&queries).await;
}

#[allow(
    clippy::print_stdout,
    reason = "how much of what is predicted shows is a figure, no failure"
)]
async fn figures(queries: &[(String, &str)]) -> Figures {
    let mut desk = Desk::new();
    let mut tables = Vec::new();
    for (name, sql) in TABLES {
        let rows = desk.rows(sql).await;
        desk.hold(name, rows.clone());
        tables.push((name, rows));
    }
    let mut figures = Figures::default();
    for (name, sql) in queries {
        mutate(&mut desk, &tables, name, sql, &mut figures).await;
    }
    println!("{figures}");
    assert!(figures.missed.is_empty(), "{}", figures.missed.join("\n"));
    figures
}
