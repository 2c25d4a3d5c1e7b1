//! Ports' names move to other interfaces, and circuits follow: each wire keeps its customer.

use std::{collections::BTreeMap, sync::atomic::Ordering};
use std::{sync::atomic::AtomicBool, thread, time::Duration};

use anyhow::Result;
use edge_tests::{
    daemon::{Daemon, book, configure, detach, reload},
    wires::{End, PORTS, WIRES, Wires, booked, config, frame_of, port, wait_until_sound},
};
use edge_user::{
    config::sample::Sample,
    lab::{private_mounts, root_or_skip},
};

/// The interfaces of P1, P2, C1 and C2, and the order of the ports in the file.
const MOVES: [([&str; 4], [usize; 4]); 4] = [
    (["cust1", "cust0", "core0", "core1"], [0, 1, 2, 3]),
    (["cust1", "cust0", "core1", "core0"], [3, 2, 1, 0]),
    // A port's name changes sides.
    (["core0", "cust0", "cust1", "core1"], [1, 3, 0, 2]),
    (["cust0", "cust1", "core0", "core1"], [2, 0, 3, 1]),
];

/// The wires when `cust0` and `cust1` have each other's name.
const SWAPPED: [[&str; 2]; 2] = [["cust1", "core0"], ["cust0", "core1"]];

/// The interfaces that one port after the other has.
const INTERFACES: [&str; 2] = ["cust1", "spare0"];
/// More than there are indices.
const RELOADS: usize = 20;

fn moved((interfaces, order): ([&str; 4], [usize; 4])) -> Sample {
    config(&order.map(|place| (PORTS[place].0, interfaces[place])), &WIRES)
}

#[test]
fn a_name_that_moves_takes_no_customers_frames_along() -> Result<()> {
    if !root_or_skip("a_name_that_moves_takes_no_customers_frames_along") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let mut daemon = Daemon::start(&wires.lab, &config(&PORTS, &WIRES))?;
    let all = [0, 1];
    for step in MOVES {
        configure(&moved(step))?;
        wires.under_traffic(&all, |_| reload())?;
        assert_eq!(port("P1")?.interface, step.0[0]);
    }
    // The same by a daemon that was killed, and its successor.
    for step in &MOVES[1..3] {
        daemon.kill()?;
        daemon = wires.under_traffic(&all, |lab| Daemon::start(lab, &moved(*step)))?;
    }
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// The interfaces change their names: at first the ports stay with them, and then, by a reload or
/// with the next daemon, go by their names, with the circuits.
#[test]
fn interfaces_that_change_their_names_stay_whose_they_are() -> Result<()> {
    if !root_or_skip("interfaces_that_change_their_names_stay_whose_they_are") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &config(&PORTS, &WIRES))?;
    let all = [0, 1];
    let swap = |lab: &edge_user::lab::Lab| -> Result<()> {
        for (from, to) in [("cust0", "x"), ("cust1", "cust0"), ("x", "cust1")] {
            lab.edge().output("ip", &["link", "set", from, "name", to])?;
        }
        Ok(())
    };
    wires.under_traffic(&all, |lab| {
        swap(lab)?;
        // Long enough for the daemon to have heard of it.
        thread::sleep(Duration::from_millis(200));
        assert_eq!(port("P1")?.interface, "cust1");
        let fault = port("P2")?.fault.unwrap_or_default();
        assert!(fault.contains("cust1 is called cust0 now"), "{fault}");
        configure(&config(&PORTS, &SWAPPED))?;
        reload()
    })?;
    assert_eq!(wait_until_sound("P1")?.interface, "cust0");
    // While no daemon runs.
    daemon.kill()?;
    let daemon = wires.under_traffic(&all, |lab| {
        swap(lab)?;
        Daemon::start(lab, &config(&PORTS, &WIRES))
    })?;
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// Each reload takes a port away, on whose interface frames arrive, and adds one on another
/// interface, until there are no indices that were never used.
#[test]
fn a_ports_index_is_given_away_only_when_no_program_has_it() -> Result<()> {
    if !root_or_skip("a_ports_index_is_given_away_only_when_no_program_has_it") {
        return Ok(());
    }
    private_mounts()?;
    let wires = Wires::new(&["spare0"])?;
    let spare = End::open(&wires.lab, "spare0")?;
    let configured = |number: usize| {
        // The index of the port that comes first by name is given away first.
        let (port, interface) = (format!("S{}", 99 - number), INTERFACES[number % 2]);
        let ports = [("C2", "core1"), (port.as_str(), interface)];
        // The core port knows nothing of it, so that its program stays.
        config(&ports, &[["none0", "none1"], [interface, "core1"]])
            .change_port("C2", |core| core.forward("stack"))
            .change_circuit("zeta", |zeta| zeta.key("name", interface))
    };
    let daemon = Daemon::start(&wires.lab, &configured(0))?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        let senders = [(wires.end(1, 0), 1), (&spare, 2)].map(|(end, customer)| {
            let is_over = &is_over;
            scope.spawn(move || -> Result<()> {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    end.sender.send(&frame_of(customer, 0, number))?;
                    thread::sleep(Duration::from_micros(300));
                }
                Ok(())
            })
        });
        let reloaded = (1..RELOADS).try_for_each(|number| {
            configure(&configured(number))?;
            reload()
        });
        is_over.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        reloaded
    })?;
    // Every frame says by which interface it has come in.
    thread::sleep(Duration::from_millis(100));
    let arrived = wires.end(1, 1).take()?;
    let mut of_interfaces = BTreeMap::new();
    for frame in &arrived {
        let interface = match frame[frame.len() - 16] {
            2 => "cust1",
            4 => "spare0",
            other => panic!("a frame of {other}"),
        };
        let key = (interface.to_owned(), "inbound".to_owned());
        *of_interfaces.entry(key).or_default() += 1;
    }
    assert_eq!(of_interfaces.len(), 2, "{of_interfaces:?}");
    book()?;
    assert_eq!(booked()?, of_interfaces);
    wires.is_quiet()?;
    assert!(spare.take()?.is_empty());
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}
