//! Templates that would take too long, too deep or too much.

use std::fmt::Write as _;

use millstream_jinja::{Error, ErrorKind, Machine, Program, Settings, Syntax, Value};

fn rendered(text: &str) -> Result<String, Error> {
    let program = Program::parse("a.sql", text, &Syntax::dbt())?;
    let settings = Settings { fuel: 1_000_000, ..Settings::default() };
    Machine::new(&(), settings).render(&program)
}

fn fails(text: &str, kind: ErrorKind) {
    match rendered(text) {
        Ok(output) => panic!("{text} gives {} bytes", output.len()),
        Err(error) => assert_eq!(error.kind(), kind, "{text}: {error}"),
    }
}

#[test]
fn what_never_ends_is_stopped() {
    let loops = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
    fails(loops, ErrorKind::OutOfFuel);
    fails(
        "{% set l = [1] %}{% for i in l %}{% do l.append(i) %}{% endfor %}",
        ErrorKind::OutOfFuel,
    );
    let settings = Settings { fuel: 100, ..Settings::default() };
    let program =
        Program::parse("a", "{% for i in range(60) %}x{% endfor %}", &Syntax::dbt()).unwrap();
    let error = Machine::new(&(), settings).render(&program).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
}

#[test]
fn what_is_too_deep_is_stopped() {
    fails("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", ErrorKind::TooDeep);
    fails(
        "{% macro m() %}{% call m() %}{{ caller }}{% endcall %}{% endmacro %}{{ m() }}",
        ErrorKind::TooDeep,
    );
    fails(
        "{% macro m(x) %}{{ [x] | map('string') | list }}{% if 1 %}{% for i in [1] %}{% set y %}{{ m(x) ~ 1 }}{% endset %}{% endfor %}{% endif %}{% endmacro %}{{ m(0) }}",
        ErrorKind::TooDeep,
    );
    fails("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", ErrorKind::TooDeep);
    fails(
        "{% macro a(x) %}{{ [x] | map(attribute='y') | list }}{{ a(x=a(x)) }}{% endmacro %}{{ a({}) }}",
        ErrorKind::TooDeep,
    );
    fails(
        "{% set l = [1] %}{% for i in range(1000) %}{% set _ = l.append([l.pop()]) %}{% endfor %}{{ l }}",
        ErrorKind::TooDeep,
    );
    let nested =
        |open: &str, close: &str| format!("{{{{ {}1{} }}}}", open.repeat(5000), close.repeat(5000));
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1:", "}"),
        ("not ", ""),
        ("-", ""),
        ("x(", ")"),
        ("x[", "]"),
        ("1 if 1 else ", ""),
        ("", ".a"),
        ("", " + 1"),
        ("", "|abs"),
        ("", " and 1"),
        ("", "(1)"),
        ("", " is odd"),
    ] {
        fails(&nested(open, close), ErrorKind::Syntax);
    }
    fails(&"{% if 1 %}".repeat(5000), ErrorKind::Syntax);
    fails(&"{% macro m() %}".repeat(5000), ErrorKind::Syntax);
}

#[test]
fn what_is_long_but_flat_is_no_trouble() {
    let parts = vec!["'a'"; 5000];
    assert_eq!(rendered(&format!("{{{{ {} }}}}", parts.join(" ~ "))).unwrap().len(), 5000);
    assert!(rendered(&format!("{{{{ [{}] | length }}}}", parts.join(", "))).is_ok());
    let branches = vec!["{% elif x == 1 %}a"; 3000].concat();
    assert_eq!(rendered(&format!("{{% if false %}}{branches}{{% endif %}}")).unwrap(), "");
    let sum = vec!["1"; 150].join(" + ");
    assert_eq!(rendered(&format!("{{{{ {sum} }}}}")).unwrap(), "150");
    let mut macros = String::new();
    for i in 0..60 {
        let _ = write!(macros, "{{% macro m{i}() %}}{{{{ m{}() }}}}{{% endmacro %}}", i + 1);
    }
    assert_eq!(
        rendered(&format!("{macros}{{% macro m60() %}}end{{% endmacro %}}{{{{ m0() }}}}")).unwrap(),
        "end"
    );
}

