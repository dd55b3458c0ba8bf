use millstream_core::AssetKey;
use millstream_core::step::{Edge, StepKind};

use super::{project, says};

const THINGS: (&str, &str) = ("models/things.sql", "select 1 as id");

#[test]
fn a_step_reads_tables_and_other_steps() {
    let project = project(&[
        THINGS,
        (
            "steps/a.yml",
            "steps:
  - {name: last, shell: 'cat x | wc', inputs: ['step:first'], depends_on: [\"ref('things')\"]}
  - {name: first, run: [python, a.py], inputs: [\"ref('things')\"]}
",
        ),
    ]);
    let nodes = project.graph.nodes();
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["things", "first", "last"]);
    assert_eq!((nodes[2].kind, nodes[2].asset()), (StepKind::Command, &AssetKey::step("last")));
    let edges: Vec<Edge> = nodes[2].inputs.iter().map(|input| input.edge).collect();
    assert_eq!(edges, [Edge::Data, Edge::After]);
}

#[test]
fn what_it_may_take_of_the_machine_is_no_part_of_its_definition() {
    let definition = |limits: &str| {
        let file = format!("steps:\n  - {{name: a, run: [a]{limits}}}\n");
        project(&[("steps/a.yml", &file)]).graph.nodes()[0].definition
    };
    assert_eq!(definition(""), definition(", limits: {memory: 2GiB, cpu: 1.5}"));
    assert_ne!(definition(""), definition(", env: {A: b, C: {env: D}, E: {file: f}}"));
}

#[test]
fn steps_that_make_no_sense_are_reported() {
    says(
        &[
            THINGS,
            (
                "steps/a.yml",
                "steps:
  - {name: both, run: [a], shell: a}
  - {name: names, run: [a], inputs: [\"ref('thing')\", 'step:bot', thing]}
  - {name: paths, run: [a], outputs: [../x], env: {MILLSTREAM_RUN: x}}
  - {name: codes, run: [a], skip_on: [75], limits: {memory: much}}
",
            ),
        ],
        "error[step.invalid]: step `both` must say one of `run`, `shell` and `python`
  --> steps/a.yml:2:5
  hint: run: [scripts/load.sh, --all], shell: 'a | b', or python: scripts/train.py
error[ref.unknown]: there is no model `thing`
  --> steps/a.yml:3:38
  hint: did you mean `things`?
error[step.unknown_input]: there is no step `bot`
  --> steps/a.yml:3:54
  hint: did you mean `both`?
error[yaml.value_wrong]: a step cannot read `thing`
  --> steps/a.yml:3:66
  hint: ref('model'), source('source', 'stream'), step:NAME or model:NAME
error[step.invalid]: `../x` is no path inside of the project
  --> steps/a.yml:4:38
  hint: a path without `..`, from the folder of the project
error[step.invalid]: `MILLSTREAM_RUN` cannot be a variable of a step
  --> steps/a.yml:4:68
  hint: letters, digits and `_`, not beginning with a digit or with `MILLSTREAM_`
error[step.invalid]: status 75 stands in `skip_on` and in `retry_on`
  --> steps/a.yml:5:5
  hint: take it out of one
error[step.invalid]: `memory` cannot be `much`
  --> steps/a.yml:5:61
  hint: a size such as 512MiB or 2GB",
    );
}

#[test]
fn what_decides_whether_and_how_often_a_step_runs_is_no_part_of_what_it_does() {
    let project = project(&[(
        "steps/a.yml",
        "steps:
  - {name: list, run: [a]}
  - {name: check, run: [b]}
  - name: load
    run: [load, '{{ item.name }}', \"{{ target.name }}\"]
    when: step.check.result.rows > 0
    for_each: step.list.result
    max_parallel: 2
    rule: none_failed
  - {name: plain, run: [load, '{{ target.name }}']}
  - {name: ok, approve: {role: admin, timeout: 2h}, depends_on: ['step:load']}
",
    )]);
    let node = |name: &str| project.graph.node(&AssetKey::step(name)).unwrap().clone();
    let load = node("load");
    let inputs: Vec<(&str, Edge)> =
        load.inputs.iter().map(|input| (input.asset.name.as_str(), input.edge)).collect();
    assert_eq!(inputs, [("check", Edge::Data), ("list", Edge::Data)]);
    assert_eq!(load.flow.for_each.as_ref().unwrap().parallel_max, 2);
    let command = project.commands.iter().find(|it| it.spec.name == "load").unwrap();
    assert_eq!(command.spec.run.as_ref().unwrap()[1..], ["{{ item.name }}", "dev"]);
    let ok = node("ok");
    assert_eq!((ok.kind, ok.inputs[0].edge), (StepKind::Approval, Edge::Data));
    assert_eq!(ok.flow.approval.unwrap().timeout_seconds, Some(7200));

    let definition = |more: &str| {
        let file = format!("steps:\n  - {{name: b, run: [b]}}\n  - {{name: a, run: [a]{more}}}\n");
        let project = super::project(&[("steps/a.yml", &file)]);
        project.graph.node(&AssetKey::step("a")).unwrap().definition
    };
    let more = ", when: step.b.result, rule: all_done, for_each: [1, 2], max_parallel: 3";
    assert_eq!(definition(""), definition(more));
}

#[test]
fn functions_that_are_not_there_are_reported() {
    says(
        &[
            ("scripts/a.py", "def main():\n    pass\n"),
            (
                "steps/a.yml",
                "steps:
  - {name: gone, python: scripts/b.py}
  - {name: other, python: 'scripts/a.py:send'}
  - {name: none, python: 'scripts/a.py:1x'}
  - {name: out, python: ../a.py}
  - {name: text, python: scripts/a.txt}
  - {name: with, run: [a], with: {x: 1}}
  - {name: names, python: scripts/a.py, with: {a-b: 1}}
  - {name: item, python: scripts/a.py, with: {a: ['{{ item }}']}}
",
            ),
        ],
        "error[step.invalid]: there is no `scripts/b.py`
  --> steps/a.yml:2:26
  hint: a path from the folder of the project
error[step.invalid]: `scripts/a.py` has no `def send`
  --> steps/a.yml:3:27
  hint: `FILE:NAME` calls another function than `main`
error[step.invalid]: `1x` is no name of a function
  --> steps/a.yml:4:26
  hint: scripts/report.py:send calls `send` of scripts/report.py
error[step.invalid]: `../a.py` is no file in Python inside of the project
  --> steps/a.yml:5:25
  hint: a path without `..`, from the folder of the project: scripts/report.py
error[step.invalid]: `scripts/a.txt` is no file in Python inside of the project
  --> steps/a.yml:6:26
  hint: a path without `..`, from the folder of the project: scripts/report.py
error[step.invalid]: `with` is given to a function in `python`, which is not there
  --> steps/a.yml:7:34
  hint: `run` has arguments of its own, and `env` variables
error[step.invalid]: `a-b` cannot be a parameter of a function
  --> steps/a.yml:8:53
  hint: letters, digits and `_`, not beginning with a digit
error[step.invalid]: `{{ item }}` stands in a step without `for_each`
  --> steps/a.yml:9:46
  hint: for_each: step.files.result",
    );
}

#[test]
fn the_text_of_a_function_and_of_what_it_imports_is_part_of_the_definition() {
    let definition = |code: &str, module: &str, with: &str| {
        let step = format!("steps:\n  - {{name: a, python: a.py{with}}}\n");
        let files = [("steps/a.yml", step.as_str()), ("a.py", code), ("b.py", module)];
        project(&files).graph.nodes()[0].definition
    };
    let (code, module) = ("import b\ndef main(): pass\n", "x = 1\n");
    let usual = definition(code, module, "");
    assert_eq!(usual, definition(code, module, ", limits: {memory: 1GiB}"));
    assert_ne!(usual, definition(code, "x = 2\n", ""));
    assert_ne!(usual, definition("import b\ndef main(): return 1\n", module, ""));
    assert_ne!(usual, definition(code, module, ", with: {a: 1}"));
}
