//! The HTTP client under the SDK: whom it trusts, and how it gets out.
//!
//! Loading a machine's root certificates takes longer than all else at start. AWS's own endpoints need none of
//! them: they are signed by the roots of Amazon Trust Services, which are built in. For anything else, the
//! machine or the environment says whom to trust.

use std::fs;
use std::time::Duration;

use aws_sdk_batch::config::SharedHttpClient;
use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

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

/// An HTTP client for the environment that `vars` tell of. It is built at once, while a Lambda function has all
/// its CPU, and shares its connections.
///
/// # Errors
///
/// When `AWS_CA_BUNDLE` names a file without usable certificates.
pub(super) fn client<L: Fn(&str) -> Option<String>>(
    vars: &Variables<L>,
    connect_timeout: Duration,
) -> Result<SharedHttpClient, ConfigError> {
    let roots = match trust(vars) {
        Trust::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        Trust::Machine => TrustStore::default(),
        Trust::Bundle(path) => TrustStore::empty().with_pem_certificate(bundle(path)?),
    };
    let mut connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(connect_timeout).build());
    connector.set_sleep_impl(default_async_sleep());
    if ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .any(|variable| vars.get(variable).is_some())
    {
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
    }
    let mut connector = connector.tls_provider(Provider::Rustls(CryptoMode::Ring));
    if let Ok(context) = TlsContext::builder().with_trust_store(roots).build() {
        connector.set_tls_context(context);
    }
    let connector = SharedHttpConnector::new(connector.build());
    Ok(http_client_fn(move |_, _| connector.clone()))
}

/// The address to call instead of AWS's own.
pub(super) fn endpoint<L: Fn(&str) -> Option<String>>(
    vars: &Variables<L>,
) -> Result<Option<String>, ConfigError> {
    if vars.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    Ok(vars.get("AWS_ENDPOINT_URL_BATCH").or_else(|| vars.get("AWS_ENDPOINT_URL")))
}

fn trust<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Trust {
    if let Some(path) = vars.get("AWS_CA_BUNDLE") {
        return Trust::Bundle(path);
    }
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|variable| vars.get(variable).is_some());
    let elsewhere = endpoint(vars).ok().flatten().is_some_and(|url| !url.starts_with("http://"));
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
                Ok(()) => "it holds no certificate".to_owned(),
                Err(problem) => problem,
            }
        }
    };
    Err(ConfigError::Certificates { variable: "AWS_CA_BUNDLE", path, problem })
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
        check(&[("AWS_ENDPOINT_URL_BATCH", "https://vpce-1.example.com")], Trust::Machine);
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

    #[test]
    fn a_bundle_that_cannot_be_used_is_named_with_the_problem() {
        let check = |path: &str, problem: &str| {
            let error = bundle(path.to_owned()).unwrap_err().to_string();
            for part in ["AWS_CA_BUNDLE", path, problem] {
                assert!(error.contains(part), "{error:?} lacks {part:?}");
            }
        };
        check("/no/such/file.pem", "No such file");
        check(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "no certificate");
    }
}
