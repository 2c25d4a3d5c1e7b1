//! A receiver by HTTPS, whose certificate the system trusts or not.
//!
//! `tls` has a certificate for 127.0.0.1, valid until 2126, and that of the authority which has
//! signed it and whose key is gone.

use std::{
    env,
    io::{BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::{batch, child_of, server::read_head};
use crate::billing::export::{DeliveryError, FailureKind, Http, Receiver as _};

const IS_TRUSTED: &str = "EDGE_TEST_TRUSTED";

#[test]
fn a_certificate_counts_if_the_system_trusts_its_authority() {
    let authority =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/billing/export/tests/tls/authority.pem");
    if env::var_os(IS_TRUSTED).is_none() {
        let test =
            concat!(module_path!(), "::a_certificate_counts_if_the_system_trusts_its_authority");
        // In a process of its own, whose system store is this authority.
        let mut child = child_of(test, IS_TRUSTED, Path::new("1"));
        let child = child.env("SSL_CERT_FILE", &authority).env_remove("SSL_CERT_DIR");
        assert!(child.status().unwrap().success());

        let (error, requests) = deliver("127.0.0.1");
        let error = error.unwrap_err();
        assert_eq!(error.kind, FailureKind::Tls, "{error}");
        assert!(error.message.contains("certificate store"), "{error}");
        assert_eq!(requests, 0, "not even a header is sent");
        return;
    }
    let (delivered, requests) = deliver("127.0.0.1");
    delivered.unwrap();
    assert_eq!(requests, 1);
    // It is not a certificate for this name.
    let (error, requests) = deliver("localhost");
    assert_eq!(error.unwrap_err().kind, FailureKind::Tls);
    assert_eq!(requests, 0);
}

/// Sends a batch to a server of this name: what comes of it, and how many batches arrived.
fn deliver(name: &str) -> (Result<(), DeliveryError>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (arrived, arrivals) = mpsc::channel();
    let server = thread::spawn(move || {
        let (stream, _peer) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config())).unwrap();
        let mut reader = BufReader::new(StreamOwned::new(connection, stream));
        // A client that does not trust the certificate goes.
        let Ok((_request, length)) = read_head(&mut reader) else { return };
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        arrived.send(()).unwrap();
        reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        reader.get_mut().flush().unwrap();
    });
    let url = format!("https://{name}:{}/usage", address.port());
    let delivered = Http::new(&url, None).deliver(&batch(1, 3));
    server.join().unwrap();
    (delivered, arrivals.iter().count())
}

fn config() -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/receiver.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/receiver.key")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}
