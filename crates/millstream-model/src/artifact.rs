//! The artifact of a model version: what is needed to score, and no more.
//!
//! Layout: the bytes `MSMODEL`, a zero, the format as a 32-bit integer, the signature as JSON with
//! its length before it, the kind of model as a 32-bit integer, and the model. The same model
//! always has the same bytes.

use millstream_core::model::{InputType, Signature, Task};

use crate::codec::{Reader, Writer};
use crate::error::ModelError;
use crate::frame::Values;
use crate::tabular::TabularModel;
use crate::text::{Scratch, TextModel};

const MAGIC: &[u8; 8] = b"MSMODEL\0";
/// The format that this release writes, and the newest that it reads.
pub const ARTIFACT_FORMAT: u32 = 1;

const TEXT: u32 = 1;
const TABULAR: u32 = 2;

/// A fitted model of any trainer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Model {
    Text(TextModel),
    Tabular(TabularModel),
}

/// A model with what goes in and what comes out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Artifact {
    pub(crate) signature: Signature,
    pub(crate) model: Model,
}

/// Answers row by row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answers {
    /// The score of each label, or the number.
    pub(crate) values: Vec<f64>,
    /// Values of a row.
    pub(crate) width: usize,
}

impl Answers {
    /// For each row the position of its highest score; the first of equals.
    pub(crate) fn best(&self) -> Vec<u32> {
        let best = |scores: &[f64]| {
            let mut best = 0;
            for (at, score) in scores.iter().enumerate() {
                if *score > scores[best] {
                    best = at;
                }
            }
            best as u32
        };
        self.values.chunks_exact(self.width.max(1)).map(best).collect()
    }
}

impl Model {
    /// Labels that it tells apart; 0 for a number.
    pub(crate) fn classes(&self) -> usize {
        match self {
            Self::Text(model) => model.classes(),
            Self::Tabular(model) => model.classes(),
        }
    }

    /// Answers for some rows of columns that fit the signature.
    pub(crate) fn answer(&self, inputs: &[Values], rows: impl Iterator<Item = usize>) -> Answers {
        let width = self.classes().max(1);
        let mut values = Vec::new();
        match self {
            Self::Text(model) => {
                let mut scratch = Scratch::default();
                let mut buffer = String::new();
                for row in rows {
                    read_document(inputs, row, &mut buffer);
                    model.score(&buffer, &mut scratch, &mut values);
                }
            }
            Self::Tabular(model) => rows.for_each(|row| model.answer(inputs, row, &mut values)),
        }
        Answers { values, width }
    }
}

/// The document of a row: its texts, each on a line of its own.
pub(crate) fn document(inputs: &[Values], row: usize) -> String {
    let mut document = String::new();
    read_document(inputs, row, &mut document);
    document
}

fn read_document(inputs: &[Values], row: usize, document: &mut String) {
    document.clear();
    for (at, input) in inputs.iter().enumerate() {
        if at > 0 {
            document.push('\n');
        }
        document.push_str(input.text(row).unwrap_or_default());
    }
}

impl Artifact {
    /// The bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.raw(MAGIC);
        out.u32(ARTIFACT_FORMAT);
        let signature = serde_json::to_vec(&self.signature)
            .expect("a signature has only texts and names, which are always JSON");
        out.bytes(&signature);
        match &self.model {
            Model::Text(model) => {
                out.u32(TEXT);
                model.write(&mut out);
            }
            Model::Tabular(model) => {
                out.u32(TABULAR);
                model.write(&mut out);
            }
        }
        out.finish()
    }

    /// Reads bytes from anywhere: whatever they are, the result is an artifact that can be asked,
    /// or an error.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut input = Reader::new(bytes);
        if input.raw(MAGIC.len())? != MAGIC {
            return Err(ModelError::corrupt("it does not start as an artifact does"));
        }
        let format = input.u32()?;
        if format > ARTIFACT_FORMAT {
            let (what, known) = ("the artifact", ARTIFACT_FORMAT);
            return Err(ModelError::NewerFormat { what, found: format, known });
        }
        let signature: Signature = serde_json::from_slice(input.bytes()?)
            .map_err(|error| ModelError::corrupt(format!("its signature: {error}")))?;
        let model = match input.u32()? {
            TEXT => Model::Text(TextModel::read(&mut input)?),
            TABULAR => Model::Tabular(TabularModel::read(&mut input)?),
            _ => return Err(ModelError::corrupt("it holds no known kind of model")),
        };
        input.end()?;
        let artifact = Self { signature, model };
        if artifact.fits() {
            Ok(artifact)
        } else {
            Err(ModelError::corrupt("its signature is not that of its model"))
        }
    }

    /// Whether the signature is that of the model.
    fn fits(&self) -> bool {
        let Signature { inputs, task, labels } = &self.signature;
        let labels_fit = labels.len() == self.model.classes()
            && (*task == Task::Classification) == (labels.len() >= 2);
        let inputs_fit = match &self.model {
            Model::Text(_) => inputs.iter().all(|input| input.r#type == InputType::Text),
            Model::Tabular(model) => model.width() == inputs.len(),
        };
        labels_fit && inputs_fit && !inputs.is_empty()
    }
}
