//! The HTTP client under the SDK: whom it trusts, and how it gets out.
//!
//! Loading a machine's root certificates takes longer than all else at start. AWS's own endpoints need none of
//! them: they are signed by the roots of Amazon Trust Services, which are built in. For anything else, the
//! machine or the environment says whom to trust.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::pool::Pool;
use crate::config::{ConfigError, Variables};

/// The five roots that AWS's endpoints are signed by (Amazon Trust Services: Amazon Root CA 1 to 4, Starfield
/// Services Root G2), valid until 2037 and later.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Whose certificates to accept.
#[derive(Debug, PartialEq, Eq)]
enum Trust {
    /// Amazon Trust Services only.
    Amazon,
    /// The machine's roots, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` say.
    Machine,
    /// The certificates in this file, as `AWS_CA_BUNDLE` says.
    Bundle(String),
}

/// The variables that name another address for a service, each before that for all.
pub(super) const BATCH: &str = "AWS_ENDPOINT_URL_BATCH";
pub(super) const SQS: &str = "AWS_ENDPOINT_URL_SQS";
pub(super) const EVENTBRIDGE: &str = "AWS_ENDPOINT_URL_EVENTBRIDGE";

/// The variables that name a proxy.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Connections for the environment that `vars` tell of. The first pool is set up at once, while a Lambda function
/// has all its CPU; a later one reads nothing from disk any more.
///
/// # Errors
///
/// When a variable names certificates or a proxy that cannot be used.
pub(super) fn pool<L: Fn(&str) -> Option<String>>(
    vars: &Variables<L>,
    connect_timeout: Duration,
) -> Result<Arc<Pool>, ConfigError> {
    let roots = match trust(vars) {
        Trust::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        Trust::Machine => {
            check_named_roots(vars)?;
            TrustStore::default()
        }
        Trust::Bundle(path) => TrustStore::empty().with_pem_certificate(bundle(path)?),
    };
    let mut connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(connect_timeout).build());
    connector.set_sleep_impl(default_async_sleep());
    if has_proxy(vars)? {
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
    }
    let mut connector = connector.tls_provider(Provider::Rustls(CryptoMode::Ring));
    if let Ok(context) = TlsContext::builder().with_trust_store(roots).build() {
        connector.set_tls_context(context);
    }
    Ok(Pool::new(move || SharedHttpConnector::new(connector.clone().build())))
}

/// The address to call instead of AWS's own, of the service that the variable is for.
///
/// # Errors
///
/// When it is none that could be called.
pub(super) fn endpoint<L: Fn(&str) -> Option<String>>(
    vars: &Variables<L>,
    variable: &'static str,
) -> Result<Option<String>, ConfigError> {
    if vars.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    for variable in [variable, "AWS_ENDPOINT_URL"] {
        if let Some(url) = vars.get(variable) {
            let usable = url.parse().is_ok_and(|uri: Uri| uri.scheme().is_some() && has_host(&uri));
            return if usable { Ok(Some(url)) } else { Err(not_a_url(variable, &url, "AWS's own endpoint")) };
        }
    }
    Ok(None)
}

/// Whether a proxy is named.
fn has_proxy<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Result<bool, ConfigError> {
    let mut named = false;
    for variable in PROXIES {
        if let Some(url) = vars.get(variable) {
            named = true;
            // As with other tools, `proxy.example.com:3128` is `http`. What does not parse would be passed over.
            if !url.parse().is_ok_and(|uri: Uri| has_host(&uri)) {
                return Err(not_a_url(variable, &url, "no proxy"));
            }
        }
    }
    Ok(named)
}

/// Whether an address has a host and a port that exists, and nothing but HTTP is asked for there.
fn has_host(uri: &Uri) -> bool {
    let Some(authority) = uri.authority() else { return false };
    let host_and_port = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, rest)| rest);
    let port = host_and_port.strip_prefix(authority.host());
    let port_exists = port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some());
    matches!(uri.scheme_str(), None | Some("http" | "https")) && !authority.host().is_empty() && port_exists
}

fn not_a_url(variable: &'static str, value: &str, default: &str) -> ConfigError {
    // What stands before an @ is a password.
    let value = value.rsplit_once('@').map_or_else(|| value.to_owned(), |(_, rest)| format!("…@{rest}"));
    ConfigError::Invalid {
        variable,
        value,
        allowed: "an http:// or https:// URL with a host, such as https://batch.example.com:8443".to_owned(),
        default: default.to_owned(),
    }
}

