//! What people are told: what is wrong by its root cause, the messages about it, who is told what,
//! and what is held back.
//!
//! What the ledger keeps of notices and messages is known to the room that tells people; the wiring
//! hands over how that reads it ([`Telling`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result as CoreResult;
use millstream_core::id::RunId;
use millstream_guard::{Object, Principal};
use millstream_ledger::{
    Action, ChannelRecord, Deed, Delivery, DeliveryFilter, DeliveryState, MuteRecord, MuteTarget,
    ToldOf,
};
use millstream_project::notification::{Channel, Event, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ApiError, Refusal};
use super::moment::Moment;
use super::page::{Page, limit};
use super::versions::Part;
use super::{Answer, Api, actor, asset_key};

/// The notices that are over and shown beside those that are open.
const OVER_MAX: usize = 1000;
/// The assets that a notice or a rule lists.
const LISTED_MAX: usize = 100;
/// The shortest and the longest mute, in milliseconds: a second and 30 days.
const MUTE_MS: std::ops::RangeInclusive<u64> = 1000..=30 * 24 * 3_600_000;
/// A mute without a time, in milliseconds.
const MUTE_MS_USUAL: u64 = 3_600_000;
/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What the room that tells people knows and does.
#[derive(Clone)]
pub struct Telling {
    /// Gives what is wrong now, and of whose end not all have been told.
    pub notices: Arc<dyn Fn() -> CoreResult<Vec<Notice>> + Send + Sync>,
    /// Reads a message of the ledger; `None` if another version wrote it.
    pub message: fn(&Value) -> Option<Message>,
    /// Sends a message to a channel that only tries it.
    pub test: Arc<dyn Fn(String) -> BoxFuture<'static, CoreResult<()>> + Send + Sync>,
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

/// Something that is wrong, by its root cause.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Names it for ever.
    pub id: String,
    /// One line that says it.
    pub headline: String,
    /// What names it best.
    pub event: Event,
    /// The asset at which it begins.
    pub asset: Option<AssetKey>,
    /// The code of the error.
    pub code: Option<String>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What is asked, where nothing is wrong.
    pub question: Option<NoticeQuestion>,
    /// The run in which it was seen last.
    pub run: Option<RunId>,
    /// What started that run.
    pub origin: Option<String>,
    /// What waits for it, or the first of that.
    pub blocked: BTreeSet<AssetKey>,
    /// How many wait for it.
    pub blocked_count: usize,
    /// How often it was seen.
    pub count: u64,
    /// When it was seen first.
    pub first_at: Timestamp,
    /// When it was seen last.
    pub last_at: Timestamp,
    /// When it was over.
    pub over_at: Option<Timestamp>,
    /// When each channel was told last.
    pub told: BTreeMap<String, Timestamp>,
    /// How many messages there were about it.
    pub messages: u64,
}

/// What somebody is asked.
#[derive(Debug, Clone)]
pub struct NoticeQuestion {
    /// What is asked, in the words of who asks.
    pub text: String,
    /// Who may answer, for people.
    pub who: String,
    /// When it is asked no more, if ever.
    pub until: Option<Timestamp>,
    /// The command that approves.
    pub approve: String,
    /// The command that rejects.
    pub reject: String,
}

/// What a message says.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is about, as when it was decided; of `messages`, `told` and `over_at` it knows nothing.
    pub about: Notice,
    /// What it is for: `problem`, `question`, `changed`, `reminder`, `resolved` or `test`.
    pub kind: String,
    /// When it was decided to tell.
    pub at: Timestamp,
}

/// When a channel was told of a notice.
#[derive(Debug, Serialize, JsonSchema)]
struct Delivered {
    channel: String,
    /// When, last; null of what is over.
    at: Option<Moment>,
}

/// Which notices are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NoticesAsked {
    state: Option<NoticeState>,
    /// Those that begin at this asset, or hold it up.
    asset: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Whether something is still wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NoticeState {
    /// It is wrong now.
    Open,
    /// It is over.
    Over,
}

