//! Another XDP mode by a reload, which has to take the program off before: a failure elsewhere puts
//! it back.

use anyhow::{Context as _, Result};
use edge_tests::{
    daemon::{Daemon, configure, detach, reload},
    somebody::{Foreign, link_on},
    wires::{PORTS, WIRES, Wires, config, port, wait_until_sound},
};
use edge_user::{
    config::sample::SamplePort,
    lab::{private_mounts, root_or_skip},
};

#[test]
fn a_mode_that_a_refused_reload_has_changed_is_changed_back() -> Result<()> {
    if !root_or_skip("a_mode_that_a_refused_reload_has_changed_is_changed_back") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&["taken0"])?;
    let mut foreign = Foreign::load()?;
    let _theirs = foreign.attach(&wires.lab, "taken0")?;
    let all = [0, 1];
    let in_mode = |mode: &str| config(&PORTS, &WIRES).xdp_mode(mode);
    let taken = SamplePort::new("T", "customer").interface("taken0");
    let programs = |wires: &Wires| -> Result<Vec<u32>> {
        PORTS.iter().map(|(_, name)| Ok(link_on(&wires.lab, name)?.1)).collect()
    };
    let daemon = Daemon::start(&wires.lab, &in_mode("native"))?;
    for (now, next) in [("native", "generic"), ("generic", "native")] {
        wires.pass(&all)?;
        let before = programs(&wires)?;
        configure(&in_mode(next).port(taken.clone()))?;
        let refused = format!("{:#}", reload().err().context("a program is in the way")?);
        assert!(refused.contains("port \"T\""), "{refused}");
        for (name, _) in PORTS {
            let port = port(name)?;
            assert_eq!((port.xdp_mode.as_str(), &port.fault), (now, &None), "{port:?}");
        }
        assert_eq!(programs(&wires)?, before);
        wires.pass(&all)?;
        configure(&in_mode(next))?;
        reload()?;
        assert_eq!(wait_until_sound("P1")?.xdp_mode, next);
    }
    wires.pass(&all)?;
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}
