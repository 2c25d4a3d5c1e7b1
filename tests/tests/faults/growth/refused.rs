//! A refused reload changes nothing, for any cause of the refusal: frames, rates, bills, the
//! ledger, tables and settings of interfaces stay.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aya::{Ebpf, programs::XdpMode};
use edge_tests::{
    daemon::{Daemon, book, configure, detach, edge, reload, status},
    ends::{Ends, PORTS, lab},
    faults::disk::STATE_DIR,
    fixture::Fixture,
    load::{check_all, under_load},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort},
    kernel::{
        PortProgram,
        host::interface::Interface,
        object::{program::program, variant::EMPTY_PROGRAM},
    },
    lab::{Lab, root_or_skip},
    plan::Police,
};
use rusqlite::{Connection, OpenFlags, types::Value};

use super::{
    config::{alone, only_set, with_others},
    limits::Limits,
};

/// With both ports, 600 slots; there is room for 1,200.
const CIRCUITS: usize = 300;

/// The changes that each refused configuration would make to the frames of the load and to their
/// bill.
fn worse(config: Sample) -> Sample {
    let worse = |contoso: SampleCircuit| {
        contoso
            .key("bandwidth", "64 kbps")
            .key("billing", "unlimited")
            .key("accounting", "l1")
            .of_peering("private", "dscp", "reset")
            .of_peering("private", "qos", "own")
    };
    config.change_circuit("contoso", worse).qos("own", [r#"name = "all", dscp = ["default"]"#])
}

/// With one port more.
fn with_port(config: Sample, interface: &str, mode: &str) -> Sample {
    let port = SamplePort::new("extra", "customer").interface(interface);
    config.port(port.forward("core0").key("xdp_mode", mode))
}

#[test]
fn a_refused_reload_was_never_tried() -> Result<()> {
    if !root_or_skip("a_refused_reload_was_never_tried") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let ip = |arguments: &str| lab.edge().output("ip", &arguments.split(' ').collect::<Vec<_>>());
    ip("link add extra0 type veth peer name extra1")?;
    ip("link add free0 type veth peer name free1")?;
    let foreign = Foreign::attach(&lab, "extra0")?;
    let daemon = Daemon::start(&lab, &alone())?;
    let set = only_set(&daemon)?;
    let (offered, daemon) = under_load(&lab, || {
        let before = begin(&lab)?;
        // In the tables in use, and in larger ones.
        for config in [worse(alone()), worse(with_others(40, 40))] {
            for (interface, mode, said) in [
                ("nowhere0", "auto", "there is no interface nowhere0"),
                ("extra0", "native", "another XDP program"),
                ("extra0", "generic", "another XDP program"),
                ("lo", "native", "native"),
            ] {
                configure(&with_port(config.clone(), interface, mode))?;
                let refused = edge(&lab, &["reload"])?;
                let stderr = String::from_utf8(refused.stderr)?;
                ensure!(refused.status.code() == Some(1), "{interface}: {stderr}");
                ensure!(stderr.contains(said), "{interface}: {stderr}");
                ensure!(!stderr.contains("detach"), "{interface}: {stderr}");
                ensure!(only_set(&daemon)? == set, "{interface}");
                same(&lab, &before).with_context(|| format!("{interface} in mode {mode}"))?;
            }
        }
        Ok(daemon)
    })?;
    drop(foreign);
    check_all(&lab, offered, daemon)
}

/// Files run out at every step of a reload, and so does room for tables.
#[test]
fn a_reload_that_runs_out_of_something_was_never_tried() -> Result<()> {
    if !root_or_skip("a_reload_that_runs_out_of_something_was_never_tried") {
        return Ok(());
    }
    let lab = lab(1600)?;
    lab.edge().output("ip", &["link", "add", "free0", "type", "veth", "peer", "name", "free1"])?;
    let daemon = Daemon::start(&lab, &alone())?;
    let set = only_set(&daemon)?;
    // Every frame passes when it is in effect at last.
    let more =
        |contoso: SampleCircuit| contoso.key("bandwidth", "20 Gbps").key("billing", "unlimited");
    let larger = with_port(with_others(80, 80), "free0", "native").change_circuit("contoso", more);
    let (offered, daemon) = under_load(&lab, || {
        let before = begin(&lab)?;
        let limits = Limits::of(&daemon)?;
        let mut refused = 0;
        configure(&larger)?;
        for more in 0.. {
            let limited = if more == 0 {
                // Less than the tables take.
                limits.limit("as", limits.memory()? + (2 << 20))?;
                reload()
            } else {
                // One is the connection's.
                limits.limit("nofile", limits.files()? + 1 + 9 * (more - 1))?;
                reload()
            };
            limits.lift()?;
            if limited.is_ok() {
                break;
            }
            refused += 1;
            let told = limited.err().map(|error| format!("{error:#}"));
            println!("{more}: {}", told.unwrap_or_default());
            ensure!(only_set(&daemon)? == set, "{more}");
            same(&lab, &before).with_context(|| format!("{more}"))?;
        }
        ensure!(refused > 5, "{refused} reloads were refused");
        ensure!(only_set(&daemon)? != set, "the last one was not");
        ensure!(status()?.watches_egress, "{}", daemon.said());
        Ok(daemon)
    })?;
    check_all(&lab, offered, daemon)
}

/// A circuit that the refused configuration lacks is still there after the refusal, with all its
/// counts under the edge's earlier name.
#[test]
fn a_refused_reload_takes_no_counters_that_are_shown() -> Result<()> {
    if !root_or_skip("a_refused_reload_takes_no_counters_that_are_shown") {
        return Ok(());
    }
    let config = |edge: &str, first: usize| {
        let circuits = (first..first + CIRCUITS).map(|number| {
            let circuit =
                SampleCircuit::new(format!("circuit-{number:03}"), "10 Gbps").s_tag(number);
            circuit.key("ports", PORTS).peering("private", 10)
        });
        Sample::lab().edge("name", edge).circuits(circuits)
    };
    let lab = lab(1600)?;
    lab.edge()
        .output("ip", &["link", "add", "extra0", "type", "veth", "peer", "name", "extra1"])?;
    let foreign = Foreign::attach(&lab, "extra0")?;
    let daemon = Daemon::start(&lab, &config("edge-0", 1))?;
    let ends = Ends::open(&lab)?;
    let sent = frame_of("88a8:1 8100:10 ipv4")?;
    ends.customer.0.send(&sent)?;
    ensure!(lab.settle(Duration::from_secs(5))?, "the frame is on its way");
    let forwarded = || -> Result<u64> {
        let status = status()?;
        let circuit = status.circuits.iter().find(|circuit| circuit.name == "circuit-001");
        let peerings = &circuit.context("the circuit is there")?.peerings;
        Ok(peerings.iter().map(|peering| peering.total.forwarded_frames).sum())
    };
    ensure!(forwarded()? == 1);
    configure(&config("edge-1", 1))?;
    reload()?;
    ensure!(forwarded()? == 1, "the edge's name makes no difference");
    // It lacks the first circuit and has one more, for which there is no slot that nobody had.
    configure(&with_port(config("edge-1", 2), "extra0", "native"))?;
    ensure!(reload().is_err(), "a port on extra0 was attached");
    ensure!(forwarded()? == 1, "{}", daemon.said());
    drop(foreign);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// The state that no refused reload may change, once frames have come both ways.
fn begin(lab: &Lab) -> Result<(Vec<Vec<Value>>, String)> {
    while status()?.ports.iter().any(|port| port.rx_frames == 0) {}
    book()?;
    Ok((ledger()?, settings(lab)?))
}

fn same(lab: &Lab, before: &(Vec<Vec<Value>>, String)) -> Result<()> {
    book()?;
    let (ledger, settings) = (ledger()?, settings(lab)?);
    ensure!(ledger == before.0, "{ledger:?} instead of {:?}", before.0);
    ensure!(settings == before.1, "{settings} instead of {}", before.1);
    Ok(())
}

/// Everything in the ledger but what grows with the traffic.
fn ledger() -> Result<Vec<Vec<Value>>> {
    let path = Path::new(STATE_DIR).join("ledger.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut rows = Vec::new();
    for query in [
        "SELECT uuid FROM incarnation",
        "SELECT uuid, is_closed, lost_us FROM epoch",
        "SELECT edge, circuit, direction FROM meter",
        "SELECT meter, peering, link, billing, accounting FROM owner",
        "SELECT owner, class FROM series",
        "SELECT * FROM terms",
    ] {
        let mut statement = connection.prepare(query)?;
        let count = statement.column_count();
        let found = statement.query_map([], |row| (0..count).map(|n| row.get(n)).collect())?;
        rows.extend(found.collect::<rusqlite::Result<Vec<Vec<Value>>>>()?);
    }
    Ok(rows)
}

/// Flags and offloads of every interface.
fn settings(lab: &Lab) -> Result<String> {
    let mut settings = lab.edge().output("ip", &["-details", "-oneline", "link", "show"])?;
    for interface in ["customer0", "core0", "extra0", "free0"] {
        let offloads = lab.edge().output("ethtool", &["-k", interface]);
        settings.push_str(&offloads.unwrap_or_default());
    }
    Ok(settings)
}

/// Somebody else's program on an interface.
struct Foreign {
    _ebpf: Ebpf,
}

impl Foreign {
    fn attach(lab: &Lab, interface: &str) -> Result<Self> {
        let fixture = Fixture::of(&alone(), Police::Off);
        let mut ebpf = PortProgram::load_for_bench(&fixture.plan.ports[0], &fixture.capacity)?;
        let empty = program(&mut ebpf, EMPTY_PROGRAM)?;
        lab.edge().run(|| {
            let ifindex = Interface::find(interface)?.index();
            // A veth takes it in one mode, and nobody else's in the other.
            empty.attach_to_if_index(ifindex, XdpMode::Driver)?;
            Ok(())
        })?;
        Ok(Self { _ebpf: ebpf })
    }
}
