//! What each operation of an interface is and which scope it needs, and all of it as `OpenAPI` 3.1.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::principal::Scope;

/// Something that can be asked for.
#[derive(Debug, Clone)]
pub struct Operation {
    verb: Verb,
    path: &'static str,
    about: &'static str,
    scope: Option<Scope>,
    query: Option<Describe>,
    headers: Vec<(&'static str, &'static str)>,
    bodies: Vec<(&'static str, Describe)>,
    group: Option<&'static str>,
    answers: Vec<Given>,
}

/// What is done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It is read.
    Get,
    /// Something is asked of it.
    Post,
    /// It is ended.
    Delete,
}

/// What most bodies and answers are written in.
const JSON: &str = "application/json";
/// What the paths of the interface begin with, those of the protocols of others not.
const INTERFACE: &str = "/api/v1";

type Describe = fn(&mut SchemaGenerator) -> Schema;

#[derive(Debug, Clone, Copy)]
struct Given {
    status: u16,
    content_type: &'static str,
    schema: Option<Describe>,
}

impl Operation {
    /// An operation that whoever has the scope may ask for; everybody without one.
    pub fn new(
        verb: Verb,
        path: &'static str,
        scope: impl Into<Option<Scope>>,
        about: &'static str,
    ) -> Self {
        let scope = scope.into();
        let (headers, bodies, answers) = (Vec::new(), Vec::new(), Vec::new());
        Self { verb, path, about, scope, query: None, headers, bodies, group: None, answers }
    }

    /// Reads.
    pub fn get(path: &'static str, scope: impl Into<Option<Scope>>, about: &'static str) -> Self {
        Self::new(Verb::Get, path, scope, about)
    }

    /// Changes something.
    pub fn post(path: &'static str, scope: impl Into<Option<Scope>>, about: &'static str) -> Self {
        Self::new(Verb::Post, path, scope, about)
    }

    /// With parameters: the fields of a struct.
    #[must_use]
    pub fn asks<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::root_schema_for::<T>);
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, about: &'static str) -> Self {
        self.headers.push((name, about));
        self
    }

    /// Under a heading of its own; without one, what its path begins with is its heading.
    #[must_use]
    pub fn of_group(mut self, group: &'static str) -> Self {
        self.group = Some(group);
        self
    }

    /// With a body in JSON.
    #[must_use]
    pub fn takes<T: JsonSchema>(self) -> Self {
        self.takes_as::<T>(JSON)
    }

    /// With a body in another form, or in one of several.
    #[must_use]
    pub fn takes_as<T: JsonSchema>(mut self, content_type: &'static str) -> Self {
        self.bodies.push((content_type, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Answers in JSON.
    #[must_use]
    pub fn gives<T: JsonSchema>(self, status: u16) -> Self {
        self.gives_as::<T>(status, JSON)
    }

    /// Answers in another form, or in one of several.
    #[must_use]
    pub fn gives_as<T: JsonSchema>(mut self, status: u16, content_type: &'static str) -> Self {
        let schema: Option<Describe> = Some(SchemaGenerator::subschema_for::<T>);
        self.answers.push(Given { status, content_type, schema });
        self
    }

    /// Answers without a body.
    #[must_use]
    pub fn gives_nothing(mut self, status: u16) -> Self {
        self.answers.push(Given { status, content_type: "", schema: None });
        self
    }

    /// Its path, with names in braces.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The scope that it needs.
    pub fn scope(&self) -> Option<Scope> {
        self.scope
    }

    fn describe(&self, generator: &mut SchemaGenerator) -> Value {
        let mut responses = Map::new();
        for given in &self.answers {
            let about = if given.status < 300 { "Done" } else { "" };
            let answer = responses.entry(given.status.to_string());
            let answer = answer.or_insert_with(|| json!({"description": about}));
            if let Some(schema) = given.schema {
                answer["content"][given.content_type] = json!({"schema": schema(generator)});
            }
        }
        let refusal = json!({"$ref": "#/components/schemas/Refusal"});
        responses.insert(
            "default".to_owned(),
            json!({
                "description": "Refused", "content": {JSON: {"schema": refusal}},
            }),
        );
        let mut operation = json!({
            "operationId": self.id(),
            "summary": self.about,
            "tags": [self.group.or_else(|| self.parts().next()).unwrap_or_default()],
            "parameters": self.parameters(generator),
            "responses": responses,
            "x-millstream-scope": self.scope.map(Scope::word),
        });
        for (content_type, schema) in &self.bodies {
            let schema = schema(generator);
            operation["requestBody"]["required"] = json!(true);
            operation["requestBody"]["content"][content_type] = json!({"schema": schema});
        }
        operation
    }

    /// The parts of its path, without what all paths of the interface begin with.
    fn parts(&self) -> impl Iterator<Item = &'static str> {
        self.path.strip_prefix(INTERFACE).unwrap_or(self.path).split('/').skip(1)
    }

    /// `get_runs_run_gantt`
    fn id(&self) -> String {
        let words = self.parts().map(|part| part.trim_matches(['{', '}']).replace('.', "_"));
        [self.verb.word().to_owned()].into_iter().chain(words).collect::<Vec<_>>().join("_")
    }

    fn parameters(&self, generator: &SchemaGenerator) -> Vec<Value> {
        let mut parameters: Vec<Value> = Vec::new();
        for part in self.path.split('/') {
            if let Some(name) = part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                parameters.push(json!({
                    "name": name, "in": "path", "required": true,
                    "schema": {"type": "string", "minLength": 1},
                }));
            }
        }
        for (name, about) in &self.headers {
            parameters.push(json!({
                "name": name, "in": "header", "description": about,
                "schema": {"type": "string"},
            }));
        }
        let Some(query) = self.query else { return parameters };
        // Of a generator of its own: parameters are written out, not referred to.
        let mut own = generator.settings().clone();
        own.inline_subschemas = true;
        let schema = query(&mut own.into_generator()).to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, mut field) in schema["properties"].as_object().cloned().unwrap_or_default() {
            let about = field.as_object_mut().and_then(|field| field.remove("description"));
            parameters.push(json!({
                "name": name, "in": "query", "description": about.unwrap_or_else(|| json!("")),
                "required": required.contains(&json!(name)), "schema": without_null(field),
            }));
        }
        parameters
    }
}

