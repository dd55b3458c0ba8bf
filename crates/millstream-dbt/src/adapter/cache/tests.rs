use super::*;
use crate::adapter::{Dialect, Path, RelationKind};

fn relation(name: &str) -> Relation {
    let path = Path::new(Some("Db"), Some("Main"), Some(name));
    Relation::new(Dialect::of("postgres"), path).of_kind(RelationKind::Table)
}

fn names(cache: &RelationCache) -> Vec<String> {
    let found = cache.relations(Some("db"), Some("MAIN")).unwrap_or_default();
    found.iter().map(Relation::render).collect()
}

#[test]
fn schemas_are_unknown_until_they_are_filled() {
    let cache = RelationCache::default();
    assert_eq!(cache.relations(Some("db"), Some("main")), None);
    cache.fill(Some("DB"), Some("main"), []);
    assert_eq!(cache.relations(Some("db"), Some("Main")), Some(Vec::new()));
    assert!(!cache.has_schema(Some("db"), Some("other")));
    cache.add(Relation { path: Path::new(Some("db"), Some("other"), Some("a")), ..relation("a") });
    assert!(cache.has_schema(Some("db"), Some("other")));
}

#[test]
fn what_comes_later_than_the_first_list_may_be_old() {
    let cache = RelationCache::default();
    cache.fill(Some("db"), Some("main"), [relation("orders")]);
    cache.rename(&relation("orders"), &relation("orders__dbt_backup")).unwrap();
    cache.fill(Some("db"), Some("main"), [relation("orders")]);
    assert_eq!(names(&cache), [r#""Db"."Main"."orders__dbt_backup""#]);
}

#[test]
fn known_relations_stay_as_they_are() {
    let cache = RelationCache::default();
    cache.add(relation("orders"));
    cache.add(relation("ORDERS").of_kind(RelationKind::View));
    assert_eq!(names(&cache), [r#""Db"."Main"."orders""#]);
}

#[test]
fn views_go_with_what_they_read() {
    let cache = RelationCache::default();
    for name in ["a", "b", "c", "d"] {
        cache.add(relation(name));
    }
    cache.link(&relation("a"), &relation("b"), cache.changes());
    cache.link(&relation("B"), &relation("c"), cache.changes());
    cache.forget(&relation("A"));
    assert_eq!(names(&cache), [r#""Db"."Main"."d""#]);
    cache.forget(&relation("a"));
    assert_eq!(names(&cache).len(), 1);
}

#[test]
fn links_follow_a_new_name() {
    let cache = RelationCache::default();
    cache.add(relation("a"));
    cache.add(relation("b"));
    cache.link(&relation("a"), &relation("b"), cache.changes());
    cache.rename(&relation("b"), &relation("b2")).unwrap();
    cache.rename(&relation("a"), &relation("a2")).unwrap();
    assert_eq!(names(&cache), [r#""Db"."Main"."b2""#, r#""Db"."Main"."a2""#]);
    cache.forget(&relation("a2"));
    assert_eq!(names(&cache), [""; 0]);
}

#[test]
fn readers_outside_of_the_cache_are_external() {
    let cache = RelationCache::default();
    cache.link(&relation("a"), &relation("b"), cache.changes());
    assert_eq!(cache.relations(Some("db"), Some("main")), None);
    cache.fill(Some("db"), Some("main"), []);
    cache.link(&relation("a"), &relation("b"), cache.changes());
    let outside =
        Relation { path: Path::new(Some("db"), Some("other"), Some("a")), ..relation("a") };
    cache.link(&relation("b"), &outside, cache.changes());
    assert!(!cache.has_schema(Some("db"), Some("other")));
    cache.fill(Some("db"), Some("other"), [outside.clone().of_kind(RelationKind::View)]);
    let other = cache.relations(Some("db"), Some("other")).unwrap();
    assert_eq!(other[0].kind, Some(RelationKind::View));
    let found = cache.relations(Some("db"), Some("main")).unwrap();
    assert!(found.iter().all(|relation| relation.kind == Some(RelationKind::External)));
    assert_eq!(found.len(), 2);
}

#[test]
fn what_was_renamed_since_the_warehouse_was_asked_does_not_come_back() {
    let cache = RelationCache::default();
    cache.fill(Some("db"), Some("main"), [relation("a"), relation("b")]);
    let asked = cache.changes();
    cache.rename(&relation("b"), &relation("b__dbt_backup")).unwrap();
    cache.link(&relation("a"), &relation("b"), asked);
    cache.rename(&relation("b__dbt_tmp"), &relation("b")).unwrap();
    assert_eq!(cache.relations(Some("db"), Some("main")).unwrap().len(), 3);
}

#[test]
fn a_new_name_must_be_free() {
    let cache = RelationCache::default();
    cache.rename(&relation("a"), &relation("b__dbt_backup")).unwrap();
    let problem = cache.rename(&relation("c"), &relation("b__dbt_backup")).unwrap_err();
    let expected = "Cache inconsistency detected: in rename, new key _ReferenceKey(database='db', \
                    schema='main', identifier='b__dbt_backup') already in cache: \
                    [_ReferenceKey(database='db', schema='main', identifier='b__dbt_backup')]";
    assert!(problem.message.starts_with(expected), "{problem}");
    assert!(problem.message.contains("share the prefix 'b'"), "{problem}");
}

#[test]
fn a_schema_goes_with_its_relations() {
    let cache = RelationCache::default();
    cache.add(relation("a"));
    cache.forget_schema(Some("db"), Some("main"));
    assert_eq!(cache.relations(Some("db"), Some("main")), None);
    cache.fill(Some("db"), Some("main"), []);
    assert_eq!(names(&cache), [""; 0]);
}