#[test]
fn what_is_too_large_is_refused() {
    for text in [
        "{{ 'a' * 10 ** 12 }}",
        "{{ [1] * 10 ** 12 }}",
        "{{ '%1000000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ 'a'.ljust(10 ** 15) }}",
        "{{ 'a' | center(10 ** 15) }}",
        "{{ 'a'.zfill(10 ** 15) }}",
        "{{ 'a' | indent(10 ** 15) }}",
        "{{ '\t' .expandtabs(10 ** 15) }}",
        "{{ range(10 ** 9) }}",
        "{{ 10 ** 100 }}",
        "{{ (2 ** 126) * 4 }}",
        "{{ '%.5000f' % 1.5 }}",
    ] {
        fails(text, ErrorKind::TooLarge);
    }
    for text in [
        "{% set ns = namespace(t='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
        "{% set ns = namespace(t='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.t = ns.t.replace('a', 'aa') %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% do ns.l.extend(ns.l) %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(t=(1,)) %}{% for i in range(60) %}{% set ns.t = (ns.t, ns.t) %}{% endfor %}{{ {ns.t: 1} }}",
        "{% set a = namespace(l=[1]) %}{% set b = namespace(l=[1]) %}{% for i in range(60) %}{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
        "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(30) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ [ns.l] * 1000 | sort }}{{ ([ns.l] * 1000).count(ns.m) }}",
        "{% set x = 'a' * 1000000 %}{% set l = [] %}{% for i in range(100000) %}{% do l.append(x ~ i) %}{% endfor %}",
        "{% set x = 'a' * 1000000 %}{% for i in range(100000) %}{{ x }}{% endfor %}",
    ] {
        assert!(rendered(text).is_err(), "{text}");
    }
}

#[test]
fn values_that_contain_themselves_are_no_trouble() {
    let text = "{% set l = [1] %}{% do l.append(l) %}{{ l }}{{ l == l }}{{ l in l }}{% set d = {} %}{% do d.update(d=d) %}{{ d }}{% do l.sort() if false %}{{ l | length }}";
    assert_eq!(rendered(text).unwrap(), "[1, [...]]TrueTrue{'d': {...}}2");
    assert!(
        rendered("{% set l = [] %}{% do l.append(l) %}{% do l.sort() %}{{ l | tojson }}").is_err()
    );
    assert!(
        rendered(
            "{% set a = [] %}{% set b = [] %}{% do a.append(b) %}{% do b.append(a) %}{{ a == b }}"
        )
        .is_err()
    );
    assert!(rendered("{% set l = [[2], [1]] %}{% do l[0].append(l) %}{% do l.sort() %}").is_ok());
    assert!(rendered("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}").is_ok());
}

#[test]
fn deep_values_end_without_deep_calls() {
    for step in [
        "[ns.v]",
        "(ns.v,)",
        "{'a': ns.v}",
        "namespace(v=ns.v)",
        "cycler(ns.v)",
        "joiner(ns.v)",
        "[ns.v].append",
        "[ns.v] | map('list')",
        "{'a': ns.v}.items()",
        "[{'a': ns.v, 'b': 1}] | groupby('b')",
    ] {
        let text = format!(
            "{{% set ns = namespace(v=[]) %}}{{% for i in range(30000) %}}{{% set ns.v = {step} %}}{{% endfor %}}done"
        );
        let done = rendered(&text);
        assert!(
            done.as_ref().is_ok_and(|output| output == "done") || step.contains("map"),
            "{step}: {done:?}"
        );
    }
}

#[test]
fn values_that_are_endless_as_data_are_refused() {
    let mut value = Value::list([Value::Int(1)]);
    for _ in 0..60 {
        value = Value::list([value.clone(), value]);
    }
    assert!(value.to_json().is_err());
    assert!(value.to_repr().is_err());
}
