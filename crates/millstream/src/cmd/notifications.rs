//! `millstream notifications list|test|resend|mute|unmute`

use millstream_core::AssetKey;
use millstream_core::clock::{Clock, Timestamp};
use millstream_ledger::{
    Action, Deed, Delivery, DeliveryFilter, DeliveryState, Ledger, MuteRecord, MuteTarget,
    NoticeBook,
};
use millstream_notify::{Incident, Message};
use millstream_project::Selection;
use millstream_project::schedule::Period;
use serde_json::{Value, json};

use crate::cli::{Global, MessageState, NotificationsVerb, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, print_json, print_line, table};
use crate::wire::{Opened, notifier, open_ledger, required_project, user};

/// The longest mute, in seconds: 30 days.
const MUTE_SECONDS_MAX: i64 = 30 * 24 * 3600;

/// Shows messages and what is wrong, tries channels, and holds messages back.
pub async fn run(global: &Global, verb: &NotificationsVerb) -> Outcome {
    match verb {
        NotificationsVerb::List { state, channel, limit } => {
            let state = state.map(delivery_state);
            let filter =
                DeliveryFilter { state, channel: channel.clone(), ..DeliveryFilter::default() };
            list(global, &open_ledger(global).await?, &filter, *limit)
        }
        NotificationsVerb::Test { channel } => test(global, channel).await,
        NotificationsVerb::Resend { messages, channel, .. } => {
            resend(global, messages, channel.clone()).await
        }
        NotificationsVerb::Mute { asset, period, reason, .. } => {
            let target = target(global, asset.as_deref())?;
            mute(global, target, period, reason.as_deref().unwrap_or_default()).await
        }
        NotificationsVerb::Unmute { asset, .. } => {
            unmute(global, target(global, asset.as_deref())?).await
        }
    }
}

fn list(global: &Global, ledger: &Ledger, filter: &DeliveryFilter, limit: usize) -> Outcome {
    let now = Clock::System.now();
    let NoticeBook { incidents, mutes, .. } = ledger.notice_book()?;
    let read = |state: Value| serde_json::from_value::<Incident>(state).ok();
    let mut incidents: Vec<Incident> = incidents.into_values().filter_map(read).collect();
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.last_at));
    let mutes: Vec<MuteRecord> = mutes.into_iter().filter(|mute| now < mute.until).collect();
    let messages = ledger.deliveries(filter, limit)?;
    if global.output == OutputFormat::Json {
        let all = json!({"incidents": incidents, "mutes": mutes, "messages": messages});
        return print_json("notifications", &all);
    }
    if !incidents.is_empty() {
        print_line(&format!("{}\n", incident_table(&incidents)))?;
    }
    if !mutes.is_empty() {
        print_line(&format!("{}\n", mute_table(&mutes)))?;
    }
    print_line(&message_table(&messages))
}

fn incident_table(incidents: &[Incident]) -> String {
    let columns = [
        Column::Text("wrong now"),
        Column::Text("error"),
        Column::Number("times"),
        Column::Text("since"),
        Column::Text("last"),
        Column::Text("told"),
    ];
    let row = |incident: &Incident| {
        let told: Vec<&str> = incident.told.keys().map(String::as_str).collect();
        vec![
            incident.cause.to_string(),
            incident.what.code.clone().unwrap_or_default(),
            incident.count.to_string(),
            moment(incident.first_at),
            moment(incident.last_at),
            if told.is_empty() { "nobody".to_owned() } else { told.join(", ") },
        ]
    };
    table(&columns, &incidents.iter().map(row).collect::<Vec<_>>())
}

fn mute_table(mutes: &[MuteRecord]) -> String {
    let columns =
        [Column::Text("muted"), Column::Text("until"), Column::Text("by"), Column::Text("why")];
    let row = |mute: &MuteRecord| {
        let target = named(&mute.target);
        let reason = mute.reason.clone().unwrap_or_default();
        vec![target, moment(mute.until), mute.by.clone(), reason]
    };
    table(&columns, &mutes.iter().map(row).collect::<Vec<_>>())
}