/// Something that is wrong, or was, by its root cause.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NoticeView {
    notice: String,
    state: NoticeState,
    /// One line that says it.
    headline: String,
    /// `run_failed`, `step_failed`, `check_failed`, `check_warned`, `gate_refused`, `late`,
    /// `schedule_skipped`, `approval_asked` or `release_proposed`.
    event: String,
    /// The asset at which it begins.
    asset: Option<String>,
    owner: Option<String>,
    /// The run in which it was seen last.
    run: Option<String>,
    /// What started that run.
    origin: Option<String>,
    error: Option<NoticeError>,
    /// What is asked, where nothing is wrong.
    question: Option<QuestionView>,
    /// The first of what waits for it.
    blocked: Vec<String>,
    /// How many wait for it.
    blocked_count: usize,
    /// How often it was seen.
    count: u64,
    first_at: Moment,
    last_at: Moment,
    over_at: Option<Moment>,
    /// Who was told.
    told: Vec<Delivered>,
    /// How many messages there were about it.
    messages: u64,
    /// Whether it is held back now.
    muted: bool,
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
struct NoticeError {
    code: Option<String>,
    message: String,
    hint: Option<String>,
}

/// What somebody is asked.
#[derive(Debug, Serialize, JsonSchema)]
struct QuestionView {
    /// In the words of who asks; empty if there are none.
    text: String,
    /// Who may answer, for people.
    who: String,
    /// When it is asked no more, if ever.
    until: Option<Moment>,
    /// The command that approves.
    approve: String,
    /// The command that rejects.
    reject: String,
}

/// Which messages are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MessagesAsked {
    state: Option<MessageState>,
    channel: Option<String>,
    /// About this notice.
    notice: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum MessageState {
    /// It is still to be sent.
    Waiting,
    /// The receiver took it.
    Sent,
    /// It was given up.
    Dead,
}

/// A message, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MessageView {
    message: String,
    notice: String,
    channel: String,
    state: MessageState,
    /// `problem`, `question`, `changed`, `reminder` or `resolved`.
    kind: Option<String>,
    headline: Option<String>,
    asset: Option<String>,
    run: Option<String>,
    /// How often it was sent, or begun to be.
    attempts: u32,
    created_at: Moment,
    /// When it is sent next; null once it has come to its end.
    due_at: Option<Moment>,
    ended_at: Option<Moment>,
    /// Why it could not be sent the last time.
    error: Option<String>,
}

/// A rule that says who is told what.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RuleView {
    rule: String,
    /// What has to happen.
    on: Vec<String>,
    /// The first of the assets that it is about; null for all, and what belongs to none.
    assets: Option<Vec<String>>,
    assets_count: Option<usize>,
    /// The channels that are told.
    to: Vec<String>,
    remind_ms: Option<u64>,
    /// When nobody is told, for people.
    quiet: Vec<String>,
}

/// Where messages go. Nothing of its address or secrets is shown.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChannelView {
    channel: String,
    /// `slack`, `webhook`, `email` or `pagerduty`; null if no file declares it any more.
    kind: Option<String>,
    /// How many messages it takes in `per_ms`.
    messages_max: Option<u32>,
    per_ms: Option<u64>,
    waiting: u64,
    sent: u64,
    dead: u64,
    /// When it took the last one.
    sent_at: Option<Moment>,
}

/// What nobody is told of for a while.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MuteView {
    /// An asset, or `*` for everything.
    target: String,
    until: Moment,
    by: String,
    reason: Option<String>,
    since: Moment,
}

/// What is to be held back: one asset or everything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MuteAsked {
    /// The key of an asset, or `*` for everything.
    #[schemars(length(min = 1))]
    target: String,
    /// For how long; an hour without.
    #[schemars(range(min = 1000, max = 2_592_000_000_u64))]
    for_ms: Option<u64>,
    /// Why, for the record.
    #[serde(default)]
    #[schemars(length(max = 500))]
    reason: String,
}

/// Which messages are sent once more.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResendAsked {
    /// Those to this channel; all without.
    channel: Option<String>,
}

/// What came of sending again.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Resent {
    /// How many messages wait now that were given up.
    messages: u64,
}

/// A channel that took a message.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tested {
    channel: String,
    arrived: bool,
}

