//! What commands give to the steps behind them: a file of JSON for each attempt.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use millstream_core::flow::RESULT_BYTES_MAX;
use millstream_core::id::AttemptId;
use serde_json::Value;

use crate::error::CommandError;

/// The folder of the files of all attempts.
#[derive(Debug)]
pub(crate) struct ResultFiles(pub(crate) PathBuf);

impl ResultFiles {
    /// Makes the folder.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)
    }

    /// The file that an attempt may write.
    pub(crate) fn file(&self, attempt: AttemptId) -> PathBuf {
        self.0.join(format!("{attempt}.json"))
    }

    /// What a command has written, if it has.
    pub(crate) fn read(
        &self,
        attempt: AttemptId,
        command: &str,
    ) -> Result<Option<Value>, CommandError> {
        let file = match File::open(self.file(attempt)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        // Whatever it is that the command has put there, no more of it is read.
        file.take(RESULT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > RESULT_BYTES_MAX {
            return Err(CommandError::ResultTooLarge { command: command.to_owned() });
        }
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| CommandError::NoResult {
            command: command.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Some(value))
    }

    /// Removes what an attempt has left.
    pub(crate) fn remove(&self, attempt: AttemptId) -> io::Result<()> {
        match fs::remove_file(self.file(attempt)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use millstream_core::error::Coded as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_is_json_and_small() {
        let folder = tempfile::tempdir().unwrap();
        let files = ResultFiles(folder.path().join("results"));
        let attempt = AttemptId::new();
        assert_eq!(files.read(attempt, "a").unwrap(), None);
        files.prepare().unwrap();
        let read = |text: &str| {
            fs::write(files.file(attempt), text).unwrap();
            files.read(attempt, "a").map_err(|error| error.code())
        };
        assert_eq!(read("{\"rows\": 3}\n"), Ok(Some(json!({"rows": 3}))));
        assert_eq!(read("\n"), Ok(None));
        assert_eq!(read("rows: 3"), Err("command.no_result"));
        let longest = format!("\"{}\"", "x".repeat(RESULT_BYTES_MAX - 2));
        assert!(read(&longest).is_ok());
        assert_eq!(read(&format!("{longest}\n")), Err("command.result_too_large"));
        files.remove(attempt).unwrap();
        files.remove(attempt).unwrap();
    }
}
