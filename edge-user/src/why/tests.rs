//! Answers about circuits in trouble of each kind.

use serde_json::{Value, json};

use super::{DropCause, Facts, Why};

/// A step of five minutes from `minute` on: offered Mbps of which the rest above `delivered` was dropped, in Mbps.
fn step(minute: u64, offered: u64, delivered: u64, drops: &[(&str, Option<&str>)]) -> Value {
    let bytes = |mbps: u64| mbps * 1_000_000 / 8 * 300;
    let dropped = bytes(offered - delivered);
    let drops: Vec<Value> = drops
        .iter()
        .map(|(reason, class)| {
            json!({ "reason": reason, "class": class, "frames": dropped / 1000, "bytes": dropped })
        })
        .collect();
    let inbound = json!({
        "delivered_frames": bytes(delivered) / 1000, "delivered_bytes": bytes(delivered),
        "dropped_frames": dropped / 1000, "dropped_bytes": dropped, "drops": drops,
        "peak_1ms_bps": 9_000_000_000_u64, "peak_100ms_bps": 150_000_000,
    });
    let outbound = json!({
        "delivered_frames": 0, "delivered_bytes": 0, "dropped_frames": 0, "dropped_bytes": 0, "drops": [],
        "peak_1ms_bps": 0, "peak_100ms_bps": 0,
    });
    json!({
        "start": format!("2026-01-01T00:{minute:02}:00Z"), "covered_s": 300, "inbound": inbound, "outbound": outbound,
    })
}

/// A circuit of 100 Mbps with a bucket of 312,500 bytes on a port, and this history.
fn facts(steps: &[Value]) -> Facts {
    let policer = json!({
        "peering": null, "class": null, "direction": "inbound", "link": "primary", "rate_bps": 100_000_000,
        "burst_bytes": 312_500, "used_bytes": 0, "peak_1ms_bps": 0, "peak_100ms_bps": 0, "leases": 0, "retries": 0,
        "debts": 0,
    });
    let peering = json!({
        "kind": "private", "port": "customer0", "link": "primary", "direction": "inbound", "forwarded_frames": 0,
        "forwarded_bytes": 0, "dropped_frames": 0, "dropped_bytes": 0, "refused_frames": 0, "refused_bytes": 0,
        "drops": {}, "classes": [],
    });
    let port = json!({
        "name": "customer0", "interface": "eth1", "side": "customer", "link": "primary", "xdp_mode": "native",
        "is_up": true, "carrier": true, "rx_frames": 0, "rx_bytes": 0, "reasons": {},
    });
    let status = json!({
        "edge": "ams-1", "uptime_s": 1.0, "taken": "2026-01-01T01:00:00Z", "ledger": edge_api::LedgerStatus::default(),
        "watches_egress": true, "ports": [port], "circuits": [{
            "name": "contoso", "bandwidth_bps": 100_000_000, "enabled": true, "peerings": [peering],
            "policers": [policer],
        }],
    });
    let history = json!({
        "circuit": "contoso", "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z", "step_s": 300,
        "expired_until": null, "points": steps,
    });
    Facts {
        status: serde_json::from_value(status).unwrap(),
        history: serde_json::from_value(history).unwrap(),
        rates: edge_api::TrafficRates::default(),
        unmatched: edge_api::Unmatched::default(),
    }
}

fn answer(facts: &Facts) -> (Why, String) {
    let why = Why::from_facts(facts).unwrap();
    let text = why.sentences.join("\n");
    (why, text)
}

const BEST_EFFORT: [(&str, Option<&str>); 1] = [("over-rate", Some("best-effort"))];