fn trust<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Trust {
    if let Some(path) = vars.get("AWS_CA_BUNDLE") {
        return Trust::Bundle(path);
    }
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|variable| vars.get(variable).is_some());
    let elsewhere = [BATCH, SQS, EVENTBRIDGE].into_iter().any(|variable| {
        endpoint(vars, variable).ok().flatten().is_some_and(|url| !url.starts_with("http://"))
    });
    let region = vars.get("AWS_REGION").or_else(|| vars.get("AWS_DEFAULT_REGION"));
    if named || elsewhere || !region.is_none_or(|region| is_at_amazonaws_com(&region)) {
        Trust::Machine
    } else {
        Trust::Amazon
    }
}

/// Whether a region's endpoints are under amazonaws.com. Those of the partitions in China, in Europe's
/// sovereign cloud and of the isolated ones are not, and have other authorities.
fn is_at_amazonaws_com(region: &str) -> bool {
    !["cn-", "eusc-"].iter().any(|prefix| region.starts_with(prefix)) && !region.contains("iso")
}

/// Checks what the variables name that OpenSSL knows: whoever loads them passes over what cannot be used, and
/// would then trust nobody.
fn check_named_roots<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Result<(), ConfigError> {
    if let Some(path) = vars.get("SSL_CERT_FILE") {
        let found = fs::read(&path).map_err(|error| error.to_string()).and_then(|pem| {
            let usable = |der: CertificateDer<'_>| RootCertStore::empty().add(der.into_owned()).is_ok();
            let any = CertificateDer::pem_slice_iter(&pem).any(|der| der.is_ok_and(usable));
            any.then_some(()).ok_or_else(|| NO_CERTIFICATE.to_owned())
        });
        found.map_err(|problem| unusable("SSL_CERT_FILE", path, problem, PEM_FILE))?;
    }
    if let Some(paths) = vars.get("SSL_CERT_DIR") {
        let mut named = env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty());
        let found = named.try_for_each(|path| readable(&path));
        found
            .map_err(|problem| unusable("SSL_CERT_DIR", paths, problem, "a directory of PEM certificates"))?;
    }
    Ok(())
}

fn readable(directory: &Path) -> Result<(), String> {
    fs::read_dir(directory).map(drop).map_err(|error| format!("{}: {error}", directory.display()))
}

/// The certificates of a file, checked one by one: the connector would panic on a bad one.
fn bundle(path: String) -> Result<Vec<u8>, ConfigError> {
    let problem = match fs::read(&path) {
        Err(error) => error.to_string(),
        Ok(pem) => {
            let mut roots = RootCertStore::empty();
            let read = CertificateDer::pem_slice_iter(&pem).try_for_each(|certificate| {
                let certificate = certificate.map_err(|error| error.to_string())?;
                roots.add(certificate).map_err(|error| error.to_string())
            });
            match read {
                Ok(()) if !roots.is_empty() => return Ok(pem),
                Ok(()) => NO_CERTIFICATE.to_owned(),
                Err(problem) => problem,
            }
        }
    };
    Err(unusable("AWS_CA_BUNDLE", path, problem, PEM_FILE))
}

const NO_CERTIFICATE: &str = "it holds no certificate";
const PEM_FILE: &str = "a file of PEM certificates";

