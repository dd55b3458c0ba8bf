//! Templates that were damaged at random give an output or an error, and nothing worse.

use std::fs;
use std::path::Path;

use millstream_jinja::{Machine, Program, Settings, Syntax};

/// How many damaged templates are tried; `MILLSTREAM_TEST_DAMAGED` sets another number.
const DAMAGED: u64 = 5_000;

#[test]
fn damaged_templates_give_an_output_or_an_error() {
    let count = std::env::var("MILLSTREAM_TEST_DAMAGED").ok().and_then(|count| count.parse().ok());
    let lines = lines();
    let mut errors = 0;
    for seed in 0..count.unwrap_or(DAMAGED) {
        let text = damaged(&lines, &mut Dice(seed));
        let settings = Settings { fuel: 50_000, ..Settings::default() };
        let rendered = Program::parse("damaged", &text, &Syntax::dbt())
            .and_then(|program| Machine::new(&(), settings).render(&program));
        if let Err(error) = rendered {
            errors += 1;
            assert!(error.place().is_some(), "seed {seed}: {error} has no place");
        }
    }
    assert!(errors > 0);
}

/// All lines of the corpus.
fn lines() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    text.lines().filter(|line| line.contains('{')).map(str::to_owned).collect()
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// A line, or parts of two, with some characters removed, doubled or replaced.
fn damaged(lines: &[String], dice: &mut Dice) -> String {
    let mut text: Vec<char> = lines[dice.below(lines.len())].chars().collect();
    if dice.below(3) == 0 {
        let other: Vec<char> = lines[dice.below(lines.len())].chars().collect();
        let (cut, from) = (dice.below(text.len()), dice.below(other.len()));
        text.truncate(cut);
        text.extend(&other[from..]);
    }
    for _ in 0..dice.below(4) {
        let at = dice.below(text.len());
        let end = (at + 1 + dice.below(6)).min(text.len());
        if at >= end {
            break;
        }
        let part: Vec<char> = text[at..end].to_vec();
        match dice.below(3) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, part)),
            _ => {
                let odd = "{}%#()[]|.:,'\"\\-~0é\n\u{1f600}";
                let found = odd.chars().nth(dice.below(odd.chars().count())).unwrap_or(' ');
                text[at] = found;
            }
        }
    }
    text.into_iter().collect()
}
