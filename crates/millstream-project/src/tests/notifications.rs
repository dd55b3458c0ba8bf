//! `notifications/*.yml`: what is read, and what is said of what is wrong.

use millstream_core::AssetKey;
use millstream_core::secret::SecretRef;

use super::{SOURCE, project, says};
use crate::notification::{Address, ChannelKind, Encryption, Event, Notifications};

const MODEL: (&str, &str) = ("models/orders.sql", "select * from {{ source('shop', 'orders') }}");
const REPORT: (&str, &str) =
    ("models/report.sql", "{{ config(tags=['nightly']) }} select * from {{ ref('orders') }}");
const OWNERS: (&str, &str) = (
    "models/owners.yml",
    "groups:\n  - {name: finance, owner: {name: bob}}\nmodels:\n  \
     - {name: orders, config: {meta: {owner: ann}}}\n  - {name: report, config: {group: finance}}\n",
);

fn files(text: &str) -> [(&str, &str); 5] {
    [SOURCE, MODEL, REPORT, OWNERS, ("notifications/all.yml", text)]
}

fn notifications(text: &str) -> Notifications {
    project(&files(text)).notifications
}

#[test]
fn a_channel_and_a_rule_of_one_line_are_enough() {
    let read = notifications(
        "channels:\n  team: {slack: {url: {env: SLACK_URL}}}\nrules:\n  all: {to: team}\n",
    );
    let ChannelKind::Slack { url } = &read.channels["team"].kind else { panic!("it is slack") };
    assert_eq!(*url, Address::Secret(SecretRef::Env("SLACK_URL".to_owned())));
    let [rule] = read.rules.as_slice() else { panic!("there is one rule") };
    assert_eq!((rule.assets.as_ref(), rule.to.as_slice()), (None, ["team".to_owned()].as_slice()));
    assert!(rule.on.contains(&Event::RunFailed) && !rule.on.contains(&Event::CheckWarned));
    assert!(rule.on.contains(&Event::ApprovalAsked) && rule.on.contains(&Event::ReleaseProposed));
}

#[test]
fn all_kinds_of_channels_are_read() {
    let read = notifications(
        "channels:\n  hook: {webhook: {url: https://a.example/hook, secret: {file: key}}}\n  \
         mail:\n    email: {host: smtp.a.example, from: m@a.example, to: [x@a.example], tls: implicit,\n            \
         username: m, password: {env: MAIL}}\n  \
         pager: {pagerduty: {routing_key: {env: KEY}, severity: critical}, rate: {messages: 5, per: 10m}}\n",
    );
    let ChannelKind::Email(mail) = &read.channels["mail"].kind else { panic!("it is mail") };
    assert_eq!((mail.port, mail.encryption), (465, Encryption::Implicit));
    let ChannelKind::PagerDuty(pager) = &read.channels["pager"].kind else { panic!("a pager") };
    assert_eq!(pager.url, "https://events.pagerduty.com/v2/enqueue");
    assert_eq!(read.channels["pager"].rate.messages, 5);
    assert_eq!(read.channels["hook"].rate.per.seconds(), 3600);
}

#[test]
fn rules_select_assets_by_selectors_owners_and_groups() {
    let asset = |name: &str| -> AssetKey { format!("table:main.{name}").parse().unwrap() };
    for (rule, expected) in [
        ("select: tag:nightly", vec![asset("report")]),
        ("owners: ann", vec![asset("orders")]),
        ("groups: finance", vec![asset("report")]),
        ("owners: [ann, bob]", vec![asset("orders"), asset("report")]),
        ("owners: [ann, bob], exclude: orders", vec![asset("report")]),
    ] {
        let text = format!(
            "channels: {{t: {{slack: {{url: {{env: U}}}}}}}}\nrules: {{r: {{to: t, {rule}}}}}\n"
        );
        let read = notifications(&text);
        assert_eq!(read.rules[0].assets, Some(expected.into_iter().collect()), "{rule}");
    }
}

