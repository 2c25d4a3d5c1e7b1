//! Functions of the configuration, each named after its text.
//!
//! Sessions share them: before 2.18, BIRD's reader remembers each word of each filter's braces, and
//! looks through all of these for the next one, so that four thousand sessions with filters of their
//! own took half a minute of a CPU. And BIRD takes a filter that calls another function for another
//! filter: a name that depended on the other sessions would have it ask peers for all their routes
//! again.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::writer::ConfigWriter;
use crate::routing::bird::version::BirdVersion;

/// Bytes of a text's hash that its name has.
const NAME_BYTES: usize = 8;

/// The functions of a configuration.
pub(super) struct FilterFunctions {
    texts: BTreeMap<String, String>,
    result: &'static str,
}

impl FilterFunctions {
    /// No function yet, in the notation of a version.
    pub(super) fn new(version: BirdVersion) -> Self {
        let result = if version.types_functions() { " -> bool" } else { "" };
        Self { texts: BTreeMap::new(), result }
    }

    /// The name of the function with these parameters and this body. It is one of the
    /// configuration's from now on.
    pub(super) fn name(&mut self, kind: &str, parameters: &str, body: &[String]) -> String {
        let mut out = ConfigWriter::default();
        let lines = |out: &mut ConfigWriter| {
            for line in body {
                out.line(line);
            }
        };
        out.block(format!("({parameters}){}", self.result), lines);
        let text = out.finish();
        let hash = Sha256::digest(&text);
        let hash = hash[..NAME_BYTES].iter().map(|byte| format!("{byte:02x}"));
        let name = format!("edge_{kind}_{}", hash.collect::<String>());
        self.texts.entry(name.clone()).or_insert(text);
        name
    }

    /// Writes all of them, in the order of their names.
    pub(super) fn write(self, out: &mut ConfigWriter) {
        for (name, text) in self.texts {
            out.lines(&format!("function {name}{text}"));
        }
    }
}
