//! What the warm process imports before it forks: libraries that are slow to import and take a
//! fork well. Others, as polars, start threads that a fork would lose.

/// A library, and the words of a program that make it likely to be needed. pyarrow looks for pandas
/// when it is given values of Python.
const LIBRARIES: [(&str, &[&str]); 2] =
    [("numpy", &["numpy"]), ("pandas", &["pandas", "pyarrow", ".df(", ".to_df(", ".fetchdf("])];

/// The libraries that a program is likely to need.
pub(crate) fn preload(code: &str) -> Vec<&'static str> {
    let needed = |words: &&[&str]| words.iter().any(|word| code.contains(word));
    LIBRARIES.iter().filter(|(_, words)| needed(words)).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_imported() {
        assert_eq!(preload("return dbt.ref('a').df()"), ["pandas"]);
        assert_eq!(preload("import numpy as np, pandas"), ["numpy", "pandas"]);
        assert!(preload("return dbt.ref('a').pl()").is_empty());
    }
}
