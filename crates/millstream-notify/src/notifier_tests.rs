//! Runs as the ledger records them, and a receiver of what follows.

use std::sync::Mutex;

use millstream_core::AssetKey;
use millstream_core::Fault;
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::secret::Secret;
use millstream_core::step::{Receipt, Staged, StepKind, StepSpec, Target};
use millstream_dbt::context::EnvVar;
use millstream_ledger::{
    ClaimOutcome, ClaimRequest, FailState, Holder, Memo, RunCause, RunState, SkipState, StepError,
};
use millstream_project::{LoadOptions, load};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(30);

/// The bodies that a receiver was sent; it refuses the first so many for now.
#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<Vec<Value>>>);

impl Received {
    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    fn kinds(&self) -> Vec<String> {
        self.all().iter().map(|body| body["kind"].as_str().unwrap().to_owned()).collect()
    }
}

async fn receiver(refused: usize) -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let received = Received::default();
    let kept = received.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut stream = BufReader::new(socket);
            let mut length = 0;
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let count = {
                let mut kept = kept.0.lock().unwrap();
                kept.push(serde_json::from_slice(&body).unwrap());
                kept.len()
            };
            let status = if count <= refused { 503 } else { 204 };
            let answer = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

/// A project with three models in a row, its ledger and a notifier.
struct World {
    folder: TempDir,
    project: Project,
    ledger: Ledger,
}

