//! Errors of planning and executing.

use millstream_core::error::{Coded, Fault, Retry};
use millstream_core::explain::Explanation;

/// What can go wrong around a step.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The attempt took longer than its time-out.
    #[error("{asset} took longer than {seconds} s")]
    TimedOut {
        /// The asset.
        asset: String,
        /// The time-out.
        seconds: u64,
    },
    /// Another process took the lease: this one had stopped for too long.
    #[error("{asset} is held by another process now")]
    LeaseLost {
        /// The asset.
        asset: String,
    },
    /// No request starts the schedule.
    #[error("no request starts a schedule `{0}`")]
    NoWebhook(String),
    /// The body of a webhook is not signed with the schedule's secret.
    #[error("the signature of the request is missing or wrong")]
    WebhookSignature,
    /// The body of a webhook is too large.
    #[error("the body of the request is larger than a megabyte")]
    WebhookTooLarge,
    /// The process has too many runs going.
    #[error("{} runs are going", crate::conductor::RUNS_MAX)]
    TooManyRuns,
    /// The disk does not give a log.
    #[error("the log cannot be read: {0}")]
    LogUnreadable(#[from] std::io::Error),
    /// The expression of `for_each` gives something else.
    #[error("`for_each: {text}` gives no list")]
    NoList {
        /// The expression.
        text: String,
    },
    /// There are more items than a step may have.
    #[error("`for_each: {text}` gives {count} items")]
    TooManyItems {
        /// The expression.
        text: String,
        /// How many.
        count: usize,
    },
    /// What the items of a step have given is too large to be given on.
    #[error("the results of all items of {asset} have {bytes} bytes together")]
    ResultsTooLarge {
        /// The step.
        asset: String,
        /// How many bytes.
        bytes: usize,
    },
    /// What the items of a step have given cannot be read.
    #[error("the results of items cannot be read: {0}")]
    ResultsUnread(String),
    /// The step panicked.
    #[error("the step of {asset} broke down: {message}")]
    Panicked {
        /// The asset.
        asset: String,
        /// The panic's text.
        message: String,
    },
}

impl Coded for RunError {
    fn code(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "run.timed_out",
            Self::LeaseLost { .. } => "run.lease_lost",
            Self::NoWebhook(_) => "run.no_webhook",
            Self::WebhookSignature => "run.webhook_signature",
            Self::WebhookTooLarge => "run.webhook_too_large",
            Self::TooManyRuns => "run.too_many",
            Self::LogUnreadable(_) => "run.log_unreadable",
            Self::NoList { .. } => "run.no_list",
            Self::TooManyItems { .. } => "run.too_many_items",
            Self::ResultsTooLarge { .. } => "run.results_too_large",
            Self::ResultsUnread(_) => "run.results_unread",
            Self::Panicked { .. } => "run.panicked",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::TimedOut { .. }
            | Self::TooManyRuns
            | Self::LogUnreadable(_)
            | Self::ResultsUnread(_) => Fault::External,
            Self::NoWebhook(_)
            | Self::WebhookSignature
            | Self::WebhookTooLarge
            | Self::NoList { .. }
            | Self::TooManyItems { .. }
            | Self::ResultsTooLarge { .. } => Fault::User,
            Self::LeaseLost { .. } | Self::Panicked { .. } => Fault::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::TimedOut { .. } | Self::LeaseLost { .. } | Self::TooManyRuns => Retry::Backoff,
            Self::Panicked { .. }
            | Self::LogUnreadable(_)
            | Self::NoList { .. }
            | Self::TooManyItems { .. }
            | Self::ResultsTooLarge { .. }
            | Self::ResultsUnread(_)
            | Self::NoWebhook(_)
            | Self::WebhookSignature
            | Self::WebhookTooLarge => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TimedOut { .. } => Some("see `millstream runs show` for what it did".to_owned()),
            Self::TooManyRuns => Some("stop one by `millstream runs cancel`, or wait".to_owned()),
            Self::NoWebhook(_) => Some("see `millstream schedule list`".to_owned()),
            Self::WebhookSignature => {
                Some("send X-Hub-Signature-256: sha256=HEX, the HMAC-SHA256 of the body".to_owned())
            }
            Self::LogUnreadable(_) => {
                Some("check the disk, and the rights of the environment's folder".to_owned())
            }
            Self::NoList { .. } => {
                Some("the result must be a list, or the expression lead to one in it".to_owned())
            }
            Self::TooManyItems { .. } => Some("at most 100,000; let an item be several".to_owned()),
            Self::ResultsTooLarge { .. } => Some(
                "at most 65536; write what is large into files, and give their names".to_owned(),
            ),
            Self::LeaseLost { .. } | Self::WebhookTooLarge | Self::ResultsUnread(_) => None,
            Self::Panicked { .. } => Some("please report this, with the message".to_owned()),
        }
    }
}

