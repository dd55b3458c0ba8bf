use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::*;
use crate::columns::KeptColumn;
use crate::testing::rows;

const COMMA: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), terminator: b'\n' };

fn sheet(width: usize) -> Sheet {
    let column = |position: usize| KeptColumn {
        position,
        name: format!("c{position}"),
        original: format!("c{position}"),
        data_type: Some(DataType::Utf8),
        required: false,
    };
    let fields: Vec<Field> =
        (0..width).map(|i| Field::new(format!("c{i}"), DataType::Utf8, true)).collect();
    Sheet {
        dialect: COMMA,
        width,
        columns: (0..width).map(|position| Some(column(position))).collect(),
        schema: Arc::new(Schema::new(fields)),
    }
}

/// Rows, and the lines of refused records, read in blocks of a size.
fn parse(text: &[u8], block_bytes: usize) -> (Vec<Vec<String>>, Vec<(u64, &'static str)>) {
    let mut splitter = Splitter::new(text, COMMA, Vec::new(), block_bytes);
    let sheet = sheet(3);
    let (mut all, mut refused, mut lines) = (Vec::new(), Vec::new(), 0);
    while let Some(block) = splitter.next_block().unwrap() {
        let parsed = parse_block(&sheet, &block, 0).unwrap();
        all.extend(rows(&parsed.batch));
        refused
            .extend(parsed.refused.iter().map(|refusal| (lines + refusal.line + 1, refusal.code)));
        lines += parsed.lines;
    }
    (all, refused)
}

/// A small generator of CSV with every kind of trouble.
fn troubled(seed: u64, records: usize) -> Vec<u8> {
    let pieces: &[&[u8]] = &[
        b"plain",
        b"",
        b"\"quoted\"",
        b"\"a,b\"",
        b"\"line\nbreak\"",
        b"\"dou\"\"ble\"",
        b"in\"ner",
        b"\"open",
        b"\"junk\"x",
        b"\xc3\xa9",
        b"\xff",
        b"\"\"",
        b"\"crlf\r\n\"",
        b" \"x\"",
        b"\r",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % bound
    };
    let mut text = Vec::new();
    for _ in 0..records {
        let width = if next(9) == 0 { 2 + next(3) } else { 3 };
        for field in 0..width {
            if field > 0 {
                text.push(b',');
            }
            let piece = if next(4) == 0 { pieces[next(pieces.len())] } else { b"value" };
            text.extend_from_slice(piece);
        }
        text.extend_from_slice(if next(5) == 0 { b"\r\n" } else { b"\n" });
    }
    text
}

#[test]
fn the_size_of_blocks_changes_nothing() {
    for seed in 0..40 {
        let text = troubled(seed, 120);
        let whole = parse(&text, 1 << 20);
        assert!(!whole.0.is_empty());
        for block_bytes in [1, 7, 64, 333, 1500] {
            assert_eq!(parse(&text, block_bytes), whole, "seed {seed}, blocks of {block_bytes}");
        }
    }
}

#[test]
fn no_line_is_lost() {
    for seed in 0..40 {
        // Without quoted line ends every line is a row or a refusal.
        let text = troubled(seed, 120);
        let text: Vec<u8> = text.into_iter().filter(|&byte| byte != b'"').collect();
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let (rows, refused) = parse(&text, 100);
        assert_eq!(rows.len() + refused.len(), lines.count(), "seed {seed}");
    }
}

#[test]
fn a_stray_quote_spoils_its_line_only() {
    let mut text = b"1,\"open,x\n".to_vec();
    for row in 0..2000 {
        text.extend_from_slice(format!("{row},a,b\n").as_bytes());
    }
    for block_bytes in [100, 1 << 20] {
        let (rows, refused) = parse(&text, block_bytes);
        assert_eq!(rows.len(), 2000);
        assert_eq!(refused, [(1, "sync.bad_quote")]);
    }
}
