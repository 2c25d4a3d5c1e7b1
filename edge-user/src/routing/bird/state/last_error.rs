//! The last thing that went wrong with a session.

/// The reason for which a session ended or can't begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// The peer told more routes than the limit.
    RouteLimit,
    /// BFD found the peer gone.
    BfdDown,
    /// The device or the peer's address is not there.
    NeighborLost,
    /// The device has no carrier.
    LinkDown,
    /// The peer sent a NOTIFICATION (RFC 4271, 4.5), by its description.
    Received(String),
    /// BIRD sent a NOTIFICATION, by its description.
    Sent(String),
    /// The connection failed, by the system's description. A wrong MD5 key is among these: the
    /// other end does not answer.
    Socket(String),
    /// Another one, as BIRD describes it.
    Other(String),
}

impl SessionError {
    /// Reads BIRD's `Last error` (`bgp_err_classes` in `proto/bgp/bgp.c`).
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (class, rest) = text.split_once(": ").unwrap_or(("", text));
        match (class, rest) {
            ("Automatic shutdown", "Route limit exceeded") => Self::RouteLimit,
            ("Error", "BFD session down") => Self::BfdDown,
            ("Error", "Neighbor lost") => Self::NeighborLost,
            ("Error", "Link down") => Self::LinkDown,
            ("Received", what) => Self::Received(what.to_owned()),
            ("BGP Error", what) => Self::Sent(what.to_owned()),
            ("Socket", what) => Self::Socket(what.to_owned()),
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl std::fmt::Display for SessionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RouteLimit => f.write_str("the peer told more routes than its limit"),
            Self::BfdDown => f.write_str("BFD found the peer gone"),
            Self::NeighborLost => f.write_str("the device or its address is gone"),
            Self::LinkDown => f.write_str("the device has no carrier"),
            Self::Received(what) => write!(f, "the peer says: {what}"),
            Self::Sent(what) => write!(f, "the peer was told: {what}"),
            Self::Socket(what) => write!(f, "the connection failed: {what}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_known() {
        for (text, error) in [
            ("Automatic shutdown: Route limit exceeded", SessionError::RouteLimit),
            ("Error: BFD session down", SessionError::BfdDown),
            ("Error: Neighbor lost", SessionError::NeighborLost),
            ("Error: Link down", SessionError::LinkDown),
            ("Received: Bad peer AS", SessionError::Received("Bad peer AS".to_owned())),
            ("BGP Error: Hold timer expired", SessionError::Sent("Hold timer expired".to_owned())),
            ("Socket: Connection refused", SessionError::Socket("Connection refused".to_owned())),
            (
                "Error: No listening socket",
                SessionError::Other("Error: No listening socket".to_owned()),
            ),
            ("", SessionError::Other(String::new())),
        ] {
            assert_eq!(SessionError::read(text), error, "{text}");
        }
    }
}
