//! What the documents say, held against the code.

use std::path::Path;

use edge_common::{Action, Reason, reason::UnmatchedPolicy};
use edge_user::config;

#[test]
fn the_readmes_configuration_is_valid() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.expect("README has a configuration");
    let config = config::parse(block, Path::new("README.md"));
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.warnings(), Vec::<String>::new());
    assert!(block.lines().count() <= 5, "a configuration of five lines");
}

#[test]
fn every_reason_is_documented_with_its_action() {
    let document = include_str!("../../docs/packet-path.md");
    for reason in Reason::ALL {
        let action =
            match (reason.action(UnmatchedPolicy::Drop), reason.action(UnmatchedPolicy::Pass)) {
                (Action::Forward, Action::Forward) => "forward",
                (Action::Pass, Action::Pass) => "pass",
                (Action::Drop, Action::Drop) => "drop",
                (Action::Drop, Action::Pass) => "as `unmatched` says",
                other => panic!("{}: {other:?}", reason.as_str()),
            };
        let row = format!("| {} | `{}` | {action} | ", reason.number(), reason.as_str());
        assert!(document.contains(&row), "docs/packet-path.md lacks: {row}");
    }
}
