//! Broken files are refused with a code, and never end the process.

use std::fs;

use millstream_core::Coded;
use millstream_core::model::Models;

use crate::artifact::{ARTIFACT_FORMAT, Artifact};
use crate::fixture::{Environment, animals, training};
use crate::rng::Random;
use crate::scorer::LoadedModels;

async fn published(trainer: &str) -> (Environment, Vec<u8>) {
    let mut environment = Environment::new();
    let mut spec = training(&[]);
    if trainer == "tabular_gbdt" {
        spec.trainer = trainer.to_owned();
        spec.inputs.categorical = std::mem::take(&mut spec.inputs.text);
        spec.inputs.numeric = vec!["id".to_owned()];
        spec.settings.insert("budget".to_owned(), 0.1.into());
    }
    environment.run(spec, &animals(80)).await;
    let manifest = environment.registry.manifest("tagger", 1).unwrap();
    let bytes = environment.registry.artifact(&manifest).unwrap();
    (environment, bytes)
}

#[tokio::test]
async fn bytes_that_are_cut_or_changed_are_an_error_or_a_model() {
    for trainer in ["text_linear", "tabular_gbdt"] {
        let (_environment, bytes) = published(trainer).await;
        assert_eq!(Artifact::read(&bytes).unwrap().write(), bytes);
        for length in (0..bytes.len()).step_by(bytes.len() / 97) {
            assert_eq!(Artifact::read(&bytes[..length]).unwrap_err().code(), "registry.corrupt");
        }
        let mut random = Random::new(5);
        for _ in 0..2000 {
            let mut broken = bytes.clone();
            let at = random.below(broken.len());
            broken[at] ^= 1 << random.below(8);
            // A changed weight is still a weight; whatever is read can be asked.
            if let Ok(artifact) = Artifact::read(&broken) {
                let rows = animals(4);
                let columns = artifact.signature.inputs.iter().filter_map(|input| {
                    let column = rows.column_by_name(&input.name)?;
                    crate::frame::Values::new(column, input.r#type, &input.name).ok()
                });
                let columns: Vec<_> = columns.collect();
                if columns.len() == artifact.signature.inputs.len() {
                    assert_eq!(artifact.model.answer(&columns, 0..4).best().len(), 4);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let (_environment, mut bytes) = published("text_linear").await;
    bytes[8..12].copy_from_slice(&(ARTIFACT_FORMAT + 1).to_le_bytes());
    assert_eq!(Artifact::read(&bytes).unwrap_err().code(), "registry.newer_format");
}

#[tokio::test]
async fn the_registry_trusts_no_byte() {
    let (environment, bytes) = published("text_linear").await;
    let folder = environment.folder().join("tagger").join("1");
    let code = |reference: &str| {
        let models = LoadedModels::new(environment.registry.clone());
        models.resolve(reference, &environment.catalog).map(drop).unwrap_err().code()
    };
    let mut broken = bytes.clone();
    *broken.last_mut().unwrap() ^= 1;
    fs::write(folder.join("artifact.bin"), &broken).unwrap();
    assert_eq!(code("tagger@1"), "registry.corrupt");
    fs::write(folder.join("artifact.bin"), &bytes).unwrap();

    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let newer = manifest.replace("\"format\": 1", "\"format\": 2");
    fs::write(folder.join("manifest.json"), newer).unwrap();
    assert_eq!(code("tagger@1"), "registry.newer_format");
    fs::write(folder.join("manifest.json"), "{").unwrap();
    assert_eq!(code("tagger@1"), "registry.corrupt");

    assert_eq!(code("tagger@2"), "registry.unknown_version");
    assert_eq!(code("nobody@1"), "registry.unknown_model");
    assert_eq!(code("../tagger@1"), "registry.unknown_model");
    assert_eq!(code("nobody@champion"), "registry.unknown_model");
    assert_eq!(code("nobody"), "registry.unknown_model");
    assert_eq!(code("tagger@challenger"), "registry.unknown_alias");
    assert_eq!(code("tagger@"), "registry.bad_reference");
    assert_eq!(code("tagger@3x"), "registry.bad_reference");
}

#[tokio::test]
async fn a_reference_that_names_nothing_is_told_what_there_is() {
    let (environment, _) = published("text_linear").await;
    let models = LoadedModels::new(environment.registry.clone());
    let said = |reference: &str| {
        let error = models.resolve(reference, &environment.catalog).map(drop).unwrap_err();
        format!("{error}: {}", error.hint().unwrap())
    };
    assert_eq!(said("taggr@champion"), "there is no model `taggr`: did you mean `tagger`?");
    assert_eq!(said("prices@champion"), "there is no model `prices`: the models are `tagger`");
    for (alias, hint) in
        [("champ", "its aliases are `champion`"), ("champoin", "did you mean `champion`?")]
    {
        let expected = format!("model `tagger` has no alias `{alias}`: {hint}");
        assert_eq!(said(&format!("tagger@{alias}")), expected);
    }
}
