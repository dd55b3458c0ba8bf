use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::{MethodRouter, get, post};
use millstream_core::clock::{Clock, Timestamp};
use millstream_guard::{Guard, Operation, Scope, new_token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::config::ServerInfo;

fn config(listen: &str) -> ServerConfig {
    let info = ServerInfo {
        version: "0".to_owned(),
        project: "shop".to_owned(),
        environment: "dev".to_owned(),
    };
    ServerConfig::new(listen.parse().unwrap(), info)
}

/// A running server and the end that stops it.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
    maker: AnswerMaker,
    current: watch::Sender<Answers>,
}

async fn start(config: ServerConfig, routes: Routes) -> Running {
    let server = Server::bind(config).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel();
    let maker = server.answers();
    let (current, answers) = watch::channel(maker.make(routes, || true));
    let task = tokio::spawn(server.serve_current(answers, async {
        let _ = stopped.await;
    }));
    Running { address, stop, task, maker, current }
}

/// Sends one request on a new connection and gives everything that comes back.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn get_request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

async fn panicking() -> &'static str {
    panic!("on purpose")
}

fn routes() -> Routes {
    let score = post(|body: Bytes| async move { body.len().to_string() });
    let of = |operation: Operation, handler: MethodRouter| {
        let router = Router::new().route(operation.path(), handler);
        (operation, router)
    };
    let all = [
        of(Operation::post("/score", Scope::Score, "Scores."), score),
        of(Operation::get("/panic", Scope::Score, "Panics."), get(panicking)),
        of(Operation::get("/admin", Scope::Admin, "Asks."), get(|| async { "done" })),
    ];
    all.into_iter()
        .fold(Routes::new(), |routes, (operation, router)| routes.with_operation(operation, router))
}

/// One route that everybody may reach.
fn open(path: &'static str, handler: MethodRouter) -> Routes {
    let operation = Operation::get(path, None, "Answers.");
    Routes::new().with_operation(operation, Router::new().route(path, handler))
}

/// A connection that stays open is answered by what is current, too.
#[tokio::test]
async fn each_request_is_answered_by_what_is_current() {
    let saying = |text: &'static str| open("/said", get(move || async move { text }));
    let running = start(config("127.0.0.1:0"), saying("old")).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let mut ask = async |wanted: &str| {
        let request = b"GET /said HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(wanted.as_bytes()) {
            let byte = stream.read_u8().await.expect("the connection stays open");
            answer.push(byte);
        }
    };
    ask("old").await;
    running.current.send(running.maker.make(saying("new"), || true)).unwrap();
    ask("new").await;
}

#[tokio::test]
async fn a_listener_outside_loopback_needs_a_guard() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refusal = Server::bind(config(listen)).await.unwrap_err();
        assert_eq!(refusal.code(), "server.unauthenticated_listener", "{listen}");
        assert!(refusal.hint().is_some());
    }
}

#[tokio::test]
async fn a_taken_port_is_a_coded_error() {
    let first = Server::bind(config("127.0.0.1:0")).await.unwrap();
    let mut second = config("127.0.0.1:0");
    second.listen = first.address();
    assert_eq!(Server::bind(second).await.unwrap_err().code(), "server.listen");
}

#[tokio::test]
async fn missing_tls_files_are_a_coded_error() {
    let mut config = config("127.0.0.1:0");
    config.tls = Some(crate::TlsFiles { certificate: "no.pem".into(), key: "no.key".into() });
    assert_eq!(Server::bind(config).await.unwrap_err().code(), "server.tls");
}

