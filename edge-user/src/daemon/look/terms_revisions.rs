//! The revision of the configuration with which terms began or ended: one that noted a change of terms at that moment, and
//! whose text has it. Where there is none, or more than one, nobody knows.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use edge_api::Revision;
use jiff::{SignedDuration, Timestamp};

use crate::{
    config,
    daemon::{error::Result, instructions::Instructions, revisions::Revisions},
    model::Terms,
};

/// The ledger dates a change by the time since boot, and a revision by the clock, which may be slewed meanwhile.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// The revisions that are kept, and the terms of those that were looked at.
pub(super) struct TermsRevisions {
    revisions: Revisions,
    history: Vec<Revision>,
    terms: HashMap<u64, Option<BTreeMap<String, Terms>>>,
}

impl TermsRevisions {
    /// Reads those in a state directory.
    pub(super) fn read(state_dir: &Path) -> Result<Self> {
        let revisions = Revisions::of(state_dir);
        let history = revisions.history()?.revisions;
        Ok(Self { revisions, history, terms: HashMap::new() })
    }

    /// The revision with which `terms` began at a moment; `None`: not known.
    pub(super) fn began(&mut self, terms: &Terms, at: Timestamp) -> Option<Revision> {
        self.only(at, &terms.circuit, |before, after| before != Some(terms) && after == Some(terms))
    }

    /// The revision with which `terms` ended at a moment; `None`: not known.
    pub(super) fn ended(&mut self, terms: &Terms, at: Timestamp) -> Option<Revision> {
        self.only(at, &terms.circuit, |before, after| before == Some(terms) && after != Some(terms))
    }

    /// The only revision of a moment that makes such a change of a circuit's terms.
    fn only(
        &mut self,
        at: Timestamp,
        circuit: &str,
        is_change: impl Fn(Option<&Terms>, Option<&Terms>) -> bool,
    ) -> Option<Revision> {
        let is_then = |it: &&Revision| {
            it.terms_at.is_some_and(|noted| noted.duration_since(at).abs() <= SAME_MOMENT)
        };
        let then: Vec<Revision> = self.history.iter().filter(is_then).cloned().collect();
        let mut found = then.into_iter().filter(|revision| {
            // Without the one before, nobody can tell which of the terms are new.
            let before = match revision.revision {
                1 => Some(None),
                number => self.terms_in(number - 1).map(|all| all.get(circuit).cloned()),
            };
            let after = self.terms_in(revision.revision).map(|all| all.get(circuit));
            before.zip(after).is_some_and(|(before, after)| is_change(before.as_ref(), after))
        });
        let one = found.next();
        one.filter(|_| found.next().is_none())
    }

    /// The terms of a revision by circuit; `None`: it is not kept, or this version can't read it.
    fn terms_in(&mut self, number: u64) -> Option<&BTreeMap<String, Terms>> {
        let revisions = &self.revisions;
        let terms = self.terms.entry(number).or_insert_with(|| {
            let text = revisions.text(number).ok().flatten()?;
            let config = config::parse(&text, Path::new("a revision")).ok()?;
            let terms = Instructions::new(&config).terms.into_iter();
            Some(terms.map(|terms| (terms.circuit.clone(), terms)).collect())
        });
        terms.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use edge_api::RevisionOrigin;
    use tempfile::TempDir;

    use super::*;
    use crate::config::sample::{Sample, SampleCircuit, SamplePort};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + second).unwrap()
    }

    fn text(circuits: &[(&str, &str)]) -> String {
        let circuits = circuits
            .iter()
            .zip(10..)
            .map(|((name, rate), tag)| SampleCircuit::new(*name, *rate).peering("private", tag));
        Sample::new("e").port(SamplePort::new("p", "core")).circuits(circuits).to_string()
    }

    fn terms(text: &str, circuit: &str) -> Terms {
        let config = config::parse(text, Path::new("edge.toml")).unwrap();
        let mut terms = Instructions::new(&config).terms.into_iter();
        terms.find(|terms| terms.circuit == circuit).unwrap()
    }

    /// Keeps texts as revisions 1, 2, …, each with the second at which it changed terms.
    fn kept(texts: &[(&str, Option<i64>)]) -> (TempDir, TermsRevisions) {
        let directory = TempDir::new().unwrap();
        let revisions = Revisions::of(directory.path());
        for (text, terms_at) in texts {
            let about = |revision| Revision {
                revision,
                at: at(0),
                by: RevisionOrigin::Apply,
                user: Some("anna".to_owned()),
                message: None,
                digest: String::new(),
                summary: String::new(),
                terms_at: terms_at.map(at),
            };
            revisions.keep(text, about).unwrap();
        }
        let read = TermsRevisions::read(directory.path()).unwrap();
        (directory, read)
    }

    fn number(revision: Option<Revision>) -> Option<u64> {
        revision.map(|it| it.revision)
    }

    #[test]
    fn who_changed_terms_is_known_exactly_or_not_at_all() {
        let one = text(&[("a", "1 Gbps"), ("b", "1 Gbps")]);
        let two = text(&[("a", "2 Gbps"), ("b", "1 Gbps")]);
        let renamed = text(&[("c", "2 Gbps"), ("b", "1 Gbps")]);
        let [a1, a2, b1] = [terms(&one, "a"), terms(&two, "a"), terms(&one, "b")];
        let c2 = terms(&renamed, "c");
        let texts = [(&*one, Some(0)), (&*two, Some(100)), (&*two, None), (&*renamed, Some(200))];
        let (_directory, mut kept) = kept(&texts);
        assert_eq!(number(kept.began(&a1, at(0))), Some(1));
        assert_eq!(number(kept.began(&b1, at(0))), Some(1));
        assert_eq!(number(kept.ended(&a1, at(100))), Some(2));
        assert_eq!(number(kept.began(&a2, at(101))), Some(2), "clocks may be slewed");
        assert_eq!(number(kept.ended(&a2, at(200))), Some(4));
        assert_eq!(number(kept.began(&c2, at(200))), Some(4));
        // Another moment, other terms, or terms that this revision does not change.
        assert_eq!(number(kept.began(&a2, at(103))), None);
        assert_eq!(number(kept.began(&a1, at(100))), None);
        assert_eq!(number(kept.began(&b1, at(100))), None);
        assert_eq!(number(kept.ended(&b1, at(200))), None);
    }

    #[test]
    fn two_revisions_of_a_moment_or_one_whose_text_is_gone_are_none() {
        let [one, two] = ["1 Gbps", "2 Gbps"].map(|rate| text(&[("a", rate)]));
        let a2 = terms(&two, "a");
        let changes =
            [(&*one, Some(0)), (&*two, Some(100)), (&*one, Some(100)), (&*two, Some(101))];
        let (_directory, mut kept_all) = kept(&changes);
        assert_eq!(number(kept_all.began(&a2, at(100))), None);
        let (directory, mut kept_two) = kept(&changes[..2]);
        std::fs::remove_file(directory.path().join("revisions/00000001.toml")).unwrap();
        assert_eq!(number(kept_two.began(&a2, at(100))), None);
        // A version that did not note the moment.
        let (_directory, mut unnoted) = kept(&[(&*one, Some(0)), (&*two, None)]);
        assert_eq!(number(unnoted.began(&a2, at(100))), None);
    }
}
