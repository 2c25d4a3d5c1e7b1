//! Who claims which tags on which port.

use std::collections::{BTreeMap, BTreeSet};

use toml_span::{Span, Spanned};

use super::error::Errors;

/// A circuit's claim to tags on its ports.
pub(super) struct TagClaim<'a> {
    /// The circuit, for messages.
    pub(super) circuit: &'a str,
    /// Names of its ports.
    pub(super) ports: Vec<&'a str>,
    /// Its S-tag; `None`: `Dot1Q`.
    pub(super) s_tag: Option<&'a Spanned<u16>>,
    /// The C-tags of its peerings.
    pub(super) c_tags: Vec<&'a Spanned<u16>>,
}

/// Reports every tag that two have a claim to, once for each pair of places.
pub(super) fn check(claims: &[TagClaim<'_>], errors: &Errors<'_>) {
    let mut ledger = Ledger::new(errors);
    for claim in claims {
        for port in &claim.ports {
            ledger.claim(claim, port);
        }
    }
}

/// Who was first.
#[derive(Clone, Copy)]
struct First<'a> {
    circuit: &'a str,
    at: Span,
}

struct Ledger<'a> {
    /// S-tags, by port and VID. Any number of circuits can use one.
    s_tags: BTreeMap<(&'a str, u16), First<'a>>,
    /// C-tags of `Dot1Q` circuits, by port and VID.
    dot1q: BTreeMap<(&'a str, u16), First<'a>>,
    /// C-tags of QinQ circuits, by port, S-VID and C-VID.
    qinq: BTreeMap<(&'a str, u16, u16), First<'a>>,
    /// Pairs of places that are reported: they are the same on every port.
    reported: BTreeSet<(usize, usize)>,
    errors: &'a Errors<'a>,
}

impl<'a> Ledger<'a> {
    fn new(errors: &'a Errors<'a>) -> Self {
        Self {
            s_tags: BTreeMap::new(),
            dot1q: BTreeMap::new(),
            qinq: BTreeMap::new(),
            reported: BTreeSet::new(),
            errors,
        }
    }

    fn claim(&mut self, claim: &TagClaim<'a>, port: &'a str) {
        let circuit = claim.circuit;
        let Some(s_tag) = claim.s_tag else {
            for c_tag in &claim.c_tags {
                self.claim_dot1q(First { circuit, at: c_tag.span }, port, c_tag.value);
            }
            return;
        };
        let s_vid = s_tag.value;
        if let Some(first) = self.dot1q.get(&(port, s_vid)).copied() {
            let what = format!(
                "S-tag {s_vid} is the C-tag of a Dot1Q circuit on port {port:?}; choose another"
            );
            self.report(s_tag.span, &what, first);
        }
        let mine = First { circuit, at: s_tag.span };
        self.s_tags.entry((port, s_vid)).or_insert(mine);
        for c_tag in &claim.c_tags {
            let c_vid = c_tag.value;
            if let Some(first) = self.qinq.get(&(port, s_vid, c_vid)).copied() {
                let what = format!(
                    "S-tag {s_vid} with C-tag {c_vid} is taken on port {port:?}; choose another"
                );
                self.report(c_tag.span, &what, first);
            } else {
                let mine = First { circuit, at: c_tag.span };
                self.qinq.insert((port, s_vid, c_vid), mine);
            }
        }
    }

    fn claim_dot1q(&mut self, mine: First<'a>, port: &'a str, c_vid: u16) {
        if let Some(first) = self.s_tags.get(&(port, c_vid)).copied() {
            let what = format!(
                "C-tag {c_vid} of a Dot1Q circuit is an S-tag on port {port:?}; choose another"
            );
            self.report(mine.at, &what, first);
        }
        if let Some(first) = self.dot1q.get(&(port, c_vid)).copied() {
            let what = format!("C-tag {c_vid} is taken on port {port:?}; choose another");
            self.report(mine.at, &what, first);
        } else {
            self.dot1q.insert((port, c_vid), mine);
        }
    }

    fn report(&mut self, at: Span, what: &str, first: First<'_>) {
        if self.reported.insert((at.start, first.at.start)) {
            self.errors.add_claimed(at, what, first.at, &format!("circuit {:?}", first.circuit));
        }
    }
}
