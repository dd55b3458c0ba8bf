//! Rows and refused events of an attempt, in files that recovery can publish from.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;

use super::dead_letters::DeadLetter;
use super::error::FunctionError;
use crate::log::{create_directory, sync_directory};

/// Name of the file of refused events in the folder of an attempt.
const DEAD_FILE: &str = "dead.jsonl";

/// What was staged, by file names relative to the folder of the attempt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StagedFiles {
    /// Arrow IPC files, one after the other: a new one where the schema changes.
    pub(super) parts: Vec<String>,
    /// Refused events, if there are any.
    pub(super) dead: Option<String>,
    pub(super) bytes: u64,
}

/// Writes the files of one attempt.
pub(super) struct StagingWriter {
    folder: PathBuf,
    part: Option<(SchemaRef, PathBuf, FileWriter<BufWriter<File>>)>,
    dead: Option<(PathBuf, BufWriter<File>)>,
    staged: StagedFiles,
}

impl StagingWriter {
    pub(super) fn create(folder: PathBuf) -> Result<Self, FunctionError> {
        create_directory(&folder).map_err(|error| FunctionError::io(&folder, error))?;
        Ok(Self { folder, part: None, dead: None, staged: StagedFiles::default() })
    }

    pub(super) fn write_rows(&mut self, batch: &RecordBatch) -> Result<(), FunctionError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.part.as_ref().is_some_and(|(schema, ..)| *schema != batch.schema()) {
            self.close_part()?;
        }
        if self.part.is_none() {
            let name = format!("part-{}.arrow", self.staged.parts.len());
            let path = self.folder.join(&name);
            let file = File::create(&path).map_err(|error| FunctionError::io(&path, error))?;
            let writer = FileWriter::try_new_buffered(file, &batch.schema())
                .map_err(|error| FunctionError::staging(&path, &error))?;
            self.part = Some((batch.schema(), path, writer));
            self.staged.parts.push(name);
        }
        if let Some((_, path, writer)) = &mut self.part {
            writer.write(batch).map_err(|error| FunctionError::staging(path, &error))?;
        }
        Ok(())
    }

    pub(super) fn write_dead(&mut self, letters: &[DeadLetter]) -> Result<(), FunctionError> {
        for letter in letters {
            let path = self.folder.join(DEAD_FILE);
            let io = |error| FunctionError::io(&path, error);
            if self.dead.is_none() {
                let file = BufWriter::new(File::create(&path).map_err(io)?);
                self.dead = Some((path.clone(), file));
                self.staged.dead = Some(DEAD_FILE.to_owned());
            }
            if let Some((_, file)) = &mut self.dead {
                let line = letter.line().map_err(|e| FunctionError::staging(&path, &e))?;
                file.write_all(line.as_bytes()).map_err(io)?;
            }
        }
        Ok(())
    }

    /// Makes all files durable.
    pub(super) fn finish(mut self) -> Result<StagedFiles, FunctionError> {
        self.close_part()?;
        if let Some((path, file)) = self.dead.take() {
            let bytes = close(file).map_err(|error| FunctionError::io(&path, error))?;
            self.staged.bytes += bytes;
        }
        sync_directory(&self.folder).map_err(|error| FunctionError::io(&self.folder, error))?;
        Ok(self.staged)
    }

    fn close_part(&mut self) -> Result<(), FunctionError> {
        let Some((_, path, writer)) = self.part.take() else { return Ok(()) };
        let file = writer.into_inner().map_err(|error| FunctionError::staging(&path, &error))?;
        self.staged.bytes += close(file).map_err(|error| FunctionError::io(&path, error))?;
        Ok(())
    }
}

fn close(file: BufWriter<File>) -> io::Result<u64> {
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Reads the rows of staged files, in order.
pub(super) fn read_parts(paths: &[PathBuf]) -> Result<Vec<RecordBatch>, FunctionError> {
    let mut rows = Vec::new();
    for path in paths {
        rows.extend(read_part(path)?);
    }
    Ok(rows)
}

fn read_part(path: &Path) -> Result<Vec<RecordBatch>, FunctionError> {
    let file = File::open(path).map_err(|error| FunctionError::io(path, error))?;
    let reader = FileReader::try_new(BufReader::new(file), None)
        .map_err(|error| FunctionError::staging(path, &error))?;
    reader.collect::<Result<_, _>>().map_err(|error| FunctionError::staging(path, &error))
}

/// Removes the folder of an attempt, if it is there.
pub(super) fn discard(folder: &Path) -> Result<(), FunctionError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FunctionError::io(folder, error))
        }
        _ => Ok(()),
    }
}
