//! All routes: what each is for, who may ask for it, what it takes and gives.

use axum::routing::{MethodRouter, delete, get, post};
use millstream_guard::{Operation, Scope, Verb};
use serde_json::Value;

use super::page::Page;
use super::{
    Api, actions, approvals, assets, audit, backfills, board, events, graph, grid, logs, metrics,
    models, notifications, overview, partitions, plans, releases, rows, runs, schedules, serving,
    sources, steps, tokens, versions,
};

type Route = (Operation, MethodRouter<Api>);

/// Routes that change nothing.
pub(super) fn reads() -> Vec<Route> {
    [of_assets(), of_runs(), of_releases(), of_notifications(), of_the_rest(), of_admins()]
        .into_iter()
        .flatten()
        .collect()
}

/// Routes that change something, or run what the request brings.
pub(super) fn changes() -> Vec<Route> {
    let all = [of_operators(), of_tellers(), of_authors(), of_approvers(), of_tokens()];
    all.into_iter().flatten().collect()
}

fn of_assets() -> Vec<Route> {
    let read = |path, about| Operation::get(path, Scope::Read, about);
    vec![
        (
            read("/api/v1/overview", "What is late, failing and running, with counts of all.")
                .gives::<overview::Overview>(200),
            get(overview::overview),
        ),
        (
            read("/api/v1/assets", "Assets by name.").asks::<assets::AssetFilter>().gives::<Page<
                board::Asset,
            >>(
                200
            ),
            get(assets::list),
        ),
        (
            read("/api/v1/assets/{key}", "One asset, with what it is made of and what uses it.")
                .gives::<assets::AssetDetail>(200),
            get(assets::one),
        ),
        (
            read("/api/v1/assets/{key}/versions", "The versions of an asset, the newest first.")
                .asks::<versions::Part>()
                .gives::<Page<versions::Version>>(200),
            get(versions::versions),
        ),
        (
            read("/api/v1/assets/{key}/columns", "The columns of a table or view.")
                .gives::<versions::Columns>(200),
            get(versions::columns),
        ),
        (
            read("/api/v1/assets/{key}/checks", "The checks of an asset, and how they went.")
                .gives::<versions::Checks>(200),
            get(versions::checks),
        ),
        (
            read("/api/v1/assets/{key}/lineage", "Where columns come from, or what comes of them.")
                .asks::<versions::LineageAsked>()
                .gives::<Value>(200),
            get(versions::lineage),
        ),
        (
            read("/api/v1/assets/{key}/partitions", "The partitions of an asset, and how each is.")
                .asks::<partitions::PartitionsAsked>()
                .gives::<partitions::AssetPartitions>(200),
            get(partitions::partitions),
        ),
        (
            read("/api/v1/graph", "All assets and edges, placed from left to right.")
                .header("If-None-Match", "The `ETag` of the graph that is known.")
                .gives::<graph::AssetGraph>(200)
                .gives_nothing(304),
            get(graph::graph),
        ),
        (
            read("/api/v1/graph/states", "How the nodes of the graph stand.")
                .gives::<graph::GraphStates>(200),
            get(graph::states),
        ),
    ]
}

fn of_runs() -> Vec<Route> {
    let read = |path, about| Operation::get(path, Scope::Read, about);
    vec![
        (
            read("/api/v1/runs", "Runs, the newest first.").asks::<runs::RunsAsked>().gives::<Page<
                runs::Run,
            >>(
                200
            ),
            get(runs::list),
        ),
        (
            read("/api/v1/runs/{run}", "One run with its steps, in the order of the plan.")
                .gives::<runs::RunInFull>(200),
            get(runs::one),
        ),
        (
            read("/api/v1/runs/{run}/steps", "The steps of a run, in the order of the plan.")
                .asks::<steps::StepsAsked>()
                .gives::<Page<steps::Step>>(200),
            get(steps::steps),
        ),
        (
            read("/api/v1/runs/{run}/gantt", "When each attempt of a run worked.")
                .gives::<steps::Gantt>(200),
            get(steps::gantt),
        ),
        (
            read("/api/v1/runs/{run}/logs", "What the attempts of a run said, in order.")
                .asks::<logs::LogAsked>()
                .gives::<Page<logs::LogLine>>(200),
            get(logs::logs),
        ),
        (
            read("/api/v1/grid", "Runs by steps, with the filters of the list of runs.")
                .asks::<runs::RunsAsked>()
                .gives::<grid::Grid>(200),
            get(grid::grid),
        ),
        (
            read("/api/v1/plan", "What would run, and why. Asks the sources.")
                .asks::<plans::Wanted>()
                .gives::<plans::PlanView>(200),
            get(plans::plan),
        ),
        (
            read("/api/v1/backfills", "Backfills, the newest first.")
                .asks::<versions::Part>()
                .gives::<Page<backfills::BackfillView>>(200),
            get(backfills::list),
        ),
        (
            read("/api/v1/backfills/{backfill}", "One backfill with its partitions.")
                .gives::<backfills::BackfillDetail>(200),
            get(backfills::one),
        ),
        (
            read("/api/v1/backfills/{backfill}/partitions", "Its partitions, in their order.")
                .asks::<backfills::PartsAsked>()
                .gives::<Page<backfills::PartView>>(200),
            get(backfills::partitions),
        ),
    ]
}

