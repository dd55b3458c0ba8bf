//! What a text in Python imports.

use super::text::{bare, closed, lines, parts};

/// The modules that a text may import, with what it takes from them, as `a.b`; with dots in front
/// where they count from the file itself. `from a import b` may mean the module `a.b`.
pub(crate) fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines(text) {
        let statement = line.text;
        if let Some(names) = statement.strip_prefix("import ") {
            found.extend(parts(names).into_iter().map(|name| first_word(name).to_owned()));
        } else if let Some((module, names)) =
            statement.strip_prefix("from ").and_then(|rest| rest.split_once(" import"))
        {
            let module = module.trim();
            let names = names.trim_start();
            let names = match names.strip_prefix('(') {
                Some(inside) => &inside[..closed(inside).unwrap_or(inside.len())],
                None => names,
            };
            let dot = if module.ends_with('.') { "" } else { "." };
            let taken = parts(names).into_iter().map(first_word).filter(|name| *name != "*");
            found.extend(taken.map(|name| format!("{module}{dot}{name}")));
            found.push(module.to_owned());
        }
    }
    found
}

fn first_word(text: &str) -> &str {
    let text = bare(text);
    text.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found() {
        let found = |text: &str| imports(text).join(" ");
        assert_eq!(found("import a.b as c, d # e\n"), "a.b d");
        assert_eq!(found("def f():\n    from a import (b as x,\n  c)\n"), "a.b a.c a");
        assert_eq!(found("from . import a\nfrom ..b import c"), ".a . ..b.c ..b");
        assert_eq!(found("from a import *; print()"), "a");
        assert_eq!(found("text = 'import a'\n# import b\nimportant = 1"), "");
    }
}
