//! Runs as traces: a real receiver decodes what the real binary exports, also after a kill.

use std::collections::BTreeMap;

use millstream_tests::{Answering, Client, Received, Receiver, TestProject};
use serde_json::Value;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A command that keeps what it is told and fails, and a model behind a seed.
fn project(endpoint: &str) -> TestProject {
    TestProject::of(&[
        (
            "millstream.yml",
            &format!(
                "name: shop\nurl: https://data.example\ntraces:\n  endpoint: {endpoint}\n  \
                 headers: {{x-key: {{env: TRACE_KEY}}}}\n"
            ),
        ),
        ("seeds/numbers.csv", "a\n1\n2\n"),
        (
            "models/sums.sql",
            "{{ config(materialized='table') }} select sum(a) as a from {{ ref('numbers') }}\n",
        ),
        (
            "steps/tell.yml",
            "steps:\n  - name: tell\n    shell: echo $TRACEPARENT >> told.txt; exit 1\n",
        ),
    ])
    .with("TRACE_KEY", "hidden")
}

/// A span as the protocol has it, with its attributes by name.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    id: String,
    parent: Option<String>,
    name: String,
    attributes: BTreeMap<String, String>,
    failed: bool,
}

fn spans(received: &[Received]) -> Vec<Span> {
    let mut found = Vec::new();
    for request in received {
        assert_eq!(request.path, "/v1/traces");
        assert_eq!(request.headers["content-type"], "application/json");
        for of_resource in request.json()["resourceSpans"].as_array().expect("a list") {
            let resource = attributes(&of_resource["resource"]);
            assert_eq!(resource["service.name"], "shop");
            for scope in of_resource["scopeSpans"].as_array().expect("a list") {
                found.extend(scope["spans"].as_array().expect("a list").iter().map(span));
            }
        }
    }
    found
}

fn span(span: &Value) -> Span {
    let text = |key: &str| span[key].as_str().expect("a text").to_owned();
    let nanos = |key: &str| text(key).parse::<u64>().expect("a number");
    assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"), "{span}");
    let (trace, id) = (text("traceId"), text("spanId"));
    assert_eq!((trace.len(), id.len()), (32, 16), "{span}");
    Span {
        trace,
        id,
        parent: span["parentSpanId"].as_str().map(str::to_owned),
        name: text("name"),
        attributes: attributes(span),
        failed: span["status"]["code"] == 2,
    }
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let pairs = of["attributes"].as_array().expect("a list").iter();
    let value = |value: &Value| {
        let text = value["stringValue"].as_str().or_else(|| value["intValue"].as_str());
        text.expect("a text or a number").to_owned()
    };
    pairs.map(|it| (it["key"].as_str().expect("a name").to_owned(), value(&it["value"]))).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name}: {spans:?}"))
}

#[test]
fn a_run_is_a_trace_of_its_steps_and_attempts() {
    let receiver = Receiver::start(Answering::Taking);
    let project = project(&receiver.url).with("TRACEPARENT", PARENT);
    project.output(&["run"]).ended_with(1);
    let received = receiver.received();
    assert!(received.iter().all(|request| request.headers["x-key"] == "hidden"));
    let spans = spans(&received);
    assert!(spans.iter().all(|span| span.trace == "0af7651916cd43dd8448eb211c80319c"));
    let run = named(&spans, "RUN run");
    assert_eq!(run.parent.as_deref(), Some("b7ad6b7169203331"));
    assert_eq!((run.attributes["cicd.pipeline.result"].as_str(), run.failed), ("failure", true));
    let id = &run.attributes["cicd.pipeline.run.id"];
    let url = format!("https://data.example/runs/{id}");
    assert_eq!(run.attributes["cicd.pipeline.run.url.full"], url);

    let sums = named(&spans, "table:main.sums");
    assert_eq!(sums.parent.as_ref(), Some(&run.id));
    assert_eq!(sums.attributes["cicd.pipeline.task.run.result"], "success");
    let attempt = named(&spans, "main.sums attempt 1");
    assert_eq!((attempt.parent.as_ref(), attempt.failed), (Some(&sums.id), false));
    assert_eq!(attempt.attributes["millstream.rows.out"], "1");

    let told = std::fs::read_to_string(project.path().join("told.txt")).expect("it ran");
    let tell = named(&spans, "tell attempt 1");
    assert!(tell.failed && tell.attributes["error.type"].starts_with("command."), "{tell:?}");
    assert_eq!(told.trim(), format!("00-{}-{}-01", tell.trace, tell.id));

    project.output(&["run", "--select", "sums"]).succeeded();
    assert_eq!(receiver.received().len(), received.len(), "nothing ran");
}

