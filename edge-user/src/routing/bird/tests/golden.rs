//! The configuration of a plan, word for word.

use std::{env, fs, path::Path};

use super::sample::{domain, edge, everything, session};
use crate::routing::bird::{generate::SpeakerConfig, model::SpeakerPlan, version::BirdVersion};

/// With this variable set to 1, the test writes the file anew instead of comparing.
const WRITE: &str = "EDGE_WRITE_GOLDEN";

fn config(version: BirdVersion) -> SpeakerConfig {
    SpeakerConfig::new(&everything(), version, Path::new("/run/edge/bird/log/bird.log"))
}

#[test]
fn a_plan_is_written_as_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routing/bird/tests/golden.conf");
    let text = config(BirdVersion::OLDEST).text;
    if env::var_os(WRITE).is_some_and(|value| value == "1") {
        fs::write(&path, &text).expect("the file can be written");
    }
    let golden = fs::read_to_string(path).expect("the file is there");
    assert_eq!(text, golden, "{WRITE}=1 cargo test writes it anew");
}

#[test]
fn keys_are_in_their_own_file() {
    let config = config(BirdVersion::OLDEST);
    assert_eq!(config.keys, "define key_12 = \"s3cret; \\ '#\";\n");
    assert!(!config.text.contains("s3cret"));
    assert!(!format!("{config:?} {:?}", everything()).contains("s3cret"));
}

#[test]
fn versions_differ_in_what_they_must() {
    let [old, typed, named, new] = [(2, 0, 12), (2, 14, 0), (2, 17, 0), (2, 19, 2)]
        .map(|(major, minor, patch)| config(BirdVersion::new(major, minor, patch)).text);
    assert!(!old.contains("-> bool") && !old.contains("authentication md5;"));
    assert!(old.contains("local 192.168.15.18 port 1036 as 12076;"));
    assert!(typed.contains(") -> bool {") && !typed.contains("authentication md5;"));
    let expected = typed.replace("  password key_12;", "  authentication md5;\n  password key_12;");
    assert_eq!(named, expected);
    assert!(new.contains("local 192.168.15.18 port 179 as 12076;"));
    assert_eq!(new.matches(" port 179 ").count(), 5);
}

/// BIRD takes a filter that calls a function of another name for another filter, and asks the peer
/// for all its routes again.
#[test]
fn a_policy_has_the_same_name_whatever_others_there_are() {
    let text =
        |plan: &SpeakerPlan| SpeakerConfig::new(plan, BirdVersion::OLDEST, Path::new("/log")).text;
    let import = |text: &str| {
        let session = text.split("protocol bgp c12v4 {").nth(1).expect("the session").to_owned();
        let line = session.lines().find(|line| line.contains("import where"));
        line.expect("its filter").to_owned()
    };
    let plan = everything();
    let mut fewer = everything();
    fewer.domains.remove(0);
    assert_eq!(import(&text(&plan)), import(&text(&fewer)));
    let mut other = everything();
    other.domains[1].sessions[1].import.takes_default = false;
    assert_ne!(import(&text(&plan)), import(&text(&other)));
}

/// Without a function of its own, a session takes few words of BIRD's reader.
#[test]
fn sessions_share_functions() {
    let mut plan = edge();
    for index in 1..=100 {
        let mut domain = domain(&format!("circuit{index}/private"), 1000 + index);
        domain.sessions = vec![session(index)];
        plan.domains.push(domain);
    }
    let text = SpeakerConfig::new(&plan, BirdVersion::OLDEST, Path::new("/log")).text;
    assert_eq!(text.matches("function ").count(), 2);
    assert_eq!(text.matches("import where").count(), 100);
    let [import, export] =
        ["import", "export"].map(|kind| text.matches(&format!(" {kind} filter")).count());
    assert_eq!((import, export), (0, 0));
}

#[test]
fn the_order_of_a_plan_does_not_matter() {
    let text = config(BirdVersion::OLDEST);
    let mut plan = everything();
    plan.domains.reverse();
    for domain in &mut plan.domains {
        domain.sessions.reverse();
        domain.statics.reverse();
        domain.announcements.reverse();
    }
    let other =
        SpeakerConfig::new(&plan, BirdVersion::OLDEST, Path::new("/run/edge/bird/log/bird.log"));
    assert!(other == text);
}

#[test]
fn an_edge_without_a_domain_has_a_configuration() {
    let text = SpeakerConfig::new(&edge(), BirdVersion::OLDEST, Path::new("/log")).text;
    assert!(text.contains("router id 192.0.2.1;"));
    assert!(!text.contains("protocol bgp") && !text.contains("protocol kernel"));
}
