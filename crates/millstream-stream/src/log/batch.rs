//! Record batches (Kafka's format version 2): the unit that is checksummed and written.

use millstream_core::effect::EffectId;
use millstream_core::topic::{NewRecord, Record};

use super::bytes::Cursor;
use super::record::{RecordParts, RecordRef};

/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 61;
/// Bytes before those that the length field counts.
const LENGTH_FRAME_BYTES: usize = 12;
/// Where the bytes start that the checksum covers.
const CHECKED_FROM: usize = 21;
const MAGIC: i8 = 2;
/// Attribute bits of compression; we write none.
const COMPRESSION_MASK: i16 = 0x7;
/// No producer, no sequence.
const NONE: i64 = -1;

/// A batch is closed when its records reach this size; one larger record makes its own batch.
pub(super) const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// A batch is closed at this number of records.
pub(super) const BATCH_RECORDS_MAX: usize = 10_000;
/// The largest key and value of one record.
pub(super) const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is longer than this is no batch of ours but garbage.
pub(super) const BATCH_BYTES_LIMIT: usize = RECORD_BYTES_MAX + 2 * BATCH_BYTES_MAX;

/// Header of the first record of each batch of an effect: `application#sequence`.
const EFFECT_HEADER: &str = "millstream-effect";
/// Beside it: which batch of the effect this is and how many there are, `2/3`.
const PART_HEADER: &str = "millstream-effect-part";

/// The fields before the records that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) base_offset: u64,
    /// Size of the whole batch.
    pub(super) bytes: usize,
    pub(super) last_offset_delta: u32,
    pub(super) base_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) record_count: usize,
    compressed: bool,
}

impl BatchHeader {
    /// The offset after the last record.
    pub(super) fn end(&self) -> u64 {
        self.base_offset + u64::from(self.last_offset_delta) + 1
    }
}

/// Why bytes are no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadBatch {
    #[error("the batch is cut short")]
    Short,
    #[error("the batch is not of format version 2")]
    Magic,
    #[error("the length of the batch cannot be")]
    Length,
    #[error("the checksum does not match")]
    Checksum,
    #[error("the batch is compressed")]
    Compressed,
    #[error("the records are not well formed")]
    Records,
    #[error("the batch does not follow the one before it")]
    Order,
    #[error("the effect is not whole")]
    Effect,
}

/// Reads the fields before the records; checks no checksum.
pub(super) fn read_header(bytes: &[u8]) -> Result<BatchHeader, BadBatch> {
    let mut cursor = Cursor::new(bytes.get(..HEADER_BYTES).ok_or(BadBatch::Short)?);
    header_fields(&mut cursor).ok_or(BadBatch::Short)?
}

fn header_fields(cursor: &mut Cursor<'_>) -> Option<Result<BatchHeader, BadBatch>> {
    let base_offset = cursor.i64()?;
    let length = cursor.i32()?;
    let _leader_epoch = cursor.i32()?;
    let magic = cursor.i8()?;
    let _checksum = cursor.u32()?;
    let attributes = cursor.i16()?;
    let last_offset_delta = cursor.i32()?;
    let base_timestamp = cursor.i64()?;
    let _max_timestamp = cursor.i64()?;
    let producer_id = cursor.i64()?;
    let _producer_epoch = cursor.i16()?;
    let _base_sequence = cursor.i32()?;
    let record_count = cursor.i32()?;
    if magic != MAGIC {
        return Some(Err(BadBatch::Magic));
    }
    let bytes = usize::try_from(length).unwrap_or(0) + LENGTH_FRAME_BYTES;
    let sizes = (
        u64::try_from(base_offset),
        u32::try_from(last_offset_delta),
        usize::try_from(record_count),
    );
    let (Ok(base_offset), Ok(last_offset_delta), Ok(record_count)) = sizes else {
        return Some(Err(BadBatch::Length));
    };
    if !(HEADER_BYTES..=BATCH_BYTES_LIMIT).contains(&bytes) {
        return Some(Err(BadBatch::Length));
    }
    let compressed = attributes & COMPRESSION_MASK != 0;
    Some(Ok(BatchHeader {
        base_offset,
        bytes,
        last_offset_delta,
        base_timestamp,
        producer_id,
        record_count,
        compressed,
    }))
}

