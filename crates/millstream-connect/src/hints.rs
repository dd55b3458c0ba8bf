//! What hints say about names: the one that was probably meant, and those that there are.

/// Names that are shown.
const SHOWN_MAX: usize = 20;

/// The names that there are, after the one that was probably meant. `introduced` is how the list
/// begins, as `the columns are`.
pub(crate) fn alternatives(written: &str, known: &[String], introduced: &str) -> String {
    let all = format!("{introduced}: {}", listed(known));
    match closest(written, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`? {all}"),
        None => all,
    }
}

/// The candidate that was probably meant.
pub(crate) fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_lowercase();
    let farthest = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&written, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= farthest)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Names, not too many of them.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        count if count > SHOWN_MAX => format!("{shown} and {} more", count - SHOWN_MAX),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_long_lists_are_cut() {
        let known = ["order_id", "customer"].map(str::to_owned);
        let hint = alternatives("custmer", &known, "there are");
        assert_eq!(hint, "did you mean `customer`? there are: order_id, customer");
        assert_eq!(alternatives("zzz", &known, "there are"), "there are: order_id, customer");
        assert_eq!(alternatives("x", &[], "there are"), "there are: none");
        let many: Vec<String> = (0..22).map(|number| format!("column_{number}")).collect();
        assert!(alternatives("zzz", &many, "there are").ends_with("column_19 and 2 more"));
    }
}
