use tempfile::TempDir;

use super::*;
use crate::{
    config::{
        self,
        sample::{Sample, SampleCircuit, SamplePort},
    },
    model::Billing,
};

fn instructions(bandwidth: &str, edge: &str) -> Instructions {
    let sample = Sample::new(edge)
        .port(SamplePort::new("p", "core"))
        .circuit(SampleCircuit::new("a", bandwidth).peering("private", 10))
        .circuit(SampleCircuit::new("b", "1 Gbps").peering("private", 11));
    Instructions::new(&config::parse(&sample.to_string(), Path::new("edge.toml")).unwrap())
}

fn left(directory: &TempDir) -> Vec<(bool, Vec<u64>)> {
    let (_noter, left) = Noter::new(directory.path());
    let told = |change: TermsChange| {
        (change.is_all, change.terms.iter().map(|terms| terms.bandwidth_bps).collect())
    };
    left.into_iter().map(|(_, change)| told(change)).collect()
}

#[test]
fn a_change_is_durable_before_it_takes_effect() {
    const G: u64 = 1_000_000_000;
    let directory = TempDir::new().unwrap();
    let (noter, none) = Noter::new(directory.path());
    assert_eq!(none, []);
    let [one, two] = ["1 Gbps", "2 Gbps"].map(|rate| instructions(rate, "e"));
    noter.note(&one).unwrap();
    assert!(noter.follow(&one).is_some());
    assert!(noter.follow(&one).is_none(), "nothing has changed");
    noter.note(&two).unwrap();
    // The daemon is killed here, or a moment later: the next one finds the note.
    drop(noter);
    assert_eq!(left(&directory), [(true, vec![G, G]), (false, vec![2 * G])]);
}

#[test]
fn what_does_not_happen_is_not_noted() {
    let directory = TempDir::new().unwrap();
    let (noter, _) = Noter::new(directory.path());
    let [one, two, three] = ["1 Gbps", "2 Gbps", "3 Gbps"].map(|rate| instructions(rate, "e"));
    noter.note(&one).unwrap();
    let (source, _) = noter.follow(&one).unwrap();
    noter.note(&two).unwrap();
    noter.retract();
    noter.note(&three).unwrap();
    // Back to the earlier terms, as after a reload that has failed: no change.
    noter.note(&one).unwrap();
    assert!(noter.follow(&one).is_none());
    noter.has_drained(source.unwrap());
    drop(noter);
    assert_eq!(left(&directory), []);
}

#[test]
fn another_name_of_the_edge_is_a_change_of_all() {
    let directory = TempDir::new().unwrap();
    let (noter, _) = Noter::new(directory.path());
    let [one, other] = ["e", "f"].map(|edge| instructions("1 Gbps", edge));
    noter.note(&one).unwrap();
    noter.follow(&one);
    noter.note(&other).unwrap();
    let (_, change) = noter.follow(&other).unwrap();
    assert!(change.is_all && change.edge == "f" && change.terms.len() == 2);
    let mut unlimited = other.clone();
    unlimited.terms[1].billing = Billing::Unlimited;
    unlimited.terms.remove(0);
    noter.note(&unlimited).unwrap();
    assert_eq!(noter.terms_at(), None, "not before it is in effect");
    let (_, change) = noter.follow(&unlimited).unwrap();
    assert!(!change.is_all && change.terms.len() == 1);
    assert_eq!(change.ended, ["a"]);
    assert_eq!(noter.terms_at(), Some(change.at.wall));
    // A revision that leaves terms alone has none.
    noter.note(&unlimited).unwrap();
    noter.follow(&unlimited);
    assert_eq!(noter.terms_at(), None);
}

/// A change that can't be noted is refused. A start goes on, and the ledger books its terms.
#[test]
fn what_can_not_be_noted_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("terms.journal");
    std::fs::write(&path, [7; 5000]).unwrap();
    let (noter, _) = Noter::new(directory.path());
    let [one, two] = ["1 Gbps", "2 Gbps"].map(|rate| instructions(rate, "e"));
    let error = format!("{:#}", noter.note(&one).unwrap_err());
    assert!(error.contains("nothing was changed") && error.contains("terms.journal"), "{error}");
    let (source, change) = noter.follow(&one).unwrap();
    assert!(source.is_none() && change.is_all);
    noter.note(&two).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    noter.note(&two).unwrap();
    assert!(noter.follow(&two).unwrap().0.is_some());
}

/// An edge whose books another edge keeps notes nothing, and its status says so.
#[test]
fn a_second_edge_notes_nothing() {
    let directory = TempDir::new().unwrap();
    let (_first, _) = Noter::new(directory.path());
    let (second, _) = Noter::new(directory.path());
    let one = instructions("1 Gbps", "e");
    second.note(&one).unwrap();
    assert!(second.follow(&one).unwrap().0.is_none());
}
