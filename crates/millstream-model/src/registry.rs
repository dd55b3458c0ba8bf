//! The registry: model versions as folders that never change.
//!
//! ```text
//! models/<model>/<version>/{manifest.json, artifact.bin}
//! models/.staging/<attempt>/{draft.json, version/artifact.bin}
//! ```
//!
//! A version is published by one rename of a folder whose files are on disk already. Its manifest
//! carries the effect id, by which recovery finds it. Version numbers are decided at publication:
//! the highest that exists and one more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream_core::effect::EffectId;
use millstream_core::id::AttemptId;
use millstream_core::name::is_name;
use millstream_core::{ContentHash, crash};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::artifact::Artifact;
use crate::durable;
use crate::error::ModelError;
use crate::manifest::{Draft, MANIFEST_FORMAT, Manifest};

/// The largest manifest that is read.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 16 << 20;
/// The largest artifact that is read.
pub(crate) const ARTIFACT_BYTES_MAX: u64 = 4 << 30;

const STAGING: &str = ".staging";
const VERSION: &str = "version";
const DRAFT: &str = "draft.json";
const MANIFEST: &str = "manifest.json";
const ARTIFACT: &str = "artifact.bin";

/// Model versions under one folder. Cheap to clone; every method reads or writes files and may
/// block.
#[derive(Debug, Clone)]
pub struct Registry {
    root: PathBuf,
}

impl Registry {
    /// The registry in this folder, `<environment>/models`. Nothing is made before the first
    /// version is staged.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The names of models, in order.
    pub fn models(&self) -> Result<Vec<String>, ModelError> {
        let mut names = names_in(&self.root)?;
        names.retain(|name| is_name(name));
        names.sort_unstable();
        Ok(names)
    }

    /// The versions of a model, ascending; none if there is no such model.
    pub fn versions(&self, model: &str) -> Result<Vec<u64>, ModelError> {
        let names = names_in(&self.folder(model)?)?;
        let mut versions: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// Fails if there is no version of a model at all.
    pub(crate) fn check_exists(&self, model: &str) -> Result<(), ModelError> {
        if self.versions(model)?.is_empty() {
            return Err(self.unknown(model));
        }
        Ok(())
    }

    /// The manifest of a version.
    pub fn manifest(&self, model: &str, version: u64) -> Result<Manifest, ModelError> {
        let path = self.folder(model)?.join(version.to_string()).join(MANIFEST);
        let bytes = read(&path, MANIFEST_BYTES_MAX).map_err(|error| match error {
            ModelError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                match self.versions(model) {
                    Ok(versions) if versions.is_empty() => self.unknown(model),
                    _ => ModelError::UnknownVersion { model: model.to_owned(), version },
                }
            }
            other => other,
        })?;
        parse_manifest(&bytes)
    }

    /// The bytes of a version's artifact, checked against its manifest.
    pub fn artifact(&self, manifest: &Manifest) -> Result<Vec<u8>, ModelError> {
        let folder = self.folder(&manifest.draft.model)?.join(manifest.version.to_string());
        let bytes = read(&folder.join(ARTIFACT), ARTIFACT_BYTES_MAX)?;
        let wanted = manifest.draft.artifact;
        if bytes.len() as u64 != wanted.bytes || ContentHash::of(&bytes) != wanted.hash {
            return Err(ModelError::corrupt(format!(
                "the bytes of {}@{} are not those of its manifest",
                manifest.draft.model, manifest.version
            )));
        }
        Ok(bytes)
    }

    /// A version, ready to be asked.
    pub(crate) fn load(&self, model: &str, version: u64) -> Result<Artifact, ModelError> {
        let manifest = self.manifest(model, version)?;
        Artifact::read(&self.artifact(&manifest)?)
    }

    /// Writes an artifact and the draft of its manifest under the name of an attempt. Both are on
    /// disk when this returns.
    pub fn stage(
        &self,
        attempt: AttemptId,
        draft: &Draft,
        artifact: &[u8],
    ) -> Result<(), ModelError> {
        self.discard(attempt)?;
        let folder = self.staging(attempt);
        let version = folder.join(VERSION);
        durable::make_folder(&version)?;
        durable::write(&version.join(ARTIFACT), artifact)?;
        durable::sync_folder(&version)?;
        durable::write(&folder.join(DRAFT), &json(draft))?;
        durable::sync_folder(&folder)
    }

