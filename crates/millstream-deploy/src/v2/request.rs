//! An inference request: from bytes to rows.

use std::borrow::Cow;

use arrow::array::StringArray;
use axum::http::HeaderMap;
use millstream_core::model::{ModelInput, Signature, Task};
use millstream_guard::Object;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tensor::{Datatype, JsonData, unpack};
use crate::error::DeployError;
use crate::http::check_encoding;
use crate::rows::{Cell, Rows, as_texts, column, input_names, missing, wrong_type};

/// Says how many bytes of the body are JSON; packed tensors follow.
pub(super) const JSON_BYTES_HEADER: &str = "inference-header-content-length";
/// The input that says what each row is, unless the model has an input of that name.
const KEY_INPUT: &str = "key";
const OUTPUTS: &str = "label, scores, event_id";

/// The length of the JSON part, if the request says that binary data follows it.
pub(super) fn json_bytes(headers: &HeaderMap) -> Result<Option<usize>, DeployError> {
    check_encoding(headers)?;
    let Some(value) = headers.get(JSON_BYTES_HEADER) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    let malformed = || DeployError::Malformed(format!("`{JSON_BYTES_HEADER}` is no number"));
    length.map(Some).ok_or_else(malformed)
}

/// A request that is parsed and not yet compared with a model.
#[derive(Debug)]
pub(super) struct InferRequest<'a> {
    json: JsonRequest<'a>,
    binary: &'a [u8],
}

/// Rows to be scored, in tensors: one for each input of the model.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceRequest", example = example())]
pub(super) struct JsonRequest<'a> {
    /// Repeated in the answer; names the prediction in the record unless `event_id` does.
    id: Option<String>,
    #[serde(default)]
    parameters: Object<Parameters>,
    #[serde(borrow)]
    inputs: Vec<Object<InputTensor<'a>>>,
    /// Which outputs are wanted, in this order: `label`, `scores`, `event_id`.
    outputs: Option<Vec<Object<OutputTensor>>>,
}

/// What holds for the whole request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceParameters")]
struct Parameters {
    /// Whether outputs are packed in bytes behind the JSON.
    binary_data_output: Option<bool>,
    /// Names the prediction in the record: the same name counts once.
    event_id: Option<String>,
}

/// One input for all rows: values, or the size of those that are packed behind the JSON.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceInput")]
struct InputTensor<'a> {
    /// The name of the input; `key` says what each row is, for the record.
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    #[schemars(with = "Datatype")]
    datatype: Cow<'a, str>,
    /// `[n]` or `[n, 1]`.
    shape: Vec<u64>,
    #[serde(default)]
    parameters: Object<InputParameters>,
    #[serde(borrow)]
    data: Option<JsonData<'a>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceInputParameters")]
struct InputParameters {
    /// How many of the bytes behind the JSON are of this tensor.
    binary_data_size: Option<usize>,
}

/// An output that is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceOutputWanted")]
struct OutputTensor {
    name: String,
    #[serde(default)]
    parameters: Object<OutputParameters>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceOutputParameters")]
struct OutputParameters {
    /// Whether it is packed in bytes behind the JSON.
    binary_data: Option<bool>,
    /// Not offered: 0.
    #[serde(default)]
    classification: u64,
}

fn example() -> Value {
    json!({
        "inputs": [
            {"name": "country", "datatype": "BYTES", "shape": [1], "data": ["fr"]},
            {"name": "revenue", "datatype": "FP64", "shape": [1], "data": [129.5]},
        ],
    })
}

/// Which output tensors the client wants, in this order, and how.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) outputs: Vec<(Output, Form)>,
    /// The id of the request, to be repeated in the answer.
    pub(super) id: Option<String>,
}

/// An output tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Label,
    Scores,
    EventId,
}

impl Output {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Scores => "scores",
            Self::EventId => "event_id",
        }
    }

    fn of(name: &str, task: Task) -> Result<Self, DeployError> {
        match (name, task) {
            ("label", _) => Ok(Self::Label),
            ("scores", Task::Classification) => Ok(Self::Scores),
            ("event_id", _) => Ok(Self::EventId),
            _ => Err(DeployError::OutputUnknown { output: name.to_owned(), known: OUTPUTS }),
        }
    }
}

/// How a tensor is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Binary,
}

impl From<bool> for Form {
    fn from(binary: bool) -> Self {
        if binary { Self::Binary } else { Self::Json }
    }
}

impl<'a> InferRequest<'a> {
    pub(super) fn parse(body: &'a [u8], json_bytes: Option<usize>) -> Result<Self, DeployError> {
        let split = body.split_at_checked(json_bytes.unwrap_or(body.len()));
        let (json, binary) = split.ok_or_else(|| {
            DeployError::Malformed(format!("`{JSON_BYTES_HEADER}` exceeds the body"))
        })?;
        let Object(json) = serde_json::from_slice(json)
            .map_err(|cause| DeployError::Malformed(cause.to_string()))?;
        Ok(Self { json, binary })
    }