/// What is wrong, the latest first, and then what was.
pub(super) async fn notices(
    State(api): State<Api>,
    Query(asked): Query<NoticesAsked>,
) -> Answer<Page<NoticeView>> {
    api.reading(move |api| {
        let limit = limit(asked.limit)?;
        let asset = asked.asset.as_deref().map(asset_key).transpose()?;
        let mut all = api.notices()?;
        all.retain(|(notice, over)| {
            asked.state.is_none_or(|wanted| wanted == state(*over))
                && asset.as_ref().is_none_or(|asset| touches(notice, asset))
        });
        let page = Page::within(all, limit, asked.cursor.as_deref())?;
        let mutes = api.mutes()?;
        Ok(page.map(|(notice, over)| api.notice_view(notice, over, &mutes)))
    })
    .await
}

/// One root cause.
pub(super) async fn notice(State(api): State<Api>, Path(id): Path<String>) -> Answer<NoticeView> {
    api.reading(move |api| {
        let found = api.notices()?.into_iter().find(|(notice, _)| notice.id == id);
        let (notice, over) = found.ok_or_else(|| ApiError::no_such("notice", id))?;
        Ok(api.notice_view(notice, over, &api.mutes()?))
    })
    .await
}

/// Messages, the newest first.
pub(super) async fn messages(
    State(api): State<Api>,
    Query(asked): Query<MessagesAsked>,
) -> Answer<Page<MessageView>> {
    api.reading(move |api| {
        let limit = limit(asked.limit)?;
        let bad = |_| ApiError::bad("cursor", "it is none that this list gave");
        let filter = DeliveryFilter {
            state: asked.state.map(DeliveryState::from),
            channel: asked.channel,
            incident: asked.notice,
            before: asked.cursor.as_deref().map(str::parse).transpose().map_err(bad)?,
        };
        let found = api.ledger().deliveries(&filter, limit + 1)?;
        let page = Page::of(found, limit, |message| message.position.to_string());
        Ok(page.map(|message| api.message_view(message)))
    })
    .await
}

/// Sends a message once more that was given up.
pub(super) async fn resend(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<MessageView>), Refusal> {
    api.ledger_of(&principal).resend_delivery(&id).await?;
    let found = api.ledger().delivery(&id)?;
    let found = found.ok_or_else(|| ApiError::no_such("message", id))?;
    Ok((StatusCode::ACCEPTED, Json(api.message_view(found))))
}

/// Sends all messages once more that were given up, or those to a channel.
pub(super) async fn resend_all(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Json(Object(asked)): Json<Object<ResendAsked>>,
) -> Result<(StatusCode, Json<Resent>), Refusal> {
    if let Some(channel) = &asked.channel {
        api.expect_channel(channel)?;
    }
    let messages = api.ledger_of(&principal).resend_dead(asked.channel).await?;
    Ok((StatusCode::ACCEPTED, Json(Resent { messages })))
}

/// Who is told what, by name.
pub(super) async fn rules(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<RuleView>> {
    let mut all: Vec<&Rule> = api.project().notifications.rules.iter().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let page = Page::within(all, limit(part.limit)?, part.cursor.as_deref())?;
    Ok(Json(page.map(RuleView::of)))
}

/// Where messages go, by name; also channels that no file declares any more.
pub(super) async fn channels(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<ChannelView>> {
    api.reading(move |api| {
        let declared = &api.project().notifications.channels;
        let mut told = api.ledger().told_channels()?;
        for name in declared.keys() {
            told.entry(name.clone()).or_default();
        }
        let all = told.into_iter().map(|(name, told)| {
            let channel = declared.get(&name);
            ChannelView::of(name, channel, &told)
        });
        Ok(Page::within(all.collect(), limit(part.limit)?, part.cursor.as_deref())?)
    })
    .await
}

/// Sends a message to a channel now, and says whether it was taken.
pub(super) async fn test(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(channel): Path<String>,
) -> Answer<Tested> {
    (api.config.telling.test)(channel.clone()).await?;
    let deed = Deed::new(Action::NotificationsTest, format!("channel:{channel}"));
    api.ledger().record(actor(&principal), deed).await?;
    Ok(Json(Tested { channel, arrived: true }))
}

/// What nobody is told of now.
pub(super) async fn mutes(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<MuteView>> {
    api.reading(move |api| {
        let page = Page::within(api.mutes()?, limit(part.limit)?, part.cursor.as_deref())?;
        Ok(page.map(MuteView::from))
    })
    .await
}

/// Holds back what begins at an asset, or everything.
pub(super) async fn mute(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Json(Object(asked)): Json<Object<MuteAsked>>,
) -> Result<(StatusCode, Json<MuteView>), Refusal> {
    let length = asked.for_ms.unwrap_or(MUTE_MS_USUAL);
    if !MUTE_MS.contains(&length) {
        let (least, most) = (MUTE_MS.start(), MUTE_MS.end());
        return Err(ApiError::bad("for_ms", format!("it is from {least} to {most}")).into());
    }
    if asked.reason.chars().count() > REASON_CHARS_MAX {
        let problem = format!("it has at most {REASON_CHARS_MAX} characters");
        return Err(ApiError::bad("reason", problem).into());
    }
    let target = target(&asked.target)?;
    if let MuteTarget::Asset(asset) = &target {
        api.fact(&asset.to_string())?;
    }
    let until = api.config.clock.now().as_micros() + length as i64 * 1000;
    let until = Timestamp::from_micros(until);
    api.ledger_of(&principal).mute(target.clone(), until, &asked.reason).await?;
    let made = api.mutes()?.into_iter().find(|mute| mute.target == target);
    let made = made.ok_or_else(|| ApiError::no_such("mute", asked.target))?;
    Ok((StatusCode::CREATED, Json(MuteView::from(made))))
}

/// Ends a mute before its time.
pub(super) async fn unmute(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    if api.ledger_of(&principal).unmute(target(&name)?).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::no_such("mute", name).into())
    }
}

/// Whether a notice is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    No,
    Yes,
}

