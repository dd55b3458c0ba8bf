//! An inference answer, written straight into the bytes of the body.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use millstream_core::model::{Predictions, Scorer};
use serde::Serialize;

use super::request::{Form, JSON_BYTES_HEADER, Output, Wanted};
use crate::event::Label;
use crate::realtime::Answer;
use crate::rows::Rows;

/// The answer to a request. `scorer` is the version that gave it.
pub(super) fn write(
    deployment: &str,
    scorer: &dyn Scorer,
    rows: &Rows,
    answer: &Answer,
    wanted: &Wanted,
) -> Response {
    let mut json = Vec::with_capacity(256 + 32 * rows.len);
    let mut binary = Vec::new();
    json.extend_from_slice(br#"{"model_name":"#);
    push(&mut json, &deployment);
    json.extend_from_slice(br#","model_version":""#);
    json.extend_from_slice(scorer.version().to_string().as_bytes());
    json.push(b'"');
    if let Some(id) = &wanted.id {
        json.extend_from_slice(br#","id":"#);
        push(&mut json, id);
    }
    if let [event_id] = &answer.event_ids[..] {
        json.extend_from_slice(br#","parameters":{"event_id":"#);
        push(&mut json, event_id);
        json.push(b'}');
    }
    json.extend_from_slice(br#","outputs":["#);
    for (index, (output, form)) in wanted.outputs.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        let tensor = Tensor { output: *output, scorer, rows: rows.len, answer };
        tensor.write(*form, &mut json, &mut binary);
    }
    json.extend_from_slice(b"]}");
    finish(json, &binary, wanted)
}

fn finish(mut json: Vec<u8>, binary: &[u8], wanted: &Wanted) -> Response {
    let json_bytes = json.len();
    if !wanted.outputs.iter().any(|(_, form)| *form == Form::Binary) {
        return ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    }
    json.extend_from_slice(binary);
    let mut response = ([(header::CONTENT_TYPE, "application/octet-stream")], json).into_response();
    response.headers_mut().insert(JSON_BYTES_HEADER, HeaderValue::from(json_bytes));
    response
}

/// One output tensor.
struct Tensor<'a> {
    output: Output,
    scorer: &'a dyn Scorer,
    rows: usize,
    answer: &'a Answer,
}

impl Tensor<'_> {
    fn write(&self, form: Form, json: &mut Vec<u8>, binary: &mut Vec<u8>) {
        json.extend_from_slice(br#"{"name":"#);
        push(json, self.output.name());
        json.extend_from_slice(br#","datatype":"#);
        push(json, self.datatype());
        json.extend_from_slice(br#","shape":"#);
        push(json, &self.shape());
        match form {
            Form::Json => {
                json.extend_from_slice(br#","data":["#);
                self.write_values(json);
                json.extend_from_slice(b"]}");
            }
            Form::Binary => {
                let before = binary.len();
                self.pack(binary);
                let size = (binary.len() - before).to_string();
                json.extend_from_slice(br#","parameters":{"binary_data_size":"#);
                json.extend_from_slice(size.as_bytes());
                json.extend_from_slice(b"}}");
            }
        }
    }

    fn datatype(&self) -> &'static str {
        let numbers =
            matches!(self.label(0), Label::Number(_)) || self.scorer.signature().labels.is_empty();
        match self.output {
            Output::Scores => "FP64",
            Output::Label if numbers => "FP64",
            Output::Label | Output::EventId => "BYTES",
        }
    }

    fn shape(&self) -> Vec<usize> {
        match self.output {
            Output::Scores => vec![self.rows, self.scorer.signature().labels.len()],
            Output::Label | Output::EventId => vec![self.rows],
        }
    }

    fn predictions(&self) -> &Predictions {
        &self.answer.predictions
    }

    fn label(&self, row: usize) -> Label<'_> {
        Label::of(&self.predictions().labels, row).unwrap_or(Label::Null)
    }

    fn write_values(&self, json: &mut Vec<u8>) {
        match self.output {
            Output::Scores => list(json, self.predictions().scores.iter()),
            Output::EventId => list(json, self.answer.event_ids.iter()),
            Output::Label => {
                list(json, (0..self.rows).map(|row| self.label(row)));
            }
        }
    }

    fn pack(&self, binary: &mut Vec<u8>) {
        match self.output {
            Output::Scores => {
                binary.extend(self.predictions().scores.iter().flat_map(|s| s.to_le_bytes()));
            }
            Output::EventId => {
                self.answer.event_ids.iter().for_each(|event_id| pack_text(binary, event_id));
            }
            Output::Label => (0..self.rows).for_each(|row| match self.label(row) {
                Label::Number(number) => binary.extend_from_slice(&number.to_le_bytes()),
                Label::Text(text) => pack_text(binary, text),
                Label::Null if self.datatype() == "FP64" => {
                    binary.extend_from_slice(&f64::NAN.to_le_bytes());
                }
                Label::Null => pack_text(binary, ""),
            }),
        }
    }
}

fn pack_text(binary: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("labels and ids are short texts");
    binary.extend_from_slice(&length.to_le_bytes());
    binary.extend_from_slice(text.as_bytes());
}

fn list<T: Serialize>(json: &mut Vec<u8>, values: impl Iterator<Item = T>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            json.push(b',');
        }
        push(json, &value);
    }
}

fn push<T: Serialize + ?Sized>(json: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(json, value).expect("texts and numbers are always JSON");
}
