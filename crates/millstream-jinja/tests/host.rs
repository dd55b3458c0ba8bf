//! What a host gives to templates and gets from them: `return`, definitions, objects, places.

use std::cell::RefCell;
use std::error::Error as _;
use std::sync::Arc;

use millstream_jinja::{
    Args, BinaryOp, Error, ErrorKind, Host, Interrupt, Machine, Object, Outcome, Program, Settings,
    Shape, Side, Syntax, UndefinedMode, Value, Writer,
};

/// A host with `return`, `log`, an object `adapter`, and the macros of another file.
#[derive(Default)]
struct Project {
    library: Option<Arc<Program>>,
    logged: RefCell<Vec<String>>,
}

impl Host for Project {
    fn global(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "return" => Some(Value::function("return", |_, args: Args| {
                Err(Interrupt::returning(args.one("return", "value")?))
            })),
            "refuse" => Some(Value::function("refuse", |_, args: Args| {
                let reason = args.one("refuse", "reason")?.to_text()?.to_string();
                Err(Error::host(Refused(reason)).into())
            })),
            "adapter" => Some(Value::object(Adapter)),
            "cents" => Some(Value::function("cents", |_, args: Args| {
                let cents = args.one("cents", "cents")?.as_int();
                Ok(cents.map_or(Value::None, |cents| Value::object(Cents(cents))))
            })),
            name => return self.of_library(machine, name),
        })
    }

    fn filter(&self, name: &str) -> Option<Value> {
        (name == "twice").then(|| {
            Value::function("twice", |_, args: Args| {
                let text = args.one("twice", "value")?.to_text()?;
                Ok(Value::text(format!("{text}{text}")))
            })
        })
    }

    fn test(&self, name: &str) -> Option<Value> {
        (name == "short").then(|| {
            Value::function("short", |_, args: Args| {
                let length = args.one("short", "value")?.length();
                Ok(Value::from(length.is_some_and(|length| length < 3)))
            })
        })
    }
}