#[test]
fn more_than_was_purchased_is_told_from_bursts() {
    let (why, text) = answer(&facts(&[step(0, 50, 50, &[]), step(5, 200, 100, &BEST_EFFORT)]));
    assert_eq!(why.inbound.cause, Some(DropCause::Sustained));
    assert_eq!(
        (why.inbound.offered_bps, why.inbound.delivered_bps),
        (Some(125_000_000), Some(75_000_000))
    );
    for part in [
        "125 Mbps offered (125 % of the bandwidth), 75 Mbps delivered, at most 9 Gbps over 1 ms",
        "3,750,000 as over-rate in class best-effort",
        "in the worst 5 minutes, from 2026-01-01T00:05:00Z on, 200 Mbps were offered",
        "A larger burst does not help",
        "To the customer: no traffic.",
        "Outside: its ports are up",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let (why, text) = answer(&facts(&[step(0, 41, 40, &BEST_EFFORT)]));
    // A bucket that is larger by all that was dropped lets all of it through.
    assert_eq!(why.inbound.cause, Some(DropCause::Bursts { enough_bytes: 312_500 + 37_500_000 }));
    assert!(text.contains("the bucket of 313 KB") && text.contains("a `burst` of 38 MB"), "{text}");
    // 16 s of the bandwidth are the largest burst.
    let (_, text) = answer(&facts(&[step(0, 45, 40, &BEST_EFFORT)]));
    assert!(text.contains("a `burst` of 188 MB"), "{text}");
    let (_, text) = answer(&facts(&[step(0, 46, 40, &BEST_EFFORT)]));
    assert!(text.contains("no `burst` is large enough"), "{text}");
    assert!(text.contains("(at most 200,000,000 bytes)"), "{text}");
    // A size that is rounded up must be allowed, too.
    let mut odd = facts(&[step(0, 45, 40, &BEST_EFFORT)]);
    odd.status.circuits[0].bandwidth_bps = 100_300_000;
    odd.status.circuits[0].policers[0].burst_bytes = 12_900_000;
    let (why, text) = answer(&odd);
    assert_eq!(why.inbound.cause, Some(DropCause::Bursts { enough_bytes: 200_400_000 }));
    assert!(text.contains("no `burst` is large enough"), "{text}");
}

#[test]
fn a_class_with_a_rate_of_its_own_is_named() {
    let mut facts = facts(&[step(0, 41, 40, &[("over-rate", Some("voice"))])]);
    let circuit = &mut facts.status.circuits[0];
    let mut own = circuit.policers[0].clone();
    own.peering = Some("private".to_owned());
    own.class = Some("voice".to_owned());
    own.rate_bps = 20_000_000;
    circuit.policers.push(own);
    let (why, text) = answer(&facts);
    assert_eq!(why.inbound.cause, Some(DropCause::OwnRate { rate_bps: 20_000_000 }));
    assert!(text.contains("a bandwidth of its own of 20 Mbps"), "{text}");
}

#[test]
fn a_quiet_circuit_and_an_unknown_time_are_told_apart() {
    let (_, text) = answer(&facts(&[step(0, 0, 0, &[])]));
    assert!(
        text.contains("From the customer: no traffic.") && !text.contains("DropCause"),
        "{text}"
    );
    let (why, text) = answer(&facts(&[]));
    assert_eq!(why.inbound.offered_bps, None);
    assert!(text.contains("nothing is known of that time"), "{text}");
}

#[test]
fn faults_outside_the_circuit_are_named() {
    let mut facts = facts(&[step(0, 11, 10, &[("egress-refused", Some("best-effort"))])]);
    facts.status.ports[0].carrier = Some(false);
    facts.status.ports[0].fault = Some("eth1 has no carrier".to_owned());
    let frames = |circuit: &str, last: &str| {
        json!({
            "port": "customer0", "tpid": "0x88a8", "s_vid": 100, "c_vid": 11, "frames": 1250, "bytes": 1,
            "first": last, "last": last, "src_mac": "02:00:00:00:00:01",
            "nearest": { "circuit": circuit, "peering": "private", "s_tag": 100, "c_tag": "10" },
        })
    };
    let (lately, before) = ("2026-01-01T00:30:00Z", "2025-12-31T00:00:00Z");
    let listed = [frames("contoso", lately), frames("fabrikam", lately), frames("contoso", before)];
    facts.unmatched =
        serde_json::from_value(json!({ "unmatched": listed, "left_out": 0 })).unwrap();
    facts.status.circuits[0].enabled = false;
    let (why, text) = answer(&facts);
    assert_eq!(why.inbound.cause, None);
    for part in [
        "It is disabled",
        "frames within the rate were refused by the device",
        "Outside: port customer0: eth1 has no carrier.",
        "1,250 frames with S 100, C 11 came to port customer0",
        "the circuit's private peering has S 100, C 10",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("belong to no circuit").count(), 1, "{text}");
}
