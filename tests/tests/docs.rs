//! What the documents say, held against the code.

use std::path::Path;

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
