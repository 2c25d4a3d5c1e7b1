//! Roles: an operator may change the edge, a reader may only look.

use axum::{extract::FromRequestParts, http::request::Parts};
use nix::unistd::{Uid, geteuid};
use tokio::net::UnixStream;

use super::error::ApiError;

/// The role of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It may look.
    Reader,
    /// It may look, and change the edge.
    Operator,
}

impl Role {
    /// The role of a client of the control socket. Root and the daemon's own user are operators.
    /// Other users may only look, and can only connect where the socket's mode or group was
    /// changed.
    pub(super) fn of(stream: &UnixStream) -> Self {
        match stream.peer_cred() {
            Ok(peer) => Self::of_user(Uid::from_raw(peer.uid()), geteuid()),
            Err(_) => Self::Reader,
        }
    }

    fn of_user(user: Uid, own: Uid) -> Self {
        if user.is_root() || user == own { Self::Operator } else { Self::Reader }
    }
}

/// A client that may change the edge: a handler that takes one refuses all others.
pub(super) struct Operator;

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Role>() {
            Some(Role::Operator) => Ok(Self),
            Some(Role::Reader) | None => Err(ApiError::forbidden()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_daemons_user_are_operators() {
        let [root, own, other] = [0, 990, 1000].map(Uid::from_raw);
        for (user, own, role) in [
            (root, root, Role::Operator),
            (root, own, Role::Operator),
            (own, own, Role::Operator),
            (other, own, Role::Reader),
            (other, root, Role::Reader),
        ] {
            assert_eq!(Role::of_user(user, own), role);
        }
    }
}