impl World {
    async fn new(url: &str, rule: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notifications = format!(
            "channels: {{hook: {{webhook: {{url: {url}, secret: {{env: S}}}}}}}}\n\
             rules: {{all: {{to: hook{rule}}}}}\n"
        );
        for (path, text) in [
            ("millstream.yml", "name: shop\nurl: https://d.example\n"),
            ("models/a.sql", "{{ config(meta={'owner': 'ann'}) }} select 1 as id"),
            ("models/b.sql", "select * from {{ ref('a') }}"),
            ("models/c.sql", "select * from {{ ref('b') }}"),
            ("notifications/all.yml", &notifications),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let options = LoadOptions {
            env: None,
            vars: BTreeMap::new(),
            env_var: EnvVar::new(|_| None),
            connectors: Vec::new(),
            trainers: Vec::new(),
            gates: |_| Ok(()),
            home: None,
            now: Clock::System.now(),
        };
        let loaded = load(folder.path(), &options);
        let project = loaded.project.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let ledger = open(&folder).await;
        Self { folder, project, ledger }
    }

    fn notifier_of(&self, ledger: &Ledger) -> Notifier {
        Notifier::new(NotifierConfig {
            ledger: ledger.clone(),
            project: &self.project,
            secrets: Secrets::new(|_| Ok(Secret::new("key"))),
            lateness: None,
            clock: Clock::System,
        })
    }

    /// One that follows what happens from now on.
    async fn notifier(&self) -> Notifier {
        let notifier = self.notifier_of(&self.ledger);
        notifier.begin().await.unwrap();
        notifier
    }

    async fn run(&self) -> RunId {
        let (command, plan) = ("run".to_owned(), Value::Null);
        let cause =
            RunCause { command, selection: None, plan, fire: None, by: None, trace_parent: None };
        self.ledger.begin_run(cause).await.unwrap()
    }

    async fn claimed(&self, run: RunId, model: &str) -> AttemptId {
        let attempt = AttemptId::new();
        let hash = ContentHash::of(attempt.to_string().as_bytes());
        let request = ClaimRequest {
            run,
            attempt,
            number: 1,
            kind: StepKind::Model,
            outputs: vec![asset(model)],
            partition: None,
            holder: Holder::current("run"),
            target_sequences: BTreeMap::new(),
            memo: Memo {
                key: hash,
                definition: hash,
                basis: hash,
                inputs: Vec::new(),
                probe: None,
            },
            reason: "first version".to_owned(),
            lease: LONG,
            shares: Vec::new(),
            priority: 0,
            due_at: None,
        };
        match self.ledger.claim(request).await.unwrap() {
            ClaimOutcome::Claimed(_) => attempt,
            other => panic!("{other:?}"),
        }
    }

    /// A step fails, for good or for a while.
    async fn fails(&self, run: RunId, model: &str, retry: Retry) {
        let attempt = self.claimed(run, model).await;
        let error = StepError {
            code: "sql.type".to_owned(),
            message: "no number".to_owned(),
            fault: Fault::User,
            retry,
            hint: None,
        };
        self.ledger.fail(attempt, &error, FailState::Failed, None).await.unwrap();
    }

    /// A run in which `a` fails, and the others wait for it.
    async fn failing_run(&self) -> RunId {
        let run = self.run().await;
        self.fails(run, "a", Retry::Never).await;
        for model in ["b", "c"] {
            let spec = StepSpec {
                kind: StepKind::Model,
                outputs: vec![asset(model)],
                inputs: Vec::new(),
                definition: ContentHash::of(b""),
                timeout: LONG,
                execution: millstream_core::execution::Execution::default(),
                partitions: None,
                flow: millstream_core::flow::Flow::default(),
            };
            self.ledger.skip_step(run, &spec, SkipState::Upstream, "waits").await.unwrap();
        }
        self.ledger.end_run(run, RunState::Failed).await.unwrap();
        run
    }

    async fn succeeding_run(&self) {
        let run = self.run().await;
        let attempt = self.claimed(run, "a").await;
        let target = Target { asset: asset("a"), payload: Value::Null };
        let staged = Staged { targets: vec![target], ..Staged::default() };
        self.ledger.intend(attempt, &staged).await.unwrap();
        let receipt = Receipt { version: 1, detail: Value::Null };
        self.ledger.commit(attempt, vec![(asset("a"), receipt)]).await.unwrap();
        self.ledger.end_run(run, RunState::Succeeded).await.unwrap();
    }
}

async fn open(folder: &TempDir) -> Ledger {
    Ledger::open(&folder.path().join("ledger.db"), "dev", Clock::System).await.unwrap()
}

fn asset(model: &str) -> AssetKey {
    format!("table:main.{model}").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_is_told_once_counted_and_resolved() {
    let (url, received) = receiver(0).await;
    let world = World::new(&url, "").await;
    let notifier = world.notifier().await;
    let run = world.failing_run().await;
    assert_eq!(notifier.finish(LONG).await.unwrap(), Left { waiting: 0 });
    world.failing_run().await;
    notifier.finish(LONG).await.unwrap();
    let told = received.all();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["asset"], &told[0]["owner"]), (&json!("table:main.a"), &json!("ann")));
    assert_eq!(told[0]["blocked"], json!(["table:main.b", "table:main.c"]));
    assert_eq!(told[0]["run"], json!(run.to_string()));
    assert_eq!(told[0]["url"], json!(format!("https://d.example/runs/{run}")));
    assert_eq!(told[0]["error"]["code"], "sql.type");
    world.succeeding_run().await;
    notifier.finish(LONG).await.unwrap();
    assert_eq!(received.kinds(), ["problem", "resolved"]);
    assert_eq!(received.all()[1]["count"], 2);
    assert!(world.ledger.notice_book().unwrap().incidents.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_tried_again_is_told_when_its_run_has_ended() {
    let (url, received) = receiver(0).await;
    let world = World::new(&url, ", on: [step_failed]").await;
    let notifier = world.notifier().await;
    let run = world.run().await;
    world.fails(run, "a", Retry::Backoff).await;
    notifier.finish(LONG).await.unwrap();
    assert!(received.all().is_empty());
    world.fails(run, "b", Retry::Never).await;
    notifier.finish(LONG).await.unwrap();
    assert_eq!(received.all()[0]["asset"], "table:main.b");
    world.ledger.end_run(run, RunState::Failed).await.unwrap();
    notifier.finish(LONG).await.unwrap();
    assert_eq!(received.all().len(), 2);
    assert_eq!(received.all()[1]["asset"], "table:main.a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_busy_gets_the_same_again() {
    let (url, received) = receiver(2).await;
    let world = World::new(&url, "").await;
    let notifier = world.notifier().await;
    world.failing_run().await;
    assert_eq!(notifier.finish(LONG).await.unwrap(), Left { waiting: 0 });
    let told = received.all();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_notifiers_one_tells() {
    let (url, received) = receiver(0).await;
    let world = World::new(&url, "").await;
    let other = open(&world.folder).await;
    let (one, two) = (world.notifier().await, world.notifier_of(&other));
    world.failing_run().await;
    let (one, two) = tokio::join!(one.finish(LONG), two.finish(LONG));
    assert_eq!((one.unwrap().waiting, two.unwrap().waiting), (0, 0));
    assert_eq!(received.kinds(), ["problem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_is_told_by_its_origin() {
    let (url, received) = receiver(0).await;
    let world = World::new(&url, "").await;
    let notifier = world.notifier().await;
    let run = world.run().await;
    world.ledger.end_run(run, RunState::TimedOut).await.unwrap();
    notifier.finish(LONG).await.unwrap();
    assert_eq!(received.all()[0]["headline"], "run failed");
    assert_eq!(received.all()[0]["error"]["code"], "run.timed_out");
    world.succeeding_run().await;
    notifier.finish(LONG).await.unwrap();
    assert_eq!(received.kinds(), ["problem", "resolved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_until_it_is_stopped() {
    let (url, received) = receiver(0).await;
    let world = World::new(&url, "").await;
    let notifier = world.notifier().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifier.run(stop.clone()));
    world.failing_run().await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(received.kinds(), ["problem"], "what happened before it stopped is told");
}