impl Api {
    /// What is wrong, the latest first, and then what was.
    fn notices(&self) -> Result<Vec<(Notice, Over)>, Refusal> {
        let mut now = (self.config.telling.notices)()?;
        now.sort_by_key(|notice| std::cmp::Reverse(notice.last_at));
        let told = self.ledger().told_of_incidents(OVER_MAX)?;
        let ids: BTreeSet<&str> = now.iter().map(|notice| notice.id.as_str()).collect();
        let past: Vec<Notice> = told
            .into_iter()
            .filter(|told| !ids.contains(told.last.incident.as_str()))
            .filter_map(|told| past(told, self.config.telling.message))
            .collect();
        let (open, ending): (Vec<_>, Vec<_>) =
            now.into_iter().partition(|notice| notice.over_at.is_none());
        let open = open.into_iter().map(|notice| (notice, Over::No));
        Ok(open.chain(ending.into_iter().chain(past).map(|it| (it, Over::Yes))).collect())
    }

    /// The mutes that have not ended.
    fn mutes(&self) -> Result<Vec<MuteRecord>, Refusal> {
        let now = self.config.clock.now();
        let mutes = self.ledger().notice_book()?.mutes.into_iter();
        Ok(mutes.filter(|mute| now < mute.until).collect())
    }

    fn notice_view(&self, notice: Notice, over: Over, mutes: &[MuteRecord]) -> NoticeView {
        let asset = notice.asset.as_ref();
        let muted = mutes.iter().any(|mute| match &mute.target {
            MuteTarget::Everything => true,
            MuteTarget::Asset(target) => Some(target) == asset,
        });
        let told = notice.told.into_iter();
        let error = NoticeError { code: notice.code, message: notice.message, hint: notice.hint };
        NoticeView {
            state: state(over),
            headline: notice.headline,
            event: notice.event.word().to_owned(),
            asset: asset.map(ToString::to_string),
            owner: asset.and_then(|asset| self.project().owner(asset)),
            run: notice.run.map(|run| run.to_string()),
            origin: notice.origin,
            error: (error.code.is_some() || !error.message.is_empty()).then_some(error),
            question: notice.question.map(QuestionView::from),
            blocked: notice.blocked.iter().take(LISTED_MAX).map(ToString::to_string).collect(),
            blocked_count: notice.blocked_count,
            count: notice.count,
            first_at: Moment(notice.first_at),
            last_at: Moment(notice.last_at),
            over_at: notice.over_at.map(Moment),
            told: told
                .map(|(channel, at)| {
                    let at = (over == Over::No).then_some(Moment(at));
                    Delivered { channel, at }
                })
                .collect(),
            messages: notice.messages,
            muted: muted && over == Over::No,
            notice: notice.id,
        }
    }

