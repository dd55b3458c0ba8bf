//! The pages behind `millstream explain CODE`.

use millstream_core::explain::Explanation;

/// Every code of this room.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "training.unknown_trainer",
        title: "No trainer has this name",
        text: "`trainer` in a file under `training/` must be `text_linear`, for labels of texts, \
               or `tabular_gbdt`, for numbers and categories.",
    },
    Explanation {
        code: "training.setting",
        title: "A setting of a trainer is wrong",
        text: "A key under `settings` is not one of the trainer, or its value has the wrong type \
               or lies outside its range. `millstream check` lists all such problems at once.",
    },
    Explanation {
        code: "training.definition",
        title: "A training does not fit its trainer or itself",
        text: "`text_linear` takes `inputs.text` only, `tabular_gbdt` takes `inputs.numeric` and \
               `inputs.categorical`. `split.test` lies between 0 and 1, a split is by `stratify` \
               or by `time` but not both, and the label is not an input.",
    },
    Explanation {
        code: "training.gate_rule",
        title: "A gate rule cannot be read",
        text: "A rule is `METRIC >= NUMBER` (or `>`, `<=`, `<`) or `not worse than champion`. \
               Metrics of classifiers: accuracy, f1_macro, f1_weighted, log_loss, \
               precision_macro, precision_weighted, recall_macro, recall_weighted, roc_auc, and \
               f1[label], precision[label], recall[label]. Metrics of regressions: mae, r2, rmse.",
    },
    Explanation {
        code: "training.missing_column",
        title: "The data has no column of this name",
        text: "The label, the key, an input or a column of the split is not in the relation that \
               `data` names. The last version of the model stays in place.",
    },
    Explanation {
        code: "training.column_type",
        title: "A column cannot be used as what it is declared to be",
        text: "Numeric inputs must be numbers, booleans or times; text and categories must not be \
               nested; a split by time needs a date, a timestamp or a whole number. Cast the \
               column in the SQL model that makes it.",
    },
    Explanation {
        code: "training.no_rows",
        title: "No row has a label",
        text: "Rows without a label are left out of a training, and none is left. The last \
               version of the model stays in place.",
    },
    Explanation {
        code: "training.one_class",
        title: "All labels are the same",
        text: "A classifier needs rows of two labels at least, on the training side of its split \
               too. The last version of the model stays in place.",
    },
    Explanation {
        code: "training.too_few_rows",
        title: "A side of the split is empty",
        text: "The split left no row to learn from or held none out. A row's side depends on its \
               key, so that rows that share a key, or a moment in a split by time, stay together. \
               Add rows or change `split.test`.",
    },
    Explanation {
        code: "training.too_many_labels",
        title: "More labels than a classifier can tell apart",
        text: "A classifier takes up to 1000 labels. A whole number as a label is a class for \
               `tabular_gbdt` unless `settings: {task: regression}` says that it is a number.",
    },
    Explanation {
        code: "training.too_large",
        title: "The training does not fit into memory",
        text: "Training rows are held in memory, up to 8 GiB, and a text model has up to 64 \
               million weights, labels times terms. Train on fewer rows or columns, or lower \
               `max_features`.",
    },
    Explanation {
        code: "training.no_terms",
        title: "No text has a word",
        text: "The columns under `inputs.text` are empty, or no word of two letters or more \
               occurs in as many texts as `min_df` asks for.",
    },
    Explanation {
        code: "training.trainer_failed",
        title: "The trainer gave up",
        text: "The trainer ended with an error of its own. The last version of the model stays in \
               place. This is a fault of Millstream; please report it with the training's file.",
    },
    Explanation {
        code: "registry.unknown_model",
        title: "There is no model of this name",
        text: "The environment's registry has no version of the model. A training of that name \
               makes the first with `millstream run`.",
    },
    Explanation {
        code: "registry.unknown_version",
        title: "The model has no such version",
        text: "`millstream model show NAME` lists the versions that exist.",
    },
    Explanation {
        code: "registry.unknown_alias",
        title: "The model has no such alias",
        text: "`champion` exists once a version has passed its gate, or after \
               `millstream model promote`. `name` alone means `name@champion`.",
    },
    Explanation {
        code: "registry.bad_reference",
        title: "The text does not name a model version",
        text: "Write `name@alias`, `name@3` for a version, or `name` for its champion.",
    },
    Explanation {
        code: "registry.corrupt",
        title: "A model's files are broken",
        text: "The artifact's bytes are not those that its manifest lists, or a file does not \
               hold what it should. Nothing was scored with it. Restore the model's folder from a \
               copy, roll back to another version, or train a new one.",
    },
    Explanation {
        code: "registry.newer_format",
        title: "A newer release wrote this model",
        text: "The format of an artifact or manifest is newer than this release knows. Use the \
               release that wrote it, or a later one.",
    },
    Explanation {
        code: "registry.fenced",
        title: "A publication came too late",
        text: "The registry has seen this or a later publication of the same training, as when a \
               process that was thought dead woke up. Nothing was published.",
    },
    Explanation {
        code: "registry.staging_lost",
        title: "What an attempt staged is gone",
        text: "The files of an attempt were removed before they were published, or its intent is \
               not one of a training. The training runs again.",
    },
    Explanation {
        code: "registry.io",
        title: "A file of the registry could not be read or written",
        text: "Check the space on the disk and the rights on the folder `models` of the \
               environment. Published versions are never changed in place.",
    },
    Explanation {
        code: "scoring.shape",
        title: "A request does not fit the model",
        text: "A model takes one column for each input of its signature, all of one length. \
               `millstream model show NAME` prints the signature.",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_one_page() {
        let source = include_str!("error.rs");
        let codes: BTreeSet<&str> = source
            .split('"')
            .filter(|text| {
                ["training.", "registry.", "scoring."].iter().any(|area| text.starts_with(area))
            })
            .collect();
        let pages: BTreeSet<&str> = EXPLANATIONS.iter().map(|page| page.code).collect();
        assert_eq!(codes, pages);
        assert_eq!(pages.len(), EXPLANATIONS.len());
    }
}
