//! Answers on BIRD's control socket (`doc/reply_codes` and `cli_printf` in `nest/cli.c` of BIRD's
//! sources).
//!
//! ```text
//! 1002-c1v4       BGP        ---        up     …     a line, and more will follow
//!  c2v4       BGP        …                           another one of the same code
//! +Config timeout expired                            said without being asked
//! 0000                                               the last one
//! ```

/// BIRD cuts a line that is longer than its buffer, and has this in its place.
const OVERFLOW: &str = "<line overflow>";

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdReply {
    /// The lines before the last, each with its code.
    pub lines: Vec<(u16, String)>,
    /// The last line's code.
    pub code: u16,
    /// The last line's text.
    pub text: String,
}

impl BirdReply {
    /// Whether BIRD did what it was told: errors at run time have codes from 8000 on, and errors of
    /// the command from 9000 on.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.code < 8_000
    }

    /// The texts of the lines before the last.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(_, text)| text.as_str())
    }
}

/// Puts an answer together from its lines.
#[derive(Debug, Default)]
pub struct ReplyReader {
    lines: Vec<(u16, String)>,
}

/// A line that no answer of BIRD has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no line of an answer of BIRD")]
pub struct StrangeLine(String);

impl ReplyReader {
    /// Takes a line, without its end. The last one makes the answer whole.
    pub fn take(&mut self, line: &str) -> Result<Option<BirdReply>, StrangeLine> {
        let strange = || StrangeLine(line.chars().take(100).collect());
        if line.starts_with('+') {
            return Ok(None);
        }
        if let Some(text) = line.strip_prefix(' ') {
            let (code, _) = self.lines.last().ok_or_else(strange)?;
            self.lines.push((*code, text.to_owned()));
            return Ok(None);
        }
        let (code, rest) = line.split_at_checked(4).ok_or_else(strange)?;
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(strange());
        }
        let code = code.parse().map_err(|_no_number| strange())?;
        if let Some(text) = rest.strip_prefix('-') {
            // The code of a cut line is an error's, and the answer is none.
            let before = self.lines.last().map(|(code, _)| *code);
            let code = before.filter(|_| text == OVERFLOW).unwrap_or(code);
            self.lines.push((code, text.to_owned()));
            return Ok(None);
        }
        let text = rest.strip_prefix(' ').ok_or_else(strange)?.to_owned();
        Ok(Some(BirdReply { lines: std::mem::take(&mut self.lines), code, text }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Result<Option<BirdReply>, StrangeLine> {
        let mut reader = ReplyReader::default();
        let mut whole = None;
        for line in lines {
            whole = reader.take(line)?;
        }
        Ok(whole)
    }

    #[test]
    fn an_answer_ends_with_its_last_line() {
        let reply = read(&["1007-Table a:", " b", "+news", "1008-\tType: x", " ", "0000 "]);
        let reply = reply.expect("lines of BIRD").expect("a whole answer");
        let text = |code, text: &str| (code, text.to_owned());
        assert_eq!(
            reply.lines,
            [text(1007, "Table a:"), text(1007, "b"), text(1008, "\tType: x"), text(1008, "")]
        );
        assert!(reply.is_done() && reply.code == 0);
        let refused = read(&["0002-Reading configuration from x", "8002 x:1:1 syntax error"]);
        let refused = refused.expect("lines of BIRD").expect("a whole answer");
        assert!(!refused.is_done());
        assert_eq!(refused.text, "x:1:1 syntax error");
        assert_eq!(read(&["1007-a"]), Ok(None));
    }

    #[test]
    fn a_cut_line_is_no_error() {
        let reply = read(&["1012-\tBGP.origin: IGP", "8000-<line overflow>", " rest", "0000 "]);
        let reply = reply.expect("lines of BIRD").expect("a whole answer");
        assert!(reply.is_done());
        assert_eq!(reply.lines[1], (1012, OVERFLOW.to_owned()));
        assert_eq!(reply.lines[2].0, 1012);
    }

    #[test]
    fn other_lines_are_strange() {
        for line in ["", "x", " first", "12 34", "+123", "0000", "00000 ", "é000 a", "HTTP/1.1 400"]
        {
            let read = read(&[line]);
            assert!(read.is_err() || (line.starts_with('+') && read == Ok(None)), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn answers_are_read_as_written(
            lines in prop::collection::vec((0_u16..8_000, "[^\n\r+<]{0,40}"), 0..20),
            code in 0_u16..10_000,
            text in "[^\n\r]{0,40}",
        ) {
            // As `cli_printf` writes them: the code only where it differs from the one before.
            let mut reader = ReplyReader::default();
            let mut last = None;
            for (code, text) in &lines {
                let line = if last == Some(*code) { format!(" {text}") } else { format!("{code:04}-{text}") };
                last = Some(*code);
                prop_assert_eq!(reader.take(&line), Ok(None));
            }
            let reply = reader.take(&format!("{code:04} {text}"));
            prop_assert_eq!(reply, Ok(Some(BirdReply { lines, code, text })));
        }

        #[test]
        fn no_text_is_too_strange(lines in prop::collection::vec("\\PC{0,12}", 0..8)) {
            let mut reader = ReplyReader::default();
            for line in &lines {
                let _ = reader.take(line);
            }
        }
    }
}