    /// The rows in the order of the signature, and what the client wants to have back.
    pub(super) fn into_rows(self, signature: &Signature) -> Result<(Rows, Wanted), DeployError> {
        let tensors = self.tensors()?;
        let find = |name: &str| tensors.iter().find(|tensor| tensor.name == name);
        let array = |input: &ModelInput| {
            let tensor = find(&input.name).ok_or_else(|| missing(signature, input))?;
            if tensor.datatype == Datatype::Bytes && !takes_text(input) {
                return Err(wrong_type(input, "BYTES"));
            }
            column(input, &tensor.cells)
        };
        let inputs = signature.inputs.iter().map(array).collect::<Result<Vec<_>, _>>()?;
        let keys = keys(signature, &tensors)?;
        let wanted = self.wanted(signature.task)?;
        let given_id = self.json.parameters.0.event_id.or_else(|| wanted.id.clone());
        let request_id = given_id.filter(|id| !id.is_empty());
        Ok((Rows::new(signature, inputs, keys, request_id)?, wanted))
    }

    /// Decodes every tensor; packed ones lie behind the JSON in the order of the inputs.
    fn tensors(&self) -> Result<Vec<Tensor<'_>>, DeployError> {
        let mut binary = self.binary;
        let mut tensors: Vec<Tensor<'_>> = Vec::with_capacity(self.json.inputs.len());
        for Object(input) in &self.json.inputs {
            let tensor = Tensor::decode(input, &mut binary)?;
            if tensors.iter().any(|other| other.name == tensor.name) {
                return Err(DeployError::Malformed(format!("input `{}` twice", tensor.name)));
            }
            tensors.push(tensor);
        }
        if !binary.is_empty() {
            let reason = format!("{} bytes after the last tensor", binary.len());
            return Err(DeployError::Malformed(reason));
        }
        Ok(tensors)
    }

    fn wanted(&self, task: Task) -> Result<Wanted, DeployError> {
        let default_form = self.json.parameters.0.binary_data_output;
        let default_form = Form::from(default_form.unwrap_or(false));
        let outputs = match self.json.outputs.as_deref() {
            None | Some([]) if task == Task::Regression => vec![(Output::Label, default_form)],
            None | Some([]) => vec![(Output::Label, default_form), (Output::Scores, default_form)],
            Some(outputs) => outputs
                .iter()
                .map(|Object(output)| chosen(output, task, default_form))
                .collect::<Result<_, _>>()?,
        };
        Ok(Wanted { outputs, id: self.json.id.clone() })
    }
}

fn keys(signature: &Signature, tensors: &[Tensor<'_>]) -> Result<Option<StringArray>, DeployError> {
    let is_input = |name: &str| signature.inputs.iter().any(|input| input.name == name);
    let mut keys = None;
    for tensor in tensors.iter().filter(|tensor| !is_input(tensor.name)) {
        if tensor.name != KEY_INPUT {
            let known = input_names(signature);
            return Err(DeployError::InputUnknown { input: tensor.name.to_owned(), known });
        }
        keys = Some(as_texts(&tensor.cells));
    }
    Ok(keys)
}

fn chosen(
    output: &OutputTensor,
    task: Task,
    default_form: Form,
) -> Result<(Output, Form), DeployError> {
    let Object(parameters) = &output.parameters;
    if parameters.classification > 0 {
        let reason = "`classification` is not offered: ask for `label` and `scores`";
        return Err(DeployError::Malformed(reason.to_owned()));
    }
    let form = parameters.binary_data.map_or(default_form, Form::from);
    Ok((Output::of(&output.name, task)?, form))
}

fn takes_text(input: &ModelInput) -> bool {
    input.r#type != millstream_core::model::InputType::Number
}

/// A tensor of the request, decoded.
struct Tensor<'a> {
    name: &'a str,
    datatype: Datatype,
    cells: Cow<'a, [Cell<'a>]>,
}

impl<'a> Tensor<'a> {
    fn decode(input: &'a InputTensor<'_>, binary: &mut &'a [u8]) -> Result<Self, DeployError> {
        let name = &*input.name;
        let shape = |reason: String| DeployError::InputShape { input: name.to_owned(), reason };
        let datatype: Datatype = input.datatype.parse().map_err(|()| DeployError::InputType {
            input: name.to_owned(),
            expected: "BYTES, BOOL, FP32, FP64 or an integer type",
            found: input.datatype.clone().into_owned(),
        })?;
        let cells = match (&input.data, input.parameters.0.binary_data_size) {
            (Some(data), None) => Cow::Borrowed(checked(name, datatype, &data.0)?),
            (None, Some(size)) => {
                let (packed, rest) = binary
                    .split_at_checked(size)
                    .ok_or_else(|| shape(format!("its {size} bytes exceed the body")))?;
                *binary = rest;
                Cow::Owned(unpack(datatype, packed).map_err(shape)?)
            }
            _ => return Err(shape("it has either `data` or `binary_data_size`".to_owned())),
        };
        let ([rows] | [rows, 1]) = input.shape[..] else {
            return Err(shape(format!("shape {:?} is not [n] or [n, 1]", input.shape)));
        };
        if rows != cells.len() as u64 {
            let reason = format!("shape {:?} does not fit {} values", input.shape, cells.len());
            return Err(shape(reason));
        }
        Ok(Self { name, datatype, cells })
    }
}

fn checked<'a, 'b>(
    name: &str,
    datatype: Datatype,
    cells: &'a [Cell<'b>],
) -> Result<&'a [Cell<'b>], DeployError> {
    match cells.iter().find(|cell| !datatype.takes(cell)) {
        None => Ok(cells),
        Some(cell) => Err(DeployError::InputType {
            input: name.to_owned(),
            expected: "values of its datatype",
            found: format!("{cell:?}"),
        }),
    }
}
