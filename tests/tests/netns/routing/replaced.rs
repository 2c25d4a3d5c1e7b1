//! Routes that a customer tells again with other attributes. Versions of BIRD before 2.0.8 remove each from the kernel's table
//! before they add it again.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    exchange::{
        CUSTOMER_ASN, Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6, VNET, VNET_V6,
        wait_for_way,
    },
    probes::{Probes, none_lost},
    speaker::{BirdPeer, plans::PeerConfig},
};
use edge_user::lab::{private_mounts, root_or_skip};

use super::bgp::{end, wait_for_sessions};

/// Times that the customer tells its routes.
const TIMES: u32 = 30;
/// Time between two of these.
const PAUSE: Duration = Duration::from_millis(20);

#[test]
fn routes_that_are_told_again_lose_no_frame() -> Result<()> {
    if !root_or_skip("routes_that_are_told_again_lose_no_frame") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    let customer = exchange.customers.first().context("a customer")?;
    // A machine this busy is late with BFD's packets.
    let config = exchange.keyed_config()?;
    let config = config.change_circuits(|circuit| circuit.of_peering("private", "bfd", false));
    let daemon = exchange.start(&config)?;
    let telling = |med: u32| {
        let routes = [LAN.0, LAN_V6.0];
        let config = PeerConfig::new(CUSTOMER_ASN, &[LINK, LINK_V6], &routes).key(&customer.key());
        PeerConfig { export: format!("bgp_med = {med};"), ..config }
    };
    let peer = BirdPeer::start(&customer.router, &telling(0))?;
    wait_for_sessions(&exchange, 2)?;
    wait_for_way(customer, LAN.1, VNET.1)?;
    wait_for_way(customer, LAN_V6.1, VNET_V6.1)?;
    let flows = [(LAN.1, VNET.1), (LAN_V6.1, VNET_V6.1)];
    let probes = flows
        .map(|(from, to)| Probes::start(&customer.router, &[from.to_owned()], &customer.vnet, to));
    let probes = probes.into_iter().collect::<Result<Vec<_>>>()?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;

    let is_over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        // BIRD is interrupted between its two steps now and then.
        for _ in 0..2 * thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let told = (1..=TIMES).try_for_each(|med| -> Result<()> {
            peer.change(&telling(med))?;
            thread::sleep(PAUSE);
            Ok(())
        });
        is_over.store(true, Ordering::Relaxed);
        told
    });
    told?;
    for probes in probes {
        ensure!(none_lost(probes)? > 0, "no probe was sent");
    }
    end(&exchange, daemon)
}