impl Verb {
    /// As in `OpenAPI`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }
}

/// All operations as a document of `OpenAPI` 3.1. `refusal` describes what a request that is
/// refused is answered with.
pub fn document<'a>(
    version: &str,
    refusal: &Value,
    operations: impl IntoIterator<Item = &'a Operation>,
) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = json!({});
    for operation in operations {
        let described = operation.describe(&mut generator);
        paths[operation.path][operation.verb.word()] = described;
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Refusal".to_owned(), refusal.clone());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millstream",
            "version": version,
            "description": "The interface of a Millstream server: for people's pages and scripts \
                under /api/v1, and for predictions by the protocols that their clients speak.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "millstream_session"},
            },
        },
        "security": [{"token": []}, {"session": []}, {}],
    })
}

/// A parameter that is not given is left out; it is never null.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array_mut() {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            schema["type"] = kind.clone();
        }
    }
    if let Some(of) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        of.retain(|part| part["type"] != "null");
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    if let Some(object) = schema.as_object_mut() {
        object.retain(|key, value| key != "default" && !value.is_null());
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Asked {
        /// How many.
        #[schemars(range(min = 1, max = 5))]
        limit: Option<u32>,
        name: String,
    }

    #[test]
    fn operations_are_described_with_their_parameters_and_scopes() {
        let list = Operation::get("/api/v1/things/{thing}/parts", Scope::Read, "Its parts.")
            .asks::<Asked>()
            .gives::<Vec<String>>(200);
        let end =
            Operation::new(Verb::Delete, "/api/v1/things/{thing}/parts", Scope::Admin, "End.")
                .gives_nothing(204);
        let document = document("1", &json!({}), [&list, &end]);
        let both = &document["paths"]["/api/v1/things/{thing}/parts"];
        assert_eq!(both["get"]["operationId"], "get_things_thing_parts");
        assert_eq!(both["get"]["x-millstream-scope"], "read");
        assert_eq!(both["delete"]["x-millstream-scope"], "admin");
        let parameters = both["get"]["parameters"].as_array().unwrap();
        assert_eq!(parameters[0]["name"], "thing");
        let limit = parameters.iter().find(|it| it["name"] == "limit").unwrap();
        assert_eq!(limit["required"], false);
        assert_eq!(limit["schema"]["type"], "integer");
        assert_eq!(limit["schema"]["maximum"], 5);
        let name = parameters.iter().find(|it| it["name"] == "name").unwrap();
        assert_eq!(name["required"], true);
    }

    #[test]
    fn a_body_and_an_answer_may_come_in_several_forms() {
        let infer = Operation::post("/v2/models/{model}/infer", Scope::Score, "Predicts.")
            .of_group("inference")
            .takes::<Asked>()
            .takes_as::<String>("application/octet-stream")
            .gives::<Vec<String>>(200)
            .gives_as::<String>(200, "application/octet-stream");
        let document = document("1", &json!({}), [&infer]);
        let described = &document["paths"]["/v2/models/{model}/infer"]["post"];
        assert_eq!(described["operationId"], "post_v2_models_model_infer");
        assert_eq!(described["tags"], json!(["inference"]));
        for content in
            [&described["requestBody"]["content"], &described["responses"]["200"]["content"]]
        {
            let forms: Vec<&String> = content.as_object().unwrap().keys().collect();
            assert_eq!(forms, ["application/json", "application/octet-stream"]);
        }
    }
}
