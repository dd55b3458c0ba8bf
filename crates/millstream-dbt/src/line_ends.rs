//! Places in a text whose lines end in `\r\n`: a program has it with `\n` alone, `manifest.json` as
//! it is.

use std::ops::Range;

/// Where a part of a program stands in the text that it was read from.
pub(crate) fn as_written(text: &str, part: Range<usize>) -> Range<usize> {
    offset(text, part.start)..offset(text, part.end)
}

fn offset(text: &str, in_program: usize) -> usize {
    let ends = text.match_indices("\r\n").enumerate();
    let before = ends.take_while(|(earlier, (place, _))| place - earlier < in_program).count();
    in_program + before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_again_whatever_line_ends_stand_before_and_in_it() {
        let text = "a\r\n\r\nb\nc\r\nd\r\n";
        let program = "a\n\nb\nc\nd\n";
        let part = |part: &str| {
            let start = program.find(part).unwrap();
            &text[as_written(text, start..start + part.len())]
        };
        assert_eq!(part("a"), "a");
        assert_eq!(part("b\nc\nd"), "b\nc\r\nd");
        assert_eq!(part("\nb"), "\r\nb");
        assert_eq!(part("d\n"), "d\r\n");
    }
}
