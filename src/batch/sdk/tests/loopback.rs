//! A server that answers with exactly the bytes a test gives it, or does worse.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Fate {
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
pub(super) struct Place {
    pub(super) connection: usize,
    pub(super) request: usize,
}

pub(super) struct Loopback {
    pub(super) url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Loopback {
    /// A server that asks `fate` what becomes of each request.
    pub(super) async fn serve<F>(fate: impl Fn(Place) -> F + Send + Sync + 'static) -> Self
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
    pub(super) async fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::serve(move |_| std::future::ready(Fate::Answer(answer.clone()))).await
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The first lines of the requests that were read.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn talk<F: Future<Output = Fate>>(
    stream: TcpStream,
    fate: impl Fn(usize) -> F,
    requests: &Mutex<Vec<String>>,
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
        let line = read(&mut stream).await?;
        requests.lock().unwrap().push(line);
        stream.get_mut().write_all(answer.as_bytes()).await?;
        if last {
            break;
        }
    }
    Ok(())
}

/// Reads a request, and returns its first line.
async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(first.trim_end().to_owned())
}

/// An answer with a status, headers and a body.
pub(super) fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let length = format!("content-length: {}", body.len());
    let headers = [&[length.as_str()], headers].concat().join("\r\n");
    format!("HTTP/1.1 {status} Whatever\r\n{headers}\r\n\r\n{body}")
}