fn of_notifications() -> Vec<Route> {
    let read = |path, about| Operation::get(path, Scope::Read, about);
    vec![
        (
            read("/api/v1/notifications/notices", "What is wrong, by its root cause, and was.")
                .asks::<notifications::NoticesAsked>()
                .gives::<Page<notifications::NoticeView>>(200),
            get(notifications::notices),
        ),
        (
            read("/api/v1/notifications/notices/{notice}", "One root cause.")
                .gives::<notifications::NoticeView>(200),
            get(notifications::notice),
        ),
        (
            read("/api/v1/notifications/messages", "Messages, the newest first.")
                .asks::<notifications::MessagesAsked>()
                .gives::<Page<notifications::MessageView>>(200),
            get(notifications::messages),
        ),
        (
            read("/api/v1/notifications/rules", "Who is told what, by name.")
                .asks::<versions::Part>()
                .gives::<Page<notifications::RuleView>>(200),
            get(notifications::rules),
        ),
        (
            read("/api/v1/notifications/channels", "Where messages go, by name.")
                .asks::<versions::Part>()
                .gives::<Page<notifications::ChannelView>>(200),
            get(notifications::channels),
        ),
        (
            read("/api/v1/notifications/mutes", "What nobody is told of now.")
                .asks::<versions::Part>()
                .gives::<Page<notifications::MuteView>>(200),
            get(notifications::mutes),
        ),
    ]
}

fn of_the_rest() -> Vec<Route> {
    let read = |path, about| Operation::get(path, Scope::Read, about);
    vec![
        (
            read("/api/v1/schedules", "All schedules, by name.")
                .asks::<versions::Part>()
                .gives::<Page<schedules::ScheduleView>>(200),
            get(schedules::list),
        ),
        (
            read("/api/v1/schedules/{schedule}", "One schedule, and what it would start now.")
                .gives::<schedules::ScheduleDetail>(200),
            get(schedules::one),
        ),
        (
            read("/api/v1/schedules/{schedule}/history", "Its fires, the latest first.")
                .asks::<versions::Part>()
                .gives::<Page<schedules::Fire>>(200),
            get(schedules::history),
        ),
        (
            read("/api/v1/schedules/{schedule}/preview", "What it will do.")
                .asks::<schedules::Reach>()
                .gives::<schedules::PreviewView>(200),
            get(schedules::preview),
        ),
        (
            read("/api/v1/sources", "All sources with their streams, by name.")
                .asks::<versions::Part>()
                .gives::<Page<sources::Source>>(200),
            get(sources::sources),
        ),
        (
            read("/api/v1/models", "All registered models, by name.")
                .asks::<versions::Part>()
                .gives::<Page<models::Model>>(200),
            get(models::list),
        ),
        (
            read("/api/v1/models/{model}", "One registered model with its versions.")
                .asks::<versions::Part>()
                .gives::<models::ModelDetail>(200),
            get(models::one),
        ),
        (
            read("/api/v1/deployments", "All deployments, by name.")
                .asks::<versions::Part>()
                .gives::<Page<serving::Deployment>>(200),
            get(serving::deployments),
        ),
        (
            read("/api/v1/topics", "All topics, by name.").asks::<versions::Part>().gives::<Page<
                serving::TopicView,
            >>(
                200
            ),
            get(serving::topics),
        ),
        (
            read("/api/v1/events", "The changes of the ledger in order, each once, as they come.")
                .asks::<events::From>()
                .header("Last-Event-ID", "The number of the last event that is known.")
                .gives_as::<events::ChangeEvent>(200, "text/event-stream"),
            get(events::events),
        ),
        (
            read("/api/v1/metrics", "Metrics for Prometheus.")
                .gives_as::<String>(200, "text/plain; version=0.0.4; charset=utf-8"),
            get(metrics::metrics),
        ),
    ]
}

