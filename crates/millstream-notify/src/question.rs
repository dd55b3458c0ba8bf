//! What people are asked: by steps that wait for their word, and by releases that wait for approvals.

use millstream_core::clock::Timestamp;
use millstream_core::flow::{Answer, Approval, Approver};
use millstream_ledger::{ApprovalRecord, OpenQuestion, Release, ReleaseState};
use serde::{Deserialize, Serialize};

/// What time answers where nobody does.
const IN_TIME: &str = "because nobody answered in time";

/// What somebody is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What is asked, in the words of who asks; empty if there are none.
    pub text: String,
    /// Who may answer, for people: `an operator`.
    pub who: String,
    /// When it is asked no more, if ever; in microseconds since 1970.
    pub until: Option<Timestamp>,
    /// What holds then.
    pub otherwise: Option<Answer>,
    /// The command that approves.
    pub approve: String,
    /// The command that rejects.
    pub reject: String,
}

impl Question {
    /// What a step asks in an environment.
    pub(crate) fn of_step(open: &OpenQuestion, environment: &str) -> Self {
        let Approval { role, message, on_timeout, .. } = &open.asked.terms;
        let until = open.asked.expires_at;
        let command = |verb: &str| {
            let (run, step) = (open.run.short(), &open.asked.asset.name);
            format!("millstream runs {verb} {run} {step}{}", of_environment(environment))
        };
        Self {
            text: message.clone(),
            who: who(*role).to_owned(),
            until,
            otherwise: until.map(|_| *on_timeout),
            approve: command("approve"),
            reject: command("reject"),
        }
    }

    /// What a release asks in an environment.
    pub(crate) fn of_release(release: &Release, environment: &str) -> Self {
        let (number, tail) = (release.release, of_environment(environment));
        let text = match (&release.message, release.restores) {
            (Some(message), _) => message.clone(),
            (None, Some(earlier)) => format!("back to release {earlier}"),
            (None, None) => String::new(),
        };
        let needed = release.approvals_needed as usize;
        let missing = needed.saturating_sub(release.approvals.len());
        let somebody =
            if needed == 1 { "an author".to_owned() } else { format!("{needed} authors") };
        let more = if missing < needed { format!("; {missing} more") } else { String::new() };
        Self {
            text,
            who: format!("{somebody} other than {}{more}", release.by),
            until: None,
            otherwise: None,
            approve: format!("millstream release approve {number}{tail}"),
            reject: format!("millstream release reject {number}{tail} --reason '...'"),
        }
    }

    /// Until when it is asked, and what holds then.
    pub(crate) fn term(&self, until: &str) -> String {
        match self.otherwise {
            Some(answer) => format!("{until}, then it is {}", answer.done()),
            None => until.to_owned(),
        }
    }
}

/// What came of the question of a step: `approved by ann: looks good`.
pub(crate) fn outcome_of_step(asked: Option<&ApprovalRecord>, now: Timestamp) -> String {
    let Some(asked) = asked else { return "forgotten".to_owned() };
    if let Some(answered) = &asked.answer {
        return answered.said();
    }
    if asked.expires_at.is_some_and(|at| at <= now) {
        return format!("{}, {IN_TIME}", asked.terms.on_timeout.done());
    }
    "withdrawn: nothing waits for the answer any more".to_owned()
}

/// What came of a release that waited: `approved by ann`.
pub(crate) fn outcome_of_release(release: Option<&Release>) -> String {
    let Some(release) = release else { return "forgotten".to_owned() };
    match release.state {
        ReleaseState::Rejected => match &release.reason {
            Some(reason) => format!("rejected: {reason}"),
            None => "rejected".to_owned(),
        },
        ReleaseState::Outdated => "overtaken: another release became current before".to_owned(),
        _ => {
            let by: Vec<&str> = release.approvals.iter().map(|it| it.by.as_str()).collect();
            format!("approved by {}", by.join(", "))
        }
    }
}

/// Who may answer what is asked of a role: that role, and those that may do more.
fn who(role: Approver) -> &'static str {
    match role {
        Approver::Operator => "an operator, an author or an admin",
        Approver::Author => "an author or an admin",
        Approver::Admin => "an admin",
    }
}

/// How commands name an environment that is not the usual one.
fn of_environment(name: &str) -> String {
    if name == "dev" { String::new() } else { format!(" --env {name}") }
}

#[cfg(test)]
mod tests {
    use millstream_core::ContentHash;
    use millstream_ledger::{Answered, ReleaseOrigin};

    use super::*;

    fn asked(on_timeout: Answer, answer: Option<Answered>) -> ApprovalRecord {
        ApprovalRecord {
            asset: millstream_core::AssetKey::step("ok"),
            terms: Approval {
                role: Approver::Author,
                message: String::new(),
                timeout_seconds: Some(60),
                on_timeout,
            },
            asked_at: Timestamp::from_micros(0),
            expires_at: Some(Timestamp::from_micros(60_000_000)),
            answer,
        }
    }

    fn release(state: ReleaseState, needed: u32, by: &[&str]) -> Release {
        let at = Timestamp::from_micros(0);
        let approval = |by: &&str| millstream_ledger::Approval { by: (*by).to_owned(), at };
        Release {
            release: 7,
            tree: ContentHash::of(b""),
            files: 1,
            bytes: 1,
            state,
            message: None,
            by: "ada".to_owned(),
            git: ReleaseOrigin::default(),
            base: Some(6),
            restores: Some(4),
            approvals_needed: needed,
            approvals_asked: 0,
            approvals: by.iter().map(approval).collect(),
            proposed_at: at,
            current_at: None,
            ended_at: None,
            reason: Some("it breaks the report".to_owned()),
            removed_at: None,
        }
    }

    #[test]
    fn questions_end_by_an_answer_by_time_or_with_their_run() {
        let before = Timestamp::from_micros(59_000_000);
        let after = Timestamp::from_micros(60_000_000);
        let open = asked(Answer::Reject, None);
        assert!(outcome_of_step(Some(&open), before).starts_with("withdrawn"));
        let late = "rejected, because nobody answered in time";
        assert_eq!(outcome_of_step(Some(&open), after), late);
        let answered = Answered {
            answer: Answer::Approve,
            by: Some("ann".to_owned()),
            comment: Some("fine".to_owned()),
            at: before,
        };
        let answered = asked(Answer::Reject, Some(answered));
        assert_eq!(outcome_of_step(Some(&answered), after), "approved by ann: fine");
    }

    #[test]
    fn a_release_says_who_may_agree_and_what_came_of_it() {
        let question = Question::of_release(&release(ReleaseState::Proposed, 2, &["bob"]), "prod");
        assert_eq!(question.who, "2 authors other than ada; 1 more");
        assert_eq!(question.text, "back to release 4");
        assert_eq!(question.approve, "millstream release approve 7 --env prod");
        for (state, expected) in [
            (ReleaseState::Current, "approved by bob"),
            (ReleaseState::Rejected, "rejected: it breaks the report"),
            (ReleaseState::Outdated, "overtaken: another release became current before"),
        ] {
            assert_eq!(outcome_of_release(Some(&release(state, 1, &["bob"]))), expected);
        }
    }
}
