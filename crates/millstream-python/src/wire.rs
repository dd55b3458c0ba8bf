//! Frames: two lengths, a header in JSON, and a body. What comes from a process that runs somebody
//! else's program may be anything, so that lengths are looked at before memory is taken.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::PythonError;

/// The longest header.
pub(crate) const HEADER_BYTES_MAX: usize = 256 * 1024;
/// The longest body.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the two lengths.
const PREFIX_BYTES: usize = 8;

/// A frame.
#[derive(Debug)]
pub(crate) struct Frame<H> {
    pub(crate) header: H,
    pub(crate) body: Vec<u8>,
}

/// What is written of a frame. A body that is too long is an error.
pub(crate) fn encoded(header: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, PythonError> {
    let header = serde_json::to_vec(header).map_err(|error| nonsense(error.to_string()))?;
    if body.len() > BODY_BYTES_MAX || header.len() > HEADER_BYTES_MAX {
        return Err(PythonError::TooLarge { bytes: body.len().max(header.len()) });
    }
    let lengths = [header.len(), body.len()].map(|length| (length as u32).to_be_bytes());
    Ok([lengths.concat().as_slice(), &header, body].concat())
}

/// Writes a frame.
pub(crate) async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    header: &impl Serialize,
    body: &[u8],
) -> Result<(), PythonError> {
    let bytes = encoded(header, body)?;
    to.write_all(&bytes).await.map_err(|error| PythonError::lost(&error))
}

/// Reads a frame; none if the other side has ended.
pub(crate) async fn read<H: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Frame<H>>, PythonError> {
    let mut prefix = [0; PREFIX_BYTES];
    match from.read_exact(&mut prefix).await {
        Ok(_) => {}
        Err(error) if is_end(&error) => return Ok(None),
        Err(error) => return Err(PythonError::lost(&error)),
    }
    let [mut header, mut body] = lengths(prefix)?.map(|length| vec![0; length]);
    for part in [&mut header, &mut body] {
        match from.read_exact(part).await {
            Ok(_) => {}
            Err(error) if is_end(&error) => return Ok(None),
            Err(error) => return Err(PythonError::lost(&error)),
        }
    }
    Ok(Some(Frame { header: parsed(&header)?, body }))
}

/// Reads the header of a frame in a thread of its own; none if the other side has ended.
pub(crate) fn read_blocking<H: DeserializeOwned>(
    from: &mut impl Read,
) -> Result<Option<H>, PythonError> {
    let mut prefix = [0; PREFIX_BYTES];
    if let Err(error) = from.read_exact(&mut prefix) {
        return if is_end(&error) { Ok(None) } else { Err(PythonError::lost(&error)) };
    }
    let [mut header, mut body] = lengths(prefix)?.map(|length| vec![0; length]);
    for part in [&mut header, &mut body] {
        from.read_exact(part).map_err(|error| PythonError::lost(&error))?;
    }
    parsed(&header).map(Some)
}

/// Writes a frame without a body in a thread of its own.
pub(crate) fn write_blocking(
    to: &mut impl Write,
    header: &impl Serialize,
) -> Result<(), PythonError> {
    to.write_all(&encoded(header, &[])?).map_err(|error| PythonError::lost(&error))
}

fn lengths(prefix: [u8; PREFIX_BYTES]) -> Result<[usize; 2], PythonError> {
    let both = u64::from_be_bytes(prefix);
    let [header, body] = [both >> 32, both & u64::from(u32::MAX)].map(|length| length as usize);
    if header > HEADER_BYTES_MAX || body > BODY_BYTES_MAX {
        return Err(nonsense(format!("a frame of {header} and {body} bytes")));
    }
    Ok([header, body])
}

fn parsed<H: DeserializeOwned>(header: &[u8]) -> Result<H, PythonError> {
    serde_json::from_slice(header).map_err(|error| nonsense(error.to_string()))
}

fn nonsense(problem: String) -> PythonError {
    PythonError::Nonsense { problem }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn a_frame_is_read_as_it_was_written() {
        let bytes = encoded(&json!({"op": "batch"}), b"rows").unwrap();
        let frame: Frame<Value> = read(&mut bytes.as_slice()).await.unwrap().unwrap();
        assert_eq!((frame.header, frame.body), (json!({"op": "batch"}), b"rows".to_vec()));
        let cut: Option<Frame<Value>> = read(&mut &bytes[..bytes.len() - 1]).await.unwrap();
        assert!(cut.is_none());
    }

    #[tokio::test]
    async fn nonsense_takes_no_memory() {
        for bytes in [[0xff; 12].as_slice(), b"\0\0\0\x02\0\0\0\0{]"] {
            let error = read::<Value>(&mut &*bytes).await.unwrap_err();
            assert!(matches!(error, PythonError::Nonsense { .. }), "{error}");
        }
    }
}