#[test]
fn a_run_that_is_killed_and_recovered_is_one_trace() {
    for point in ["model.stage.after", "model.publish.after"] {
        let receiver = Receiver::start(Answering::Taking);
        let project = project(&receiver.url);
        let mut killed = project.command(&["run", "--select", "+sums"]);
        let killed = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert_eq!(killed.status.code(), None, "{point} kills it: {killed:?}");
        assert!(receiver.received().is_empty());
        project.output(&["run", "--select", "+sums"]).succeeded();
        let spans = spans(&receiver.received());
        let runs: Vec<&Span> = spans.iter().filter(|span| span.name == "RUN run").collect();
        let cut_off = runs[0];
        assert_eq!(cut_off.attributes["cicd.pipeline.result"], "error", "{point}: {cut_off:?}");
        assert_eq!(cut_off.trace, cut_off.attributes["cicd.pipeline.run.id"]);
        let own: Vec<&Span> = spans.iter().filter(|span| span.trace == cut_off.trace).collect();
        let ids: Vec<&String> = own.iter().map(|span| &span.id).collect();
        for span in &own {
            let parent = span.parent.as_ref();
            assert!(parent.is_none_or(|parent| ids.contains(&parent)), "{point}: {own:?}");
        }
        let names: Vec<&str> = own.iter().map(|span| span.name.as_str()).collect();
        for name in ["RUN run", "table:main.numbers", "table:main.sums", "main.sums attempt 1"] {
            let times = names.iter().filter(|found| **found == name).count();
            assert_eq!(times, 1, "{point}: {name} in {names:?}");
        }
        let all: std::collections::BTreeSet<(&str, &str)> =
            spans.iter().map(|span| (span.trace.as_str(), span.id.as_str())).collect();
        assert_eq!(all.len(), spans.len(), "no span comes twice: {spans:?}");
    }
}

#[test]
fn a_collector_that_is_away_costs_a_run_nothing_and_is_told_later() {
    let receiver = Receiver::start(Answering::First(1, 503));
    let project = project(&receiver.url);
    let ran = project.output(&["run", "--select", "+sums"]).succeeded();
    assert_eq!(ran.stderr.matches("traces wait").count(), 1, "{}", ran.stderr);
    let server = project.serve();
    let again = spans(&receiver.wait_for(2)[1..]);
    let trace = named(&again, "RUN run").trace.clone();

    let mut client = Client::connect(&server.address).expect("the server listens");
    let headers = [("content-type", "application/json"), ("traceparent", PARENT)];
    let body = r#"{"select": ["sums"], "full_refresh": true}"#;
    let started = client.post_with("/api/v1/runs", &headers, body).expect("it answers").json();
    let next = spans(&receiver.wait_for(3)[2..]);
    let run = started["run"].as_str().expect("it has an id");
    assert_eq!(named(&next, "RUN run").attributes["cicd.pipeline.run.id"], run);
    assert_eq!(named(&next, "RUN run").parent.as_deref(), Some("b7ad6b7169203331"));
    let shown = client.get(&format!("/api/v1/runs/{run}")).expect("it answers").json();
    assert_eq!(shown["trace"], named(&next, "RUN run").trace);
    let first = client.get(&format!("/api/v1/runs/{trace}")).expect("it answers").json();
    assert_eq!((&first["run"], &first["trace"]), (&trace.clone().into(), &trace.into()));
}

#[test]
fn the_runs_of_a_backfill_belong_to_whoever_asks_for_it() {
    let receiver = Receiver::start(Answering::Taking);
    let project = project(&receiver.url).with("TRACEPARENT", PARENT);
    project.write(
        "models/halves.sql",
        "{{ config(materialized='table', partitions={'by': 'values', 'column': 'half', \
         'values': ['first', 'second']}) }} select 'first' as half union all select 'second'\n",
    );
    project.output(&["backfill", "halves", "--partition", "first"]).succeeded();
    let by_command = spans(&receiver.received());
    let run = by_command.iter().find(|span| span.name.starts_with("RUN backfill"));
    assert_eq!(run.and_then(|run| run.parent.as_deref()), Some("b7ad6b7169203331"));

    let server = project.serve();
    let mut client = Client::connect(&server.address).expect("the server listens");
    let headers = [("content-type", "application/json"), ("traceparent", PARENT)];
    let body = r#"{"select": ["halves"], "which": "missing"}"#;
    let started = client.post_with("/api/v1/backfills", &headers, body).expect("it answers");
    assert_eq!(started.status, 202, "{}", started.body);
    let told = receiver.wait_for(2);
    let by_request = spans(&told[1..]);
    assert!(by_request.iter().any(|span| span.name.starts_with("RUN backfill")));
    assert!(by_request.iter().all(|span| span.trace == by_command[0].trace), "{by_request:?}");
}

#[test]
fn what_cannot_be_a_collector_is_said_and_hinders_no_run() {
    let wrong = TestProject::of(&[("millstream.yml", "name: shop\ntraces: {endpoint: nowhere}\n")]);
    let refused = wrong.output(&["check"]).ended_with(1);
    assert!(refused.stdout.contains("`endpoint` cannot be `nowhere`"), "{}", refused.stdout);
    let project = project("http://otel.example.com");
    let ran = project.output(&["run", "--select", "+sums"]).succeeded();
    assert!(ran.stderr.contains("unencrypted"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hidden"), "{}", ran.stderr);
}