#[tokio::test]
async fn health_and_info_answer_on_loopback_without_a_token() {
    let server = start(config("127.0.0.1:0"), routes()).await;
    let health = exchange(server.address, &get_request("/api/v1/health", "")).await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("ready"), "{health}");
    let info = exchange(server.address, &get_request("/api/v1/info", "")).await;
    assert!(info.contains(r#""environment":"dev""#), "{info}");
}

#[tokio::test]
async fn tokens_are_asked_for_and_scopes_hold() {
    let now = Timestamp::from_micros(0);
    let (text, stored) = new_token("robot", BTreeSet::from([Scope::Score]), now, None).unwrap();
    let mut config = config("0.0.0.0:0");
    config.guard = Some(Guard::new(
        Arc::new(move |id| Ok((id == stored.id).then(|| stored.clone()))),
        Clock::fixed(now),
    ));
    let mut server = start(config, routes()).await;
    server.address.set_ip("127.0.0.1".parse().unwrap());
    let token = format!("Authorization: Bearer {}\r\n", text.expose());

    let health = exchange(server.address, &get_request("/api/v1/health", "")).await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    let nobody = exchange(server.address, &get_request("/admin", "")).await;
    assert!(nobody.starts_with("HTTP/1.1 401"), "{nobody}");
    assert!(nobody.to_lowercase().contains("www-authenticate: bearer"), "{nobody}");
    assert!(nobody.contains("guard.token_missing"), "{nobody}");
    let robot = exchange(server.address, &get_request("/admin", &token)).await;
    assert!(robot.starts_with("HTTP/1.1 403"), "{robot}");
    let post = format!(
        "POST /score HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n{token}Content-Length: \
         3\r\n\r\nabc"
    );
    let scored = exchange(server.address, &post).await;
    assert!(scored.starts_with("HTTP/1.1 200") && scored.ends_with('3'), "{scored}");
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_without_a_guard() {
    let server = start(config("127.0.0.1:0"), routes()).await;
    let request = get_request("/admin", "Origin: http://evil.example\r\n");
    let answer = exchange(server.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("server.foreign_host"));
}

#[tokio::test]
async fn limits_and_defects_answer_in_json() {
    let mut config = config("127.0.0.1:0");
    config.body_bytes_max = 4;
    let server = start(config, routes()).await;
    let head = "POST /score HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let announced = format!("{head}Content-Length: 5\r\n\r\n12345");
    let answer = exchange(server.address, &announced).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains(r#""code":"server.body_too_large""#), "{answer}");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n");
    let answer = exchange(server.address, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let missing = exchange(server.address, &get_request("/nowhere", "")).await;
    assert!(missing.starts_with("HTTP/1.1 404") && missing.contains("server.not_found"));
    let panicked = exchange(server.address, &get_request("/panic", "")).await;
    assert!(panicked.starts_with("HTTP/1.1 500") && panicked.contains("server.panic"));
}

#[tokio::test]
async fn another_method_of_a_route_is_told_those_that_it_has() {
    let server = start(config("127.0.0.1:0"), routes()).await;
    let answer = exchange(server.address, &get_request("/score", "")).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(answer.contains("server.method_not_allowed"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nallow: post\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_mounted_is_described() {
    let server = start(config("127.0.0.1:0"), routes()).await;
    let answer = exchange(server.address, &get_request("/api/v1/openapi.json", "")).await;
    for path in ["/score", "/panic", "/admin", "/api/v1/me", "/api/v1/openapi.json"] {
        assert!(answer.contains(&format!("\"{path}\":{{")), "{path} is not in {answer}");
    }
}

#[tokio::test]
async fn a_slow_request_is_ended() {
    let mut config = config("127.0.0.1:0");
    config.request_timeout = Duration::from_millis(20);
    let server = start(config, open("/slow", get(std::future::pending::<()>))).await;
    let answer = exchange(server.address, &get_request("/slow", "")).await;
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("server.timeout"), "{answer}");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_at_shutdown() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, gate) = (Arc::clone(&entered), Arc::clone(&leave));
    let handler = move || {
        let (inside, gate) = (Arc::clone(&inside), Arc::clone(&gate));
        async move {
            inside.notify_one();
            gate.notified().await;
            "finished"
        }
    };
    let server = start(config("127.0.0.1:0"), open("/wait", get(handler))).await;
    let keep_alive = "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let client = tokio::spawn(async move { exchange(server.address, keep_alive).await });
    entered.notified().await;
    server.stop.send(()).unwrap();
    leave.notify_one();
    let answer = client.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    server.task.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
