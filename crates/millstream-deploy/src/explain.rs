//! The pages of this crate's codes.

use millstream_core::explain::Explanation;

/// What the codes of this crate mean.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "deploy.bad_reference",
        title: "the model of a deployment is written wrongly",
        text: "`model` names a registered model and an alias or a version: `tagger@champion`, \
               `tagger@3`. Without `@` the champion is meant.",
    },
    Explanation {
        code: "deploy.name_twice",
        title: "two deployments have the same name",
        text: "The name is part of the routes, so every deployment needs its own.",
    },
    Explanation {
        code: "deploy.unknown",
        title: "there is no such deployment",
        text: "The route names a deployment that this project does not have, or that does not \
               answer requests. Only those with `realtime: true` do.",
    },
    Explanation {
        code: "deploy.version_unknown",
        title: "the deployment's model has no such version",
        text: "The route names a version. Leave it out to get the one that the alias names, or \
               look at `millstream model list`.",
    },
    Explanation {
        code: "deploy.no_version",
        title: "the alias names no version yet",
        text: "The deployment follows an alias which no version has been given, as before the first \
               training, or when its gate let none pass. Run the training, or promote a version. It \
               is served from then on, without a restart.",
    },
    Explanation {
        code: "deploy.request_malformed",
        title: "the request cannot be read",
        text: "The body is not what the protocol of the route says. The message names the place. \
               Nothing was scored or recorded.",
    },
    Explanation {
        code: "deploy.input_missing",
        title: "the request lacks an input of the model",
        text: "A request brings one tensor or column for each input, named as in the training. \
               `GET /v2/models/NAME` lists them. A missing value is sent as null.",
    },
    Explanation {
        code: "deploy.input_unknown",
        title: "the model takes no such input",
        text: "The request has a tensor that the model does not know. Apart from its inputs it may \
               bring `key`, which says what each row is and is recorded with the prediction.",
    },
    Explanation {
        code: "deploy.input_type",
        title: "an input has the wrong type",
        text: "Text and categories are BYTES, numbers are FP64, FP32 or an integer type. In JSON, \
               the values have to be of the type that the tensor names.",
    },
    Explanation {
        code: "deploy.input_shape",
        title: "the shape of an input does not fit",
        text: "Every input has the shape [n] or [n, 1] with the same n, and n values.",
    },
    Explanation {
        code: "deploy.output_unknown",
        title: "there is no such output",
        text: "A classification answers with `label` and `scores`, a regression with `label`; \
               `event_id` gives the ids under which the predictions were recorded.",
    },
    Explanation {
        code: "deploy.too_many_rows",
        title: "the request has too many rows",
        text: "A request may have 8192 rows. For more, send several requests, or let the \
               deployment score a relation in batch.",
    },
    Explanation {
        code: "deploy.body_too_large",
        title: "the body of the request is too large",
        text: "A body may have 16 MiB, unless the settings of the server say less.",
    },
    Explanation {
        code: "deploy.content_type",
        title: "the content type is not understood",
        text: "The Open Inference Protocol is sent as JSON, with packed tensors behind it if \
               `Inference-Header-Content-Length` says so; MLflow's formats as `application/json` \
               or `text/csv`. Compressed bodies are not taken.",
    },
    Explanation {
        code: "deploy.not_recorded",
        title: "the prediction could not be recorded",
        text: "A deployment that records gives an answer only when its event is durable. The \
               append to the topic failed, so no answer was given; the cause is in the message. Send \
               the request again with the same id: it counts once, even if the first try was \
               recorded after all.",
    },
    Explanation {
        code: "deploy.model_defect",
        title: "the model version is defective",
        text: "The version gave an answer of the wrong form, or broke off. Roll back to the version \
               before it (`millstream model rollback`) and report what happened.",
    },
    Explanation {
        code: "scoring.no_batch",
        title: "the deployment is not scored in batch",
        text: "A scoring step was made for a deployment without `batch: {over, key, into}`.",
    },
    Explanation {
        code: "scoring.key_reserved",
        title: "the key has the name of a column that the scoring writes",
        text: "The table of the answers has the columns event_id, label, score, scores, model, \
               version and scored_at besides the key. Give the key another name in a model and score \
               that.",
    },
    Explanation {
        code: "scoring.no_version",
        title: "there is no version to score with",
        text: "The alias of the deployment names no version yet: the training has not run, or its \
               gate let no version pass. The table of the answers stays as it was.",
    },
    Explanation {
        code: "scoring.column_missing",
        title: "the relation lacks a column",
        text: "What is scored needs the key of the deployment and every input of the model, under \
               the names of the training. The table of the answers stays as it was.",
    },
    Explanation {
        code: "scoring.column_type",
        title: "a column cannot be scored",
        text: "Its values cannot be turned into what the model takes: text for text and categories, \
               numbers for numbers. The table of the answers stays as it was.",
    },
    Explanation {
        code: "scoring.staging",
        title: "the staging cannot be used",
        text: "The events of a scoring wait in the environment's folder until they are published. \
               It could not be written or read, as when the disk is full. It is tried again.",
    },
    Explanation {
        code: "scoring.events_damaged",
        title: "staged events are damaged",
        text: "The events that a run staged are not those that its intent names: something else \
               changed the file. Nothing more was appended to the topic. The table of the answers \
               is published; a full refresh of it records its predictions again, and readers \
               leave out those that they have by their ids.",
    },
    Explanation {
        code: "scoring.no_topic",
        title: "staged events have no topic",
        text: "A run was interrupted before its events were published, and since then the \
               deployment has lost its `record`. Put it back, run, and then take it out.",
    },
    Explanation {
        code: "scoring.payload",
        title: "the intent of a scoring cannot be read",
        text: "The ledger holds an intent that this version of the product did not write. Finish \
               the run with the version that began it.",
    },
    Explanation {
        code: "scoring.died",
        title: "a thread of the scoring died",
        text: "This is a defect. The table of the answers stays as it was. Please report it.",
    },
];

#[cfg(test)]
mod tests {
    use super::EXPLANATIONS;

    #[test]
    fn every_code_has_a_page() {
        for source in
            [include_str!("error.rs"), include_str!("batch/error.rs"), include_str!("live.rs")]
        {
            for text in source
                .split('"')
                .filter(|text| text.starts_with("deploy.") || text.starts_with("scoring."))
            {
                assert!(EXPLANATIONS.iter().any(|page| page.code == text), "{text}");
            }
        }
    }
}