/// The pages of this crate's codes.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "run.timed_out",
        title: "A step took longer than its time-out",
        text: "The attempt was stopped and what it had staged was removed. The last version stays \
               in place. It is tried again, with a growing pause, as often as its retries allow.",
    },
    Explanation {
        code: "run.lease_lost",
        title: "Another process took over the asset",
        text: "A process that works on an asset renews a lease. This one did not for so long that \
               another took over; whatever it had staged was removed and nothing was published.",
    },
    Explanation {
        code: "run.rejected",
        title: "A person rejected what a step asked",
        text: "A step with `approve` waited for a person, who said no; or nobody answered in time, \
               which means no unless `on_timeout` says otherwise. What is behind it did not run. \
               An answer is for the inputs that it was asked about: new ones are asked about anew, \
               and `millstream runs rerun` asks again about the same.",
    },
    Explanation {
        code: "run.no_list",
        title: "`for_each` of a step gives no list",
        text: "The expression gives one value of JSON, and a step runs once for each item of a list. \
               Nothing of the step ran.",
    },
    Explanation {
        code: "run.too_many_items",
        title: "`for_each` of a step gives too many items",
        text: "A step runs for 100,000 items at most. Nothing of the step ran.",
    },
    Explanation {
        code: "run.results_too_large",
        title: "The results of all items are too large together",
        text: "What a step gives to those behind it may have 64 KiB, also when it is the list of \
               what its items have given. The items are done, and are not done again; the step is \
               not, and nothing behind it runs.",
    },
    Explanation {
        code: "run.results_unread",
        title: "The results of items cannot be read",
        text: "The ledger did not give what the items of a step have left. The items are done, and \
               are not done again when the step is.",
    },
    Explanation {
        code: "run.no_webhook",
        title: "No request starts this schedule",
        text: "The path names a schedule that does not exist, or one without `webhook`. Nothing was \
               started.",
    },
    Explanation {
        code: "run.webhook_signature",
        title: "The signature of a webhook is missing or wrong",
        text: "The header X-Hub-Signature-256 holds `sha256=` and the HMAC-SHA256 of the body in \
               hexadecimal digits, made with the secret that the schedule names. Nothing was \
               started.",
    },
    Explanation {
        code: "run.webhook_too_large",
        title: "The body of a webhook is too large",
        text: "A request that starts a schedule may have a body of a megabyte. Nothing was started.",
    },
    Explanation {
        code: "run.too_many",
        title: "A server has too many runs going",
        text: "Each run holds its plan and its steps in memory, so that a server starts only so \
               many at once. Nothing was started; what was due is started when others have ended.",
    },
    Explanation {
        code: "run.log_unreadable",
        title: "The log of a run cannot be read",
        text: "The file of the log is there, and the disk or its rights keep it from being read. \
               What the run did is in the ledger and not touched by this.",
    },
    Explanation {
        code: "backfill.not_partitioned",
        title: "An asset has no partitions",
        text: "Only what is divided into partitions can be filled partition by partition. A model \
               says so in its configuration: `partitions: {by: time, column: ordered_at, grain: day, \
               begin: 2024-01-01}` or `{by: values, column: region, values: [eu, us]}`; dbt's \
               microbatch models are divided by what they say already. Anything else is made anew by \
               `millstream run --full-refresh --select`.",
    },
    Explanation {
        code: "backfill.nothing",
        title: "There is no partition to make",
        text: "What was asked for names no partition that there is: all were made, or none has \
               failed, or the asset begins later or ends before. Nothing was started.",
    },
    Explanation {
        code: "backfill.unknown",
        title: "There is no such backfill",
        text: "No backfill has an id that begins or ends with these digits. `millstream backfill \
               list` shows the ids.",
    },
    Explanation {
        code: "partition.no_moment",
        title: "A date or time does not exist",
        text: "A partition by time is named by its date: `2026`, `2026-11`, `2026-11-21`, \
               `2026-11-21T08`. The text is none, or names a day that the calendar does not have. \
               Nothing was started.",
    },
    Explanation {
        code: "partition.no_zone",
        title: "A time zone does not exist",
        text: "`timezone` names a zone of IANA's database, as Europe/Paris or UTC. Its clocks say \
               when a day begins.",
    },
    Explanation {
        code: "partition.unknown",
        title: "An asset has no such partition",
        text: "Partitions by time go from `begin` to now, or to `end`; partitions by values are those \
               that are listed. Nothing was started.",
    },
    Explanation {
        code: "partition.ends_before_begin",
        title: "A stretch of time ends before it begins",
        text: "The end lies before the begin, or at it. Exchange them, or correct one. Nothing was \
               started.",
    },
    Explanation {
        code: "partition.too_many",
        title: "An asset would have too many partitions",
        text: "An asset may have 100,000 partitions: eleven years of hours. Use a coarser grain, or \
               let it begin later.",
    },
    Explanation {
        code: "partition.no_order",
        title: "Partitions by values have no order",
        text: "`--from` and `--to` mean a stretch of time. Name partitions by values with \
               `--partition`, or take `--all`, `--missing` or `--failed`.",
    },
    Explanation {
        code: "run.panicked",
        title: "A step broke down",
        text: "This is a fault of Millstream. The last version stays in place and the other steps \
               went on. Please report it with the message and the definition of the asset.",
    },
];
