//! What is told to whom, of which happenings.

use millstream_core::id::RunId;
use millstream_project::schedule::Period;

use super::*;
use crate::question::Question;

const HOUR: i64 = 3_600_000_000;

fn asset(name: &str) -> AssetKey {
    format!("table:main.{name}").parse().unwrap()
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + hours * HOUR)
}

fn rule(name: &str, on: &[Event], to: &[&str]) -> Rule {
    Rule {
        name: name.to_owned(),
        on: on.iter().copied().collect(),
        assets: None,
        to: to.iter().map(|&channel| channel.to_owned()).collect(),
        remind: None,
        quiet: Vec::new(),
    }
}

fn usual() -> Rule {
    rule("usual", &[Event::RunFailed, Event::Late, Event::Recovered], &["team"])
}

fn failure(name: &str, code: &str, run: RunId, hours: i64) -> Happening {
    let what = Trouble {
        code: Some(code.to_owned()),
        message: "it broke".to_owned(),
        run: Some(run),
        blocked: [asset("report")].into(),
        ..Trouble::default()
    };
    let event = Event::StepFailed;
    Happening::StepFailed { asset: asset(name), event, run_is_over: true, at: at(hours), run, what }
}

fn success(name: &str) -> Happening {
    Happening::StepSucceeded { asset: asset(name) }
}

/// Decides again and again, as the notifier does.
struct World {
    incidents: BTreeMap<String, Incident>,
    policy: Policy,
    mutes: Mutes,
}

impl World {
    fn new(rules: Vec<Rule>) -> Self {
        let origin = Origin {
            project: "shop".into(),
            environment: "prod".into(),
            url: Some("https://d.example".into()),
            owners: [(asset("orders"), "ann".to_owned())].into(),
        };
        let policy = Policy { rules, origin, keep_open: ["pager".to_owned()].into() };
        Self { incidents: BTreeMap::new(), policy, mutes: Mutes::default() }
    }

    fn look(&mut self, happenings: &[Happening], hours: i64) -> Vec<(String, Message)> {
        let decision = decide(&self.incidents, happenings, &self.policy, &self.mutes, at(hours));
        for (key, incident) in decision.incidents {
            match incident {
                Some(incident) => self.incidents.insert(key, incident),
                None => self.incidents.remove(&key),
            };
        }
        decision.messages
    }

    /// The channels and kinds of what is told.
    fn told(&mut self, happenings: &[Happening], hours: i64) -> Vec<(String, MessageKind)> {
        let messages = self.look(happenings, hours);
        messages.into_iter().map(|(channel, message)| (channel, message.kind)).collect()
    }
}

fn to(channel: &str, kind: MessageKind) -> Vec<(String, MessageKind)> {
    vec![(channel.to_owned(), kind)]
}

#[test]
fn one_cause_is_one_message_until_it_is_over() {
    let mut world = World::new(vec![usual()]);
    let (first, second) = (RunId::new(), RunId::new());
    let messages = world.look(&[failure("orders", "sync.refused", first, 0)], 0);
    let [(channel, message)] = messages.as_slice() else { panic!("one message: {messages:?}") };
    assert_eq!((channel.as_str(), message.kind, message.count), ("team", MessageKind::Problem, 1));
    assert_eq!(message.headline, "main.orders failed");
    assert_eq!((message.owner.as_deref(), message.blocked_count), (Some("ann"), 1));
    assert_eq!(message.url, Some(format!("https://d.example/runs/{first}")));
    assert_eq!(world.told(&[failure("orders", "sync.refused", first, 0)], 0), []);
    assert_eq!(world.told(&[failure("orders", "sync.refused", second, 1)], 1), []);
    let ends = world.look(&[success("orders")], 2);
    let [(_, end)] = ends.as_slice() else { panic!("one end: {ends:?}") };
    assert_eq!((end.kind, end.count), (MessageKind::Resolved, 2));
    assert_eq!(
        (&end.incident, end.headline.as_str()),
        (&message.incident, "main.orders is well again")
    );
    assert_ne!(end.id, message.id);
    assert_eq!(world.incidents, BTreeMap::new());
    assert_eq!(world.told(&[success("orders")], 3), []);
}

