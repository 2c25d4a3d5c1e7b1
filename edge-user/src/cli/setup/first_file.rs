//! The text of a first configuration.

use std::fmt::{self, Display, Formatter};

use super::choice::Choice;

/// The end of every first configuration.
const EXAMPLE: &str = r#"
# Frames that no circuit claims are dropped, and `edge status` counts them. A circuit:
#
# [[circuit]]
# name      = "contoso"
# bandwidth = "1 Gbps"
# s_tag     = 100
#
#   [[circuit.peering]]
#   kind  = "private"
#   c_tag = 10
"#;

/// A first configuration, with an example of a circuit in comments.
pub(super) struct FirstFile<'a>(pub(super) &'a Choice<'a>);

impl Display for FirstFile<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Choice { edge, customers, core, spare } = self.0;
        writeln!(
            f,
            "# The first configuration of this edge, by `edge setup`. docs/configuration.md has every key."
        )?;
        writeln!(f, "\n[edge]\nname = {}", Quoted(edge))?;
        for (number, interface) in customers.iter().enumerate() {
            let forward = core.map(|_| "core0");
            port(f, (&format!("customer{number}"), interface), "customer", forward)?;
        }
        match core {
            Some(core) => port(f, ("core0", core), "core", Some("customer0"))?,
            None => f.write_str(
                "\n# No other interface here can be a port: frames of customers go to the host's stack until there \
                 is\n# a port to the core, which their ports name as `forward`.\n",
            )?,
        }
        if !spare.is_empty() {
            writeln!(f, "\n# Other interfaces that can be ports: {}", spare.join(", "))?;
        }
        f.write_str(EXAMPLE)
    }
}

fn port(
    f: &mut Formatter<'_>,
    (name, interface): (&str, &str),
    side: &str,
    forward: Option<&str>,
) -> fmt::Result {
    writeln!(f, "\n[[port]]\nname      = {}", Quoted(name))?;
    writeln!(f, "interface = {}\nside      = {}", Quoted(interface), Quoted(side))?;
    forward.map_or(Ok(()), |forward| writeln!(f, "forward   = {}", Quoted(forward)))
}

/// A string as TOML has it: the escapes are those of JSON.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::Value::from(self.0).to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use edge_user::config;

    use super::*;

    #[test]
    fn every_choice_makes_a_file_that_check_takes() {
        for customers in [vec!["eth1"], vec!["eth1", "a\"b\\c", "é"]] {
            for core in [None, Some("enp65s0f1np1")] {
                for spare in [vec![], vec!["eth3", "eth4"]] {
                    let edge = "ams-1".to_owned();
                    let choice = Choice { edge, customers: customers.clone(), core, spare };
                    let text = FirstFile(&choice).to_string();
                    let config = config::parse(&text, Path::new("edge.toml"));
                    let config = config.unwrap_or_else(|errors| panic!("{errors}\n{text}"));
                    let warnings = config.warnings();
                    assert_eq!(
                        warnings,
                        ["there is no circuit: every frame is unmatched"],
                        "{text}"
                    );
                }
            }
        }
    }

    #[test]
    fn its_example_is_a_circuit() {
        let edge = "ams-1".to_owned();
        let choice =
            Choice { edge, customers: vec!["eth1"], core: Some("eth2"), spare: Vec::new() };
        let text = FirstFile(&choice).to_string();
        let (ports, example) = text.split_once("A circuit:\n").unwrap();
        let example: String =
            example.lines().map(|line| line.trim_start_matches('#').to_owned() + "\n").collect();
        let config = config::parse(&format!("{ports}\n{example}"), Path::new("edge.toml"));
        assert!(config.unwrap().summary().contains("1 circuit"));
    }
}
