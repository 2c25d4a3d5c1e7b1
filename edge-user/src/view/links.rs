//! The ports' links, as people read them.

use comfy_table::Table;
use edge_api::PortStatus;

use super::table::text_table;
use crate::units::{bit_rate, count};

/// A line for each port's link.
pub(super) fn link_table(ports: &[PortStatus]) -> Table {
    let header = [
        "port",
        "state",
        "speed",
        "sold",
        "of speed",
        "mtu",
        "driver",
        "queues rx/tx",
        "carrier changes",
    ];
    let mut table = text_table(header, [2, 3, 4, 5, 7, 8]);
    for port in ports {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let queues = port.rx_queues.zip(port.tx_queues);
        table.add_row([
            port.name.clone(),
            state(port).to_owned(),
            or_none(port.speed_bps.map(bit_rate)),
            bit_rate(port.sold_bps),
            or_none(port.speed_bps.and_then(|speed_bps| share(port.sold_bps, speed_bps))),
            or_none(port.mtu_bytes.map(|mtu_bytes| mtu_bytes.to_string())),
            or_none(port.driver.clone()),
            or_none(queues.map(|(rx, tx)| format!("{rx}/{tx}"))),
            or_none(port.carrier_changes.map(count)),
        ]);
    }
    table
}

/// The state of a port's interface in one or two words.
fn state(port: &PortStatus) -> &'static str {
    match (port.is_up, port.carrier) {
        (None, _) => "gone",
        (Some(false), _) => "down",
        (Some(true), Some(false)) => "no carrier",
        (Some(true), _) => "up",
    }
}

/// The sold part of a speed, rounded up: more than 100 % is never shown as that.
fn share(sold_bps: u64, speed_bps: u64) -> Option<String> {
    let percent = (u128::from(sold_bps) * 100).div_ceil(speed_bps.max(1).into());
    (speed_bps > 0).then(|| format!("{percent} %"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, more: &serde_json::Value) -> PortStatus {
        let mut document = serde_json::json!({
            "name": name, "interface": "eth1", "side": "customer", "link": "primary",
            "xdp_mode": "native", "rx_frames": 0, "rx_bytes": 0, "reasons": {},
        });
        let all = document.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_line_has_the_state_of_a_link_at_a_glance() {
        let ports = [
            port(
                "customer0",
                &serde_json::json!({
                    "is_up": true, "carrier": true, "carrier_changes": 2, "speed_bps": 10_000_000_000_u64,
                    "sold_bps": 16_000_000_001_u64, "mtu_bytes": 1504, "driver": "mlx5_core", "rx_queues": 8,
                    "tx_queues": 16,
                }),
            ),
            port(
                "customer1",
                &serde_json::json!({ "is_up": true, "carrier": false, "mtu_bytes": 9000 }),
            ),
            port("core0", &serde_json::json!({ "is_up": false, "carrier": false })),
            port("core1", &serde_json::json!({ "sold_bps": 50_000_000 })),
        ];
        let table = link_table(&ports).to_string();
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|s| !s.is_empty()).collect())
            .collect();
        assert_eq!(
            lines[1],
            [
                "customer0",
                "up",
                "10 Gbps",
                "16.000000001 Gbps",
                "161 %",
                "1504",
                "mlx5_core",
                "8/16",
                "2"
            ]
        );
        assert_eq!(lines[2], ["customer1", "no carrier", "-", "0 bps", "-", "9000", "-", "-", "-"]);
        assert_eq!(lines[3][1], "down");
        assert_eq!(lines[4], ["core1", "gone", "-", "50 Mbps", "-", "-", "-", "-", "-"]);
        assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    }
}
