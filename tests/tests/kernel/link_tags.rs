//! S-tags that differ by link: to whom frames belong on a port of either link, and the tags that wires leave with.

use anyhow::{Context as _, Result};
use edge_common::Reason;
use edge_tests::{fixture::Fixture, notation::frame_of, oracle};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort},
    lab::root_or_skip,
    plan::Police,
    replay::PathEngine as _,
};

/// The tags of a circuit on its two links.
const PRIMARY: &str = "8100:101 8100:10";
const SECONDARY: &str = "8100:201 8100:10";

/// Customer ports `a` and `b`, one of each link, with core ports of their own; and `e` of the secondary link, whose frames
/// leave by the primary link's core port.
fn config() -> Sample {
    let port = |name: &str, side: &str, forward: &str, link: &str| {
        SamplePort::new(name, side).forward(forward).key("link", link)
    };
    let circuit = |name: &str, primary: u16, secondary: u16| {
        let circuit = SampleCircuit::new(name, "1 Gbps").s_tag(primary);
        circuit.key("secondary_s_tag", secondary).peering("private", 10)
    };
    let popped = circuit("popped", 103, 203).key("core_s_tag", 0);
    Sample::new("links")
        .port(port("a", "customer", "c", "primary"))
        .port(port("b", "customer", "d", "secondary"))
        .port(port("c", "core", "a", "primary"))
        .port(port("d", "core", "b", "secondary"))
        .port(port("e", "customer", "c", "secondary"))
        .circuits([
            circuit("alone", 101, 201),
            circuit("translated", 102, 202).key("core_s_tag", 402),
            popped.of_peering("private", "core_c_tag", 403),
            // Each has the other's tag on the other link.
            circuit("one", 104, 204),
            circuit("other", 204, 104),
        ])
}

/// A port, the tags of a frame that it receives, the circuit that has it, and the tags that it leaves with.
type Case = (&'static str, &'static str, &'static str, &'static str);

/// Sends a frame for each case along the kernel's path and the host's, and compares both with the oracle, too.
fn check(test: &str, cases: &[Case]) -> Result<()> {
    let fixture = Fixture::of(&config(), Police::Off);
    for (port, tags, circuit, leaving) in cases {
        let case = format!("{test}: {tags} on {port}");
        let sent = frame_of(&format!("{tags} ipv4"))?;
        let wanted = frame_of(&format!("{leaving} ipv4"))?;
        let predicted = oracle::check(&fixture, port, &mut fixture.host(port), &sent);
        let mut left = sent.clone();
        let outcome = fixture.kernel(port)?.run(&mut left, 1).context(case.clone())?;
        assert_eq!((&left, outcome.reason()), (&predicted.frame, Some(predicted.reason)), "{case}");
        let attachments = &fixture.plan.attachments;
        let owner = attachments.iter().find(|known| known.index == outcome.attachment);
        let owner = owner.map_or("", |attachment| &attachment.key.circuit);
        assert_eq!((owner, &left), (*circuit, &wanted), "{case}");
        let reason = if circuit.is_empty() { Reason::Unmatched } else { Reason::Ok };
        assert_eq!(outcome.reason(), Some(reason), "{case}");
    }
    Ok(())
}

#[test]
fn the_other_links_tag_is_nobodys() -> Result<()> {
    const TEST: &str = "the_other_links_tag_is_nobodys";
    if !root_or_skip(TEST) {
        return Ok(());
    }
    check(
        TEST,
        &[
            ("a", PRIMARY, "alone", PRIMARY),
            ("a", SECONDARY, "", SECONDARY),
            ("b", PRIMARY, "", PRIMARY),
            ("b", SECONDARY, "alone", SECONDARY),
            ("c", PRIMARY, "alone", PRIMARY),
            ("c", SECONDARY, "", SECONDARY),
            ("d", PRIMARY, "", PRIMARY),
            ("d", SECONDARY, "alone", SECONDARY),
            ("a", "8100:202 8100:10", "", "8100:202 8100:10"),
            ("b", "8100:102 8100:10", "", "8100:102 8100:10"),
            // One customer has the tag on the primary link, and another one on the secondary link.
            ("a", "8100:104 8100:10", "one", "8100:104 8100:10"),
            ("b", "8100:104 8100:10", "other", "8100:104 8100:10"),
            ("a", "8100:204 8100:10", "other", "8100:204 8100:10"),
            ("b", "8100:204 8100:10", "one", "8100:204 8100:10"),
        ],
    )
}

#[test]
fn a_wires_tags_follow_the_link_of_each_port() -> Result<()> {
    const TEST: &str = "a_wires_tags_follow_the_link_of_each_port";
    if !root_or_skip(TEST) {
        return Ok(());
    }
    check(
        TEST,
        &[
            // One tag towards the core for both links, and the link's own one back.
            ("a", "88a8:102/3 8100:10/5", "translated", "88a8:402/3 8100:10/5"),
            ("b", "88a8:202/3 8100:10/5", "translated", "88a8:402/3 8100:10/5"),
            ("c", "88a8:402/3 8100:10/5", "translated", "88a8:102/3 8100:10/5"),
            ("d", "88a8:402/3 8100:10/5", "translated", "88a8:202/3 8100:10/5"),
            // Popped, and pushed again.
            ("a", "8100:103 8100:10", "popped", "8100:403"),
            ("b", "8100:203 8100:10", "popped", "8100:403"),
            ("c", "8100:403", "popped", "8100:103 8100:10"),
            ("d", "8100:403", "popped", "8100:203 8100:10"),
            // From one link to the other one's port.
            ("e", "8100:201 8100:10", "alone", "8100:101 8100:10"),
            ("e", "8100:104 8100:10", "other", "8100:204 8100:10"),
            ("e", "8100:101 8100:10", "", "8100:101 8100:10"),
        ],
    )
}
