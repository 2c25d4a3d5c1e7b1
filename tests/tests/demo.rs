//! `edge demo`, the README's first command.

use anyhow::{Result, ensure};
use edge_tests::daemon::edge_binary;
use edge_user::lab::{NetNs, root_or_skip};

/// Says whether the machine is fast enough to offer more than circuits have bought. An emulated one
/// isn't, and what the demo says of rates fails there.
const IS_EMULATED: &str = "EDGE_EMULATED";

#[test]
fn the_demo_does_what_it_says() -> Result<()> {
    if !root_or_skip("the_demo_does_what_it_says") {
        return Ok(());
    }
    let ns = NetNs::new()?;
    let output = ns.command(edge_binary()).arg("demo").output()?;
    let said = String::from_utf8(output.stdout)?;
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let agree = said.matches("agree to the byte").count();
    ensure!(agree == 4, "wire, meter and ledger agree for {agree} of 4 circuits' directions");
    ensure!(said.contains("Everything is removed again."), "it did not clean up");
    for line in said.lines().filter(|line| line.contains("FAILED")) {
        let is_rate = line.contains("bought");
        let is_emulated = std::env::var_os(IS_EMULATED).is_some_and(|value| value == "1");
        ensure!(is_rate && is_emulated, "{line}");
    }
    Ok(())
}
