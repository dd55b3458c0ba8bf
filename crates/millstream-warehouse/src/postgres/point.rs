//! Points at a place in a statement, as PostgreSQL's own tools do.

/// The widest piece of a line that is shown.
const CHARACTERS_MAX: usize = 60;
/// What is shown of a long line after the place, if there is as much.
const AFTER: usize = 10;
const CUT: &str = "...";

/// The line of `position` (the first character is 1), and a mark below it.
pub(super) fn excerpt(statement: &str, position: usize) -> Option<String> {
    let at = statement.char_indices().nth(position.checked_sub(1)?).map(|(at, _)| at)?;
    let start = statement[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = statement[at..].find('\n').map_or(statement.len(), |length| at + length);
    let number = statement[..start].matches('\n').count() + 1;
    // A tab would move the mark.
    let line: Vec<char> =
        statement[start..end].trim_end_matches('\r').replace('\t', " ").chars().collect();
    let column = statement[start..at].chars().count();
    let (shown, column) = window(&line, column);
    let head = format!("LINE {number}: ");
    Some(format!("{head}{shown}\n{}^", " ".repeat(head.len() + column)))
}

/// The part of a line around a column, and the column in it.
fn window(line: &[char], column: usize) -> (String, usize) {
    if line.len() <= CHARACTERS_MAX {
        return (line.iter().collect(), column);
    }
    let first = (column + AFTER).saturating_sub(CHARACTERS_MAX).min(line.len() - CHARACTERS_MAX);
    let last = first + CHARACTERS_MAX;
    let mut shown: String = line[first..last].iter().collect();
    let mut column = column - first;
    if first > 0 {
        shown.insert_str(0, CUT);
        column += CUT.len();
    }
    if last < line.len() {
        shown.push_str(CUT);
    }
    (shown, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(statement: &str, position: usize, expected: &str) {
        assert_eq!(excerpt(statement, position).as_deref(), Some(expected));
    }

    #[test]
    fn a_place_is_marked_in_its_line() {
        check("select x", 8, "LINE 1: select x\n               ^");
        check("select 1,\n\tßx\nfrom t", 13, "LINE 2:  ßx\n          ^");
        assert_eq!(excerpt("select", 0), None);
        assert_eq!(excerpt("select", 60), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let statement = format!("select {} y {}", "x".repeat(80), "z".repeat(80));
        let shown = excerpt(&statement, 89).unwrap();
        let (line, mark) = shown.split_once('\n').unwrap();
        assert!(line.starts_with("LINE 1: ...x") && line.ends_with("z..."), "{line}");
        assert_eq!(line.find('y'), mark.find('^'));
    }
}
