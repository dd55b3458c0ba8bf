//! The REST interface: what it tells, what it does, and for whom.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;

use millstream_tests::{Answer, Client, Events, Server, TestProject, root};
use serde_json::{Value, json};

use crate::releases::{deploy, shop};

const JSON: (&str, &str) = ("content-type", "application/json");

fn get(server: &Server, path: &str) -> Value {
    let answer = server.client().get(path).expect("the server answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.client().post(path, body).expect("the server answers")
}

fn shop_with_schedule() -> TestProject {
    let project = TestProject::small_shop();
    project.write(
        "schedules/nightly.yml",
        "schedules:\n  nightly: {cron: '30 2 * * *', select: orders}\n",
    );
    project
}

/// The items of all pages of a list.
fn all_items(server: &Server, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(server, &format!("{path}limit=3{cursor}"));
        items.extend(page["items"].as_array().expect("a page has items").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[test]
fn what_there_is_and_what_happened_can_be_read() {
    let project = shop_with_schedule();
    project.json(&["run"]);
    let server = project.serve();

    let overview = get(&server, "/api/v1/overview");
    assert_eq!(overview["assets"]["never_made"], 0, "{overview}");
    assert_eq!(overview["runs"]["day"]["succeeded"], 1, "{overview}");
    let assets = all_items(&server, "/api/v1/assets?");
    let keys: BTreeSet<&str> = assets.iter().filter_map(|asset| asset["key"].as_str()).collect();
    assert_eq!(keys.len(), assets.len(), "no asset comes twice");
    assert!(keys.contains("table:main.orders") && keys.contains("model:buys_again"), "{keys:?}");
    let found = get(&server, "/api/v1/assets?text=ORDERS&kind=table&step=model");
    assert_eq!(found["items"][0]["key"], "table:main.orders");
    assert_eq!(found["items"][0]["state"], "current");

    let orders = get(&server, "/api/v1/assets/table%3Amain.orders");
    assert_eq!(orders["upstream"][0]["asset"], "table:shop.orders", "{orders}");
    assert_eq!(get(&server, "/api/v1/assets/table:main.orders/versions")["items"][0]["version"], 1);
    let columns = get(&server, "/api/v1/assets/table:main.orders/columns");
    assert!(columns["columns"].as_array().is_some_and(|all| all.len() > 2), "{columns}");
    let sample = get(&server, "/api/v1/assets/table:main.orders/sample?rows=3");
    assert_eq!(sample["rows"].as_array().map(Vec::len), Some(3), "{sample}");
    let checks = get(&server, "/api/v1/assets/table:main.orders/checks");
    assert_eq!(checks["version"], 1, "{checks}");
    let lineage = get(&server, "/api/v1/assets/table:main.orders/lineage?direction=up");
    assert!(lineage["edges"].as_array().is_some_and(|all| !all.is_empty()), "{lineage}");

    let graph = get(&server, "/api/v1/graph");
    let nodes = graph["nodes"]["key"].as_array().map_or(0, Vec::len);
    let states = get(&server, "/api/v1/graph/states");
    assert_eq!(states["plan"], graph["plan"]);
    assert_eq!(states["states"].as_str().map(|it| it.chars().count()), Some(nodes));

    let runs = get(&server, "/api/v1/runs?state=succeeded&asset=table:main.orders");
    let run = runs["items"][0]["run"].as_str().expect("there is a run").to_owned();
    let detail = get(&server, &format!("/api/v1/runs/{run}"));
    let steps = detail["steps"].as_array().expect("it has steps");
    assert!(steps.iter().all(|step| step["state"] == "succeeded"), "{detail}");
    assert_eq!(steps[0]["why"]["why"], "first", "{}", steps[0]);
    let short = runs["items"][0]["short"].as_str().expect("it has a short id");
    assert_eq!(get(&server, &format!("/api/v1/runs/{short}"))["run"], run.as_str());
    assert_eq!(all_items(&server, &format!("/api/v1/runs/{run}/steps?")).len(), steps.len());
    let gantt = get(&server, &format!("/api/v1/runs/{run}/gantt"));
    assert!(gantt["bars"].as_array().is_some_and(|bars| bars.len() >= steps.len()), "{gantt}");
    let grid = get(&server, "/api/v1/grid?state=succeeded");
    let cells = grid["cells"][0].as_str().expect("a run has cells");
    assert_eq!(cells, "s".repeat(steps.len()));
    let plan = get(&server, "/api/v1/plan?select=orders&full_refresh=true");
    assert_eq!(plan["entries"][0]["why"]["why"], "full_refresh", "{plan}");

    assert_eq!(get(&server, "/api/v1/schedules")["items"][0]["schedule"], "nightly");
    assert_eq!(get(&server, "/api/v1/schedules/nightly")["assets"][0], "table:main.orders");
    let fires = get(&server, "/api/v1/schedules/nightly/preview?days=2");
    assert_eq!(fires["fires"].as_array().map(Vec::len), Some(2), "{fires}");
    assert_eq!(get(&server, "/api/v1/schedules/nightly/history")["items"], json!([]));
    let sources = get(&server, "/api/v1/sources");
    assert!(sources["items"].as_array().is_some_and(|all| all.len() == 2), "{sources}");
    let model = get(&server, "/api/v1/models/buys_again");
    assert_eq!(model["items"][0]["gate"]["passed"], true, "{model}");
    assert_eq!(get(&server, "/api/v1/models")["items"][0]["champion"], 1);
    assert_eq!(get(&server, "/api/v1/deployments")["items"][0]["version"], 1);
    assert_eq!(get(&server, "/api/v1/topics")["items"][0]["topic"], "predictions");
    let metrics = server.client().get("/api/v1/metrics").expect("the server answers").body;
    assert!(metrics.contains("\nmillstream_assets{state=\"current\"} "), "{metrics}");
    assert_eq!(get(&server, "/api/v1/openapi.json")["openapi"], "3.1.0");

    for (path, status, code) in [
        ("/api/v1/assets/table:main.nothing", 404, "api.no_such_thing"),
        ("/api/v1/assets/model:buys_again/columns", 404, "api.no_columns"),
        ("/api/v1/runs?limit=0", 400, "api.bad_parameter"),
        ("/api/v1/runs?since=yesterday", 400, "api.bad_parameter"),
        ("/api/v1/plan?select=nothing", 400, "select.nothing"),
        ("/api/v1/nothing", 404, "server.not_found"),
    ] {
        let answer = server.client().get(path).expect("the server answers");
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{path}");
        assert!(answer.json()["message"].is_string(), "{path}");
    }
}

#[test]
fn an_operator_runs_pauses_queries_and_all_of_it_is_recorded() {
    let project = shop_with_schedule();
    let server = project.serve();
    let mut events =
        Events::open(&server.address, "/api/v1/events", None).expect("events are told");
    assert_eq!(events.next_event().expect("a first event").name, "hello");

    let started = post(&server, "/api/v1/runs", &json!({"select": ["orders"]}));
    assert_eq!(started.status, 202, "{}", started.body);
    let run = started.json()["run"].as_str().expect("it has an id").to_owned();
    loop {
        let event = events.next_event().expect("the run ends");
        if event.data["run"] == run.as_str() && event.data["kind"] == "run" {
            match event.data["state"].as_str() {
                Some("running") => {}
                state => break assert_eq!(state, Some("failed"), "its source was not synced"),
            }
        }
    }
    let rerun = format!("/api/v1/runs/{run}/rerun");
    let planned = post(&server, &rerun, &json!({"upstream": true, "dry_run": true})).json();
    let names: Vec<&Value> = planned["plan"]["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| &it["asset"])
        .collect();
    assert!(names.contains(&&json!("table:shop.orders")), "{planned}");
    let again = post(&server, &rerun, &json!({"upstream": true}));
    assert_eq!(again.status, 202, "{}", again.body);
    let run = again.json()["run"].as_str().expect("it has an id").to_owned();
    loop {
        let event = events.next_event().expect("the run ends");
        if event.data["run"] == run.as_str() && event.data["kind"] == "run" {
            match event.data["state"].as_str() {
                Some("running") => {}
                state => break assert_eq!(state, Some("succeeded")),
            }
        }
    }
    let cancelled = post(&server, &format!("/api/v1/runs/{run}/cancel"), &json!({}));
    assert_eq!((cancelled.status, &cancelled.json()["code"]), (409, &json!("api.run_ended")));

    let asked = json!({"sql": "select count(*) as n, 'a' as t from orders", "limit": 5});
    let rows = post(&server, "/api/v1/query", &asked).json();
    assert_eq!(rows["columns"][0]["name"], "n", "{rows}");
    assert!(rows["rows"][0][0].as_u64().is_some_and(|count| count > 0), "{rows}");
    for sql in ["drop table orders", "select * from nothing", "select 1; select 2", ""] {
        let refused = post(&server, "/api/v1/query", &json!({"sql": sql}));
        assert_eq!(refused.status, 400, "{sql}: {}", refused.body);
    }
    let paused = post(&server, "/api/v1/schedules/nightly/pause", &json!({"reason": "vacation"}));
    assert_eq!(paused.json()["state"], "paused", "{}", paused.body);
    let resumed = post(&server, "/api/v1/schedules/nightly/resume", &json!({}));
    assert_eq!(resumed.json()["state"], "on", "{}", resumed.body);

    let lines = get(&server, "/api/v1/audit?by=local");
    let actions: Vec<&str> = lines["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it["action"].as_str())
        .collect();
    for action in ["run.start", "schedule.pause", "schedule.resume", "query", "request"] {
        assert!(actions.contains(&action), "{action} is not in {actions:?}");
    }
    let told = project.json(&["audit", "list", "--action", "schedule.pause"]);
    assert_eq!(told["audit"][0]["detail"], "vacation", "{told}");
}

#[test]
fn events_are_resumed_without_gap_and_without_repetition() {
    let project = TestProject::small_shop();
    project.json(&["run"]);
    let server = project.serve();
    let last = get(&server, "/api/v1/overview")["sequence"].as_u64().expect("a number");
    let read = |after: u64, count: u64| -> Vec<Value> {
        let path = "/api/v1/events?after=0";
        let mut events = Events::open(&server.address, path, Some(after)).expect("events");
        let hello = events.next_event().expect("a first event");
        assert_eq!((hello.name.as_str(), &hello.data["sequence"]), ("hello", &json!(after)));
        (0..count).map(|_| events.next_event().expect("an event").data).collect()
    };
    let all = read(0, last);
    let numbers: Vec<Option<u64>> = all.iter().map(|event| event["sequence"].as_u64()).collect();
    assert_eq!(numbers, (1..=last).map(Some).collect::<Vec<_>>());
    let half = last / 2;
    assert_eq!(read(half, last - half), all[usize::try_from(half).expect("few")..]);

    // What another process does is told too.
    let mut events = Events::open(&server.address, "/api/v1/events", Some(last)).expect("events");
    events.next_event().expect("a first event");
    project.json(&["run", "--select", "orders", "--full-refresh"]);
    let next = events.next_event().expect("the run is told");
    assert_eq!((next.id, next.name.as_str()), (Some(last + 1), "run"), "{next:?}");

    let mut far = Events::open(&server.address, "/api/v1/events", Some(1 << 40)).expect("events");
    assert_eq!(far.next_event().expect("a first event").name, "gone");
}

/// The routes that say whether the server is ready.
const READY: [&str; 5] =
    ["/api/v1/health", "/api/v1/ready", "/v2/health/ready", "/ping", "/health"];

/// Every operation of the description against every role, as `api_roles.txt` has it.
#[test]
fn every_operation_is_for_whom_the_table_says() {
    let project = TestProject::small_shop();
    let token = |scope: &str| {
        let made = project.json(&["token", "new", scope, "--scope", scope]);
        format!("Bearer {}", made["token"]["token"].as_str().expect("a token is a text"))
    };
    let principals = ["score", "read", "operate", "author", "admin"].map(token);
    let server = project.serve_with(&["--listen", "127.0.0.1:0", "--require-token"]);
    let ask = |method: &str, path: &str, token: Option<&String>| {
        let mut headers = vec![JSON];
        headers.extend(token.map(|token| ("authorization", token.as_str())));
        let mut client = Client::connect(&server.address).expect("the server listens");
        client.ask(method, path, &headers, "not json").expect("the server answers")
    };
    let admin = principals.last();
    let document = ask("GET", "/api/v1/openapi.json", admin).json();
    let mut found = String::new();
    for (path, operations) in document["paths"].as_object().expect("there are paths") {
        for method in operations.as_object().expect("there are operations").keys() {
            let method = method.to_uppercase();
            let concrete: String = path
                .split('/')
                .map(|part| if part.starts_with('{') { "nothing" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let tokens = [None].into_iter().chain(principals.iter().map(Some));
            let may: Vec<&str> = tokens
                .map(|token| match ask(&method, &concrete, token).status {
                    401 | 403 => "-",
                    // Nothing is trained, so that nothing can be served.
                    503 if READY.contains(&path.as_str()) => "yes",
                    status if status < 500 => "yes",
                    status => panic!("{method} {path} answers {status}"),
                })
                .collect();
            let _ = writeln!(found, "{method:6} {path:40} {}", may.join(" "));
        }
    }
    let table = std::fs::read_to_string(root().join("tests/end_to_end/api_roles.txt"));
    let table = table.expect("the table is there");
    let expected: Vec<&str> = table.lines().filter(|line| !line.starts_with('#')).collect();
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(found, expected, "\n{}", found.join("\n"));

    let audit = ask("GET", "/api/v1/audit?by=read&action=request", admin).json();
    assert_eq!(audit["items"][0]["outcome"], "refused", "{audit}");
}

/// What is said of a request before anybody reads what it asks for.
#[test]
fn a_request_that_is_not_as_described_is_refused() {
    let server = shop_with_schedule().serve();
    let ask = |method: &str, path: &str, body: &str| {
        server.client().ask(method, path, &[JSON], body).expect("the server answers")
    };
    let pause = "/api/v1/schedules/nightly/pause";
    for body in ["[]", r#"["because"]"#, "null", "7", r#"{"because": "so"}"#, "{"] {
        let refused = ask("POST", pause, body);
        assert!([400, 422].contains(&refused.status), "{body}: {}", refused.body);
        assert_eq!(refused.json()["code"], "server.bad_request", "{body}");
    }
    assert_eq!(get(&server, "/api/v1/schedules/nightly")["state"], "on");
    assert_eq!(ask("POST", pause, "{}").json()["state"], "paused");
    for (method, path) in
        [("PUT", "/api/v1/runs"), ("TRACE", "/api/v1/sources"), ("GET", "/api/v1/query")]
    {
        let refused = ask(method, path, "");
        assert_eq!(refused.status, 405, "{method} {path}: {}", refused.body);
        assert_eq!(refused.json()["code"], "server.method_not_allowed");
    }
}

/// Whatever is mounted has a description, since nothing else can be; here are the protocols that
/// other programs speak.
#[test]
fn the_description_has_the_protocols_of_predictions_with_examples() {
    let project = TestProject::small_shop();
    project.json(&["run"]);
    let server = project.serve();
    let document = get(&server, "/api/v1/openapi.json");
    let infer = &document["paths"]["/v2/models/{model}/infer"]["post"];
    assert_eq!(infer["x-millstream-scope"], "score", "{infer}");
    for path in ["/v2", "/v2/health/ready", "/v2/models/{model}/versions/{version}/infer"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let body = |name: &str| &document["components"]["schemas"][name];
    assert!(body("InferenceRequest")["examples"][0]["inputs"].is_array(), "{document}");
    assert!(body("InferenceAnswer")["examples"][0]["outputs"].is_array(), "{document}");
    let example = &body("TableToScore")["examples"][1]["dataframe_records"];
    assert!(example.is_array(), "{document}");

    // What the schema requires of an answer is there.
    let about = get(&server, "/v2/models/buys_again");
    let values = |datatype: &Value| if datatype == "BYTES" { json!(["fr"]) } else { json!([1.5]) };
    let tensor = |input: &Value| {
        let (name, datatype) = (&input["name"], &input["datatype"]);
        json!({"name": name, "datatype": datatype, "shape": [1], "data": values(datatype)})
    };
    let inputs: Vec<Value> =
        about["inputs"].as_array().expect("it takes something").iter().map(tensor).collect();
    let answer = post(&server, "/v2/models/buys_again/infer", &json!({"inputs": inputs}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let required = body("InferenceAnswer")["required"].as_array().expect("some are").clone();
    assert!(required.contains(&json!("outputs")), "{required:?}");
    for field in required.iter().filter_map(Value::as_str) {
        assert!(!answer.json()[field].is_null(), "{field}: {}", answer.body);
    }
}

#[test]
fn a_browser_comes_in_with_a_token_and_changes_only_from_its_own_page() {
    let project = shop_with_schedule();
    let made = project.json(&["token", "new", "ann", "--scope", "operate"]);
    let text = made["token"]["token"].as_str().expect("a token is a text").to_owned();
    let server = project.serve_with(&["--listen", "127.0.0.1:0", "--require-token"]);
    let opened = post(&server, "/api/v1/session", &json!({"token": text}));
    assert_eq!((opened.status, &opened.json()["role"]), (200, &json!("operator")));
    let cookie = opened.cookie.clone().expect("a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a value").to_owned();
    let csrf = opened.json()["csrf"].as_str().expect("a text").to_owned();
    let ask = |method: &str, path: &str, more: &[(&str, &str)]| {
        let headers = [&[JSON, ("cookie", cookie.as_str())], more].concat();
        server.client().ask(method, path, &headers, "{}").expect("the server answers")
    };
    assert_eq!(ask("GET", "/api/v1/me", &[]).json()["via"], "session");
    let pause = "/api/v1/schedules/nightly/pause";
    let foreign = ask("POST", pause, &[]);
    assert_eq!((foreign.status, &foreign.json()["code"]), (403, &json!("guard.csrf")));
    let own = ask("POST", pause, &[("x-millstream-csrf", &csrf)]);
    assert_eq!(own.status, 200, "{}", own.body);
    assert_eq!(ask("DELETE", "/api/v1/session", &[]).status, 204);
    let over = ask("GET", "/api/v1/me", &[]);
    assert_eq!((over.status, &over.json()["code"]), (401, &json!("guard.session_unknown")));
    assert_eq!(post(&server, "/api/v1/session", &json!({"token": "ms_x"})).status, 401);
}

/// Two cross joins that never end keep as many threads busy as the machine has cores, or more.
#[test]
fn a_query_is_answered_beside_others_that_never_end() {
    let project = TestProject::of(&[("millstream.yml", "name: busy\n")]);
    let server = project.serve();
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut asking = TcpStream::connect(&server.address).expect("the server listens");
        let body = json!({"sql": millstream_tests::ENDLESS}).to_string();
        let head =
            "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        write!(asking, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("it reads");
        busy.push(asking);
    }
    while all_items(&server, "/api/v1/audit?action=query&").len() < busy.len() {}
    let answer = post(&server, "/api/v1/query", &json!({"sql": "select 1 as one"}));
    assert_eq!((answer.status, &answer.json()["rows"][0][0]), (200, &json!(1)), "{}", answer.body);
}

#[test]
fn a_reason_is_as_long_as_it_is_described() {
    let project = shop();
    deploy(&project);
    let server = project.serve();
    let post = |path: &str, body: &Value| {
        let path = format!("/api/v1/releases/1/{path}");
        let answer = server.client().post(&path, body).expect("the server answers");
        (answer.status, answer.json()["code"].clone())
    };
    let bad = (400, json!("api.bad_parameter"));
    assert_eq!(post("reject", &json!({"reason": ""})), bad);
    assert_eq!(post("reject", &json!({"reason": "x".repeat(2001)})), bad);
    assert_eq!(post("rollback", &json!({"message": "x".repeat(2001)})), bad);
    // It is the current one.
    let decided = (409, json!("ledger.release_decided"));
    assert_eq!(post("rollback", &json!({"message": "x".repeat(2000)})), decided);
}
