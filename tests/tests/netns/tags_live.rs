//! Tags towards the core, changed under load: each frame leaves with the old ones or the new ones.

use std::{thread, time::Duration};

use anyhow::Result;
use edge_tests::{
    daemon::{Daemon, configure, detach, reload, status},
    ends::{Ends, contoso, lab},
    notation::frame_of,
};
use edge_user::{config::sample::Sample, lab::root_or_skip};

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
