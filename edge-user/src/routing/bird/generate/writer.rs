//! Lines and blocks of the configuration.

use std::fmt::Write as _;

/// The text of a configuration while it is written.
#[derive(Default)]
pub(super) struct ConfigWriter {
    text: String,
    depth: usize,
}

impl ConfigWriter {
    /// One line.
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let width = 2 * self.depth;
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{:width$}{}", "", line.as_ref());
    }

    /// Lines that are written already.
    pub(super) fn lines(&mut self, lines: &str) {
        for line in lines.lines() {
            self.line(line);
        }
    }

    /// A head, and what `inside` writes between braces.
    pub(super) fn block(&mut self, head: impl AsRef<str>, inside: impl FnOnce(&mut Self)) {
        self.enclose(head.as_ref(), "}", inside);
    }

    /// A block that is an option of the one around it.
    pub(super) fn option(&mut self, head: impl AsRef<str>, inside: impl FnOnce(&mut Self)) {
        self.enclose(head.as_ref(), "};", inside);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn enclose(&mut self, head: &str, end: &str, inside: impl FnOnce(&mut Self)) {
        self.line(format!("{head} {{"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line(end);
    }
}