fn of_admins() -> Vec<Route> {
    let read = |path, about| Operation::get(path, Scope::Admin, about);
    vec![
        (
            read("/api/v1/audit", "Who did what, the newest first.")
                .asks::<audit::AuditAsked>()
                .gives::<Page<audit::AuditLine>>(200),
            get(audit::list),
        ),
        (
            read("/api/v1/tokens", "All tokens, the oldest first.")
                .asks::<versions::Part>()
                .gives::<Page<tokens::Token>>(200),
            get(tokens::list),
        ),
    ]
}

fn of_operators() -> Vec<Route> {
    let operate = |path, about| Operation::post(path, Scope::Operate, about);
    vec![
        (
            operate("/api/v1/runs", "Starts a run of a selection, and does not wait for it.")
                .header("traceparent", "What the run belongs to (W3C Trace Context).")
                .takes::<actions::StartAsked>()
                .gives::<actions::StartedRun>(202)
                .gives::<actions::StartedRun>(200),
            post(actions::start),
        ),
        (
            operate("/api/v1/runs/{run}/cancel", "Asks a run to stop.")
                .gives::<actions::Cancelling>(202),
            post(actions::cancel),
        ),
        (
            operate("/api/v1/runs/{run}/rerun", "Runs steps of a past run again.")
                .header("traceparent", "What the run belongs to (W3C Trace Context).")
                .takes::<actions::RerunAsked>()
                .gives::<actions::Rerun>(202)
                .gives::<actions::Rerun>(200),
            post(actions::rerun),
        ),
        (
            operate(
                "/api/v1/runs/{run}/steps/{step}/approve",
                "Approves what a step of a run asks.",
            )
            .takes::<approvals::Answering>()
            .gives::<approvals::ApprovalView>(200),
            post(approvals::approve),
        ),
        (
            operate("/api/v1/runs/{run}/steps/{step}/reject", "Rejects what a step of a run asks.")
                .takes::<approvals::Answering>()
                .gives::<approvals::ApprovalView>(200),
            post(approvals::reject),
        ),
        (
            operate("/api/v1/backfills", "Starts a backfill, and does not wait for it.")
                .header("traceparent", "What its runs belong to (W3C Trace Context).")
                .takes::<backfills::BackfillAsked>()
                .gives::<backfills::StartedBackfill>(202)
                .gives::<backfills::StartedBackfill>(200),
            post(backfills::start),
        ),
        (
            operate("/api/v1/backfills/{backfill}/pause", "Holds a backfill back.")
                .gives::<backfills::BackfillView>(200),
            post(backfills::pause),
        ),
        (
            operate("/api/v1/backfills/{backfill}/resume", "Goes on with a backfill.")
                .header("traceparent", "What its runs belong to (W3C Trace Context).")
                .gives::<backfills::BackfillView>(202),
            post(backfills::resume),
        ),
        (
            operate("/api/v1/backfills/{backfill}/cancel", "Stops a backfill for good.")
                .gives::<backfills::BackfillView>(200),
            post(backfills::cancel),
        ),
        (
            operate("/api/v1/schedules/{schedule}/pause", "Holds a schedule back.")
                .takes::<schedules::Because>()
                .gives::<schedules::ScheduleView>(200),
            post(schedules::pause),
        ),
        (
            operate("/api/v1/schedules/{schedule}/resume", "Lets a schedule go on.")
                .takes::<schedules::Because>()
                .gives::<schedules::ScheduleView>(200),
            post(schedules::resume),
        ),
        (
            operate("/api/v1/schedules/{schedule}/run", "Runs now what a schedule runs.")
                .header("traceparent", "What the run belongs to (W3C Trace Context).")
                .takes::<schedules::Because>()
                .gives::<actions::StartedRun>(202)
                .gives::<actions::StartedRun>(200),
            post(schedules::run),
        ),
    ]
}

