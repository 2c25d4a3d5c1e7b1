//! Faults by the hundred under traffic of several customers, some of them with the same tags on
//! different ports.
//!
//! * No frame reaches another customer, or is booked to one.
//! * Each frame is charged by the configuration at the time when it passed.
//! * Every frame that was sent was forwarded or dropped, by reason.
//! * The wire, the meters, the ledger and the receivers of its records have the same bytes.
//! * After the last fault, everything runs again without an operator.
//!
//! `EDGE_FAULT_SEED=… EDGE_FAULTS=… EDGE_WORLDS=1` repeats a world, but for the moments of the
//! scheduler.

use std::{
    fmt::Write as _,
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, anyhow, ensure};
use edge_tests::{
    daemon::edge,
    faults::{
        reckoning::{Figures, reckon},
        run::Run,
        wires::WIRES,
    },
    frames::how_many,
};
use edge_user::lab::{Lab, private_mounts, root_or_skip};

/// Faults in each world.
const FAULTS: u64 = 125;
/// Worlds side by side: most of what a daemon does in one is to wait for the kernel.
const WORLDS: u64 = 4;

#[test]
fn nothing_is_lost_and_nothing_is_billed_twice() -> Result<()> {
    if !root_or_skip("nothing_is_lost_and_nothing_is_billed_twice") {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
    let seed = how_many("EDGE_FAULT_SEED", now.into());
    let faults = u32::try_from(how_many("EDGE_FAULTS", FAULTS))?;
    let worlds = how_many("EDGE_WORLDS", WORLDS);
    eprintln!("EDGE_FAULT_SEED={seed} EDGE_FAULTS={faults} EDGE_WORLDS={worlds}");

    let failed = thread::scope(|scope| {
        let live = |seed| scope.spawn(move || live(seed, faults));
        let living: Vec<_> = (seed..seed + worlds).map(|seed| (seed, live(seed))).collect();
        let failed = living.into_iter().filter_map(|(seed, world)| {
            let lived = world.join().unwrap_or_else(|_| Err(anyhow!("panicked")));
            Some(format!("EDGE_FAULT_SEED={seed} EDGE_FAULTS={faults}: {:?}", lived.err()?))
        });
        failed.collect::<Vec<_>>()
    });
    ensure!(failed.is_empty(), failed.join("\n"));
    Ok(())
}

/// A world with its own network namespaces and mounts, which chance moves from this seed on.
fn live(seed: u64, faults: u32) -> Result<()> {
    private_mounts()?;
    let mut lab = Lab::new(&WIRES.map(|wire| wire.name))?;
    let mut run = Run::start(&mut lab, seed)?;
    let started = Instant::now();
    let suffered = run.suffer(faults).and_then(|()| run.recover());
    let rested = suffered.and_then(|()| run.come_to_rest());
    let reckoned = rested.and_then(|()| reckon(&mut run));
    let reckoned = reckoned.and_then(|figures| {
        ensure!(run.problems.is_empty(), "it does not add up");
        Ok(figures)
    });
    if reckoned.is_err() {
        // One piece, as others may be writing, too.
        let mut story = run.log.make_contiguous().join("\n");
        write!(story, "\nthe daemons said last:\n{}", run.said())?;
        write!(story, "\nproblems:\n{}\n{reckoned:?}", run.problems.join("\n"))?;
        eprintln!("seed {seed}:\n{story}");
    }
    let Figures { sent, received, refused_frames, records, repeated } = reckoned?;
    eprintln!(
        "seed {seed}: {faults} faults in {:.0} s: sent {} frames, {} bytes; received {} frames, \
         {} bytes; refused {refused_frames} frames; {records} records, {repeated} times again",
        started.elapsed().as_secs_f64(),
        sent.frames,
        sent.bytes,
        received.frames,
        received.bytes,
    );
    eprintln!("{}", run.times());
    run.finish()?;
    let devices = run.devices();
    drop(run);
    nothing_is_left(&lab, &devices)
}

fn nothing_is_left(lab: &Lab, devices: &[String]) -> Result<()> {
    let output = edge(lab, &["detach", "-c", edge_tests::daemon::CONFIG_PATH])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for entry in std::fs::read_dir("/sys/fs/bpf")? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        assert!(name.ends_with(".debug"), "{name} is left");
    }
    for device in devices {
        let shown = lab.edge().output("ip", &["link", "show", "dev", device])?;
        assert!(!shown.contains("xdp"), "{shown}");
    }
    assert!(!edge_api::is_answered("/run/edge/control.sock".as_ref()));
    Ok(())
}