impl Project {
    fn of_library(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        self.logged.borrow_mut().push(name.to_owned());
        let Some(library) = &self.library else { return Ok(None) };
        let definition = library.definitions().iter().find(|found| found.name() == name);
        definition.map(|found| machine.macro_of(library, found)).transpose()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("refused: {0}")]
struct Refused(String);

#[derive(Debug)]
struct Adapter;

impl Object for Adapter {
    fn type_name(&self) -> &'static str {
        "Adapter"
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push("the adapter")
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok((name == "type").then(|| Value::text("millstream")))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["dispatch", "quote"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let given = args.one(name, "name")?;
        if name == "quote" {
            return Ok(Value::text(format!("\"{}\"", given.to_text()?)));
        }
        machine.global(&format!("default__{}", given.to_text()?))
    }
}

fn program(text: &str) -> Arc<Program> {
    Program::parse("models/a.sql", text, &Syntax::dbt()).unwrap_or_else(|error| panic!("{error}"))
}

fn rendered(text: &str) -> Result<String, Error> {
    Machine::new(&Project::default(), Settings::default()).render(&program(text))
}

fn check(text: &str, expected: &str) {
    assert_eq!(rendered(text).unwrap_or_else(|error| panic!("{text}: {error}")), expected);
}

#[test]
fn return_ends_a_macro_with_a_value() {
    check("{% macro m() %}text{{ return([1, 2]) }}more{% endmacro %}{{ m()[1] + 1 }}", "3");
    check("{% macro m() %}{% do return({'a': 5}) %}{% endmacro %}{{ m().a }}", "5");
    check("{% macro m(x) %}{{ return(x) + 1 }}{% endmacro %}{{ m(7) }}", "7");
    check(
        "{% macro m() %}{% for i in range(9) %}{% if i == 3 %}{{ return(i) }}{% endif %}{% endfor %}{% endmacro %}{{ m() * 2 }}",
        "6",
    );
    check(
        "{% macro a() %}{{ return(1) }}{% endmacro %}{% macro b() %}{{ a() }}x{% endmacro %}{{ b() }}",
        "1x",
    );
    check("{% macro m() %}{% set x = return('deep') %}{% endmacro %}{{ m() }}", "deep");
    check("{% macro m() %}{{ return(none) }}{% endmacro %}{{ m() is none }}", "True");
}

#[test]
fn return_in_a_call_block_ends_the_macro_that_is_called() {
    check(
        "{% macro m() %}before{{ caller() }}after{% endmacro %}{% call m() %}{{ return('all') }}{% endcall %}",
        "all",
    );
}

#[test]
fn return_outside_of_a_macro_is_an_error() {
    let error = rendered("{{ return(1) }}").unwrap_err();
    assert!(error.message().contains("in macros only"), "{error}");
}

#[test]
fn definitions_are_given_to_the_host() {
    let text = "\
{% macro first(a, b=1) %}x{% endmacro %}
{% materialization incremental, adapter='duckdb', supported_languages=['sql', 'python'] -%}
  {{ return({'relations': [adapter.type]}) }}
{%- endmaterialization %}
{% materialization view, default %}{% endmaterialization %}
{% test positive(model, column_name) %}select {{ column_name }} from {{ model }}{% endtest %}
{% data_test other(model) %}{% enddata_test %}
{% snapshot orders %}select {{ 1 + 1 }}{% endsnapshot %}
{% docs page %} {{ not read }} {% if %} {% enddocs %}
rest";
    let program = program(text);
    let found: Vec<(&str, &str, usize)> = program
        .definitions()
        .iter()
        .map(|definition| (definition.word(), definition.name(), definition.params().len()))
        .collect();
    let expected = [
        ("macro", "first", 2),
        ("materialization", "incremental", 0),
        ("materialization", "view", 0),
        ("test", "positive", 2),
        ("data_test", "other", 1),
        ("snapshot", "orders", 0),
        ("docs", "page", 0),
    ];
    assert_eq!(found, expected);
    let [_, incremental, view, positive, _, orders, page] = program.definitions() else { panic!() };
    let options = serde_json::to_value(incremental.options()).unwrap();
    let expected =
        serde_json::json!([["adapter", "duckdb"], ["supported_languages", ["sql", "python"]]]);
    assert_eq!(options, expected);
    assert_eq!(view.options(), [("default".to_owned(), None)]);
    assert_eq!(&program.source()[page.body_range()], " {{ not read }} {% if %} ");
    assert_eq!(&program.source()[orders.body_range()], "select {{ 1 + 1 }}");
    assert!(program.source()[positive.range()].starts_with("{% test positive"));
    assert!(program.source()[positive.range()].ends_with("{% endtest %}"));
    assert_eq!(rendered(text).unwrap().trim(), "rest");

    let host = Project::default();
    let mut machine = Machine::new(&host, Settings::default());
    let test = machine.macro_of(&program, positive).unwrap();
    let args = Args::of([Value::text("t"), Value::text("id")]);
    let sql = machine.call(&test, args).unwrap();
    assert_eq!(sql.as_text(), Some("select id from t"));
    let materialization = machine.macro_of(&program, incremental).unwrap();
    let relations = machine.call(&materialization, Args::default()).unwrap();
    assert_eq!(relations.to_json().unwrap().to_string(), r#"{"relations":["millstream"]}"#);
    let snapshot = machine.macro_of(&program, orders).unwrap();
    assert_eq!(machine.call(&snapshot, Args::default()).unwrap().as_text(), Some("select 2"));
}

#[test]
fn definitions_stand_at_the_top_only() {
    for text in [
        "{% if x %}{% test a() %}{% endtest %}{% endif %}",
        "{% test a %}{% endtest %}",
        "{% docs a %}",
    ] {
        assert!(Program::parse("a", text, &Syntax::dbt()).is_err(), "{text}");
    }
    assert!(Program::parse("a", "{% test a() %}{% endtest %}", &Syntax::default()).is_err());
}

#[test]
fn macros_of_other_files_see_their_own_file() {
    let library = program(
        "{% set unit = 'eur' %}{% macro price(x) %}{{ x }} {{ unit_of() }}{% endmacro %}{% macro unit_of() %}{{ unit }}{% endmacro %}",
    );
    let host = Project { library: Some(library), ..Project::default() };
    let text = "{% set unit = 'usd' %}{{ price(3) }} {{ price(4) }} {{ unit }}";
    let rendered = Machine::new(&host, Settings::default()).render(&program(text)).unwrap();
    assert_eq!(rendered, "3 eur 4 eur usd");
    assert_eq!(*host.logged.borrow(), ["price"], "the host is asked once");
}

#[test]
fn macros_that_stand_alone_see_the_host_only() {
    let library = program(
        "{% set unit = 'eur' %}{% macro price(x) %}{{ x }} {{ unit_of() }}{{ unit }}{% endmacro %}{% macro unit_of() %}own{% endmacro %}",
    );
    let other = program("{% macro unit_of() %}other{% endmacro %}");
    let host = Project { library: Some(other), ..Project::default() };
    let mut machine = Machine::new(&host, Settings::default());
    let price = machine.macro_alone(&library, &library.definitions()[0]);
    let text = machine.call(&price, Args::of([Value::from(3_usize)])).unwrap();
    assert_eq!(text.as_text(), Some("3 other"));
}

#[test]
fn one_expression_has_a_value_of_its_own() {
    let value = |text: &str| {
        let value = Machine::new(&(), Settings::default()).value_of(&program(text)).unwrap();
        value.to_repr().unwrap()
    };
    assert_eq!(value("{{ [1, 'a'] }}"), "[1, 'a']");
    assert_eq!(value(" {{ [1] }}"), "' [1]'");
    assert_eq!(value("{{ 1 }}{{ 2 }}"), "'12'");
    assert_eq!(value("5"), "'5'");
    assert_eq!(value(""), "''");
}

#[test]
fn objects_answer_for_themselves() {
    check(
        "{{ adapter }} {{ adapter.type }} {{ adapter.quote('a') }} {{ adapter.zz is defined }} {{ adapter is mapping }}",
        "the adapter millstream \"a\" False True",
    );
    check(
        "{% set q = adapter.quote %}{{ q('b') }} {{ ['c'] | map('twice') | join }} {{ 'ab' is short }}",
        "\"b\" cc True",
    );
    check("{{ 'twice' is filter }} {{ 'short' is test }}", "True True");
    let library = program("{% macro default__hash(x) %}md5({{ x }}){% endmacro %}");
    let host = Project { library: Some(library), ..Project::default() };
    let text =
        program("{{ adapter.dispatch('hash')('id') }} {{ adapter.dispatch('zz') is defined }}");
    let rendered = Machine::new(&host, Settings::default()).render(&text).unwrap();
    assert_eq!(rendered, "md5(id) False");
}

#[test]
fn an_error_has_its_place_and_the_macros_that_ran() {
    let text = "select 1\n{% macro inner(x) %}\n  {{ x.y.z }}{% endmacro %}\n{% macro outer() %}{{ inner({}) }}{% endmacro %}\n  {{ outer() }}";
    let error = rendered(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Undefined);
    assert_eq!(error.subject(), Some("y"));
    assert_eq!(error.to_string(), "'dict object' has no attribute 'y' (models/a.sql:3:8)");
    let stack: Vec<String> = error
        .stack()
        .iter()
        .map(|trace| format!("{} {}", trace.name, trace.place.as_ref().unwrap()))
        .collect();
    assert_eq!(stack, ["inner models/a.sql:4:23", "outer models/a.sql:5:6"]);
}

#[test]
fn places_are_right_in_all_kinds_of_trouble() {
    let places = [
        ("a\n{{ 1 +", "2:1"),
        ("a\n {% if x", "2:2"),
        ("ä {{ nothing() }}", "1:6"),
        ("{{ 'a' | nothing }}", "1:10"),
        ("{{ 1 is nothing }}", "1:9"),
        ("{% set x = 1 %}\r\n\r\n{{ 1 / 0 }}", "3:4"),
        ("{% for x in 5 %}{% endfor %}", "1:13"),
        ("{% for x in [1, 2] %}\n{{ x.a.b }}{% endfor %}", "2:6"),
        ("{% set a, b = 1, 2, 3 %}", "1:8"),
        ("{{ [1, {'a': 1 / 0}] }}", "1:14"),
        ("a\n{% macro m() %}{% if 1 %}", "2:16"),
        ("{% macro m(a) %}{% endmacro %}\n{{ m(1, 2) }}", "2:4"),
        ("{% macro m() %}{{ caller(1) }}{% endmacro %}{% call m() %}{% endcall %}", "1:19"),
        ("{{ refuse('a') }}", "1:4"),
        ("{% set x.y = 1 %}", "1:8"),
        ("{{ 'a\n\nb' ~\n 1 / 0 }}", "4:2"),
        ("{{ a b }}", "1:6"),
        ("{% include 'x' %}", "1:4"),
        ("{{ 'a }}", "1:4"),
        ("{# a", "1:1"),
        ("{% raw %} a", "1:1"),
    ];
    for (text, expected) in places {
        let parsed = Program::parse("f", text, &Syntax::dbt());
        let host = Project::default();
        let error = match parsed {
            Ok(program) => Machine::new(&host, Settings::default()).render(&program).unwrap_err(),
            Err(error) => error,
        };
        let place = error.place().unwrap_or_else(|| panic!("{text}: {error} has no place"));
        assert_eq!(format!("{}:{}", place.line, place.column), expected, "{text}: {error}");
    }
}

#[test]
fn errors_have_the_words_of_jinja() {
    for (text, message) in [
        ("{{ y + 1 }}", "'y' is undefined"),
        ("{{ y() }}", "'y' is undefined"),
        ("{{ {}.y.z }}", "'dict object' has no attribute 'y'"),
        ("{{ {}['y'].z }}", "'dict object' has no attribute 'y'"),
        ("{{ [][0].z }}", "list object has no element 0"),
        ("{{ none.y.z }}", "'None' has no attribute 'y'"),
        (
            "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}",
            "macro 'dbt_macro__m' takes no keyword argument 'b'",
        ),
        (
            "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
            "macro 'dbt_macro__m' takes not more than 1 argument(s)",
        ),
        (
            "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}",
            "macro 'dbt_macro__m' got multiple values for argument 'a'",
        ),
        ("{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}", "parameter 'a' was not provided"),
    ] {
        assert_eq!(rendered(text).unwrap_err().message(), message, "{text}");
    }
}

#[test]
fn parameters_can_have_types() {
    check(
        "{% macro m(a: str, b: dict[str, list[int]] = 2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
        "12",
    );
}

#[test]
fn errors_of_the_host_are_found_again() {
    let error = rendered("{% macro m() %}{{ refuse('no') }}{% endmacro %}{{ m() }}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_eq!(error.message(), "refused: no");
    let source = error.source().and_then(|source| source.downcast_ref::<Refused>());
    assert_eq!(source.map(|refused| refused.0.as_str()), Some("no"));
    assert_eq!(rendered("{{ nothing(1) }}").unwrap_err().kind(), ErrorKind::UnknownFunction);
    assert_eq!(rendered("{{ 1 | nothing }}").unwrap_err().kind(), ErrorKind::UnknownFilter);
    assert_eq!(rendered("{{ 1 is nothing }}").unwrap_err().kind(), ErrorKind::UnknownTest);
}

#[test]
fn what_is_undefined_is_chained_printed_or_refused() {
    let render = |text: &str, undefined| {
        let settings = Settings { undefined, ..Settings::default() };
        Machine::new(&(), settings).render(&program(text)).ok()
    };
    let chained = "{{ adapter.dispatch('x')(1).a[0]() }}";
    assert_eq!(render(chained, UndefinedMode::Chainable).as_deref(), Some(""));
    assert_eq!(render(chained, UndefinedMode::Lenient), None);
    let printed = "{{ x }}";
    assert_eq!(render(printed, UndefinedMode::Lenient).as_deref(), Some(""));
    assert_eq!(render(printed, UndefinedMode::Unprintable), None);
    let tested = "{% if x %}a{% endif %}{% for a in x %}{% endfor %}";
    assert_eq!(render(tested, UndefinedMode::Unprintable).as_deref(), Some(""));
    assert_eq!(render(tested, UndefinedMode::Strict), None);
}

#[test]
fn programs_are_shared_between_threads() {
    let program = program(
        "{% set l = [] %}{% for i in range(50) %}{% do l.append(i) %}{% endfor %}{{ l | sum }}",
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let rendered = Machine::new(&(), Settings::default()).render(&program);
                assert_eq!(rendered.unwrap(), "1225");
            });
        }
    });
}

