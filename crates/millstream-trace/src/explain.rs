//! The pages of `millstream explain` for traces.

use millstream_core::explain::Explanation;

/// One page for every code of [`TraceError`](crate::TraceError).
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "trace.target",
        title: "Traces cannot be sent to where they are asked for",
        text: "`traces` of millstream.yml, or the variables OTEL_EXPORTER_OTLP_*, name an address \
               that cannot be read, headers that cannot be sent, or a secret that is missing. \
               Headers go to other machines by https:// only. Runs go on without traces.",
    },
    Explanation {
        code: "trace.refused",
        title: "The collector refuses traces",
        text: "The collector was reached and says that it does not want what it was sent: the \
               endpoint takes no OTLP/HTTP with JSON, or a header is wrong. These traces are given \
               up. Runs go on without them.",
    },
    Explanation {
        code: "trace.away",
        title: "The collector of traces cannot be had",
        text: "The collector was not reached, or says that it is busy. What happened is in the \
               ledger and is exported later, by a server or at the end of the next run, as far as \
               its changes are kept. No run waits for that.",
    },
];

#[cfg(test)]
mod tests {
    use super::EXPLANATIONS;

    #[test]
    fn every_code_has_a_page() {
        let codes = include_str!("error.rs").split('"').filter(|text| text.starts_with("trace."));
        for text in codes {
            assert!(EXPLANATIONS.iter().any(|page| page.code == text), "{text}");
        }
    }
}