#[test]
fn where_people_reach_the_server_is_said_once_or_by_environment() {
    let manifest = |text: &str| {
        let text = format!("name: shop\n{text}");
        project(&[("millstream.yml", text.as_str())]).environment.url
    };
    assert_eq!(manifest(""), None);
    assert_eq!(manifest("url: https://d.example/\n").as_deref(), Some("https://d.example"));
    let both = "url: https://d.example\nenvironments: {dev: {url: \"http://localhost:7400\"}}\n";
    assert_eq!(manifest(both).as_deref(), Some("http://localhost:7400"));
    says(
        &[("millstream.yml", "name: shop\nurl: https://me:secret@d.example\n")],
        "error[yaml.value_wrong]: `url` cannot be `https://me:secret@d.example`\n  \
         --> millstream.yml:2:6\n  hint: where people reach the server, as \
         https://data.example.com",
    );
}

/// Asserts what is said of a file, at a place of it.
fn told(text: &str, [place, code, message, hint]: [&str; 4]) {
    let expected =
        format!("error[{code}]: {message}\n  --> notifications/all.yml:{place}\n  hint: {hint}");
    says(&files(text), &expected);
}

#[test]
fn what_is_wrong_with_a_channel_is_told_with_its_place() {
    let code = "notification.channel";
    for (channel, place, message, hint) in [
        (
            "{}",
            "2:6",
            "a channel must say how messages get there",
            "exactly one of `slack`, `webhook`, `email` and `pagerduty`",
        ),
        ("{slack: {url: {}}}", "2:20", "`url` must have one key", "{env: NAME} or {file: PATH}"),
        (
            "{webhook: {url: http://a.example/x, secret: {env: S}}}",
            "2:22",
            "`url` `http://a.example/x` is not encrypted",
            "https://HOST/PATH, or {env: NAME} if a part of it is secret",
        ),
        (
            "{webhook: {url: https://me:pw@a.example/x, secret: {env: S}}}",
            "2:22",
            "`url` has a password in it, which belongs into a secret",
            "https://HOST/PATH, or {env: NAME} if a part of it is secret",
        ),
        (
            "{email: {host: a.example, tls: none, from: a@a.example, to: b@b.example}}",
            "2:37",
            "mails to `a.example` would go unencrypted",
            "`tls: starttls` or `tls: implicit`; `none` only to localhost",
        ),
        (
            "{email: {host: a.example, from: a@a.example, to: \"b@b.example\\nBcc: c\"}}",
            "2:55",
            "`to` cannot be `b@b.example\\nBcc: c`",
            "an address such as data@example.com",
        ),
        (
            "{slack: {url: {env: S}}, rate: {messages: 1, per: 2d}}",
            "2:56",
            "`per` cannot be `2d`",
            "a number and a unit: 90s, 15m, 1h30m, 2d, 1w; at most a day",
        ),
    ] {
        told(&format!("channels:\n  c: {channel}\n"), [place, code, message, hint]);
    }
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_its_place() {
    let code = "notification.rule";
    for (rule, place, message, hint) in [
        ("to: tema", "4:11", "there is no channel `tema`", "did you mean `team`?"),
        (
            "to: team, on: [recovered]",
            "4:21",
            "`on` names nothing that can be wrong",
            "as on: [run_failed, late, recovered]",
        ),
        (
            "to: team, owners: anne",
            "4:25",
            "`owners` names `anne`, who has no asset",
            "did you mean `ann`?",
        ),
        (
            "to: team, quiet: [{days: sunday}]",
            "4:32",
            "`days` cannot be `sunday`",
            "weekdays: sat, sat-sun, [mon, fri]",
        ),
        (
            "to: team, remind: soon",
            "4:25",
            "`remind` cannot be `soon`",
            "a number and a unit: 90s, 15m, 1h30m, 2d, 1w",
        ),
    ] {
        let team = "channels:\n  team: {slack: {url: {env: U}}}\n";
        told(&format!("{team}rules:\n  r: {{{rule}}}\n"), [place, code, message, hint]);
    }
}
