//! Each table in turn, and all of them at once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{Daemon, configure, reload, set_bandwidth, status},
    ends::{Ends, PORTS, contoso, lab},
    frames::{frame, how_many, ipv4},
    load::{check_all, under_load},
};
use edge_user::{
    config::sample::{Sample, SamplePort},
    lab::{Lab, root_or_skip},
};

use super::{
    config::{alone, only_set, other, sets, tags_of, with_named, with_others},
    limits::Limits,
    watch::watching,
};

const WAIT: Duration = Duration::from_secs(5);

/// `EDGE_GROWTH_CIRCUITS=20000` takes some minutes.
#[test]
fn thousands_of_circuits_come_in_one_reload() -> Result<()> {
    if !root_or_skip("thousands_of_circuits_come_in_one_reload") {
        return Ok(());
    }
    let count = usize::try_from(how_many("EDGE_GROWTH_CIRCUITS", 2000))?;
    let s_tags = if count > 5000 { 3900 } else { 200 };
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &alone())?;
    let first = only_set(&daemon)?;
    let (sent, daemon) = under_load(&lab, || {
        watching(|| {
            configure(&with_others(count, s_tags))?;
            timed(&format!("{count} circuits more"), reload)?;
            let second = only_set(&daemon)?;
            ensure!(second != first, "{count} circuits fit into {first}");
            pass(&lab, tags_of(0, s_tags))?;
            pass(&lab, tags_of(count - 1, s_tags))?;

            // There is room for as many again, and for fewer.
            configure(&alone())?;
            timed("all but one gone", reload)?;
            ensure!(only_set(&daemon)? == second, "fewer need no other tables");
            Ok(())
        })?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

#[test]
fn every_table_grows() -> Result<()> {
    if !root_or_skip("every_table_grows") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &alone())?;
    let (sent, daemon) = under_load(&lab, || {
        watching(|| {
            let mut set = only_set(&daemon)?;
            // Seventeen ports have to do with the files of a few.
            let files = Limits::of(&daemon)?;
            files.limit("nofile", files.files()? + 200)?;
            let grown = [
                ("S-tags", with_others(33, 33)),
                ("rates", rates(300)),
                ("policers", limits(60)),
                ("flows", fair(33)),
                ("QoS rows", profiles(35)),
                ("ports", ports(&lab, 15)?),
            ];
            for (what, config) in grown {
                configure(&config)?;
                timed(what, reload).with_context(|| what.to_owned())?;
                let now = only_set(&daemon)?;
                ensure!(now != set, "{what}: all of it fits into {now}");
                set = now;
            }
            files.lift()
        })?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// More bandwidths than there is room for, by `edge set-bandwidth` alone.
#[test]
fn a_change_of_bandwidth_finds_room() -> Result<()> {
    if !root_or_skip("a_change_of_bandwidth_finds_room") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &alone())?;
    let (sent, daemon) = under_load(&lab, || {
        watching(|| {
            let first = only_set(&daemon)?;
            configure(&with_others(270, 10))?;
            reload()?;
            ensure!(only_set(&daemon)? == first, "there is room for 270 circuits");
            for number in 0..270u64 {
                set_bandwidth(&format!("c{number:05}"), 1_000_000_000 + number * 1_000_000)?;
            }
            ensure!(only_set(&daemon)? != first, "there is no room for 270 bandwidths");
            Ok(())
        })?;
        let circuits = status()?.circuits;
        for (number, circuit) in (0..).zip(circuits.iter().skip(1)) {
            ensure!(circuit.bandwidth_bps == 1_000_000_000 + number * 1_000_000, "{circuit:?}");
        }
        pass(&lab, tags_of(269, 10))?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// Reloads that replace every circuit take the places of those that are gone.
#[test]
fn circuits_that_come_and_go_need_no_room() -> Result<()> {
    if !root_or_skip("circuits_that_come_and_go_need_no_room") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &alone())?;
    let (sent, daemon) = under_load(&lab, || {
        watching(|| {
            let first = sets()?;
            for round in 0..6 {
                // Those before and those to come are there at the same time.
                configure(&with_named(&format!("r{round}-"), 240, 20))?;
                reload()?;
                ensure!(sets()? == first, "round {round}: {:?}\n{}", sets()?, daemon.said());
            }
            Ok(())
        })?;
        pass(&lab, tags_of(239, 20))?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// As many frames of these tags as are sent arrive, both ways.
fn pass(lab: &Lab, (s_tag, c_tag): (usize, usize)) -> Result<()> {
    let (s_vid, c_vid) = (u16::try_from(s_tag)?, u16::try_from(c_tag)?);
    let sent = frame(&[(0x88a8, s_vid), (0x8100, c_vid)], 0x0800, &ipv4(0, 300));
    let ends = Ends::open(lab)?;
    for (sender, port) in [(&ends.customer.0, "core0"), (&ends.core.0, "customer0")] {
        let before = lab.far_end(port)?.received()?.tagged(s_vid, c_vid).frames;
        (0..10).try_for_each(|_| sender.send(&sent))?;
        let deadline = Instant::now() + WAIT;
        let mut frames = 0;
        while frames < 10 && Instant::now() < deadline {
            frames = lab.far_end(port)?.received()?.tagged(s_vid, c_vid).frames - before;
        }
        ensure!(frames == 10, "{frames} of 10 frames arrive at {port} with {s_vid} and {c_vid}");
    }
    Ok(())
}

fn timed(what: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let started = Instant::now();
    work()?;
    println!("{what}: {:.2} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn rates(count: usize) -> Sample {
    let rate = |number: usize| format!("{} Mbps", number + 1);
    alone().circuits((0..count).map(|number| other(number, 10).key("bandwidth", rate(number))))
}

/// Nine buckets in each circuit's.
fn limits(count: usize) -> Sample {
    let others = (0..count).map(|number| {
        let other = other(number, 10).of_peering("private", "qos", "limits");
        other.of_peering("private", "bandwidth", "500 Mbps")
    });
    let class =
        |class: u8| format!(r#"name = "k{class}", dscp = [{class}], bandwidth = "{class}0 Mbps""#);
    let rest = r#"name = "rest", dscp = ["default"], bandwidth = "90 Mbps""#.to_owned();
    alone().circuits(others).qos("limits", (1..8).map(class).chain([rest]))
}

fn fair(count: usize) -> Sample {
    alone().circuits((0..count).map(|number| other(number, 10).key("fairness", "flow")))
}

/// As many QoS profiles, with each `dscp` policy.
fn profiles(count: usize) -> Sample {
    let mut config = alone();
    for number in 0..count {
        let qos = format!("p{number}");
        let circuit = other(number, count)
            .of_peering("private", "qos", qos.as_str())
            .peering("microsoft", 2)
            .of_peering("microsoft", "qos", qos.as_str());
        let classes = [
            format!(r#"name = "a", dscp = [{number}], mark = {number}"#),
            r#"name = "b", dscp = ["default"]"#.to_owned(),
        ];
        config = config.circuit(circuit).qos(&qos, classes);
    }
    config
}

/// As many ports more, in front of those that there are.
fn ports(lab: &Lab, count: usize) -> Result<Sample> {
    let mut config = Sample::new("lab").edge("metrics", "127.0.0.1:0").ledger("checkpoint", "1s");
    for number in 0..count {
        let (name, peer) = (format!("more{number}"), format!("peer{number}"));
        lab.edge().output("ip", &["link", "add", &name, "type", "veth", "peer", "name", &peer])?;
        let port = SamplePort::new(&name, "customer").forward("core0");
        config = config.port(port.key("xdp_mode", "native"));
    }
    let [customer, core] = PORTS;
    let circuit = contoso().key("bandwidth", "10 Gbps").key("ports", PORTS);
    Ok(config.pair(customer, core).circuit(circuit))
}