fn of_tellers() -> Vec<Route> {
    let operate = |path, about| Operation::post(path, Scope::Operate, about);
    vec![
        (
            operate(
                "/api/v1/notifications/channels/{channel}/test",
                "Sends a message to a channel now.",
            )
            .gives::<notifications::Tested>(200),
            post(notifications::test),
        ),
        (
            operate(
                "/api/v1/notifications/messages/{message}/resend",
                "Sends a message once more that was given up.",
            )
            .gives::<notifications::MessageView>(202),
            post(notifications::resend),
        ),
        (
            operate(
                "/api/v1/notifications/resend",
                "Sends all messages once more that were given up, or those to a channel.",
            )
            .takes::<notifications::ResendAsked>()
            .gives::<notifications::Resent>(202),
            post(notifications::resend_all),
        ),
        (
            operate("/api/v1/notifications/mutes", "Holds back what begins at an asset.")
                .takes::<notifications::MuteAsked>()
                .gives::<notifications::MuteView>(201),
            post(notifications::mute),
        ),
        (
            Operation::new(
                Verb::Delete,
                "/api/v1/notifications/mutes/{target}",
                Scope::Operate,
                "Ends a mute; `*` names that of everything.",
            )
            .gives_nothing(204),
            delete(notifications::unmute),
        ),
    ]
}

fn of_authors() -> Vec<Route> {
    let author = |path, about| Operation::post(path, Scope::Author, about);
    vec![
        (
            Operation::get(
                "/api/v1/assets/{key}/sample",
                Scope::Author,
                "Rows of a table or view.",
            )
            .asks::<versions::SampleSize>()
            .gives::<rows::Rows>(200),
            get(versions::sample),
        ),
        (
            author("/api/v1/query", "Runs SQL over all assets, which only reads.")
                .takes::<rows::Asked>()
                .gives::<rows::Rows>(200),
            post(rows::query),
        ),
        (
            author("/api/v1/models/{model}/promote", "Moves an alias to a version.")
                .takes::<models::Promotion>()
                .gives::<models::AliasMoved>(200),
            post(models::promote),
        ),
        (
            author("/api/v1/models/{model}/rollback", "Moves an alias to where it was before.")
                .takes::<models::Rollback>()
                .gives::<models::AliasMoved>(200),
            post(models::rollback),
        ),
    ]
}

fn of_releases() -> Vec<Route> {
    let read = |path, about| Operation::get(path, Scope::Read, about);
    vec![
        (
            read("/api/v1/releases", "Releases of the environment, the newest first.")
                .asks::<versions::Part>()
                .gives::<Page<releases::ReleaseView>>(200),
            get(releases::list),
        ),
        (
            read("/api/v1/releases/{release}", "One release, and who decided about it.")
                .gives::<releases::ReleaseView>(200),
            get(releases::one),
        ),
        (
            read("/api/v1/releases/{release}/diff", "What differs from another release.")
                .asks::<releases::Against>()
                .gives::<releases::ReleaseDiff>(200),
            get(releases::diff),
        ),
        (
            read("/api/v1/releases/{release}/plan", "What its files would make now, and why.")
                .gives::<plans::PlanView>(200),
            get(releases::plan),
        ),
    ]
}

fn of_approvers() -> Vec<Route> {
    let author = |path, about| Operation::post(path, Scope::Author, about);
    vec![
        (
            author("/api/v1/releases/{release}/approve", "Agrees to a release of somebody else.")
                .gives::<releases::ReleaseView>(200),
            post(releases::approve),
        ),
        (
            author("/api/v1/releases/{release}/reject", "Decides against a release.")
                .takes::<releases::Rejection>()
                .gives::<releases::ReleaseView>(200),
            post(releases::reject),
        ),
        (
            author("/api/v1/releases/{release}/rollback", "Releases the files of an earlier one.")
                .takes::<releases::RollbackAsked>()
                .gives::<releases::ReleaseView>(200),
            post(releases::roll_back),
        ),
    ]
}

fn of_tokens() -> Vec<Route> {
    vec![
        (
            Operation::post("/api/v1/tokens", Scope::Admin, "Makes a token.")
                .takes::<tokens::TokenAsked>()
                .gives::<tokens::NewToken>(201),
            post(tokens::add),
        ),
        (
            Operation::new(Verb::Delete, "/api/v1/tokens/{id}", Scope::Admin, "Ends a token.")
                .gives_nothing(204),
            delete(tokens::revoke),
        ),
    ]
}
