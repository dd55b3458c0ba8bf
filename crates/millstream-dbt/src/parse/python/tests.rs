use serde_json::{Value, json};

use super::calls::{Callee, calls};
use super::{literal, model, text};

#[test]
fn literals_are_those_of_python() {
    for (written, value) in [
        ("None", json!(null)),
        (" True # yes\n", json!(true)),
        ("-1_000", json!(-1000)),
        ("0x1F", json!(31)),
        ("2.5e3", json!(2500.0)),
        ("'a' \"b\"\n  'c'", json!("abc")),
        (r#""tab\t\u00e9\x41\\""#, json!("tab\té\u{41}\\")),
        (r"r'\d+'", json!(r"\d+")),
        ("'''many\nlines'''", json!("many\nlines")),
        ("[1, 'x',  # one\n [True],]", json!([1, "x", [true]])),
        ("('a')", json!("a")),
        ("('a',)", json!(["a"])),
        ("()", json!([])),
        ("{'a': 1, \"b:c\": {'d': None}, 3: 'x'}", json!({"a": 1, "b:c": {"d": null}, "3": "x"})),
    ] {
        assert_eq!(literal::value(written), Some(value), "{written}");
    }
    assert_eq!(literal::value(&"[".repeat(100_000)), None);
    for written in ["name", "f'x'", "b'x'", "1 + 2", "'a' + b", "[x]", "{'a', 'b'}", "call()", ""] {
        assert_eq!(literal::value(written), None, "{written}");
    }
}

#[test]
fn calls_are_found_where_they_are_called() {
    let text = r#"
# dbt.ref('comment')
"""dbt.ref('text')"""
def model(dbt, session):
    dbt.config(
        materialized="incremental",  # a comment
        tags=['a', 'b'],
    )
    mydbt.ref('other'); x.dbt.ref('other'); dbt.refs('other')
    a = wrap(dbt . ref("one"), dbt.source('s', 't').df())
    return dbt.config.get('key', 1)
"#;
    let found: Vec<_> = calls(text).into_iter().map(|call| (call.callee, call.arguments)).collect();
    let names: Vec<Callee> = found.iter().map(|(callee, _)| *callee).collect();
    assert_eq!(names, [Callee::Config, Callee::Ref, Callee::Source, Callee::ConfigGet]);
    let config = found[0].1.as_ref().unwrap();
    assert_eq!(config.named[0], ("materialized".to_owned(), json!("incremental")));
    assert_eq!(config.named[1].1, json!(["a", "b"]));
    let get = found[3].1.as_ref().unwrap();
    assert_eq!(get.positional, [Value::from("key"), Value::from(1)]);
    assert_eq!(calls("dbt.ref(name)")[0].arguments, None);
    assert_eq!(calls("dbt.ref(*names)")[0].arguments, None);
    assert!(calls("dbt.ref('open'").is_empty());
}

#[test]
fn a_file_defines_one_model() {
    let problems = |text: &str| -> Vec<String> {
        model::problems(text).into_iter().map(|(_, message)| message).collect()
    };
    for sound in [
        "",
        "# nothing\n",
        "def model(dbt, session):\n    return 1\n",
        "def model(dbt, session): return 1",
        "def model(\n    dbt,\n    session: object = None,\n) -> int:\n    if x:\n        return 2\n    return f(\n1, 2)\n",
        "def helper(x):\n    def model():\n        pass\n    return x\n\ndef model(dbt, s):\n    return (a)\n\nx = 1\n",
        "if True:\n    def model(dbt, session):\n        '''text\nreturn'''\n        return [1, 2]  # both\n",
    ] {
        assert_eq!(problems(sound), Vec::<String>::new(), "{sound}");
    }
    let found = "dbt allows exactly one model defined per python file, found";
    assert_eq!(problems("x = 1"), [format!("{found} 0")]);
    let twice = "def model(dbt, s):\n    return 1\ndef model(dbt, s):\n    return 1\n";
    assert_eq!(problems(twice), [format!("{found} 2")]);
    let other = problems("def model(session, dbt):\n    return 1\n");
    assert_eq!(other, ["'dbt' not provided for model as the first argument"]);
    assert!(problems("def model(dbt):\n    return 1\n")[0].contains("should have two args"));
    for returned in
        ["    pass", "    return a, b", "    return (a, b)", "    if a:\n        return b"]
    {
        let text = format!("def model(dbt, session):\n{returned}\n");
        assert!(problems(&text)[0].contains("only one dataframe"), "{returned}");
    }
}

#[test]
fn nothing_breaks_the_reader() {
    let text = "def model(dbt, session):\n    dbt.ref('ü', [{'a': (\"\\\\\", '''x''')}])\\\n    return \"é\"\n";
    for end in 0..=text.len() {
        let Some(cut) = text.get(..end) else { continue };
        calls(cut);
        model::problems(cut);
        literal::value(cut);
        text::template(cut);
        for start in 0..end {
            if let Some(part) = cut.get(start..) {
                text::parts(part);
                text::bare(part);
            }
        }
    }
}
