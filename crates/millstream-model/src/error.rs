//! What can go wrong when models are trained, kept and asked.

use millstream_core::{Coded, Fault, Retry};

use crate::near::closest;

/// An error of this room.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No trainer has this name.
    #[error("there is no trainer `{trainer}`")]
    UnknownTrainer {
        /// The name.
        trainer: String,
    },
    /// A setting of a trainer is wrong.
    #[error("setting `{key}` of `{trainer}` {message}")]
    Setting {
        /// The trainer.
        trainer: &'static str,
        /// The setting.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// The training does not fit its trainer or itself.
    #[error("training `{training}` {message}")]
    Definition {
        /// The training.
        training: String,
        /// What is wrong.
        message: String,
    },
    /// A gate rule cannot be read.
    #[error("`{rule}` is not a gate rule: {message}")]
    Gate {
        /// The rule.
        rule: String,
        /// Why not.
        message: String,
    },
    /// The data has no column of a name.
    #[error("`{data}` has no column `{column}`")]
    MissingColumn {
        /// The relation.
        data: String,
        /// The column.
        column: String,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// A column cannot be used as what it is declared to be.
    #[error("column `{column}` is {found}, which cannot be used as {wanted}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What it should serve as.
        wanted: &'static str,
    },
    /// No row has a label.
    #[error("`{data}` has no row with a label in `{label}`")]
    NoRows {
        /// The relation.
        data: String,
        /// The column of the label.
        label: String,
    },
    /// All labels are the same.
    #[error("every row{of} has the label `{label}`")]
    OneClass {
        /// That label.
        label: String,
        /// Of which rows, with a space before it.
        of: &'static str,
    },
    /// A side of the split is empty.
    #[error(
        "{rows} rows are too few to hold some out: {training} to learn from, {held_out} held out"
    )]
    TooFewRows {
        /// All rows.
        rows: usize,
        /// Rows to learn from.
        training: usize,
        /// Rows held out.
        held_out: usize,
    },
    /// More labels than a model can tell apart.
    #[error("`{label}` has {found} labels, more than {limit}")]
    TooManyLabels {
        /// The column.
        label: String,
        /// How many.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The training set or the model does not fit into memory.
    #[error("{what} are too many to train on")]
    TooLarge {
        /// What is too large.
        what: String,
    },
    /// No text has a word.
    #[error("no text has a word of two letters or more")]
    NoTerms,
    /// The trainer gave up.
    #[error("the trainer failed: {message}")]
    Trainer {
        /// Why.
        message: String,
    },
    /// The registry has no model of a name.
    #[error("there is no model `{model}`")]
    UnknownModel {
        /// The name.
        model: String,
        /// The models that there are.
        known: Vec<String>,
    },
    /// The model has no such version.
    #[error("model `{model}` has no version {version}")]
    UnknownVersion {
        /// The model.
        model: String,
        /// The version.
        version: u64,
    },
    /// The model has no such alias.
    #[error("model `{model}` has no alias `{alias}`")]
    UnknownAlias {
        /// The model.
        model: String,
        /// The alias.
        alias: String,
        /// The aliases that it has.
        known: Vec<String>,
    },
    /// The text is not a reference to a model.
    #[error("`{reference}` does not name a model: write `name@alias`, `name@3` or `name`")]
    Reference {
        /// The text.
        reference: String,
    },
    /// An artifact or manifest does not hold what it should.
    #[error("the artifact is broken: {message}")]
    Corrupt {
        /// What is wrong.
        message: String,
    },
    /// An artifact or manifest was written by a newer release.
    #[error("{what} has format {found}; this release reads up to {known}")]
    NewerFormat {
        /// What was read.
        what: &'static str,
        /// Its format.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// The registry has seen this sequence of the application, or a higher one.
    #[error("the registry has seen sequence {seen} of `{application}`, so that {sequence} is late")]
    Fenced {
        /// The application.
        application: String,
        /// The highest sequence seen.
        seen: u64,
        /// The sequence refused.
        sequence: u64,
    },
    /// What an attempt staged is gone.
    #[error("what attempt {attempt} staged for model `{model}` is gone")]
    StagingLost {
        /// The model.
        model: String,
        /// The attempt.
        attempt: String,
    },
    /// The intent in the ledger is not one of this room.
    #[error("the intent is not one of a training")]
    Payload(#[source] serde_json::Error),
    /// A file or folder of the registry.
    #[error("registry file `{path}`")]
    Io {
        /// Its path.
        path: String,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// A request does not fit the signature of the model.
    #[error("model `{model}` {message}")]
    Shape {
        /// The model.
        model: String,
        /// What does not fit.
        message: String,
    },
    /// Arrow refused an operation that should always work.
    #[error("rows could not be put together")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// A thread that trains or reads ended early.
    #[error("the training ended early: {message}")]
    Worker {
        /// Why.
        message: String,
    },
}

impl ModelError {
    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::Corrupt { message: message.into() }
    }
}

impl Coded for ModelError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownTrainer { .. } => "training.unknown_trainer",
            Self::Setting { .. } => "training.setting",
            Self::Definition { .. } => "training.definition",
            Self::Gate { .. } => "training.gate_rule",
            Self::MissingColumn { .. } => "training.missing_column",
            Self::ColumnType { .. } => "training.column_type",
            Self::NoRows { .. } => "training.no_rows",
            Self::OneClass { .. } => "training.one_class",
            Self::TooFewRows { .. } => "training.too_few_rows",
            Self::TooManyLabels { .. } => "training.too_many_labels",
            Self::TooLarge { .. } => "training.too_large",
            Self::NoTerms => "training.no_terms",
            Self::Trainer { .. } | Self::Worker { .. } | Self::Arrow(_) => {
                "training.trainer_failed"
            }
            Self::UnknownModel { .. } => "registry.unknown_model",
            Self::UnknownVersion { .. } => "registry.unknown_version",
            Self::UnknownAlias { .. } => "registry.unknown_alias",
            Self::Reference { .. } => "registry.bad_reference",
            Self::Corrupt { .. } => "registry.corrupt",
            Self::NewerFormat { .. } => "registry.newer_format",
            Self::Fenced { .. } => "registry.fenced",
            Self::StagingLost { .. } | Self::Payload(_) => "registry.staging_lost",
            Self::Io { .. } => "registry.io",
            Self::Shape { .. } => "scoring.shape",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Io { .. } => Fault::External,
            Self::Trainer { .. }
            | Self::Worker { .. }
            | Self::Arrow(_)
            | Self::Fenced { .. }
            | Self::StagingLost { .. }
            | Self::Payload(_) => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            // A full disk may have room again, a lost staging is made anew.
            Self::Io { .. } | Self::StagingLost { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownTrainer { .. } => "use `text_linear` or `tabular_gbdt`".to_owned(),
            Self::Gate { .. } => {
                "write `METRIC >= NUMBER` (or `>`, `<=`, `<`) or `not worse than champion`"
                    .to_owned()
            }
            Self::MissingColumn { columns, .. } => format!("its columns are {}", list(columns)),
            Self::ColumnType { .. } => "cast the column in the SQL model".to_owned(),
            Self::NoRows { .. } => "give rows a label; rows without one are left out".to_owned(),
            Self::OneClass { .. } => "a classifier needs rows of two labels at least".to_owned(),
            Self::TooFewRows { .. } => "add rows, or change `split.test`".to_owned(),
            Self::TooManyLabels { .. } => {
                "predict a number with `settings: {task: regression}`, or join rare labels"
                    .to_owned()
            }
            Self::TooLarge { .. } => "train on fewer rows, or lower `max_features`".to_owned(),
            Self::NoTerms => "check the columns under `inputs.text`".to_owned(),
            Self::UnknownAlias { model, alias, known } => {
                let promote = format!("`millstream model promote {model}@VERSION` sets an alias");
                there_are(alias, known, "its aliases are").unwrap_or(promote)
            }
            Self::UnknownModel { model, known } => {
                let none = "`millstream run` trains the first model";
                there_are(model, known, "the models are").unwrap_or_else(|| none.to_owned())
            }
            Self::UnknownVersion { .. } => {
                "`millstream model list` shows models and versions".to_owned()
            }
            Self::Corrupt { .. } => {
                "restore the model's folder from a copy, or train a new version".to_owned()
            }
            Self::NewerFormat { .. } => "use the release that wrote it".to_owned(),
            Self::Io { .. } => "check the disk's space and the folder's rights".to_owned(),
            _ => return None,
        })
    }
}

/// The name that was probably meant, or all, if there are any.
fn there_are(written: &str, known: &[String], introduced: &str) -> Option<String> {
    match closest(written, known.iter().map(String::as_str)) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None => (!known.is_empty()).then(|| format!("{introduced} {}", list(known))),
    }
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}