/// Cents, which templates see as a number.
#[derive(Debug)]
struct Cents(i128);

impl Object for Cents {
    fn type_name(&self) -> &'static str {
        "Cents"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }

    fn binary(&self, op: BinaryOp, other: &Value, side: Side) -> Outcome<Option<Value>> {
        let Some(other) = other.as_int().map(|whole| whole * 100) else { return Ok(None) };
        Ok(match (op, side) {
            (BinaryOp::Add, _) => Some(Value::object(Self(self.0 + other))),
            (BinaryOp::Subtract, Side::Left) => Some(Value::object(Self(self.0 - other))),
            (BinaryOp::Subtract, Side::Right) => Some(Value::object(Self(other - self.0))),
            _ => None,
        })
    }

    fn negative(&self) -> Outcome<Option<Value>> {
        Ok(Some(Value::object(Self(-self.0))))
    }

    fn as_float(&self) -> Option<f64> {
        Some(self.0 as f64 / 100.0)
    }

    fn whole(&self) -> Option<i128> {
        Some(self.0 / 100)
    }

    fn rounded(&self, digits: i32) -> Option<Value> {
        Some(Value::text(format!("{self:?} to {digits}")))
    }

    fn formatted(&self, spec: &str) -> Outcome<Option<(Value, String)>> {
        Ok(Some((Value::Float(self.0 as f64 / 100.0), format!("{spec}f"))))
    }

    fn as_key(&self) -> Option<Value> {
        (self.0 % 100 == 0).then_some(Value::Int(self.0 / 100))
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_float() == self.as_float())
    }

    fn order(&self, other: &Value) -> Outcome<Option<std::cmp::Ordering>> {
        Ok(other.as_float().and_then(|other| self.as_float()?.partial_cmp(&other)))
    }
}

#[test]
fn objects_can_be_numbers() {
    check(
        "{{ cents(250) + 1 }} {{ 1 + cents(250) }} {{ 3 - cents(250) }} {{ -cents(-99) }}",
        "3.50 3.50 0.50 0.99",
    );
    check("{{ cents(250) | int }} {{ cents(250) | float }} {{ cents(-99) | abs }}", "2 2.5 0.99");
    check(
        "{{ cents(250) | round(1) }} {{ '%d %.1f' % (cents(250), cents(250)) }}",
        "Cents(250) to 1 2 2.5",
    );
    check("{{ '{:.1}'.format(cents(250)) }} {{ cents(250) is number }}", "2.5 True");
    check(
        "{{ 2 < cents(250) < 3 }} {{ cents(300) > 3.5 }} {{ [cents(300), 1, 2.5] | sort }}",
        "True False [1, 2.5, 3.00]",
    );
    check(
        "{{ {1: 'a'}[cents(100)] }} {{ cents(100) in {1: 'a'} }} {{ 3 == cents(300) }}",
        "a True True",
    );
    check("{{ [cents(100), 2] | sum }}", "3.00");
}
