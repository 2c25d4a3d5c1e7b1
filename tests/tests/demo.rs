//! `edge demo`, the README's first command.

use anyhow::{Result, ensure};
use edge_tests::{daemon::edge_binary, guest::is_emulated};
use edge_user::lab::{NetNs, root_or_skip};

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
    let is_right = said.contains("Everything is removed again.");
    ensure!(is_right || is_emulated(), "it failed");
    for line in said.lines().filter(|line| line.contains("FAILED")) {
        // A machine that is too slow to offer more than was bought.
        let is_of_rates = line.contains("bought");
        ensure!(is_of_rates && is_emulated(), "{line}");
    }
    Ok(())
}
