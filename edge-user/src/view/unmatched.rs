//! Frames that no circuit claims, as people read them.

use std::io::{self, Write};

use edge_api::{ConditionKind, NearestCircuit, Status, TagFault, Unmatched, UnmatchedFrames};
use edge_common::Reason;
use jiff::SignedDuration;

use super::table::text_table;
use crate::units::count;

/// Combinations of tags that are shown.
const SHOWN: usize = 40;
/// The time for which tags are told in a status.
const LATELY: SignedDuration = SignedDuration::from_mins(10);

/// Prints a line for each port and combination of tags.
pub fn print(unmatched: &Unmatched, out: &mut dyn Write) -> io::Result<()> {
    let Unmatched { unmatched, left_out } = unmatched;
    if unmatched.is_empty() && *left_out == 0 {
        return writeln!(out, "every frame so far belongs to a circuit");
    }
    let header =
        ["port", "TPID", "S", "C", "frames", "bytes", "first", "last", "source", "nearest circuit"];
    let mut table = text_table(header, [2, 3, 4, 5]);
    for frames in unmatched.iter().take(SHOWN) {
        let vid = |vid: Option<u16>| vid.map_or_else(|| "-".to_owned(), |vid| vid.to_string());
        table.add_row([
            frames.port.clone(),
            frames.tpid.clone().unwrap_or_else(|| "-".to_owned()),
            vid(frames.s_vid),
            vid(frames.c_vid),
            count(frames.frames),
            count(frames.bytes),
            format!("{:.0}", frames.first),
            format!("{:.0}", frames.last),
            frames.src_mac.clone(),
            frames.nearest.as_ref().map_or_else(|| "-".to_owned(), nearest_text),
        ]);
    }
    writeln!(out, "{table}")?;
    let hidden = unmatched.iter().skip(SHOWN);
    let (tags, frames) = hidden.fold((0, 0), |sum, more| (sum.0 + 1, sum.1 + more.frames));
    if tags > 0 {
        let (tags, frames) = (count(tags), count(frames));
        writeln!(out, "and {frames} frames with {tags} other combinations of tags: see --json")?;
    }
    if *left_out > 0 {
        let left_out = count(*left_out);
        writeln!(
            out,
            "! {left_out} frames more are not listed: there were too many different tags, or an upgrade or larger \
             tables came after them"
        )?;
    }
    Ok(())
}

/// Whether an edge has counted such frames.
#[must_use]
pub fn has_any(status: &Status) -> bool {
    let reasons = [Reason::Unmatched.as_str(), Reason::Untagged.as_str()];
    status.ports.iter().any(|port| reasons.iter().any(|reason| port.reasons.contains_key(*reason)))
}

/// Prints a line for each port that has had such frames lately: the tags with the most of them. A condition may have told of
/// them before.
pub fn print_lately(unmatched: &Unmatched, status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let is_told = |frames: &UnmatchedFrames| {
        let mut told = status.conditions.iter().filter(|it| it.kind == ConditionKind::MisTagged);
        told.any(|it| it.port.as_ref() == Some(&frames.port))
    };
    let lately = |frames: &UnmatchedFrames| status.taken.duration_since(frames.last) < LATELY;
    let lately: Vec<&UnmatchedFrames> =
        unmatched.unmatched.iter().filter(|it| lately(it) && !is_told(it)).collect();
    for of_port in lately.chunk_by(|one, other| one.port == other.port) {
        let (port, most) = (&of_port[0].port, frames_text(of_port[0]));
        let others = match of_port.len() - 1 {
            0 => String::new(),
            1 => ", and another combination of tags".to_owned(),
            others => format!(", and {} other combinations of tags", count(others as u64)),
        };
        writeln!(out, "! port {port}: {most}{others}: see `edge unmatched`")?;
    }
    Ok(())
}

/// A circuit's tags, and the fault of the frames', such as `contoso (private) has S 100, C 10`.
fn nearest_text(nearest: &NearestCircuit) -> String {
    let NearestCircuit { circuit, peering, port, fault, .. } = nearest;
    let tags = own_tags(nearest);
    let on = port.as_ref().map_or_else(String::new, |port| format!(" on {port}"));
    let fault = match fault {
        None | Some(TagFault::Port) => "",
        Some(TagFault::Tpid) => ": the TPID is wrong",
        Some(TagFault::Swapped) => ": S and C are swapped",
        Some(TagFault::NoSTag) => ": the S-tag is missing",
        Some(TagFault::NoCTag) => ": the C-tag is missing",
        Some(TagFault::Claimed) => ": since then, or more tags follow",
    };
    format!("{circuit} ({peering}) has {tags}{on}{fault}")
}

/// The tags that a circuit has, such as `S 100, C 10`.
#[must_use]
pub fn own_tags(NearestCircuit { s_tag, c_tag, .. }: &NearestCircuit) -> String {
    let s_tag = s_tag.map(|vid| format!("S {vid}"));
    let c_tag = c_tag.as_ref().map(|vids| format!("C {vids}"));
    let tags: Vec<String> = s_tag.into_iter().chain(c_tag).collect();
    if tags.is_empty() { "no tag".to_owned() } else { tags.join(", ") }
}

