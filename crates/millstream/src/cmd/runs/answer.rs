//! `millstream runs approve|reject`

use millstream_core::asset::AssetKey;
use millstream_core::flow::Answer;
use millstream_ledger::{ApprovalRecord, RunState};
use serde_json::json;

use crate::cli::{AnswerArgs, Global, OutputFormat};
use crate::cmd::tell::tell_now;
use crate::exit::Outcome;
use crate::output::{moment, print_json, print_line};
use crate::wire::open_ledger;

/// Answers what a step of a run asks.
pub(super) async fn run(global: &Global, args: &AnswerArgs, answer: Answer) -> Outcome {
    let ledger = open_ledger(global).await?;
    let run = super::found(&ledger, Some(&args.run))?.summary;
    let asset = AssetKey::step(args.step.strip_prefix("step:").unwrap_or(&args.step));
    let answered = ledger.answer(run.run, &asset, answer, args.comment.as_deref()).await?;
    if global.output == OutputFormat::Json {
        print_json("answer", &json!({"run": run.run, "approval": answered}))?;
    } else {
        print_line(&format!("{} {}", asset.name, described(&answered)))?;
        if run.state != RunState::Running {
            let next = match answer {
                Answer::Approve => "; the next run goes on behind it",
                Answer::Reject => "",
            };
            print_line(&format!("run {} is not at work{next}", run.run.short()))?;
        }
    }
    tell_now(global, &ledger).await;
    Ok(())
}

/// `approved by ann: fine`, or what is asked and until when.
pub(super) fn described(asked: &ApprovalRecord) -> String {
    let Some(answered) = &asked.answer else {
        let message = match asked.terms.message.as_str() {
            "" => "approval".to_owned(),
            message => message.to_owned(),
        };
        let until = asked.expires_at.map(|at| format!(", until {}", moment(at)));
        let role = asked.terms.role.word();
        return format!("asks an {role}: {message}{}", until.unwrap_or_default());
    };
    answered.said()
}
