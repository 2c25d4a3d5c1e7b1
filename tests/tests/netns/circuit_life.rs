//! `edge circuit`: a circuit is bought, connected, peered and removed, while another one's frames pass.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use edge_api::{CircuitRecord, History};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge, edge_binary, status},
    ends::{Ends, contoso, lab},
    http::{METRICS, at_the_address, at_the_socket},
    load::under_load,
    notation::frame_of,
    speaker::wait,
};
use edge_user::{
    config::sample::Sample,
    lab::{Lab, root_or_skip},
};

/// Where circuits are, and who brings them there.
const CATALOGUE: &str = "[[region]]\nname = \"westeurope\"\narea = \"europe\"\n\n\
                         [[location]]\nname = \"amsterdam\"\narea = \"europe\"\nlocal = [\"westeurope\"]\n\n\
                         [[provider]]\nname = \"metro\"\nlocations = [\"amsterdam\"]\nbandwidths = [\"50 Mbps\", \"1 Gbps\"]\n";

fn config() -> Sample {
    let contoso = contoso().key("bandwidth", "10 Gbps");
    let sample = Sample::lab().edge("metrics", METRICS.to_string()).ledger("checkpoint", "1s");
    sample.circuit(contoso).tables(CATALOGUE)
}

/// The exit code, and all that was printed.
fn circuit(lab: &Lab, arguments: &str) -> Result<(Option<i32>, String)> {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = edge(lab, &[&["circuit"], arguments.as_slice()].concat())?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

fn must(lab: &Lab, arguments: &str) -> Result<String> {
    let (code, said) = circuit(lab, arguments)?;
    ensure!(code == Some(0), "{arguments}: {code:?} {said}");
    Ok(said)
}

/// It ends with this exit code and these words, and neither the file nor what runs is another one.
fn refused(lab: &Lab, arguments: &str, code: i32, words: &str) -> Result<()> {
    let before = (fs::read_to_string(CONFIG_PATH)?, edge(lab, &["history", "--json"])?.stdout);
    let (ended, said) = circuit(lab, arguments)?;
    ensure!(ended == Some(code) && said.contains(words), "{arguments}: {ended:?} {said}");
    let after = (fs::read_to_string(CONFIG_PATH)?, edge(lab, &["history", "--json"])?.stdout);
    ensure!(before == after, "{arguments} changed something");
    Ok(())
}

fn record(lab: &Lab) -> Result<CircuitRecord> {
    Ok(serde_json::from_str(&must(lab, "show fabrikam --json")?)?)
}

/// Sends ten frames of the new circuit's tags. All of them arrive at the core, or none of them, as nobody has these tags.
fn all_pass(lab: &Lab, ends: &Ends, expected: bool) -> Result<()> {
    let arrived = || Ok::<_, anyhow::Error>(lab.far_end("core0")?.received()?.tagged(1, 10).frames);
    let unmatched = || {
        let status = status()?;
        let port = status.ports.iter().find(|port| port.name == "customer0").context("a port")?;
        Ok::<_, anyhow::Error>(port.reasons.get("unmatched").copied().unwrap_or(0))
    };
    let before = (arrived()?, unmatched()?);
    let frame = frame_of("8100:1 8100:10 ipv4 payload=100")?;
    (0..10).try_for_each(|_| ends.customer.0.send(&frame))?;
    let wanted = if expected { (10, 0) } else { (0, 10) };
    let mut counts = (0, 0);
    wait(|| {
        counts = (arrived()? - before.0, unmatched()? - before.1);
        Ok((counts == wanted).then_some(()))
    })
    .with_context(|| format!("{counts:?} frames have arrived and were nobody's"))
}

/// Each step, with what it refuses before it.
fn live(lab: &Lab, ends: &Ends) -> Result<()> {
    let new = "new fabrikam --bandwidth 50Mbps --provider metro --location amsterdam --sku premium";
    refused(lab, &new.replace("50Mbps", "60Mbps"), 2, "metro")?;
    refused(lab, &new.replace("fabrikam", "contoso"), 1, "there is a circuit \"contoso\" already")?;
    refused(lab, "provision fabrikam", 2, "no circuit \"fabrikam\"")?;
    must(lab, new)?;
    let bought = record(lab)?;
    ensure!(bought.provider_state == "NotProvisioned" && bought.s_tag.is_none(), "{bought:?}");
    ensure!(bought.service_key.as_ref().is_some_and(|key| key.len() == 36), "{bought:?}");
    ensure!(status()?.circuits[1].provisioning == "NotProvisioned");

    refused(
        lab,
        "peering fabrikam private --c-tag 10",
        2,
        "is \"not-provisioned\", so it has no peering yet",
    )?;
    refused(
        lab,
        "provision fabrikam --primary core0",
        1,
        "no customer-side port of the primary link",
    )?;
    let no_port = "is for ports with `link = \"secondary\"`, and the circuit is on none";
    refused(lab, "provision fabrikam --secondary-s-tag 7", 2, no_port)?;
    must(lab, "provision fabrikam --begin")?;
    let begun = record(lab)?;
    ensure!((begun.provider_state.as_str(), begun.s_tag) == ("Provisioning", Some(1)), "{begun:?}");
    ensure!(begun.service_key == bought.service_key, "{begun:?}");
    all_pass(lab, ends, false)?;
    refused(lab, "provision fabrikam --begin", 1, "\"provisioning\" already")?;
    must(lab, "provision fabrikam -m order-7")?;
    refused(lab, "provision fabrikam", 1, "\"provisioned\" already")?;
    ensure!(record(lab)?.primary_ports == ["customer0"]);

    must(lab, "peering fabrikam private --c-tag 10")?;
    all_pass(lab, ends, true)?;
    must(lab, "peering fabrikam private --c-tag 11")?;
    all_pass(lab, ends, false)?;
    must(lab, "peering fabrikam public --c-tag 10 --confirm 10m")?;
    refused(lab, "peering fabrikam public --remove", 1, "waits for its confirmation")?;
    edge(lab, &["rollback"])?;
    ensure!(record(lab)?.peerings.len() == 1, "the last change is taken back");
    let shown = must(lab, "peering fabrikam private --c-tag 10 --dry-run")?;
    ensure!(shown.contains("c_tag") && record(lab)?.peerings[0].c_tag == "11", "{shown}");
    must(lab, "peering fabrikam private --c-tag 10")?;
    all_pass(lab, ends, true)?;
    refused(lab, "link fabrikam hub --port core0 --c-tag 70", 2, "vnet")?;
    refused(lab, "link fabrikam hub --remove", 2, "no VNet link \"hub\"")
}

/// The history has a line of its own for each step.
fn told(lab: &Lab) -> Result<()> {
    let history: History = serde_json::from_slice(&edge(lab, &["history", "--json"])?.stdout)?;
    let messages: Vec<&str> =
        history.revisions.iter().rev().filter_map(|it| it.message.as_deref()).collect();
    let wanted = [
        "circuit new fabrikam",
        "circuit provision fabrikam (begun)",
        "circuit provision fabrikam: order-7",
        "circuit peering fabrikam private",
    ];
    ensure!(messages.starts_with(&wanted), "{messages:?}");
    Ok(())
}

#[test]
fn a_circuit_lives_step_by_step_and_others_lose_no_frame() -> Result<()> {
    if !root_or_skip("a_circuit_lives_step_by_step_and_others_lose_no_frame") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let ends = Ends::open(&lab)?;
    let (sent, ()) = under_load(&lab, || live(&lab, &ends))?;
    told(&lab)?;

    // A daemon's file with another configuration is not written over.
    let file = fs::read_to_string(CONFIG_PATH)?;
    configure(&config())?;
    refused(&lab, "delete fabrikam --yes", 1, "has another configuration than the one that runs")?;
    fs::write(CONFIG_PATH, file)?;
    let steps = "POST /v1/circuits/fabrikam/steps";
    let body = r#"{"step": "delete"}"#;
    ensure!(at_the_address(&lab, steps, &[], body)?.status == 405);
    let wrong =
        at_the_socket(steps, &[("Content-Type", "application/json")], r#"{"step": "sell"}"#)?;
    ensure!(wrong.status == 400 || wrong.status == 422, "{wrong:?}");
    let other = [("Content-Type", "application/json"), ("If-Match", "\"0\"")];
    ensure!(at_the_socket(steps, &other, body)?.status == 412);

    // The next start has it, too; and its usage outlives it.
    daemon.stop()?;
    let daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    ensure!(record(&lab)?.peerings.len() == 1);

    // The way back: what is in use is named, and with it gone, tags and ports are free.
    refused(
        &lab,
        "deprovision fabrikam",
        1,
        "remove its private peering (`edge circuit peering fabrikam private --remove`)",
    )?;
    must(&lab, "peering fabrikam private --remove --yes")?;
    must(&lab, "deprovision fabrikam --yes -m order-8")?;
    let freed = record(&lab)?;
    ensure!(freed.provider_state == "NotProvisioned" && freed.s_tag.is_none(), "{freed:?}");
    ensure!(freed.primary_ports.is_empty() && freed.service_key.is_some(), "{freed:?}");
    refused(&lab, "deprovision fabrikam", 1, "\"not-provisioned\" already")?;
    let history: History = serde_json::from_slice(&edge(&lab, &["history", "--json"])?.stdout)?;
    let last = history.revisions.first().and_then(|it| it.message.as_deref());
    ensure!(last == Some("circuit deprovision fabrikam: order-8"), "{last:?}");
    must(&lab, "provision fabrikam")?;
    ensure!(record(&lab)?.s_tag == Some(1));
    must(&lab, "deprovision fabrikam")?;
    must(&lab, "delete fabrikam --yes")?;
    refused(&lab, "show fabrikam", 2, "no circuit \"fabrikam\"")?;
    ensure!(status()?.circuits.len() == 1);
    let usage = wait(|| {
        let usage = edge(&lab, &["usage", "--circuit", "fabrikam", "--format", "json"])?;
        let usage = String::from_utf8(usage.stdout)?;
        Ok(usage.contains("\"circuit\":\"fabrikam\"").then_some(usage))
    })?;
    ensure!(usage.contains("\"frames\":20"), "{usage}");

    ensure!(sent.iter().all(|sent| sent.arrived == sent.frames && sent.frames > 0), "{sent:?}");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