/// The frames in one line: tags, and the circuit whose tags are nearest.
#[must_use]
pub fn frames_text(frames: &UnmatchedFrames) -> String {
    let nearest = frames.nearest.as_ref().map(|nearest| format!("; {}", nearest_text(nearest)));
    format!("{}{}", with_tags(frames), nearest.unwrap_or_default())
}

/// The number of frames, and their tags.
#[must_use]
pub fn with_tags(frames: &UnmatchedFrames) -> String {
    let tags = match (frames.s_vid, frames.c_vid) {
        (Some(s_vid), Some(c_vid)) => format!("with S {s_vid}, C {c_vid}"),
        (Some(vid), None) => format!("with the one tag {vid}"),
        (None, _) => "without a tag".to_owned(),
    };
    format!("{} frames {tags}", count(frames.frames))
}

#[cfg(test)]
mod tests {
    use edge_api::Condition;
    use jiff::Timestamp;

    use super::*;

    fn text(json: &str) -> String {
        let mut out = Vec::new();
        print(&serde_json::from_str(json).unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_combination_has_a_line_with_the_nearest_circuit() {
        let text = text(
            r#"{"unmatched":[{"port":"customer0","tpid":"0x8100","s_vid":100,"c_vid":11,"frames":1250,"bytes":
127500,"first":"2026-01-01T00:00:00Z","last":"2026-01-01T00:01:00Z","src_mac":"02:00:00:00:00:01","nearest":
{"circuit":"contoso-ams","peering":"private","s_tag":100,"c_tag":"10"}},{"port":"customer0","tpid":null,"s_vid":
null,"c_vid":null,"frames":1,"bytes":60,"first":"2026-01-01T00:00:00Z","last":"2026-01-01T00:00:00Z","src_mac":
"02:00:00:00:00:02","nearest":null}],"left_out":1234}"#,
        );
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines[1..],
            [
                "customer0 0x8100 100 11 1,250 127,500 2026-01-01T00:00:00Z 2026-01-01T00:01:00Z \
                 02:00:00:00:00:01 contoso-ams (private) has S 100, C 10",
                "customer0 - - - 1 60 2026-01-01T00:00:00Z 2026-01-01T00:00:00Z 02:00:00:00:00:02 -",
                "! 1,234 frames more are not listed: there were too many different tags, or an upgrade or \
                 larger tables came after them",
            ]
        );
    }

    #[test]
    fn a_status_has_the_tags_with_the_most_frames_of_late() {
        let frames = |port: &str, s_vid, frames, last: &str| UnmatchedFrames {
            port: port.to_owned(),
            tpid: Some("0x8100".to_owned()),
            s_vid: Some(s_vid),
            c_vid: None,
            c_tpid: None,
            frames,
            bytes: 0,
            first: Timestamp::UNIX_EPOCH,
            last: last.parse().unwrap(),
            src_mac: String::new(),
            nearest: None,
        };
        let unmatched = vec![
            frames("a", 1, 9, "2026-01-01T00:00:00Z"),
            frames("a", 2, 8, "2026-01-01T00:05:00Z"),
            frames("a", 3, 7, "2026-01-01T00:10:00Z"),
            frames("b", 4, 6, "2026-01-01T00:00:00Z"),
            frames("c", 5, 5, "2026-01-01T00:10:00Z"),
        ];
        let mut out = Vec::new();
        let mut status: Status = serde_json::from_str(
            r#"{"edge":"e","uptime_s":1.0,"taken":"2026-01-01T00:10:00Z","ledger":{"state_dir":"/s","state":"ok",
            "error":null,"failing_since":null,"notice":null,"last_booked":null,"exports":[]},"watches_egress":true,
            "ports":[],"circuits":[]}"#,
        )
        .unwrap();
        let unmatched = Unmatched { unmatched, left_out: 0 };
        print_lately(&unmatched, &status, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "! port a: 8 frames with the one tag 2, and another combination of tags: see `edge unmatched`\n\
             ! port c: 5 frames with the one tag 5: see `edge unmatched`\n"
        );
        let told = Condition::new(ConditionKind::MisTagged, Timestamp::UNIX_EPOCH, "told");
        status.conditions = vec![Condition { port: Some("a".to_owned()), ..told }];
        let mut out = Vec::new();
        print_lately(&unmatched, &status, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("! port c: "));
    }

    #[test]
    fn an_edge_without_such_frames_says_so() {
        let text = text(r#"{"unmatched":[],"left_out":0}"#);
        assert_eq!(text, "every frame so far belongs to a circuit\n");
    }

    #[test]
    fn the_fault_of_tags_is_told_in_words() {
        for (json, expected) in [
            (
                r#"{"circuit":"c","peering":"private","s_tag":100,"c_tag":"10","fault":"swapped"}"#,
                "c (private) has S 100, C 10: S and C are swapped",
            ),
            (
                r#"{"circuit":"c","peering":"public","s_tag":null,"c_tag":"10-19","port":"customer1","fault":"port"}"#,
                "c (public) has C 10-19 on customer1",
            ),
            (
                r#"{"circuit":"c","peering":"microsoft","s_tag":null,"c_tag":null,"port":"core0","fault":"port"}"#,
                "c (microsoft) has no tag on core0",
            ),
        ] {
            assert_eq!(nearest_text(&serde_json::from_str(json).unwrap()), expected);
        }
    }
}
