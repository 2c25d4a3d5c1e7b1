//! Tags towards the core, changed under load: each frame leaves with the old ones or the new ones.

use std::{thread, time::Duration};

use anyhow::Result;
use edge_api::CircuitRecord;
use edge_tests::{
    daemon::{Daemon, configure, detach, edge, reload, status},
    ends::{Ends, contoso, lab},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SamplePort},
    lab::{
        Lab, private_mounts,
        raw::{RawCollector, RawSender},
        root_or_skip,
    },
};

const WAIT: Duration = Duration::from_secs(5);
const CUSTOMER: &str = "88a8:100/3 8100:10/5";
const TRANSLATED: &str = "88a8:2100/3 8100:1010/5";

#[test]
fn a_reload_changes_tags_between_two_frames() -> Result<()> {
    if !root_or_skip("a_reload_changes_tags_between_two_frames") {
        return Ok(());
    }
    let plain = Sample::lab().circuit(contoso());
    let translated = contoso().key("core_s_tag", 2100).of_peering("private", "core_c_tag", 1010);
    let translated = Sample::lab().circuit(translated);
    let popped = contoso().key("core_s_tag", 0);
    let bare = Sample::lab().circuit(popped.clone().of_peering("private", "core_c_tag", 0));
    let popped = Sample::lab().circuit(popped);
    let left = |tags: &str| frame_of(&format!("{tags} ipv4"));
    let steps = [
        (plain.clone(), left(CUSTOMER)?),
        (translated.clone(), left(TRANSLATED)?),
        (popped, left("8100:10/5")?),
        (bare, left("")?),
        (translated, left(TRANSLATED)?),
        (plain.clone(), left(CUSTOMER)?),
    ];

    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &plain)?;
    let ends = Ends::open(&lab)?;
    let sent = left(CUSTOMER)?;
    let mut total = 0;
    for [(_, before), (config, after)] in steps.windows(2).map(|pair| [&pair[0], &pair[1]]) {
        let frames = 400;
        thread::scope(|scope| -> Result<()> {
            let sender = scope.spawn(|| -> Result<()> {
                for _ in 0..frames {
                    ends.customer.0.send(&sent)?;
                    thread::sleep(Duration::from_micros(200));
                }
                Ok(())
            });
            thread::sleep(Duration::from_millis(20));
            configure(config)?;
            reload()?;
            sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        let arrived = ends.core.1.collect(frames, WAIT)?;
        assert_eq!(arrived.len(), frames);
        let with_old = arrived.iter().take_while(|arrived| *arrived == before).count();
        assert!(arrived[with_old..].iter().all(|arrived| arrived == after));
        assert!(with_old > 0 && with_old < frames, "the reload was under load: {with_old}");
        // A frame that goes out with these tags comes back with them.
        ends.core.0.send(after)?;
        let back = ends.customer.1.collect(1, WAIT)?;
        assert_eq!(back.len(), 1, "{after:02x?}");
        total += frames as u64;
    }
    let status = status()?;
    let inbound = status.circuits[0].peerings.iter().find(|peering| peering.direction == "inbound");
    assert_eq!(inbound.map(|peering| peering.total.forwarded_frames), Some(total));
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Both pairs of a wire with two links, of which the secondary one has this S-tag.
fn with_secondary(s_tag: u16) -> Sample {
    let second = |name: &str, side: &str, forward: &str| {
        SamplePort::new(name, side).forward(forward).key("link", "secondary")
    };
    Sample::lab()
        .port(second("customer1", "customer", "core1"))
        .port(second("core1", "core", "customer1"))
        .circuit(contoso().key("secondary_s_tag", s_tag))
}

/// `edge circuit` gives a circuit both tags, which stay when its provider is done.
fn a_provider_names_both_tags(lab: &Lab) -> Result<()> {
    let circuit = |arguments: &str| -> Result<String> {
        let arguments: Vec<&str> = ["circuit"].into_iter().chain(arguments.split(' ')).collect();
        let output = edge(lab, &arguments)?;
        assert!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?)
    };
    circuit("new fabrikam --bandwidth 50Mbps")?;
    circuit("provision fabrikam --secondary-s-tag 7 --begin")?;
    circuit("provision fabrikam")?;
    let record: CircuitRecord = serde_json::from_str(&circuit("show fabrikam --json")?)?;
    assert_eq!((record.s_tag, record.secondary_s_tag), (Some(1), Some(7)));
    let shown = circuit("show fabrikam")?;
    assert!(shown.contains("1 on the primary link, 7 on the secondary one"), "{shown}");
    Ok(())
}

#[test]
fn another_tag_of_the_secondary_link_leaves_the_primary_one_alone() -> Result<()> {
    if !root_or_skip("another_tag_of_the_secondary_link_leaves_the_primary_one_alone") {
        return Ok(());
    }
    private_mounts()?;
    let lab = Lab::with_mtu(&["customer0", "core0", "customer1", "core1"], 1600)?;
    let daemon = Daemon::start(&lab, &with_secondary(200))?;
    let sender = |port| -> Result<RawSender> {
        let end = lab.far_end(port)?;
        RawSender::open(end.ns(), end.interface())
    };
    let collector = |port| -> Result<RawCollector> {
        let end = lab.far_end(port)?;
        RawCollector::open(end.ns(), end.interface())
    };
    let (primary, secondary) = (sender("customer0")?, sender("customer1")?);
    let (at_primary, at_secondary) = (collector("core0")?, collector("core1")?);
    let frame = |s_vid: u16| frame_of(&format!("8100:{s_vid} 8100:10 ipv4"));
    let (own, old, new) = (frame(100)?, frame(200)?, frame(300)?);
    let frames = 400;
    let both = thread::scope(|scope| -> Result<_> {
        let load = scope.spawn(|| -> Result<()> {
            for _ in 0..frames {
                primary.send(&own)?;
                secondary.send(&old)?;
                secondary.send(&new)?;
                thread::sleep(Duration::from_micros(200));
            }
            Ok(())
        });
        thread::sleep(Duration::from_millis(20));
        configure(&with_secondary(300))?;
        reload()?;
        load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        at_secondary.collect(2 * frames, Duration::from_millis(500))
    })?;
    let arrived = at_primary.collect(frames, WAIT)?;
    assert!(arrived.len() == frames && arrived.iter().all(|it| *it == own), "{}", arrived.len());
    assert!(both.iter().all(|it| *it == old || *it == new));
    let with_old = both.iter().filter(|it| **it == old).count();
    // One of both tags is the link's at any time.
    assert!(with_old > 0 && with_old < both.len() && both.len() >= frames, "{with_old}");
    // The old one is nobody's now, and so is the primary link's.
    for tags in [&old, &own, &new] {
        secondary.send(tags)?;
    }
    assert_eq!(at_secondary.collect(2, Duration::from_millis(500))?, std::slice::from_ref(&new));
    let back = sender("core1")?;
    let at_customer = collector("customer1")?;
    back.send(&old)?;
    back.send(&new)?;
    assert_eq!(at_customer.collect(2, Duration::from_millis(500))?, [new]);
    a_provider_names_both_tags(&lab)?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
