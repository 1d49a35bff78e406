//! A server that answers with exactly the bytes a test gives it, or does worse.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// These bytes are sent.
    Answer(String),
    /// They are sent, and the connection is closed.
    Last(String),
    /// The connection is reset before the request is read.
    Reset,
    /// The request is left lying, as behind a dead NAT.
    Ignore,
}

/// The connection a request came on, and which request on it this is, both from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) connection: usize,
    pub(crate) request: usize,
}

pub(crate) struct Loopback {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A request that was read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its first line and its headers, a line each.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.iter().filter_map(|line| line.split_once(": "));
        headers.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Loopback {
    /// A server that asks `fate` what becomes of each request.
    pub(crate) async fn serve<F>(fate: impl Fn(Place) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Fate> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        let fate = Arc::new(fate);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = connections.fetch_add(1, Ordering::Relaxed);
                let (fate, requests) = (Arc::clone(&fate), Arc::clone(&requests));
                tokio::spawn(async move {
                    let fate = |request| fate(Place { connection, request });
                    let _ = talk(stream, fate, &requests).await;
                });
            }
        });
        server
    }

    /// A server that always sends the same.
    pub(crate) async fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::serve(move |_| std::future::ready(Fate::Answer(answer.clone()))).await
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn talk<F: Future<Output = Fate>>(
    stream: TcpStream,
    fate: impl Fn(usize) -> F,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    for request in 0.. {
        if stream.get_ref().peek(&mut [0]).await? == 0 {
            break;
        }
        let (answer, last) = match fate(request).await {
            // Closing a socket that holds unread bytes resets the connection.
            Fate::Reset => break,
            Fate::Ignore => std::future::pending().await,
            Fate::Answer(answer) => (answer, false),
            Fate::Last(answer) => (answer, true),
        };
        let read = read(&mut stream).await?;
        requests.lock().unwrap().push(read);
        stream.get_mut().write_all(answer.as_bytes()).await?;
        if last {
            break;
        }
    }
    Ok(())
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Request> {
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Request { head, body: String::from_utf8(body).unwrap() })
}

/// An answer with a status, headers and a body.
pub(crate) fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let length = format!("content-length: {}", body.len());
    let headers = [&[length.as_str()], headers].concat().join("\r\n");
    format!("HTTP/1.1 {status} Whatever\r\n{headers}\r\n\r\n{body}")
}
