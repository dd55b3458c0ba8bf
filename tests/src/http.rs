//! As much of HTTP/1.1 as the tests need: one connection, kept alive, bodies with a length.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The longest that a test waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: String,
    /// What it says in `set-cookie`.
    pub cookie: Option<String>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Client {
    /// Connects to `HOST:PORT`.
    pub fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Asks for a page.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
    }

    /// Sends JSON.
    pub fn post(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        self.post_with(path, &[("content-type", "application/json")], &body.to_string())
    }

    /// Sends a body with these headers.
    pub fn post_with(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        self.ask("POST", path, headers, body)
    }

    /// Asks with any method, headers and, if there is one, a body.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let lines = headers
            .iter()
            .fold(String::new(), |lines, (name, value)| lines + name + ": " + value + "\r\n");
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{lines}content-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn send(&mut self, request: &str) -> io::Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
        let (mut length, mut cookie) = (0, None);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if header.starts_with("set-cookie:") {
                cookie = line.split_once(':').map(|(_, value)| value.trim().to_owned());
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), cookie })
    }
}

/// A stream of server-sent events.
#[derive(Debug)]
pub struct Events {
    stream: BufReader<TcpStream>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerEvent {
    /// Its id.
    pub id: Option<u64>,
    /// Its name.
    pub name: String,
    /// What it says.
    pub data: Value,
}

impl Events {
    /// Opens the stream at a path of `HOST:PORT`, from behind an event if one is named.
    pub fn open(address: &str, path: &str, last: Option<u64>) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let last = last.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        // To HTTP/1.0 a body without length is sent as it is.
        write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n{last}\r\n")?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while line.trim() != "" || line.is_empty() {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self { stream })
    }

    /// The next event.
    pub fn next_event(&mut self) -> io::Result<ServerEvent> {
        let mut event = ServerEvent { id: None, name: String::new(), data: Value::Null };
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(':') {
                None if event.name.is_empty() => {}
                None => return Ok(event),
                Some(("id", id)) => event.id = id.trim().parse().ok(),
                Some(("event", name)) => name.trim().clone_into(&mut event.name),
                Some(("data", data)) => event.data = serde_json::from_str(data.trim())?,
                Some(_) => {}
            }
        }
    }
}