/// Reads the fields before the records of a batch that must be whole and unharmed.
pub(super) fn verify(bytes: &[u8]) -> Result<BatchHeader, BadBatch> {
    let header = read_header(bytes)?;
    let batch = bytes.get(..header.bytes).ok_or(BadBatch::Short)?;
    let stored = Cursor::new(&batch[CHECKED_FROM - 4..]).u32().ok_or(BadBatch::Short)?;
    if crc32c::crc32c(&batch[CHECKED_FROM..]) != stored {
        return Err(BadBatch::Checksum);
    }
    Ok(header)
}

/// Hands on the records of a verified batch, in order.
fn each_record<'a>(
    batch: &'a [u8],
    header: &BatchHeader,
    mut each: impl FnMut(RecordRef<'a>) -> Result<(), BadBatch>,
) -> Result<(), BadBatch> {
    if header.compressed {
        return Err(BadBatch::Compressed);
    }
    let body = batch.get(HEADER_BYTES..header.bytes).ok_or(BadBatch::Short)?;
    let mut cursor = Cursor::new(body);
    for _ in 0..header.record_count {
        each(RecordRef::read(&mut cursor).ok_or(BadBatch::Records)?)?;
    }
    if cursor.is_empty() { Ok(()) } else { Err(BadBatch::Records) }
}

/// The records of a batch as readers get them.
pub(super) fn records(batch: &[u8]) -> Result<Vec<Record>, BadBatch> {
    let header = verify(batch)?;
    let mut records = Vec::with_capacity(header.record_count.min(BATCH_RECORDS_MAX));
    each_record(batch, &header, |record| {
        let delta = u64::try_from(record.offset_delta).map_err(|_| BadBatch::Records)?;
        records.push(Record {
            offset: header.base_offset.checked_add(delta).ok_or(BadBatch::Records)?,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.unwrap_or_default().to_vec(),
            at_millis: header.base_timestamp.saturating_add(record.timestamp_delta),
        });
        Ok(())
    })?;
    Ok(records)
}

/// What the first record of a batch says of the effect to which the batch belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EffectMark {
    pub(super) effect: EffectId,
    /// Which batch of the effect, from 1.
    pub(super) part: u32,
    /// How many there are.
    pub(super) parts: u32,
}

/// The effect of a verified batch, if it is of one.
pub(super) fn effect_mark(
    batch: &[u8],
    header: &BatchHeader,
) -> Result<Option<EffectMark>, BadBatch> {
    if header.producer_id < 0 || header.compressed {
        return Ok(None);
    }
    let body = batch.get(HEADER_BYTES..header.bytes).ok_or(BadBatch::Short)?;
    let first = RecordRef::read(&mut Cursor::new(body)).ok_or(BadBatch::Records)?;
    let Some(effect) = first.header(EFFECT_HEADER) else { return Ok(None) };
    let part = first.header(PART_HEADER).ok_or(BadBatch::Records)?;
    parse_mark(effect, part).map(Some).ok_or(BadBatch::Records)
}

fn parse_mark(effect: &[u8], part: &[u8]) -> Option<EffectMark> {
    let (application, sequence) = std::str::from_utf8(effect).ok()?.rsplit_once('#')?;
    let (part, parts) = std::str::from_utf8(part).ok()?.split_once('/')?;
    let effect = EffectId { application: application.to_owned(), sequence: sequence.parse().ok()? };
    Some(EffectMark { effect, part: part.parse().ok()?, parts: parts.parse().ok()? })
}