    fn message_view(&self, delivery: Delivery) -> MessageView {
        let said = (self.config.telling.message)(&delivery.message);
        let about = said.as_ref().map(|said| &said.about);
        let waits = delivery.state == DeliveryState::Waiting;
        MessageView {
            kind: said.as_ref().map(|said| said.kind.clone()),
            headline: about.map(|about| about.headline.clone()),
            asset: about.and_then(|about| about.asset.as_ref()).map(ToString::to_string),
            run: about.and_then(|about| about.run).map(|run| run.to_string()),
            message: delivery.delivery,
            notice: delivery.incident,
            channel: delivery.channel,
            state: MessageState::from(delivery.state),
            attempts: delivery.attempts,
            created_at: Moment(delivery.created_at),
            due_at: waits.then_some(Moment(delivery.due_at)),
            ended_at: delivery.ended_at.map(Moment),
            error: delivery.error,
        }
    }

    fn expect_channel(&self, channel: &str) -> Result<(), ApiError> {
        let is_declared = self.project().notifications.channels.contains_key(channel);
        if is_declared { Ok(()) } else { Err(ApiError::no_such("channel", channel)) }
    }
}

/// A notice that is over, as the last message about it says.
fn past(told: ToldOf, read: fn(&Value) -> Option<Message>) -> Option<Notice> {
    let said = read(&told.last.message)?;
    let resolved = said.kind == "resolved";
    Some(Notice {
        over_at: resolved.then_some(said.at),
        told: told.channels.into_iter().map(|channel| (channel, said.at)).collect(),
        messages: told.messages,
        ..said.about
    })
}

fn state(over: Over) -> NoticeState {
    match over {
        Over::No => NoticeState::Open,
        Over::Yes => NoticeState::Over,
    }
}

fn touches(notice: &Notice, asset: &AssetKey) -> bool {
    notice.asset.as_ref() == Some(asset) || notice.blocked.contains(asset)
}

/// What a request means: `*`, or the key of an asset.
fn target(text: &str) -> Result<MuteTarget, ApiError> {
    if text == MuteTarget::Everything.to_string() {
        return Ok(MuteTarget::Everything);
    }
    asset_key(text).map(MuteTarget::Asset)
}

impl RuleView {
    fn of(rule: &Rule) -> Self {
        let assets = rule.assets.as_ref();
        Self {
            rule: rule.name.clone(),
            on: rule.on.iter().map(|event| event.word().to_owned()).collect(),
            assets: assets
                .map(|them| them.iter().take(LISTED_MAX).map(ToString::to_string).collect()),
            assets_count: assets.map(BTreeSet::len),
            to: rule.to.clone(),
            remind_ms: rule.remind.map(|period| period.seconds().unsigned_abs() * 1000),
            quiet: rule.quiet.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ChannelView {
    fn of(name: String, channel: Option<&Channel>, told: &ChannelRecord) -> Self {
        let count = |state: DeliveryState| told.counts.get(state.word()).copied().unwrap_or(0);
        Self {
            channel: name,
            kind: channel.map(|channel| channel.kind.word().to_owned()),
            messages_max: channel.map(|channel| channel.rate.messages),
            per_ms: channel.map(|channel| channel.rate.per.seconds().unsigned_abs() * 1000),
            waiting: count(DeliveryState::Waiting),
            sent: count(DeliveryState::Sent),
            dead: count(DeliveryState::Dead),
            sent_at: told.sent_at.map(Moment),
        }
    }
}

impl From<NoticeQuestion> for QuestionView {
    fn from(asked: NoticeQuestion) -> Self {
        let NoticeQuestion { text, who, until, approve, reject } = asked;
        Self { text, who, until: until.map(Moment), approve, reject }
    }
}

impl From<MuteRecord> for MuteView {
    fn from(mute: MuteRecord) -> Self {
        Self {
            target: mute.target.to_string(),
            until: Moment(mute.until),
            by: mute.by,
            reason: mute.reason,
            since: Moment(mute.since),
        }
    }
}

impl From<MessageState> for DeliveryState {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Waiting => Self::Waiting,
            MessageState::Sent => Self::Sent,
            MessageState::Dead => Self::Dead,
        }
    }
}

impl From<DeliveryState> for MessageState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Waiting => Self::Waiting,
            DeliveryState::Sent => Self::Sent,
            DeliveryState::Dead => Self::Dead,
        }
    }
}
