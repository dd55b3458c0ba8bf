//! Why a selection cannot be made.

use millstream_core::error::{Coded, Fault};

/// Why a selection cannot be made. The words are dbt's where it has any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The text before the colon is no method.
    #[error("'{0}' is not a valid method name")]
    Method(String),
    /// `@` and a trailing `+` together.
    #[error("Invalid node spec {0} - \"@\" prefix and \"+\" suffix are incompatible")]
    Reach(String),
    /// More steps than a number holds.
    #[error("Invalid node spec - could not handle the depth in {0}")]
    Depth(String),
    /// A mode of indirect selection that there is not.
    #[error("'{0}' is not a valid IndirectSelection")]
    Indirect(String),
    /// A value that its method does not take.
    #[error("{0}")]
    Value(String),
    /// A method that needs what another run has left, and there is nothing.
    #[error("{0}")]
    NoState(&'static str),
    /// A definition in `selectors.yml` that cannot be read.
    #[error("Could not read selector file data: {0}")]
    Definition(String),
    /// A selector that is not defined.
    #[error("Could not find selector named {name}, expected one of {}", listed(known))]
    Selector {
        /// Its name.
        name: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// A pattern of selectors that no selector matches.
    #[error("Selector '{0}' did not match any selector in selectors.yml")]
    NoSelector(String),
    /// Selectors that mean each other.
    #[error("Circular dependency detected in selector: {0}")]
    Circular(String),
}

impl Coded for SelectError {
    fn code(&self) -> &'static str {
        match self {
            Self::Method(_) => "dbt.select.method",
            Self::Reach(_) | Self::Depth(_) | Self::Indirect(_) | Self::Value(_) => {
                "dbt.select.invalid"
            }
            Self::NoState(_) => "dbt.select.no_state",
            Self::Definition(_) => "dbt.select.definition",
            Self::Selector { .. } | Self::NoSelector(_) => "dbt.select.unknown",
            Self::Circular(_) => "dbt.select.circular",
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Method(_) => "methods are tag, path, config.materialized, state and the like",
            Self::NoState(_) => "name the folder of the artifacts of another run with `--state`",
            Self::Reach(_) => "`@x` selects what is behind x already",
            Self::Circular(_) => "let one of the selectors say what it means itself",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// A list as Python writes it.
pub(crate) fn listed<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("'{}'", item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
