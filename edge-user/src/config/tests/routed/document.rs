//! The document of the configuration, held against the parser.

use std::path::Path;

use super::{ROUTED, parse};

const DOCUMENT: &str = include_str!("../../../../../docs/configuration.md");

#[test]
fn every_key_of_routes_is_in_the_document() {
    let of_ports = ROUTED.split("[routing]").next().map_or(0, |ports| ports.lines().count());
    let keys: Vec<&str> =
        ROUTED.lines().skip(of_ports).filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        assert!(DOCUMENT.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn the_documents_example_is_correct() {
    let blocks = DOCUMENT.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let is_routed = |block: &&str| block.contains("[routing]") || block.contains("[[region]]");
    let example = blocks.filter(is_routed).collect::<String>();
    let ports = &ROUTED[..ROUTED.find("[routing]").expect("there")];
    let source = format!("{ports}{example}");
    let config = parse(&source, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"));
    let warnings = config.warnings();
    let [port, vnet] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(port, "port \"core1\" has no circuit: none claims its frames");
    assert!(vnet.starts_with("no circuit has a link to the VNet \"spoke\""), "{vnet}");
    assert_eq!((config.peering_links().count(), config.vnet_links().count()), (2, 1));
}
