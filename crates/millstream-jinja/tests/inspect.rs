//! What a template calls, told without rendering it.

use std::sync::Arc;

use millstream_jinja::{Call, Program, Syntax};

fn program(text: &str) -> Arc<Program> {
    Program::parse("models/a.sql", text, &Syntax::dbt()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn calls_with_literals_are_told_without_rendering() {
    let read =
        program("select * from {{ ref('a', v=1) }} {{ config(tags=['x'], meta={'k': -1}) }}");
    let calls = read.plain_calls().unwrap_or_else(|| panic!("the template is plain"));
    let paths: Vec<_> = calls.iter().map(|call| call.path.as_slice()).collect();
    assert_eq!(paths, [&["ref"], &["config"]]);
    assert_eq!(calls[0].positional, [Some("a".into())]);
    assert_eq!(calls[0].named, [("v", Some(1.into()))]);
    assert_eq!(calls[1].named[1], ("meta", Some(serde_json::json!({"k": -1}))));
    for text in ["{{ ref(x) }}", "{% if a %}{% endif %}", "{{ a.b() }}", "{{ ref('a') ~ 'b' }}"] {
        assert_eq!(program(text).plain_calls(), None, "{text}");
    }
}

#[test]
fn the_calls_of_a_macro_are_found_wherever_they_stand() {
    let read = program(
        "{% macro m(a=first()) %}{% for i in second(third(1)) %}{{ adapter.dispatch('x', 'y')(i) }}\
         {% endfor %}{% call fourth() %}{{ 'a' ~ fifth() }}{% endcall %}{% endmacro %}{{ outside() }}",
    );
    let names =
        |calls: Vec<Call<'_>>| calls.iter().map(|call| call.path.join(".")).collect::<Vec<_>>();
    let found = names(read.calls_of(&read.definitions()[0]));
    assert_eq!(found, ["first", "second", "third", "adapter.dispatch", "fourth", "fifth"]);
    assert_eq!(names(read.calls()), ["outside"]);
}

#[test]
fn arguments_are_told_as_they_are_written() {
    let text =
        "{{ config(a='x', b=[1, 'y', none], c=var('z', false) ~ {'k': -1}['k'], d=(not a.b)) }}";
    let read = program(text);
    let written = read.written(&read.calls()[0]);
    let expected = [
        ("a", "x"),
        ("b", "[1, 'y', None]"),
        ("c", "var('z', False) ~ {'k': -1}['k']"),
        ("d", "not a.b"),
    ];
    assert_eq!(written, expected.map(|(name, text)| (name, text.to_owned())));
}
