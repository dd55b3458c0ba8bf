//! The notifier of a project.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_ledger::Ledger;
use millstream_notify::{
    Incident, LateAsset, Lateness, Message, MessageKind, Notifier, NotifierConfig, Question,
    Secrets,
};
use millstream_project::Project;
use millstream_run::FoundFresh;
use millstream_run::api::{self, Notice, Telling};
use millstream_run::schedule::{StepHistory, late};

use serde_json::Value;

use super::Opened;
use super::secrets::resolve;

/// The notifier of a project; without `lateness`, nobody is told what is late.
pub fn notifier(opened: &Opened, lateness: Option<Lateness>) -> Notifier {
    Notifier::new(NotifierConfig {
        ledger: opened.ledger.clone(),
        project: &opened.project,
        secrets: Secrets::new(resolve),
        lateness,
        clock: opened.clock.clone(),
    })
}

/// The notifier of a project of which no more than the ledger is open.
pub fn notifier_of(ledger: &Ledger, project: &Project) -> Notifier {
    Notifier::new(NotifierConfig {
        ledger: ledger.clone(),
        project,
        secrets: Secrets::new(resolve),
        lateness: None,
        clock: Clock::System,
    })
}

/// What is late, also by what a scheduler found fresh.
pub fn lateness(opened: &Opened, fresh: FoundFresh) -> Lateness {
    let (ledger, graph) = (opened.ledger.clone(), opened.project.graph.clone());
    Arc::new(move |now| {
        let mut history = StepHistory { as_of: ledger.settled_since()?, ..StepHistory::default() };
        for (asset, at) in fresh.moments() {
            let known = history.as_of.entry(asset).or_insert(at);
            *known = at.max(*known);
        }
        let found = late(&graph, &history, now).into_iter();
        Ok(found
            .map(|late| LateAsset {
                asset: late.asset,
                fresh_until: late.fresh_until,
                behind: late.behind,
            })
            .collect())
    })
}

/// What the interface knows of notices.
pub fn telling(opened: &Opened, notifier: &Notifier) -> Telling {
    let (ledger, notifier) = (opened.ledger.clone(), notifier.clone());
    Telling {
        notices: Arc::new(move || {
            let incidents = ledger.notice_book()?.incidents.into_values();
            let read = incidents.filter_map(|it| serde_json::from_value::<Incident>(it).ok());
            Ok(read.map(notice).collect())
        }),
        message,
        test: Arc::new(move |channel| {
            let notifier = notifier.clone();
            Box::pin(async move { Ok(notifier.test(&channel).await?) })
        }),
    }
}

fn notice(incident: Incident) -> Notice {
    Notice {
        headline: incident.headline(),
        event: incident.event(),
        asset: incident.cause.asset().cloned(),
        blocked_count: incident.what.blocked.len(),
        id: incident.id,
        code: incident.what.code,
        message: incident.what.message,
        hint: incident.what.hint,
        question: incident.what.question.map(question),
        run: incident.what.run,
        origin: incident.what.origin,
        blocked: incident.what.blocked,
        count: incident.count,
        first_at: incident.first_at,
        last_at: incident.last_at,
        over_at: incident.over_at,
        told: incident.told.into_iter().map(|(channel, told)| (channel, told.at)).collect(),
        messages: u64::from(incident.messages),
    }
}

fn question(asked: Question) -> api::NoticeQuestion {
    api::NoticeQuestion {
        text: asked.text,
        who: asked.who,
        until: asked.until,
        approve: asked.approve,
        reject: asked.reject,
    }
}

fn message(kept: &Value) -> Option<api::Message> {
    let said: Message = serde_json::from_value(kept.clone()).ok()?;
    let kind = match said.kind {
        MessageKind::Problem => "problem",
        MessageKind::Question => "question",
        MessageKind::Changed => "changed",
        MessageKind::Reminder => "reminder",
        MessageKind::Resolved => "resolved",
        MessageKind::Test => "test",
    };
    let (code, text, hint) =
        said.error.map_or((None, String::new(), None), |it| (it.code, it.message, it.hint));
    let about = Notice {
        id: said.incident,
        headline: said.headline,
        event: said.event,
        asset: said.asset.and_then(|asset| asset.parse().ok()),
        code,
        message: text,
        hint,
        question: said.question.map(question),
        run: said.run,
        origin: said.origin,
        blocked: said.blocked.iter().filter_map(|asset| asset.parse().ok()).collect(),
        blocked_count: said.blocked_count,
        count: said.count,
        first_at: said.first_at,
        last_at: said.last_at,
        over_at: None,
        told: BTreeMap::default(),
        messages: 0,
    };
    Some(api::Message { about, kind: kind.to_owned(), at: said.at })
}