/// Who writes a batch, in the fields of Kafka's idempotent producer.
#[derive(Debug, Clone)]
pub(super) struct Producer {
    pub(super) id: i64,
    /// Records that the producer wrote before, modulo 2^31.
    pub(super) base_sequence: i32,
    pub(super) mark: EffectMark,
}

/// A stable producer id of an application: 63 bits of its hash.
pub(super) fn producer_id(application: &str) -> i64 {
    let hash = millstream_core::ContentHash::of(application.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_be_bytes(first) & i64::MAX
}

/// Appends one batch of these records, of which there is at least one.
pub(super) fn write_batch(
    out: &mut Vec<u8>,
    base_offset: u64,
    records: &[&NewRecord],
    producer: Option<&Producer>,
) {
    let start = out.len();
    let base_timestamp = records.first().map_or(0, |record| record.at.as_millis());
    let max_timestamp = records.iter().map(|r| r.at.as_millis()).max().unwrap_or(0);
    let epoch: i16 = if producer.is_some() { 0 } else { -1 };
    out.extend_from_slice(&(base_offset as i64).to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&0_i32.to_be_bytes());
    out.extend_from_slice(&MAGIC.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&0_i16.to_be_bytes());
    out.extend_from_slice(&(records.len() as i32 - 1).to_be_bytes());
    out.extend_from_slice(&base_timestamp.to_be_bytes());
    out.extend_from_slice(&max_timestamp.to_be_bytes());
    out.extend_from_slice(&producer.map_or(NONE, |p| p.id).to_be_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(&producer.map_or(-1, |p| p.base_sequence).to_be_bytes());
    out.extend_from_slice(&(records.len() as i32).to_be_bytes());
    write_records(out, records, base_timestamp, producer);
    let length = (out.len() - start - LENGTH_FRAME_BYTES) as i32;
    out[start + 8..start + LENGTH_FRAME_BYTES].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&out[start + CHECKED_FROM..]);
    out[start + CHECKED_FROM - 4..start + CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
}

fn write_records(
    out: &mut Vec<u8>,
    records: &[&NewRecord],
    base_timestamp: i64,
    producer: Option<&Producer>,
) {
    let marks =
        producer.map(|p| (p.mark.effect.to_string(), format!("{}/{}", p.mark.part, p.mark.parts)));
    for (index, record) in records.iter().enumerate() {
        let marked = marks.as_ref().filter(|_| index == 0).map(|(effect, part)| {
            [(EFFECT_HEADER, effect.as_bytes()), (PART_HEADER, part.as_bytes())]
        });
        RecordParts {
            timestamp_delta: record.at.as_millis() - base_timestamp,
            offset_delta: index as i32,
            key: record.key.as_deref(),
            value: &record.value,
            headers: marked.as_ref().map_or(&[], |headers| headers.as_slice()),
        }
        .write(out);
    }
}

/// Size of a record, as limits count it.
pub(super) fn record_bytes(record: &NewRecord) -> usize {
    record.value.len() + record.key.as_ref().map_or(0, Vec::len)
}

/// Cuts records into batches by the limits; every piece has at least one record.
pub(super) fn split<'r>(records: &'r [&'r NewRecord]) -> Vec<&'r [&'r NewRecord]> {
    /// Length, deltas and counts of one record at most.
    const FRAME_BYTES: usize = 40;
    let mut pieces = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        let size = record_bytes(record) + FRAME_BYTES;
        let full = bytes + size > BATCH_BYTES_MAX || index - start == BATCH_RECORDS_MAX;
        if index > start && full {
            pieces.push(&records[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < records.len() {
        pieces.push(&records[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use millstream_core::clock::Timestamp;

    use super::*;

    fn record(key: Option<&str>, value: &str, millis: i64) -> NewRecord {
        NewRecord {
            key: key.map(|key| key.as_bytes().to_vec()),
            value: value.as_bytes().to_vec(),
            at: Timestamp::from_micros(millis * 1000),
        }
    }

    fn sample() -> (Vec<NewRecord>, Producer) {
        let records =
            vec![record(Some("a"), "one", 1000), record(None, "two", 990), record(None, "", 1001)];
        let mark = EffectMark {
            effect: EffectId { application: "dev/table:main.t/".to_owned(), sequence: 7 },
            part: 1,
            parts: 2,
        };
        (records, Producer { id: producer_id("x"), base_sequence: 5, mark })
    }

    fn encode(records: &[NewRecord], producer: Option<&Producer>) -> Vec<u8> {
        let mut out = Vec::new();
        write_batch(&mut out, 42, &records.iter().collect::<Vec<_>>(), producer);
        out
    }

    #[test]
    fn a_batch_comes_back_with_its_effect() {
        let (written, producer) = sample();
        let bytes = encode(&written, Some(&producer));
        let header = verify(&bytes).unwrap();
        assert_eq!((header.base_offset, header.end(), header.bytes), (42, 45, bytes.len()));
        assert_eq!(effect_mark(&bytes, &header).unwrap().unwrap(), producer.mark);
        let read = records(&bytes).unwrap();
        assert_eq!(read.iter().map(|r| r.offset).collect::<Vec<_>>(), [42, 43, 44]);
        assert_eq!(read.iter().map(|r| r.at_millis).collect::<Vec<_>>(), [1000, 990, 1001]);
        assert_eq!(read[0].key.as_deref(), Some(b"a".as_slice()));
        assert_eq!(read[1].key, None);
        assert_eq!(read[2].value, b"");
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let bytes = encode(&[record(Some("k"), "v", 5)], None);
        let expected: &[u8] = &[
            0, 0, 0, 0, 0, 0, 0, 42, // base offset
            0, 0, 0, 58, // length
            0, 0, 0, 0, // leader epoch
            2,
        ];
        assert_eq!(&bytes[..17], expected);
        assert_eq!(&bytes[21..27], &[0, 0, 0, 0, 0, 0], "attributes and last offset delta");
        assert_eq!(&bytes[43..57], &[0xff; 14], "no producer, epoch or sequence");
        assert_eq!(&bytes[57..], &[0, 0, 0, 1, 16, 0, 0, 0, 2, b'k', 2, b'v', 0]);
    }

    #[test]
    fn every_changed_byte_that_the_checksum_covers_is_noticed() {
        let (written, producer) = sample();
        let bytes = encode(&written, Some(&producer));
        for index in CHECKED_FROM - 5..bytes.len() {
            let mut harmed = bytes.clone();
            harmed[index] ^= 0x55;
            assert!(verify(&harmed).is_err(), "byte {index}");
        }
        for cut in 0..bytes.len() {
            assert!(verify(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn garbage_with_a_right_checksum_is_an_error_and_no_panic() {
        let (written, producer) = sample();
        let bytes = encode(&written, Some(&producer));
        for index in CHECKED_FROM..bytes.len() {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut harmed = bytes.clone();
                harmed[index] = value;
                let checksum = crc32c::crc32c(&harmed[CHECKED_FROM..]).to_be_bytes();
                harmed[CHECKED_FROM - 4..CHECKED_FROM].copy_from_slice(&checksum);
                let _ = records(&harmed);
                if let Ok(header) = verify(&harmed) {
                    let _ = (header.end(), effect_mark(&harmed, &header));
                }
            }
        }
    }

    #[test]
    fn an_effect_is_cut_by_bytes_and_by_records() {
        let small: Vec<_> = (0..25_000).map(|i| record(None, "x", i)).collect();
        let sizes: Vec<_> =
            split(&small.iter().collect::<Vec<_>>()).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [10_000, 10_000, 5_000]);
        let large = record(None, &"y".repeat(BATCH_BYTES_MAX), 0);
        assert_eq!(split(&[&small[0], &large, &small[1]]).len(), 3);
        assert_eq!(split(&[]).len(), 0);
    }
}
