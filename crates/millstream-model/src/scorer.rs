//! Model versions that are loaded, and found by their names.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, Float64Array, StringArray};
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::error::Result;
use millstream_core::model::{Models, Predictions, Scorer, Signature, Task};

use crate::artifact::{Answers, Artifact, Model};
use crate::error::ModelError;
use crate::frame::Values;
use crate::registry::Registry;
use crate::training_step::CHAMPION;

/// Most versions that stay loaded. Beyond, the one that was not asked for longest is let go.
pub const LOADED_MODELS_MAX: usize = 32;

/// A version that is loaded.
#[derive(Debug)]
struct LoadedModel {
    model: String,
    version: u64,
    signature: Signature,
    fitted: Model,
}

impl Scorer for LoadedModel {
    fn model(&self) -> &str {
        &self.model
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn score(&self, inputs: &[ArrayRef]) -> Result<Predictions> {
        let rows = self.check(inputs)?;
        let columns = self
            .signature
            .inputs
            .iter()
            .zip(inputs)
            .map(|(input, column)| Values::new(column, input.r#type, &input.name));
        let columns: Vec<Values> = columns.collect::<Result<_, ModelError>>()?;
        Ok(self.predictions(self.fitted.answer(&columns, 0..rows)))
    }
}

impl LoadedModel {
    /// The number of rows, if all columns are there and have it.
    fn check(&self, inputs: &[ArrayRef]) -> Result<usize, ModelError> {
        let refuse =
            |message: String| Err(ModelError::Shape { model: self.model.clone(), message });
        let wanted = self.signature.inputs.len();
        if inputs.len() != wanted {
            return refuse(format!("takes {wanted} inputs, not {}", inputs.len()));
        }
        let rows = inputs.first().map_or(0, |column| column.len());
        match inputs.iter().find(|column| column.len() != rows) {
            Some(column) => refuse(format!("got columns of {rows} and {} rows", column.len())),
            None => Ok(rows),
        }
    }

    fn predictions(&self, answers: Answers) -> Predictions {
        match self.signature.task {
            Task::Regression => Predictions {
                labels: Arc::new(Float64Array::from(answers.values)),
                scores: Vec::new(),
            },
            Task::Classification => {
                let labels = &self.signature.labels;
                let best = answers.best();
                let names = best.iter().map(|&at| labels[at as usize].as_str());
                Predictions {
                    labels: Arc::new(StringArray::from_iter_values(names)),
                    scores: answers.values,
                }
            }
        }
    }
}

/// Finds versions by `tagger@champion`, `tagger@3` or `tagger`, and keeps them loaded. The first
/// request of a version reads its artifact and blocks for as long.
#[derive(Debug)]
pub struct LoadedModels {
    registry: Registry,
    /// The last asked for stands last.
    loaded: Mutex<Vec<Arc<LoadedModel>>>,
}

impl LoadedModels {
    /// Models of a registry; none is loaded yet.
    pub fn new(registry: Registry) -> Self {
        Self { registry, loaded: Mutex::new(Vec::new()) }
    }

    fn cached(&self, model: &str, version: u64) -> Option<Arc<LoadedModel>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().position(|one| one.version == version && one.model == model)?;
        let found = loaded.remove(at);
        loaded.push(Arc::clone(&found));
        Some(found)
    }

    fn keep(&self, model: LoadedModel) -> Arc<LoadedModel> {
        let model = Arc::new(model);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // Two requests may have loaded the same version at once; one copy stays.
        loaded.retain(|one| (one.version, &one.model) != (model.version, &model.model));
        if loaded.len() == LOADED_MODELS_MAX {
            loaded.remove(0);
        }
        loaded.push(Arc::clone(&model));
        model
    }
}

impl Models for LoadedModels {
    fn resolve(&self, reference: &str, catalog: &CatalogSnapshot) -> Result<Arc<dyn Scorer>> {
        let (model, version) = match version_of(reference, catalog) {
            Err(ModelError::UnknownAlias { model, alias, known }) => {
                // Without the model there is no use in an alias.
                self.registry.check_exists(&model)?;
                return Err(ModelError::UnknownAlias { model, alias, known }.into());
            }
            found => found?,
        };
        if let Some(found) = self.cached(model, version) {
            return Ok(found);
        }
        let Artifact { signature, model: fitted } = self.registry.load(model, version)?;
        let model = model.to_owned();
        Ok(self.keep(LoadedModel { model, version, signature, fitted }))
    }
}

/// The model and the version that a reference names.
pub fn version_of<'a>(
    reference: &'a str,
    catalog: &CatalogSnapshot,
) -> Result<(&'a str, u64), ModelError> {
    let (model, name) = reference.split_once('@').unwrap_or((reference, CHAMPION));
    if model.is_empty() || name.is_empty() {
        return Err(ModelError::Reference { reference: reference.to_owned() });
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        let version = name.parse();
        let version =
            version.map_err(|_| ModelError::Reference { reference: reference.to_owned() })?;
        return Ok((model, version));
    }
    let version = catalog.alias(model, name).ok_or_else(|| ModelError::UnknownAlias {
        model: model.to_owned(),
        alias: name.to_owned(),
        known: catalog.aliases_of(model).into_iter().map(str::to_owned).collect(),
    })?;
    Ok((model, version))
}