fn message_table(messages: &[Delivery]) -> String {
    let columns = [
        Column::Text("at"),
        Column::Text("channel"),
        Column::Text("state"),
        Column::Number("attempts"),
        Column::Text("message"),
        Column::Text("why not"),
        Column::Text("id"),
    ];
    let row = |delivery: &Delivery| {
        let message = serde_json::from_value::<Message>(delivery.message.clone());
        let message = message.map(|message| message.headline).unwrap_or_default();
        vec![
            moment(delivery.created_at),
            delivery.channel.clone(),
            crate::output::plain(&json!(delivery.state)),
            delivery.attempts.to_string(),
            message,
            delivery.error.clone().unwrap_or_default(),
            delivery.delivery.clone(),
        ]
    };
    table(&columns, &messages.iter().map(row).collect::<Vec<_>>())
}

async fn test(global: &Global, channel: &str) -> Outcome {
    let opened = Opened::open(global, "notifications test").await?;
    notifier(&opened, None).test(channel).await?;
    let deed = Deed::new(Action::NotificationsTest, format!("channel:{channel}"));
    opened.ledger.record(user(), deed).await?;
    if global.output == OutputFormat::Json {
        return print_json("test", &json!({"channel": channel, "arrived": true}));
    }
    print_line(&format!("the message to {channel} was taken"))
}

async fn resend(global: &Global, messages: &[String], channel: Option<String>) -> Outcome {
    let ledger = open_ledger(global).await?;
    let count = if messages.is_empty() {
        ledger.resend_dead(channel).await?
    } else {
        for message in messages {
            ledger.resend_delivery(message).await?;
        }
        messages.len() as u64
    };
    if global.output == OutputFormat::Json {
        return print_json("resent", &json!({"messages": count}));
    }
    print_line(&match count {
        0 => "no message was given up".to_owned(),
        count => format!(
            "{} wait to be sent again, by a server or the next run",
            if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
        ),
    })
}

async fn mute(global: &Global, target: MuteTarget, period: &str, reason: &str) -> Outcome {
    let parsed = period.parse::<Period>().ok();
    let Some(period) = parsed.filter(|period| period.seconds() <= MUTE_SECONDS_MAX) else {
        let message = format!("`--for {period}` is no time of at most 30 days; as 2h or 1d");
        return Err(Failure::Usage(message));
    };
    let until = Timestamp::from_micros(Clock::System.now().as_micros() + period.micros());
    open_ledger(global).await?.mute(target.clone(), until, reason).await?;
    if global.output == OutputFormat::Json {
        return print_json("mute", &json!({"target": target, "until": moment(until)}));
    }
    print_line(&format!("{} is muted until {}", named(&target), moment(until)))
}

async fn unmute(global: &Global, target: MuteTarget) -> Outcome {
    let was_muted = open_ledger(global).await?.unmute(target.clone()).await?;
    if global.output == OutputFormat::Json {
        return print_json("unmute", &json!({"target": target, "was_muted": was_muted}));
    }
    let name = named(&target);
    print_line(&if was_muted {
        format!("{name} is muted no more")
    } else {
        format!("{name} was not muted")
    })
}

/// What is meant: one asset of the project, or everything.
fn target(global: &Global, asset: Option<&str>) -> Result<MuteTarget, Failure> {
    let Some(text) = asset else { return Ok(MuteTarget::Everything) };
    let project = required_project(global)?;
    if let Ok(key) = text.parse::<AssetKey>()
        && let Some(node) = project.graph.node(&key)
    {
        return Ok(MuteTarget::Asset(node.asset().clone()));
    }
    let select = [text.to_owned()];
    let selection = Selection { select: &select, exclude: &[], state: None };
    let found: Vec<AssetKey> = project.select(&selection)?.into_iter().collect();
    match found.as_slice() {
        [asset] => Ok(MuteTarget::Asset(asset.clone())),
        several => {
            let names: Vec<String> = several.iter().take(20).map(ToString::to_string).collect();
            Err(Failure::Usage(format!("`{text}` means several assets: {}", names.join(", "))))
        }
    }
}

fn named(target: &MuteTarget) -> String {
    match target {
        MuteTarget::Everything => "everything".to_owned(),
        MuteTarget::Asset(asset) => asset.to_string(),
    }
}

fn delivery_state(state: MessageState) -> DeliveryState {
    match state {
        MessageState::Waiting => DeliveryState::Waiting,
        MessageState::Sent => DeliveryState::Sent,
        MessageState::Dead => DeliveryState::Dead,
    }
}
