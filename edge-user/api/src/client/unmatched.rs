//! The question for frames that no circuit claims.

use hyper::Method;

use super::{Client, ClientError};
use crate::Unmatched;

impl Client {
    /// Frames that no circuit claims, by their tags.
    pub fn unmatched(&self) -> Result<Unmatched, ClientError> {
        self.document(Method::GET, "/v1/unmatched", None)
    }

    /// The document of [`Self::unmatched`] as the daemon sent it, with fields that this version may not know.
    pub fn unmatched_json(&self) -> Result<String, ClientError> {
        self.text("/v1/unmatched")
    }
}
