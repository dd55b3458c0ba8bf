//! What statements give back, read message by message.

use std::str;

use fallible_iterator::FallibleIterator;
use millstream_core::sql::{SqlAnswer, SqlColumn, SqlValue};
use postgres_protocol::Oid;
use postgres_protocol::message::backend::{DataRowBody, Message, RowDescriptionBody};

use super::error::{PostgresError, ServerError};
use super::types::{self, Reading};

/// The most that the rows of one answer may take. Macros read answers whole.
pub(super) const ANSWER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// The answer to a text of statements, while it comes in.
#[derive(Debug, Default)]
pub(super) struct Reader {
    answer: SqlAnswer,
    /// The types of the answer's columns.
    types: Vec<Oid>,
    readings: Vec<Reading>,
    /// Whether the statement that runs has described its rows.
    gives_rows: bool,
    bytes: usize,
    failure: Option<PostgresError>,
}

/// What a message means for whoever waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More comes.
    More,
    /// Too much comes: the statement may as well be stopped.
    Stop,
    /// The server waits for the next text.
    Done,
    /// The server waits for rows.
    Rows,
}

impl Reader {
    /// Takes a message. `statement` is what the server was asked.
    pub(super) fn take(
        &mut self,
        message: Message,
        statement: &str,
    ) -> Result<Next, PostgresError> {
        match message {
            Message::RowDescription(body) => self.start_rows(&body)?,
            Message::DataRow(body) => return self.row(&body),
            Message::CommandComplete(body) => {
                self.complete(body.tag().map_err(|error| garbled(&error))?);
            }
            Message::EmptyQueryResponse => {
                let error = ServerError::own("can't execute an empty query");
                self.fail(PostgresError::Statement(Box::new(error)));
            }
            Message::ErrorResponse(body) => {
                let error = ServerError::read(body.fields(), Some(statement));
                self.fail(PostgresError::Statement(Box::new(error)));
            }
            Message::NoticeResponse(body) => {
                let notice = ServerError::read(body.fields(), None);
                tracing::debug!(notice = notice.message, "postgres notice");
            }
            Message::ReadyForQuery(_) => return Ok(Next::Done),
            Message::CopyInResponse(_) => return Ok(Next::Rows),
            // Parameters and notifications, and the bytes of a `copy ... to stdout`.
            _ => {}
        }
        Ok(Next::More)
    }

    /// The answer, and the types whose names are not known here, by column.
    pub(super) fn finish(self) -> Result<(SqlAnswer, Vec<(usize, Oid)>), PostgresError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let known = |oid: Oid| types::name(oid).is_some();
        let unknown = self.types.iter().copied().enumerate().filter(|(_, oid)| !known(*oid));
        Ok((self.answer, unknown.collect()))
    }

    fn start_rows(&mut self, body: &RowDescriptionBody) -> Result<(), PostgresError> {
        self.clear();
        self.gives_rows = true;
        let mut fields = body.fields();
        while let Some(field) = fields.next().map_err(|error| garbled(&error))? {
            let oid = field.type_oid();
            let data_type = types::name(oid).unwrap_or_default().to_owned();
            self.answer.columns.push(SqlColumn { name: field.name().to_owned(), data_type });
            self.types.push(oid);
            self.readings.push(types::reading(oid));
        }
        Ok(())
    }

    fn row(&mut self, body: &DataRowBody) -> Result<Next, PostgresError> {
        if self.failure.is_some() {
            return Ok(Next::More);
        }
        let buffer = body.buffer();
        self.bytes += buffer.len() + self.readings.len() * size_of::<SqlValue>();
        if self.bytes > ANSWER_BYTES_MAX {
            self.clear();
            self.fail(PostgresError::TooLarge { bytes_max: ANSWER_BYTES_MAX });
            return Ok(Next::Stop);
        }
        let mut row = Vec::with_capacity(self.readings.len());
        let mut ranges = body.ranges();
        while let Some(range) = ranges.next().map_err(|error| garbled(&error))? {
            let Some(range) = range else {
                row.push(SqlValue::Null);
                continue;
            };
            let text = str::from_utf8(&buffer[range]).map_err(|error| garbled(&error))?;
            let reading = self.readings.get(row.len()).copied().unwrap_or(Reading::Text);
            row.push(types::value(reading, text));
        }
        self.answer.rows.push(row);
        Ok(Next::More)
    }

    /// A statement is done. The rows of the one before it are no longer asked for.
    fn complete(&mut self, tag: &str) {
        if !std::mem::take(&mut self.gives_rows) {
            self.clear();
        }
        let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
        let words: Vec<&str> = tag.split_whitespace().filter(|word| !is_number(word)).collect();
        tag.clone_into(&mut self.answer.status);
        self.answer.code = words.join(" ");
        self.answer.rows_affected = tag.rsplit(' ').next().and_then(|last| last.parse().ok());
    }

    fn clear(&mut self) {
        self.answer = SqlAnswer::default();
        self.types.clear();
        self.readings.clear();
        self.bytes = 0;
    }

    /// The first failure counts: what follows is its consequence.
    fn fail(&mut self, failure: PostgresError) {
        self.failure.get_or_insert(failure);
    }
}

fn garbled(error: &dyn std::fmt::Display) -> PostgresError {
    PostgresError::Answer(error.to_string())
}
