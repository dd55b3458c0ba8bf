use millstream_core::change::{ColumnChange, Life, Rows, Taken};
use millstream_core::name::Relation;

use super::*;

fn one(sql: &str) -> Statement {
    let mut read = read_statements(sql).unwrap();
    assert_eq!(read.len(), 1, "{sql}");
    read.remove(0)
}

fn change(sql: &str) -> Change {
    match one(sql) {
        Statement::Change(change) => change,
        other => panic!("{sql} is {other:?}"),
    }
}

fn relation(name: &str) -> Relation {
    name.parse().unwrap()
}

#[test]
fn tables_come_of_queries_and_of_columns() {
    assert_eq!(
        change(r#"create table "db"."S"."t" as (select 1 as a)"#),
        Change::CreateTable {
            relation: Relation::new("S", "t").unwrap(),
            rows: "(SELECT 1 AS a)".to_owned(),
            taken: Taken::Refuse,
            life: Life::Lasting,
        }
    );
    let Change::CreateTable { rows, taken, life, .. } =
        change("create temp table if not exists T (A int, b varchar(10) primary key)")
    else {
        panic!("no table");
    };
    assert_eq!(
        rows,
        "select cast(null as INT) as \"a\", cast(null as VARCHAR(10)) as \"b\" limit 0"
    );
    assert_eq!((taken, life), (Taken::Keep, Life::Temporary));
    assert!(read_statements("create table t (a int check (a > 1))").is_err());
}

#[test]
fn relations_go_and_get_other_names() {
    assert_eq!(
        change("drop view if exists a.b, c cascade"),
        Change::Drop { relations: vec![relation("a.b"), relation("c")], missing: Missing::Ignore }
    );
    let renamed = Change::Rename { from: relation("a.b"), to: relation("a.c") };
    for kind in ["table", "view", "materialized view"] {
        assert_eq!(change(&format!("alter {kind} a.b rename to c")), renamed);
    }
    assert_eq!(one("drop index if exists i"), Statement::Nothing("DROP"));
}

#[test]
fn columns_change() {
    let Change::Columns { changes, .. } =
        change("alter table t add column a int, add column b numeric(4,2)")
    else {
        panic!("no columns");
    };
    let added = |change: &ColumnChange| matches!(change, ColumnChange::Add { .. });
    assert!(changes.len() == 2 && changes.iter().all(added), "{changes:?}");
    assert!(matches!(
        &change("alter table t alter column a type bigint"),
        Change::Columns { changes, .. } if matches!(changes[..], [ColumnChange::Retype { .. }])
    ));
    let keys = "alter table t add primary key (a)";
    assert_eq!(one(keys), Statement::Nothing("ALTER TABLE"));
}

#[test]
fn conditions_of_the_table_alone_are_told_from_others() {
    let rows = |sql: &str| match change(sql) {
        Change::Delete { which, .. } | Change::Update { which, .. } => which,
        other => panic!("{other:?}"),
    };
    assert_eq!(rows("delete from s.t"), Rows::All);
    assert_eq!(rows("delete from s.t where T.A > 1"), Rows::Where("a > 1".to_owned()));
    assert_eq!(rows("update t set a = b + 1 where a = 2"), Rows::Where("a = 2".to_owned()));
    let read = |alias: &str, condition: &str| Rows::WhereRead {
        alias: alias.to_owned(),
        condition: condition.to_owned(),
    };
    assert_eq!(
        rows("delete from t as x where x.a in (select a from u)"),
        read("x", "x.a IN (SELECT a FROM u)")
    );
    assert_eq!(
        rows("delete from t using u where t.a = u.a"),
        read("t", "exists (select 1 from u where t.a = u.a)")
    );
}

#[test]
fn scripts_are_several_statements() {
    let read = read_statements("begin; insert into t (a) values (1); select 2; commit;").unwrap();
    assert_eq!(read.len(), 4);
    assert_eq!(read[2], Statement::Query("SELECT 2".to_owned()));
    assert_eq!(read[3], Statement::Transaction(Transaction::Commit));
}

#[test]
fn what_has_no_meaning_here_is_told() {
    assert_eq!(one("create schema if not exists s"), Statement::Nothing("CREATE SCHEMA"));
    assert_eq!(one("grant select on t to ada"), Statement::Nothing("GRANT"));
    for sql in ["insert into t values (1) on conflict do nothing", "create role ada"] {
        assert_eq!(read_statements(sql).unwrap_err().code(), "sql.unsupported", "of {sql}");
    }
    assert_eq!(read_statements("selec 1").unwrap_err().code(), "sql.parse");
}
