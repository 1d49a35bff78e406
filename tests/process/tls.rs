//! Whom the function trusts, and how it gets out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::runtime_api::Bootstrap;
use crate::{batch, outcome, request};

/// A TLS front before `target`, with an authority of its own; its address, and the authority's certificate.
async fn tls_front(target: &str) -> (String, CertificateFile) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let target = target.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate leaves here.
                if let Ok(stream) = acceptor.accept(stream).await {
                    tunnel(stream, &target).await;
                }
            });
        }
    });
    (url, CertificateFile::new(&authority.pem()))
}

async fn tunnel(mut stream: impl AsyncRead + AsyncWrite + Unpin, target: &str) {
    let mut onward = TcpStream::connect(target).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut onward).await;
}

/// A PEM file for as long as a test runs.
struct CertificateFile(PathBuf);

impl CertificateFile {
    fn new(pem: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority-{}-{}.pem", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, pem).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for CertificateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_trusted_as_the_environment_says() {
    for variable in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let (_sim, server) = batch().await;
        let (url, authority) = tls_front(server.url()).await;
        let vars = [("AWS_ENDPOINT_URL_BATCH", url.as_str()), (variable, authority.path())];
        let answer = Bootstrap::start(&vars).await.invoke(&request(0)).await.unwrap();
        assert_eq!(outcome(&answer), "cancelled", "{variable}");
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_accepted() {
    let (sim, server) = batch().await;
    let (url, _authority) = tls_front(server.url()).await;
    let error =
        Bootstrap::start(&[("AWS_ENDPOINT_URL", url.as_str())]).await.invoke(&request(0)).await.unwrap_err();
    let report: serde_json::Value = serde_json::from_str(error["errorMessage"].as_str().unwrap()).unwrap();
    assert_eq!(outcome(&report), "unavailable");
    let why = report["results"][0]["why"].as_str().unwrap();
    assert!(why.contains("certificate"), "{why}");
    assert!(sim.calls().is_empty());
}

#[tokio::test]
async fn a_proxy_is_used_where_the_environment_names_one() {
    let (_sim, server) = batch().await;
    let (url, authority) = tls_front(server.url()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tunnels);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut first = String::new();
                stream.read_line(&mut first).await.unwrap();
                let target = first.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    stream.read_line(&mut line).await.unwrap();
                }
                counted.fetch_add(1, Ordering::Relaxed);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                tunnel(stream, &target).await;
            });
        }
    });
    let vars = [
        ("AWS_ENDPOINT_URL_BATCH", url.as_str()),
        ("AWS_CA_BUNDLE", authority.path()),
        ("HTTPS_PROXY", &proxy),
    ];
    let answer = Bootstrap::start(&vars).await.invoke(&request(0)).await.unwrap();
    assert_eq!(outcome(&answer), "cancelled");
    assert_eq!(tunnels.load(Ordering::Relaxed), 1);
}
