//! Receivers of messages: a small HTTP server and a small SMTP server, each on a port of its own.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::PATIENCE;

/// The bytes of a block of SHA-256.
const BLOCK_BYTES: usize = 64;

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its path.
    pub path: String,
    /// Its headers, by their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Whether the body is signed with a secret, as GitHub signs.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let tag = hmac_sha256(secret.as_bytes(), self.body.as_bytes());
        let digits: Vec<String> = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        self.headers.get("x-hub-signature-256") == Some(&format!("sha256={}", digits.concat()))
    }
}

/// HMAC by its definition (RFC 2104), so that nothing of the product judges itself.
fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; BLOCK_BYTES];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// What came so far, and a way to wait for more.
#[derive(Debug)]
struct Inbox<T> {
    items: Mutex<Vec<T>>,
    grown: Condvar,
}

impl<T: Clone + std::fmt::Debug> Inbox<T> {
    fn push(&self, item: T) {
        self.items.lock().expect("no test panics in it").push(item);
        self.grown.notify_all();
    }

    fn all(&self) -> Vec<T> {
        self.items.lock().expect("no test panics in it").clone()
    }

    /// All, once there are so many.
    fn wait_for(&self, count: usize) -> Vec<T> {
        let items = self.items.lock().expect("no test panics in it");
        let (items, waited) = self
            .grown
            .wait_timeout_while(items, PATIENCE, |items| items.len() < count)
            .expect("no test panics in it");
        assert!(!waited.timed_out(), "{count} messages wanted, these came: {items:?}");
        items.clone()
    }
}

/// Listens on a free port until the test ends; every connection fills the same inbox.
fn listening<T: Send + 'static>(
    serve: impl Fn(TcpStream, &Inbox<T>) -> io::Result<()> + Copy + Send + 'static,
) -> (SocketAddr, Arc<Inbox<T>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let inbox = Arc::new(Inbox { items: Mutex::new(Vec::new()), grown: Condvar::new() });
    let kept = Arc::clone(&inbox);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || {
                // A client that goes away is no problem of the test.
                let _ = serve(stream, &kept);
            });
        }
    });
    (address, inbox)
}

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    /// It takes everything.
    Taking,
    /// It answers the first so many with this status, and takes the rest.
    First(usize, u16),
    /// It never answers.
    Silent,
}

/// An HTTP server that keeps what it is sent.
#[derive(Debug)]
pub struct Receiver {
    /// `http://HOST:PORT`.
    pub url: String,
    inbox: Arc<Inbox<Received>>,
}

impl Receiver {
    /// One that listens until the test ends.
    pub fn start(answering: Answering) -> Self {
        let (address, inbox) = listening(move |stream, kept| take(stream, kept, answering));
        Self { url: format!("http://{address}"), inbox }
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.inbox.all()
    }

    /// What came, once there is so much of it.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        self.inbox.wait_for(count)
    }
}

fn take(stream: TcpStream, kept: &Inbox<Received>, answering: Answering) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let number = {
        kept.push(Received { path, headers, body });
        kept.all().len()
    };
    let status = match answering {
        Answering::First(count, status) if number <= count => status,
        Answering::Taking | Answering::First(..) => 200,
        Answering::Silent => {
            // Until the client gives up.
            return stream.read_to_end(&mut Vec::new()).map(|_| ());
        }
    };
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(answer.as_bytes())
}

/// A mail that was received.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// Who it is from, by the envelope.
    pub from: String,
    /// Who it is to, by the envelope.
    pub to: Vec<String>,
    /// Its headers, lines that go on put together.
    pub headers: Vec<(String, String)>,
    /// Its body, as it was sent.
    pub body: String,
}

impl Mail {
    /// The only header of a name.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().unwrap_or_else(|| panic!("no {name}: {:?}", self.headers));
        assert!(found.next().is_none(), "{name} stands twice: {:?}", self.headers);
        &value.1
    }
}

/// An SMTP server without TLS that keeps what it is sent.
#[derive(Debug)]
pub struct MailReceiver {
    /// Its port on this machine.
    pub port: u16,
    inbox: Arc<Inbox<Mail>>,
}

impl MailReceiver {
    /// One that listens until the test ends.
    pub fn start() -> Self {
        let (address, inbox) = listening(take_mails);
        Self { port: address.port(), inbox }
    }

    /// The mails, once there are so many.
    pub fn wait_for(&self, count: usize) -> Vec<Mail> {
        self.inbox.wait_for(count)
    }
}

/// As much of RFC 5321 as a client needs that wants to be rid of a mail.
fn take_mails(stream: TcpStream, kept: &Inbox<Mail>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"220 test\r\n")?;
    let mut mail = Mail::default();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let command = line.trim().to_owned();
        let word = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let address = || command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match word.as_str() {
            "EHLO" => "250-test\r\n250 8BITMIME\r\n",
            "MAIL" => {
                mail = Mail { from: address(), ..Mail::default() };
                "250 ok\r\n"
            }
            "RCPT" => {
                mail.to.push(address());
                "250 ok\r\n"
            }
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n")?;
                read_letter(&mut stream, &mut mail)?;
                kept.push(std::mem::take(&mut mail));
                "250 taken\r\n"
            }
            "QUIT" => return stream.get_mut().write_all(b"221 bye\r\n"),
            _ => "500 what\r\n",
        };
        stream.get_mut().write_all(answer.as_bytes())?;
    }
}

fn read_letter(stream: &mut BufReader<TcpStream>, mail: &mut Mail) -> io::Result<()> {
    let mut is_header = true;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let text = line.trim_end_matches(['\r', '\n']);
        match text.split_once(':') {
            _ if text == "." => return Ok(()),
            _ if is_header && text.is_empty() => is_header = false,
            _ if is_header && text.starts_with([' ', '\t']) => {
                if let Some((_, value)) = mail.headers.last_mut() {
                    value.push_str(text);
                }
            }
            Some((name, value)) if is_header => {
                mail.headers.push((name.to_owned(), value.trim().to_owned()));
            }
            _ => mail.body.push_str(&line),
        }
    }
}
