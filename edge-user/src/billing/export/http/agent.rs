//! The HTTP client with the settings of this export.

use std::{sync::Arc, time::Duration};

use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig, TlsProvider},
    unversioned::{
        resolver::DefaultResolver,
        transport::{Connector as _, RustlsConnector, TcpConnector},
    },
};

use super::early::{EarlyAnswers, Unsent};

/// Limits of the time that a request may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For a connection to one address.
    pub(super) connect: Duration,
    /// For a piece of the body. After it, an answer may say why the receiver reads no more.
    pub(super) write: Duration,
    /// From looking up the name to the end of the answer.
    pub(super) whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            write: Duration::from_secs(20),
            whole: Duration::from_mins(1),
        }
    }
}

/// An HTTP client. It notes bytes that could not be sent in `unsent`.
pub(super) fn agent(timeouts: Timeouts, unsent: Unsent) -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        // No proxy from the environment: it would send records another way.
        .proxy(None)
        .user_agent(concat!("edge/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(timeouts.connect))
        .timeout_per_write(Some(timeouts.write))
        .timeout_global(Some(timeouts.whole))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Connections are kept for a moment only, to catch up. A receiver may close one that is
        // idle until the next batch, which would look like a failure.
        .max_idle_age(Duration::from_secs(5))
        .build();
    let connector =
        ().chain(TcpConnector::default())
            .chain(EarlyAnswers(unsent))
            .chain(RustlsConnector::default());
    Agent::with_parts(config, connector, DefaultResolver::default())
}
