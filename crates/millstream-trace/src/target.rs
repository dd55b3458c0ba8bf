//! Where traces go: what the project says, and above that the standard variables. Pure.

use std::collections::BTreeMap;

use millstream_core::secret::Secret;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::TraceError;

/// What an endpoint gets behind it ("OTLP Exporter Configuration").
const SIGNAL: &str = "v1/traces";
/// The most headers.
const HEADERS_MAX: usize = 50;

/// What the project asks for, its secrets found.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The address of the collector, before `/v1/traces`.
    pub endpoint: Option<String>,
    /// Headers of requests.
    pub headers: BTreeMap<String, Secret>,
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// What resource attributes the variables name.
    pub(crate) resource: Vec<(String, String)>,
}

impl Target {
    /// What is asked for by the project and by variables, of which those of OpenTelemetry stand
    /// above the project; `None` if nothing is.
    ///
    /// Fails with `trace.target`.
    pub fn of(
        asked: Asked,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TraceError> {
        let variable = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let is_off = variable("OTEL_SDK_DISABLED")
            .is_some_and(|it| it.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|it| it.trim() == "none");
        if is_off {
            return Ok(None);
        }
        let exact = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT").or(asked.endpoint);
        let Some(url) = exact.or_else(|| base.map(|base| with_signal(&base))) else {
            return Ok(None);
        };
        let url = Url::parse(url.trim()).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none()
        });
        let url = url.ok_or_else(|| wrong("the endpoint is no address such as https://HOST"))?;
        let mut headers = headers(asked.headers)?;
        for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
            for (key, value) in pairs(&variable(name).unwrap_or_default(), name)? {
                insert(&mut headers, &key, &value)?;
            }
        }
        if !headers.is_empty() && url.scheme() == "http" && !is_here(&url) {
            return Err(wrong("its headers would go unencrypted to another machine"));
        }
        let text = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let mut resource = pairs(&text, "OTEL_RESOURCE_ATTRIBUTES")?;
        if let Some(name) = variable("OTEL_SERVICE_NAME") {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_owned(), name));
        }
        Ok(Some(Self { url, headers, resource }))
    }
}

fn wrong(problem: impl Into<String>) -> TraceError {
    TraceError::Target { problem: problem.into() }
}

fn with_signal(base: &str) -> String {
    format!("{}/{SIGNAL}", base.trim().trim_end_matches('/'))
}

fn is_here(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn headers(asked: BTreeMap<String, Secret>) -> Result<HeaderMap, TraceError> {
    let mut headers = HeaderMap::new();
    for (name, value) in asked {
        insert(&mut headers, &name, value.expose())?;
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), TraceError> {
    let key = HeaderName::try_from(name);
    let (Ok(key), Ok(mut value)) = (key, HeaderValue::try_from(value)) else {
        return Err(wrong(format!("the header `{}` cannot be sent", name.escape_debug())));
    };
    value.set_sensitive(true);
    if headers.len() >= HEADERS_MAX {
        return Err(wrong(format!("there are more than {HEADERS_MAX} headers")));
    }
    headers.insert(key, value);
    Ok(())
}

/// `a=1,b=two%20words`, as W3C Baggage writes it.
fn pairs(text: &str, name: &str) -> Result<Vec<(String, String)>, TraceError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| wrong(format!("`{name}` has a part without `=`")))?;
            Ok((key.trim().to_owned(), decoded(value.trim())))
        })
        .collect()
}

/// Without percent signs; a malformed escape stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut found = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (bytes[at], escape.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                found.push(byte);
                at += 3;
            }
            (byte, _) => {
                found.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&found).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(asked: Asked, variables: &[(&str, &str)]) -> Result<Option<Target>, TraceError> {
        Target::of(asked, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn asked(endpoint: &str) -> Asked {
        let headers = BTreeMap::from([("x-key".to_owned(), Secret::new("hidden"))]);
        Asked { endpoint: Some(endpoint.to_owned()), headers }
    }

    #[test]
    fn variables_stand_above_the_project() {
        assert!(target(Asked::default(), &[]).unwrap().is_none());
        let own = target(asked("https://a.example/otlp/"), &[]).unwrap().unwrap();
        assert_eq!(own.url.as_str(), "https://a.example/otlp/v1/traces");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://b.example"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=other, authorization=Basic%20abc"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team=data,service.name=a"),
            ("OTEL_SERVICE_NAME", "nightly"),
        ];
        let other = target(asked("https://a.example"), &variables).unwrap().unwrap();
        assert_eq!(other.url.as_str(), "https://b.example/v1/traces");
        assert_eq!(other.headers["x-key"], "other");
        assert_eq!(other.headers["authorization"], "Basic abc");
        let resource: Vec<(&str, &str)> =
            other.resource.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(resource, [("team", "data"), ("service.name", "nightly")]);
        assert!(!format!("{other:?}").contains("Basic"), "headers are not shown");
        let exact = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318/t")];
        assert_eq!(target(Asked::default(), &exact).unwrap().unwrap().url.path(), "/t");
        assert!(
            target(asked("https://a.example"), &[("OTEL_SDK_DISABLED", "true")]).unwrap().is_none()
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in ["", "nothing", "ftp://a.example", "https://me:secret@a.example"] {
            let error = target(asked(wrong), &[]);
            let error = error.expect_err(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let open = target(asked("http://a.example"), &[]).unwrap_err().to_string();
        assert!(open.contains("unencrypted"), "{open}");
        assert!(target(asked("http://127.0.0.1:4318"), &[]).unwrap().is_some());
        let bad = [("OTEL_EXPORTER_OTLP_HEADERS", "no pair")];
        assert!(target(asked("https://a.example"), &bad).is_err());
    }
}
