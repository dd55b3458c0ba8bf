//! Spans in the words of OTLP ("OTLP/HTTP", JSON Protobuf encoding): ids as hexadecimal digits,
//! numbers of 64 bits as text. Pure.

use millstream_core::clock::Timestamp;
use serde_json::{Value as Json, json};

use crate::span::{Span, Value};

/// `SPAN_KIND_INTERNAL`
const INTERNAL: u8 = 1;
/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;

/// The body of a request.
pub(crate) fn body(resource: &[(String, String)], version: &str, spans: &[Span]) -> Json {
    let resource: Vec<Json> =
        resource.iter().map(|(key, value)| pair(key, &Value::Text(value.clone()))).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{
            "scope": {"name": "millstream", "version": version},
            "spans": spans.iter().map(of_span).collect::<Vec<_>>(),
        }],
    }]})
}

fn of_span(span: &Span) -> Json {
    let attributes = span.attributes.iter().map(|(key, value)| pair(key, value));
    let code = span.error.as_ref().map(|it| pair("error.type", &Value::Text(it.code.clone())));
    let links = span.links.iter();
    let mut found = json!({
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(span.from),
        "endTimeUnixNano": nanos(span.to),
        "attributes": attributes.chain(code).collect::<Vec<_>>(),
        "links": links
            .map(|link| json!({"traceId": span.trace.to_string(), "spanId": link.to_string()}))
            .collect::<Vec<_>>(),
        "status": {},
    });
    if let Some(parent) = span.parent {
        found["parentSpanId"] = json!(parent.to_string());
    }
    if let Some(error) = &span.error {
        found["status"] = json!({"code": ERROR, "message": error.message});
        found["events"] = json!([{
            "name": "exception",
            "timeUnixNano": nanos(error.at),
            "attributes": [
                pair("exception.type", &Value::Text(error.code.clone())),
                pair("exception.message", &Value::Text(error.message.clone())),
            ],
        }]);
    }
    found
}

fn pair(key: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
    };
    json!({"key": key, "value": value})
}

fn nanos(at: Timestamp) -> String {
    (i128::from(at.as_micros().max(0)) * 1000).to_string()
}

#[cfg(test)]
mod tests {
    use millstream_core::id::{AttemptId, RunId};
    use millstream_core::trace::{SpanId, TraceId};

    use super::*;
    use crate::span::Trouble;

    #[test]
    fn a_span_is_written_as_the_protocol_wants_it() {
        let (run, attempt) = (RunId::new(), AttemptId::new());
        let at = |micros| Timestamp::from_micros(micros);
        let span = Span {
            trace: TraceId::of_run(run),
            id: SpanId::of_attempt(attempt),
            parent: Some(SpanId::of_run(run)),
            name: "orders attempt 2".to_owned(),
            from: at(1_700_000_000_000_001),
            to: at(1_700_000_000_500_000),
            attributes: vec![("millstream.rows.out", Value::Number(7))],
            error: Some(Trouble { code: "sql.failed".into(), message: "no".into(), at: at(5) }),
            links: vec![SpanId::of_attempt(AttemptId::new())],
        };
        let resource = [("service.name".to_owned(), "shop".to_owned())];
        let body = body(&resource, "1", &[span]);
        let of = &body["resourceSpans"][0];
        assert_eq!(of["resource"]["attributes"][0]["value"]["stringValue"], "shop");
        let span = &of["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], run.to_string());
        assert_eq!(span["parentSpanId"].as_str().map(str::len), Some(16));
        assert_eq!(span["startTimeUnixNano"], "1700000000000001000");
        assert_eq!(span["attributes"][0]["value"]["intValue"], "7");
        assert_eq!(span["attributes"][1]["key"], "error.type");
        assert_eq!(span["status"]["code"], 2);
        assert_eq!(span["events"][0]["timeUnixNano"], "5000");
        assert_eq!(span["links"][0]["traceId"], run.to_string());
    }
}