    /// Publishes what an attempt staged, as one version with this effect. Gives the version. When
    /// the effect is there already, nothing is done.
    pub fn publish(
        &self,
        model: &str,
        attempt: AttemptId,
        effect: &EffectId,
    ) -> Result<Manifest, ModelError> {
        if let Some(manifest) = self.find(model, effect)? {
            return Ok(manifest);
        }
        let seen = self.sequence(model, &effect.application)?;
        if effect.sequence <= seen {
            let (application, sequence) = (effect.application.clone(), effect.sequence);
            return Err(ModelError::Fenced { application, seen, sequence });
        }
        let staging = self.staging(attempt);
        let lost =
            || ModelError::StagingLost { model: model.to_owned(), attempt: attempt.to_string() };
        let draft = read(&staging.join(DRAFT), MANIFEST_BYTES_MAX).map_err(|_| lost())?;
        let draft: Draft = from_json(&draft)?;
        let version = self.versions(model)?.last().copied().unwrap_or(0) + 1;
        let manifest = Manifest { version, effect: effect.clone(), draft };

        let staged = staging.join(VERSION);
        durable::write(&staged.join(MANIFEST), &json(&manifest))?;
        durable::sync_folder(&staged)?;
        let folder = self.folder(model)?;
        durable::make_folder(&folder)?;
        crash::point("registry.before_rename");
        let target = folder.join(version.to_string());
        fs::rename(&staged, &target).map_err(durable::at(&target))?;
        crash::point("registry.after_rename");
        durable::sync_folder(&folder)?;
        durable::sync_folder(&self.root)?;
        self.discard(attempt)?;
        Ok(manifest)
    }

    /// The version that an effect made, if it is here. It is on disk when this returns.
    pub fn find(&self, model: &str, effect: &EffectId) -> Result<Option<Manifest>, ModelError> {
        for version in self.versions(model)?.into_iter().rev() {
            let manifest = self.manifest(model, version)?;
            if manifest.effect == *effect {
                // The rename may have been seen by this process, but not yet by the disk.
                durable::sync_folder(&self.folder(model)?)?;
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }

    /// The highest sequence of an application among the versions of a model; 0 if none.
    pub fn sequence(&self, model: &str, application: &str) -> Result<u64, ModelError> {
        let mut highest = 0;
        for version in self.versions(model)? {
            let effect = self.manifest(model, version)?.effect;
            if effect.application == application {
                highest = highest.max(effect.sequence);
            }
        }
        Ok(highest)
    }

    /// Removes what an attempt staged. Harmless when there is nothing.
    pub fn discard(&self, attempt: AttemptId) -> Result<(), ModelError> {
        let folder = self.staging(attempt);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(durable::at(&folder)),
        }
    }

    /// The folder of a model; a name can never leave the registry.
    fn folder(&self, model: &str) -> Result<PathBuf, ModelError> {
        if is_name(model) { Ok(self.root.join(model)) } else { Err(self.unknown(model)) }
    }

    /// That there is no model of a name; the others are only for the hint.
    fn unknown(&self, model: &str) -> ModelError {
        let known = self.models().unwrap_or_default();
        ModelError::UnknownModel { model: model.to_owned(), known }
    }

    fn staging(&self, attempt: AttemptId) -> PathBuf {
        self.root.join(STAGING).join(attempt.to_string())
    }
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, ModelError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = from_json(bytes)?;
    if format > MANIFEST_FORMAT {
        let (what, known) = ("the manifest", MANIFEST_FORMAT);
        return Err(ModelError::NewerFormat { what, found: format, known });
    }
    from_json(bytes)
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ModelError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ModelError::corrupt(format!("its manifest: {error}")))
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("a manifest has only texts, numbers and lists of them")
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ModelError> {
    let size = fs::metadata(path).map_err(durable::at(path))?.len();
    if size > limit {
        return Err(ModelError::corrupt(format!("`{}` is larger than {limit}", path.display())));
    }
    fs::read(path).map_err(durable::at(path))
}

fn names_in(folder: &Path) -> Result<Vec<String>, ModelError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(durable::at(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(durable::at(folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}
