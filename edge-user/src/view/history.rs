//! The configurations that an edge has had, as people read them.

use std::io::{self, Write};

use edge_api::{History, Revision, RevisionOrigin};

use super::table::{plain, text_table};

/// Prints a line for each revision.
pub fn print(history: &History, out: &mut dyn Write) -> io::Result<()> {
    if history.revisions.is_empty() {
        return writeln!(out, "no configuration is kept");
    }
    let mut table = text_table(["revision", "at", "by", "user", "changes", "message"], [0]);
    for Revision { revision, at, by, user, message, summary, .. } in &history.revisions {
        let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), plain);
        table.add_row([
            revision.to_string(),
            format!("{at:.0}"),
            origin(*by).to_owned(),
            text(user),
            plain(summary),
            text(message),
        ]);
    }
    writeln!(out, "{table}")
}

/// The way in which a configuration came, in a word.
pub(super) const fn origin(by: RevisionOrigin) -> &'static str {
    match by {
        RevisionOrigin::Start => "start",
        RevisionOrigin::Reload => "reload",
        RevisionOrigin::Apply => "apply",
        RevisionOrigin::Rollback => "rollback",
        RevisionOrigin::SetBandwidth => "set-bandwidth",
        RevisionOrigin::Deadline => "deadline",
    }
}
