//! All 4,094 × 4,094 pairs of tags can be told apart, in the kernel.

use anyhow::Result;
use edge_common::Reason;
use edge_tests::{
    fixture::Fixture,
    frames::{frame, ipv4},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort, Value},
    lab::root_or_skip,
    plan::Police,
    replay::{KernelEngine, PathEngine as _},
};

const VIDS: std::ops::RangeInclusive<u16> = 1..=4094;

/// A circuit for each of these S-tags and C-tags, named after its place.
fn config(tags: impl Iterator<Item = (u16, Value)>) -> Sample {
    let circuits = tags.enumerate().map(|(number, (s_tag, c_tag))| {
        SampleCircuit::new(number.to_string(), "1 Gbps").s_tag(s_tag).peering("private", c_tag)
    });
    Sample::new("tags").port(SamplePort::new("p", "customer")).circuits(circuits)
}

/// The name of the circuit that has this pair.
fn circuit(
    fixture: &Fixture,
    kernel: &mut KernelEngine,
    s_vid: u16,
    c_vid: u16,
) -> Result<Option<String>> {
    let mut sent = frame(&[(0x8100, s_vid), (0x8100, c_vid)], 0x0800, &ipv4(0, 40));
    let outcome = kernel.run(&mut sent, 1)?;
    let attachments = &fixture.plan.attachments;
    let found = attachments.iter().find(|known| known.index == outcome.attachment);
    assert_eq!(found.is_some(), outcome.reason() == Some(Reason::Ok));
    Ok(found.map(|attachment| attachment.key.circuit.clone()))
}

#[test]
fn every_s_tag_can_have_every_c_tag() -> Result<()> {
    if !root_or_skip("every_s_tag_can_have_every_c_tag") {
        return Ok(());
    }
    let fixture = Fixture::of(&config(VIDS.map(|vid| (vid, "any".into()))), Police::Off);
    let mut kernel = fixture.kernel("p")?;
    for s_vid in VIDS {
        // All there are would take a minute: each S-tag with both ends and one in between.
        for c_vid in [1, 4094, s_vid * 7 % 4094 + 1] {
            let expected = (s_vid - 1).to_string();
            assert_eq!(circuit(&fixture, &mut kernel, s_vid, c_vid)?, Some(expected));
        }
        for c_vid in [0, 4095] {
            assert_eq!(circuit(&fixture, &mut kernel, s_vid, c_vid)?, None);
        }
    }
    Ok(())
}

#[test]
fn every_c_tag_of_an_s_tag_can_be_another_circuits() -> Result<()> {
    if !root_or_skip("every_c_tag_of_an_s_tag_can_be_another_circuits") {
        return Ok(());
    }
    let c_tags = VIDS.map(|vid| (4094, vid.into()));
    let fixture = Fixture::of(&config(c_tags), Police::Off);
    let mut kernel = fixture.kernel("p")?;
    for c_vid in VIDS {
        let expected = (c_vid - 1).to_string();
        assert_eq!(circuit(&fixture, &mut kernel, 4094, c_vid)?, Some(expected));
    }
    Ok(())
}
