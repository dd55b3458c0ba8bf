//! Steps for tests: they publish into memory, and do what the test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::clock::Clock;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::execution::Execution;
use millstream_core::flow::Flow;
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::step::{
    Attempt, Edge, Input, Receipt, Staged, Step, StepKind, StepSpec, Target,
};
use millstream_ledger::{Holder, Ledger};
use serde_json::json;
use tempfile::TempDir;

use crate::{Executor, OtherSteps, Pace, Steps};

/// What a step does while it works.
pub(crate) type Work = Arc<dyn Fn(u32) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A step whose work is a function of the number of its call.
pub(crate) struct FakeStep {
    spec: StepSpec,
    work: Work,
    calls: Mutex<u32>,
    published: Mutex<BTreeMap<String, u64>>,
}

impl std::fmt::Debug for FakeStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FakeStep({})", self.spec.asset())
    }
}

impl FakeStep {
    pub(crate) fn new(name: &str, execution: Execution, work: Work) -> Self {
        let spec = StepSpec {
            kind: StepKind::Model,
            outputs: vec![asset(name)],
            inputs: Vec::new(),
            definition: ContentHash::of(name.as_bytes()),
            timeout: Duration::from_mins(1),
            execution,
            partitions: None,
            flow: millstream_core::flow::Flow::default(),
        };
        Self { spec, work, calls: Mutex::default(), published: Mutex::default() }
    }

    /// As a step of `steps/`, behind others, that runs as this says.
    pub(crate) fn flowing(name: &str, behind: &[&str], flow: Flow, work: Work) -> Self {
        let mut step = Self::new(name, Execution::default(), work);
        step.spec.outputs = vec![AssetKey::step(name)];
        let input = |name: &&str| Input { asset: AssetKey::step(name), edge: Edge::Data };
        step.spec.inputs = behind.iter().map(input).collect();
        step.spec.flow = flow;
        step
    }

    /// With a time-out of its own.
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.spec.timeout = timeout;
        self
    }
}

impl Step for FakeStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        let number = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            *calls += 1;
            *calls
        };
        Box::pin(async move {
            if attempt.partition.is_some() && attempt.given == Some(json!("broken")) {
                return Err(Plain::user("test.broken", "it is broken").into());
            }
            (self.work)(number).await?;
            if attempt.partition.is_some() {
                return Ok(Staged { result: attempt.given.clone(), ..Staged::default() });
            }
            let payload = json!({"result": attempt.given});
            let target = Target { asset: self.spec.asset().clone(), payload };
            Ok(Staged { targets: vec![target], ..Staged::default() })
        })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.insert(effect.application.clone(), effect.sequence);
        let detail = target.payload.clone();
        Box::pin(async { Ok(Receipt { version: effect.sequence, detail }) })
    }

    fn find<'a>(
        &'a self,
        _target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = published.get(&effect.application) == Some(&effect.sequence);
        let receipt = is_there.then(|| Receipt { version: effect.sequence, detail: json!({}) });
        Box::pin(async { Ok(receipt) })
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = published.get(application).copied().unwrap_or(0);
        Box::pin(async move { Ok(sequence) })
    }

    fn discard(&self, _attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

#[derive(Debug)]
struct NoOthers;

impl OtherSteps for NoOthers {
    fn settling(&self, _outputs: &[AssetKey]) -> Option<Arc<dyn Step>> {
        None
    }
}

/// An environment of its own.
pub(crate) struct Place {
    _folder: TempDir,
    pub(crate) ledger: Ledger,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("the tests have a temporary folder");
        let path = folder.path().join("ledger.db");
        let ledger = Ledger::open(&path, "dev", Clock::System).await.expect("the ledger opens");
        Self { _folder: folder, ledger }
    }

    pub(crate) fn executor(&self, steps: Vec<FakeStep>, pace: Pace) -> Executor {
        let steps: Vec<Arc<dyn Step>> =
            steps.into_iter().map(|step| Arc::new(step) as Arc<dyn Step>).collect();
        let steps = Steps { project: Arc::new(steps), others: Arc::new(NoOthers) };
        Executor::new(self.ledger.clone(), steps, Holder::current("test"), pace)
    }
}

pub(crate) fn asset(name: &str) -> AssetKey {
    format!("table:main.{name}").parse().expect("it is a key")
}

/// Work that is done at once.
pub(crate) fn nothing() -> Work {
    Arc::new(|_| Box::pin(async { Ok(()) }))
}

/// Work that fails so many times because of something outside.
pub(crate) fn fails(times: u32) -> Work {
    Arc::new(move |number| {
        Box::pin(async move {
            if number <= times {
                return Err(Plain::external("test.unreachable", "no answer").into());
            }
            Ok(())
        })
    })
}
