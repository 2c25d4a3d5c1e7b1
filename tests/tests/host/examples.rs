//! The examples of connectivity models, and the guide that shows them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use edge_user::config::{self, ConnectivityModel};

const GUIDE: &str = include_str!("../../../docs/connectivity.md");

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("contrib/examples")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_model_has_a_valid_example() {
    for (name, model) in [
        ("exchange", ConnectivityModel::Exchange),
        ("ethernet", ConnectivityModel::Ethernet),
        ("ipvpn", ConnectivityModel::IpVpn),
    ] {
        let path = examples().join(name).with_extension("toml");
        // A file of prefixes is beside it.
        let config = config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.warnings(), Vec::<String>::new(), "{name}");
        let circuit = &config.circuits[0];
        assert_eq!((circuit.model, config.circuits.len()), (Some(model), 1));
        assert_eq!(circuit.secondary_s_tag.is_some(), name == "ethernet");
        let provider = &config.catalogue.providers[circuit.provider.as_ref().expect("a provider")];
        assert_eq!(provider.models(None).into_iter().collect::<Vec<_>>(), [model]);
    }
}

#[test]
fn the_guide_shows_the_examples_as_they_are() {
    let mut shown = 0;
    for part in GUIDE.split("\n```").skip(1).step_by(2) {
        let (kind, block) = part.split_once('\n').expect("a block");
        if let Some(name) = kind.strip_prefix("text ") {
            assert_eq!(block.trim_end(), read(&examples().join(name)).trim_end(), "{name}");
            shown += 1;
        } else if let Some(name) = kind.strip_prefix("toml ") {
            let example = read(&examples().join(name));
            assert!(example.contains(block.trim_end()), "{name} has no\n{block}");
            shown += 1;
        }
    }
    assert_eq!(shown, 6, "a configuration and a router's for each model");
}
