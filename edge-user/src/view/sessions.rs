//! `edge sessions` as people read it.

use std::io::{self, Write};

use edge_api::{SessionStatus, Sessions};

use super::table::{plain, text_table};
use crate::units::count;

/// Prints a line for each session, and each one's last fault.
pub fn print(sessions: &Sessions, out: &mut dyn Write) -> io::Result<()> {
    if sessions.sessions.is_empty() {
        return writeln!(
            out,
            "no BGP session: no peering and no VNet link of the configuration has one"
        );
    }
    let header = [
        "session",
        "peer",
        "AS",
        "state",
        "since",
        "routes",
        "limit",
        "refused",
        "told",
        "bfd",
        "own MAC",
        "peer's MAC",
    ];
    let mut table = text_table(header, [2, 5, 6, 7, 8]);
    for session in &sessions.sessions {
        table.add_row([
            name(session),
            session.peer.to_string(),
            session.peer_asn.to_string(),
            session.state.as_str().to_owned(),
            session.since.map_or_else(|| "-".to_owned(), |since| format!("{since:.0}")),
            count(session.routes.into()),
            count(session.limit.into()),
            count(session.routes_refused.into()),
            count(session.routes_told.into()),
            session.bfd.as_ref().map_or("-", |bfd| bfd.state.as_str()).to_owned(),
            session.own_mac.clone(),
            session.neighbour_mac.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    writeln!(out, "{table}")?;
    for session in &sessions.sessions {
        if session.over_limit {
            let limit = count(session.limit.into());
            writeln!(out, "! {}: the peer told more than {limit} routes", name(session))?;
        } else if let Some(error) = &session.last_error {
            let when = if session.is_up() { "before it came up" } else { "last fault" };
            // A peer may say anything in a NOTIFICATION (RFC 9003).
            writeln!(out, "! {}: {when}: {}", name(session), plain(error))?;
        }
    }
    Ok(())
}

/// The session's name for people, such as `contoso/private/primary ipv4`.
fn name(session: &SessionStatus) -> String {
    let end = session.link.as_deref().or(session.vnet.as_deref()).unwrap_or("-");
    format!("{}/{}/{end} {}", session.circuit, session.peering, session.family.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let sessions: Sessions = serde_json::from_str(&json.replace('\n', "")).unwrap();
        let mut out = Vec::new();
        print(&sessions, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_session_has_a_line_and_a_fault_another() {
        let text = text(
            r#"{"sessions":[{"circuit":"contoso","peering":"private","link":"primary","state":
"established","since":"2026-01-02T03:04:05.678Z","routes":1200,"limit":4000,"bfd":{"state":"up","since":
null,"interval_ms":300,"timeout_ms":900},"last_error":"the peer says: bye\u001b[2J","vnet":null,"family":
"ipv4","own":"192.168.15.18","peer":"192.168.15.17","peer_asn":65001,"own_mac":"02:ed:00:00:00:01",
"neighbour_mac":"02:00:00:00:00:01","routes_refused":2,"routes_told":3,"over_limit":false},{"circuit":
"contoso","peering":"private","link":null,"state":"idle","since":null,"routes":0,"limit":1000,"bfd":null,
"last_error":"the peer told more routes than its limit","vnet":"hub","family":"ipv6","own":"fd00::1",
"peer":"fd00::2","peer_asn":65515,"own_mac":"02:ed:00:00:00:02","neighbour_mac":null,"routes_refused":0,
"routes_told":0,"over_limit":true}]}"#,
        );
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(
            lines[1].join(" "),
            "contoso/private/primary ipv4 192.168.15.17 65001 established 2026-01-02T03:04:05Z \
             1,200 4,000 2 3 up 02:ed:00:00:00:01 02:00:00:00:00:01"
        );
        assert_eq!(
            lines[2].join(" "),
            "contoso/private/hub ipv6 fd00::2 65515 idle - 0 1,000 0 0 - 02:ed:00:00:00:02 -"
        );
        assert_eq!(
            lines[3].join(" "),
            "! contoso/private/primary ipv4: before it came up: the peer says: bye\u{fffd}[2J"
        );
        assert_eq!(
            lines[4].join(" "),
            "! contoso/private/hub ipv6: the peer told more than 1,000 routes"
        );
    }

    #[test]
    fn an_edge_without_sessions_says_so() {
        let text = text(r#"{"sessions":[]}"#);
        assert!(text.starts_with("no BGP session: ") && text.lines().count() == 1, "{text}");
    }
}