fn unusable(variable: &'static str, path: String, problem: String, needed: &'static str) -> ConfigError {
    ConfigError::Certificates { variable, path, problem, needed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(set: &'static [(&str, &str)]) -> Variables<impl Fn(&str) -> Option<String>> {
        Variables::non_empty(move |name| {
            set.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn aws_itself_is_known_and_everyone_else_is_the_environments_matter() {
        let check = |set, expected| assert_eq!(trust(&vars(set)), expected, "{set:?}");
        check(&[("AWS_REGION", "eu-west-1")], Trust::Amazon);
        check(&[("AWS_REGION", "us-gov-west-1")], Trust::Amazon);
        check(&[("AWS_REGION", "cn-north-1")], Trust::Machine);
        check(&[("AWS_REGION", "us-iso-east-1")], Trust::Machine);
        check(&[("AWS_REGION", "eusc-de-east-1")], Trust::Machine);
        check(&[("AWS_REGION", "us-east-1"), ("SSL_CERT_FILE", "/ca.pem")], Trust::Machine);
        check(&[("AWS_REGION", "us-east-1"), ("SSL_CERT_DIR", "/ca")], Trust::Machine);
        check(&[("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "https://localhost")], Trust::Machine);
        for variable in [BATCH, SQS, EVENTBRIDGE] {
            let vars = |name: &str| (name == variable).then(|| "https://vpce-1.example.com".to_owned());
            assert_eq!(trust(&Variables::non_empty(vars)), Trust::Machine, "{variable}");
        }
        // Nobody is asked for a certificate there.
        check(&[("AWS_ENDPOINT_URL_BATCH", "http://localhost:4599")], Trust::Amazon);
        check(
            &[("AWS_ENDPOINT_URL", "https://localhost"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
            Trust::Amazon,
        );
        check(&[("AWS_CA_BUNDLE", "/b.pem"), ("SSL_CERT_FILE", "/ca.pem")], Trust::Bundle("/b.pem".into()));
    }

    #[test]
    fn the_built_in_roots_are_five_usable_certificates() {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
            roots.add(certificate.unwrap()).unwrap();
        }
        assert_eq!(roots.len(), 5);
    }

    /// What a start with this one variable set says.
    fn refusal(variable: &str, value: &str) -> Option<String> {
        let vars = Variables::non_empty(|name: &str| (name == variable).then(|| value.to_owned()));
        let start =
            [BATCH, SQS, EVENTBRIDGE].into_iter().try_for_each(|name| endpoint(&vars, name).map(drop));
        let start = start.and_then(|()| pool(&vars, Duration::from_secs(1)));
        start.err().map(|error| error.to_string())
    }

    #[track_caller]
    fn check_refused(variable: &str, value: &str, parts: &[&str]) {
        let refusal = refusal(variable, value).unwrap_or_default();
        for part in [&[variable, value], parts].concat() {
            assert!(refusal.contains(part), "{refusal:?} lacks {part:?}");
        }
    }

    #[test]
    fn an_endpoint_that_cannot_be_called_is_refused() {
        for variable in [BATCH, SQS, EVENTBRIDGE, "AWS_ENDPOINT_URL"] {
            for url in [
                "localhost:4599",
                "localhost",
                "/v1",
                "ftp://localhost",
                "http://",
                "https:///v1",
                "http://:80",
                "http://localhost:port",
                "http://localhost:99999",
                "http://local host:4599",
                " http://localhost:4599",
                "http://localhost:4599 ",
                "what is this",
            ] {
                check_refused(variable, url, &["http:// or https:// URL", "AWS's own endpoint"]);
            }
            for url in [
                "http://localhost:4599",
                "http://localhost:4599/",
                "http://127.0.0.1",
                "http://[::1]:4599",
                "http://localhost:4599/some/path",
            ] {
                assert_eq!(refusal(variable, url), None, "{url}");
            }
        }
        assert!(endpoint(&vars(&[("AWS_ENDPOINT_URL", "https://vpce-1.example.com")]), BATCH).is_ok());
        // What is ignored may be anything.
        assert_eq!(
            endpoint(
                &vars(&[("AWS_ENDPOINT_URL", "nonsense"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),]),
                BATCH
            ),
            Ok(None)
        );
    }

    #[test]
    fn a_proxy_that_would_be_passed_over_is_refused() {
        for variable in PROXIES {
            for url in ["http://", "ftp://proxy", "socks5://proxy", "my proxy:3128", "http://proxy:port"] {
                check_refused(variable, url, &["http:// or https:// URL", "no proxy"]);
            }
            for url in ["http://proxy.example.com:3128", "proxy.example.com:3128", "http://me:pw@proxy:3128/"]
            {
                assert_eq!(refusal(variable, url), None, "{url}");
            }
        }
        let refusal = refusal("HTTPS_PROXY", "http://me:secret@proxy:port").unwrap();
        assert!(refusal.contains("…@proxy:port") && !refusal.contains("secret"), "{refusal}");
    }

    #[test]
    fn certificates_that_cannot_be_used_are_named_with_the_problem() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let directory = env!("CARGO_MANIFEST_DIR");
        for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
            check_refused(variable, "/no/such/file.pem", &["No such file", "a file of PEM certificates"]);
            check_refused(variable, manifest, &["no certificate", "a file of PEM certificates"]);
            check_refused(variable, directory, &["directory", "a file of PEM certificates"]);
        }
        check_refused("SSL_CERT_DIR", "/no/such/dir", &["No such file", "a directory of PEM certificates"]);
        check_refused("SSL_CERT_DIR", manifest, &["Not a directory"]);
        check_refused("SSL_CERT_DIR", &format!("{directory}:/no/such/dir"), &["/no/such/dir: No such file"]);
    }

    #[test]
    fn certificates_that_can_be_used_are() {
        let roots = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/amazon-roots.pem");
        assert_eq!(refusal("AWS_CA_BUNDLE", roots), None);
        for set in [
            [("SSL_CERT_FILE", roots), ("SSL_CERT_DIR", "")],
            [("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", env!("CARGO_MANIFEST_DIR"))],
            [("SSL_CERT_FILE", roots), ("SSL_CERT_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "::/"))],
        ] {
            let vars = Variables::non_empty(|name: &str| {
                set.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(check_named_roots(&vars), Ok(()), "{set:?}");
        }
    }
}