#[test]
fn another_error_of_the_same_step_is_told() {
    let mut world = World::new(vec![usual()]);
    world.look(&[failure("orders", "sync.refused", RunId::new(), 0)], 0);
    let changed = world.told(&[failure("orders", "sync.bad_value", RunId::new(), 1)], 1);
    assert_eq!(changed, to("team", MessageKind::Changed));
}

#[test]
fn the_end_is_told_to_those_who_asked_and_to_pagers() {
    let quiet = rule("quiet", &[Event::RunFailed], &["mail"]);
    let pager = rule("pager", &[Event::StepFailed], &["pager"]);
    let mut world = World::new(vec![quiet, pager]);
    let told = world.told(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    assert_eq!(told.len(), 2);
    assert_eq!(world.told(&[success("orders")], 1), to("pager", MessageKind::Resolved));
    assert_eq!(world.incidents, BTreeMap::new());
}

#[test]
fn rules_choose_by_event_and_by_what_is_touched() {
    let only = |name: &str| Rule { assets: Some([asset(name)].into()), ..usual() };
    for (rule, expected) in [(only("orders"), 1), (only("report"), 1), (only("other"), 0)] {
        let mut world = World::new(vec![rule]);
        let told = world.told(&[failure("orders", "a.b", RunId::new(), 0)], 0);
        assert_eq!(told.len(), expected);
    }
    let mut world = World::new(vec![rule("late", &[Event::Late], &["team"])]);
    assert_eq!(world.told(&[failure("orders", "a.b", RunId::new(), 0)], 0), []);
    assert_eq!(world.told(&[success("orders")], 1), []);
}

#[test]
fn two_rules_tell_a_channel_once() {
    let all = rule("all", &[Event::StepFailed], &["team", "mail"]);
    let mut world = World::new(vec![usual(), all]);
    let told = world.told(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn reminders_come_after_their_period_and_not_before() {
    let remind = Period::from_seconds(24 * 3600);
    let mut world = World::new(vec![Rule { remind, ..usual() }]);
    world.look(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    world.look(&[failure("orders", "a.b", RunId::new(), 1)], 1);
    assert_eq!(world.told(&[], 23), []);
    let reminders = world.look(&[], 24);
    assert_eq!((reminders[0].1.kind, reminders[0].1.count), (MessageKind::Reminder, 2));
    assert_eq!(world.told(&[], 25), []);
}

#[test]
fn what_is_muted_is_told_after_if_it_lasts() {
    let mut world = World::new(vec![usual()]);
    world.mutes.assets.insert(asset("orders"));
    let told = world.told(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    assert_eq!(told, []);
    let other = world.told(&[failure("other", "a.b", RunId::new(), 0)], 0);
    assert_eq!(other, to("team", MessageKind::Problem));
    world.mutes = Mutes::default();
    assert_eq!(world.told(&[], 1), to("team", MessageKind::Problem));
    world.mutes.everything = true;
    assert_eq!(world.told(&[success("orders")], 2), [], "the end waits, too");
    world.mutes = Mutes::default();
    assert_eq!(world.told(&[], 3), to("team", MessageKind::Resolved));
}

#[test]
fn what_came_and_went_while_it_was_muted_is_not_told() {
    let mut world = World::new(vec![usual()]);
    world.mutes.everything = true;
    world.look(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    world.look(&[success("orders")], 1);
    world.mutes = Mutes::default();
    assert_eq!(world.told(&[], 2), []);
    assert_eq!(world.incidents, BTreeMap::new());
}

#[test]
fn what_comes_back_before_its_end_was_told_is_the_same() {
    let mut world = World::new(vec![usual()]);
    world.look(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    world.mutes.everything = true;
    world.look(&[success("orders")], 1);
    world.mutes = Mutes::default();
    assert_eq!(world.told(&[failure("orders", "a.b", RunId::new(), 2)], 2), []);
    assert_eq!(world.incidents["step:table:main.orders"].count, 2);
}

#[test]
fn what_is_late_because_it_fails_is_not_told_twice() {
    let late =
        |name: &str| LateAsset { asset: asset(name), fresh_until: at(0), behind: BTreeSet::new() };
    let mut world = World::new(vec![usual()]);
    world.look(&[failure("orders", "a.b", RunId::new(), 0)], 0);
    let found = [late("orders"), late("report"), late("other")];
    let told = world.look(&[Happening::LateNow(found.to_vec())], 1);
    let [(_, only)] = told.as_slice() else { panic!("one: {told:?}") };
    assert_eq!(only.headline, "main.other is late");
    assert_eq!(only.url.as_deref(), Some("https://d.example/assets/table:main.other"));
    assert_eq!(world.told(&[Happening::LateNow(found.to_vec())], 2), []);
    assert_eq!(world.told(&[Happening::LateNow(Vec::new())], 3), to("team", MessageKind::Resolved));
}

#[test]
fn checks_and_gates_are_over_when_a_version_has_none_of_it() {
    let on = [Event::CheckWarned, Event::GateRefused, Event::Recovered];
    let mut world = World::new(vec![rule("doubts", &on, &["team"])]);
    let judged = |doubts: &[Doubt], hours| Happening::Judged {
        asset: asset("orders"),
        at: at(hours),
        run: RunId::new(),
        doubts: doubts.to_vec(),
    };
    let check = Doubt::Check { name: "not_null_id".into(), what: Trouble::default() };
    let gate = Doubt::Gate { what: Trouble::default() };
    let told = world.look(&[judged(&[check.clone(), gate.clone()], 0)], 0);
    let headlines: Vec<&str> = told.iter().map(|(_, it)| it.headline.as_str()).collect();
    assert_eq!(
        headlines,
        ["not_null_id warns of main.orders", "main.orders did not pass its gate"]
    );
    let told = world.look(&[judged(&[gate], 1)], 1);
    assert_eq!(told[0].1.headline, "not_null_id warns of main.orders no more");
    assert_eq!(world.told(&[judged(&[], 2)], 2).len(), 1);
}

#[test]
fn texts_of_others_are_bounded_and_without_secrets() {
    let mut world = World::new(vec![usual()]);
    let what = Trouble {
        code: Some("sync.refused".into()),
        message: format!("postgres://me:pw@db/x refused\r\n{}", "x".repeat(5000)),
        blocked: (0..100).map(|number| asset(&format!("t{number}"))).collect(),
        ..Trouble::default()
    };
    let run = RunId::new();
    let event = Event::StepFailed;
    let failure =
        Happening::StepFailed { asset: asset("a"), event, run_is_over: true, at: at(0), run, what };
    let message = world.look(&[failure], 0).remove(0).1;
    let error = message.error.unwrap();
    assert!(error.message.starts_with("postgres://***@db/x refused\nxxx"), "{}", error.message);
    assert!(error.message.chars().count() <= 1000);
    assert_eq!((message.blocked.len(), message.blocked_count), (10, 100));
}

#[test]
fn a_schedule_that_leaves_out_runs_is_told_until_it_fires() {
    let on = [Event::ScheduleSkipped, Event::Recovered];
    let mut world = World::new(vec![rule("skips", &on, &["team"])]);
    let skipped = |mark: &str, hours| Happening::Skipped {
        schedule: "nightly".into(),
        at: at(hours),
        mark: mark.into(),
        reason: "a run is going".into(),
    };
    assert_eq!(world.told(&[skipped("1", 0), skipped("2", 1)], 1).len(), 1);
    assert_eq!(world.told(&[skipped("3", 2)], 2), []);
    let end = world.look(&[Happening::Fired { schedule: "nightly".into() }], 3);
    assert_eq!((end[0].1.kind, end[0].1.count), (MessageKind::Resolved, 3));
    assert_eq!(end[0].1.url.as_deref(), Some("https://d.example/schedules/nightly"));
}

fn asked(number: u64, hours: i64, until: Option<Timestamp>) -> Happening {
    let question = Question {
        text: "Publish <b>?".into(),
        who: "an operator".into(),
        until,
        otherwise: until.map(|_| millstream_core::flow::Answer::Reject),
        approve: "millstream runs approve 1f2e ok".into(),
        reject: "millstream runs reject 1f2e ok".into(),
    };
    let what = Trouble {
        question: Some(question),
        blocked: [asset("report")].into(),
        ..Trouble::default()
    };
    Happening::Asked {
        cause: approval(number),
        event: Event::ApprovalAsked,
        at: at(hours),
        mark: "run".into(),
        what,
    }
}

fn approval(number: u64) -> Cause {
    let memo = millstream_core::ContentHash::of(number.to_string().as_bytes());
    Cause::Approval(AssetKey::step("ok"), memo)
}

fn answered(number: u64, how: &str) -> Happening {
    Happening::Answered { cause: approval(number), how: how.to_owned() }
}

fn asking() -> Rule {
    rule("ask", &[Event::ApprovalAsked, Event::ReleaseProposed, Event::Recovered], &["team"])
}

#[test]
fn a_question_is_one_message_until_it_is_answered() {
    let mut world = World::new(vec![asking()]);
    let messages = world.look(&[asked(1, 0, Some(at(24)))], 0);
    let [(_, message)] = messages.as_slice() else { panic!("one message: {messages:?}") };
    assert_eq!((message.kind, message.event), (MessageKind::Question, Event::ApprovalAsked));
    assert_eq!(message.headline, "ok waits for approval");
    let facts: BTreeMap<&str, String> = message.facts().into_iter().collect();
    assert_eq!(
        (facts["question"].as_str(), facts["who may answer"].as_str()),
        ("Publish <b>?", "an operator")
    );
    assert!(facts["until"].ends_with("Z, then it is rejected"), "{facts:?}");
    assert_eq!(message.commands()[0], ("approve", "millstream runs approve 1f2e ok"));
    assert!(message.error.is_none(), "nothing is wrong");
    assert_eq!(world.told(&[asked(1, 0, Some(at(24)))], 1), [], "it is asked still");

    let ends = world.look(&[answered(1, "approved by ann: fine")], 2);
    let [(_, end)] = ends.as_slice() else { panic!("one end: {ends:?}") };
    assert_eq!(
        (end.kind, end.headline.as_str()),
        (MessageKind::Resolved, "ok was approved by ann: fine")
    );
    assert_eq!(end.incident, message.incident);
    assert_eq!(end.commands(), [], "nobody answers any more");
    assert_eq!(world.incidents, BTreeMap::new());
}

#[test]
fn questions_are_muted_and_chosen_by_asset_as_all_else() {
    let mut world = World::new(vec![Rule { assets: Some([asset("report")].into()), ..asking() }]);
    world.mutes.assets.insert(AssetKey::step("ok"));
    assert_eq!(world.told(&[asked(1, 0, None)], 0), []);
    world.mutes = Mutes::default();
    assert_eq!(world.told(&[asked(1, 0, None)], 1), to("team", MessageKind::Question));
    assert_eq!(world.told(&[answered(1, "rejected"), asked(2, 2, None)], 2).len(), 2);
    let release = Happening::Asked {
        cause: Cause::Release(7),
        event: Event::ReleaseProposed,
        at: at(3),
        mark: "7".into(),
        what: Trouble::default(),
    };
    assert_eq!(world.told(std::slice::from_ref(&release), 3), [], "it belongs to no asset");
    let mut world = World::new(vec![asking()]);
    let told = world.look(&[release], 3).remove(0).1;
    assert_eq!(told.url.as_deref(), Some("https://d.example/releases/7"));
    assert_eq!(told.headline, "release 7 waits for approval");
}

#[test]
fn what_is_late_because_nobody_answers_is_not_told_twice() {
    let mut world = World::new(vec![asking(), usual()]);
    world.look(&[asked(1, 0, None)], 0);
    let late = LateAsset { asset: asset("report"), fresh_until: at(0), behind: BTreeSet::new() };
    assert_eq!(world.told(&[asked(1, 0, None), Happening::LateNow(vec![late])], 1), []);
}
