//! `millstream query SQL`

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvWriter;
use arrow::datatypes::SchemaRef;
use arrow::json::ArrayWriter;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use futures::StreamExt;
use millstream_core::batch::BatchStream;
use millstream_core::error::Plain;
use millstream_core::warehouse::{Query, Warehouse};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::cli::{Global, OutputFormat, QueryArgs};
use crate::exit::{Failure, Outcome};
use crate::output::counted;
use crate::wire::Opened;

/// The longest statement that is read from stdin, in bytes.
const STATEMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Rows that a table for people shows at most; the rest is counted.
const TEXT_ROWS_MAX: usize = 1000;

/// Runs SQL over all assets.
pub async fn run(global: &Global, args: &QueryArgs) -> Outcome {
    let sql = statement(&args.sql)?;
    let opened = Opened::open(global, "query").await?;
    let query = Query { sql, catalog: opened.catalog()?, now: opened.clock.now() };
    let rows = opened.engine.query(&query).await?;
    match &args.to {
        Some(path) => {
            let file = File::create(path).map_err(|error| Failure::of_write(&error))?;
            write_rows(format_of(global.output, path), rows, BufWriter::new(file)).await
        }
        None => write_rows(global.output, rows, BufWriter::new(std::io::stdout())).await,
    }
}

fn statement(sql: &str) -> Result<String, Failure> {
    if sql != "-" {
        return Ok(sql.to_owned());
    }
    let mut text = String::new();
    std::io::stdin()
        .take(STATEMENT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("no SQL on stdin: {error}")))?;
    Ok(text)
}

/// A file's name says its format unless a flag does.
fn format_of(asked: OutputFormat, path: &Path) -> OutputFormat {
    match (asked, path.extension().and_then(|extension| extension.to_str())) {
        (OutputFormat::Text, Some("csv")) => OutputFormat::Csv,
        (OutputFormat::Text, Some("json")) => OutputFormat::Json,
        (OutputFormat::Text, Some("parquet")) => OutputFormat::Parquet,
        _ => asked,
    }
}

async fn write_rows(format: OutputFormat, rows: BatchStream, out: impl Write + Send) -> Outcome {
    let schema = rows.schema.clone();
    match format {
        OutputFormat::Text => write_text(rows, out).await,
        OutputFormat::Json => write_json(rows, out).await,
        OutputFormat::Csv => write_csv(rows, out).await,
        OutputFormat::Parquet => write_parquet(schema, rows, out).await,
    }
}

async fn write_text(mut rows: BatchStream, mut out: impl Write) -> Outcome {
    let mut shown: Vec<RecordBatch> = vec![RecordBatch::new_empty(rows.schema.clone())];
    let mut count = 0;
    while let Some(batch) = rows.batches.next().await {
        let batch = batch?;
        let room = TEXT_ROWS_MAX.saturating_sub(count);
        count += batch.num_rows();
        if room > 0 {
            shown.push(batch.slice(0, room.min(batch.num_rows())));
        }
    }
    let options = FormatOptions::default().with_null("");
    let table = pretty_format_batches_with_options(&shown, &options).map_err(unwritable)?;
    let more = count.saturating_sub(TEXT_ROWS_MAX);
    let note = match more {
        0 => counted(count as u64, "row"),
        more => format!("{count} rows, {more} of them not shown; --output csv has all"),
    };
    writeln!(out, "{table}\n{note}").map_err(|error| Failure::of_write(&error))
}

/// An object with its rows, written as they come.
async fn write_json(mut rows: BatchStream, mut out: impl Write) -> Outcome {
    out.write_all(b"{\"version\":1,\"rows\":").map_err(|error| Failure::of_write(&error))?;
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer: ArrayWriter<_> = builder.build(&mut out);
    while let Some(batch) = rows.batches.next().await {
        writer.write(&batch?).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable)?;
    drop(writer);
    out.write_all(b"}\n").map_err(|error| Failure::of_write(&error))
}

async fn write_csv(mut rows: BatchStream, mut out: impl Write) -> Outcome {
    let mut writer = CsvWriter::new().with_header(true).build(&mut out);
    let mut any = false;
    while let Some(batch) = rows.batches.next().await {
        any = true;
        writer.write(&batch?).map_err(unwritable)?;
    }
    if !any {
        writer.write(&RecordBatch::new_empty(rows.schema.clone())).map_err(unwritable)?;
    }
    drop(writer);
    out.flush().map_err(|error| Failure::of_write(&error))
}

async fn write_parquet(
    schema: SchemaRef,
    mut rows: BatchStream,
    out: impl Write + Send,
) -> Outcome {
    let level = ZstdLevel::try_new(1).expect("1 is a level of zstd");
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(parquet_failed)?;
    while let Some(batch) = rows.batches.next().await {
        writer.write(&batch?).map_err(parquet_failed)?;
    }
    writer.close().map_err(parquet_failed)?;
    Ok(())
}

fn unwritable(error: arrow::error::ArrowError) -> millstream_core::Error {
    Plain::external("cli.write", format!("cannot write: {error}")).into()
}

fn parquet_failed(error: parquet::errors::ParquetError) -> millstream_core::Error {
    Plain::external("cli.write", format!("cannot write: {error}")).into()
}
