//! Ports, classes, prices, exports, and the tables of settings.

use super::{Values, bfd, duration, text};
use crate::{
    config::{
        ClassMatch, Edge, Export, LedgerConfig, MonthlyFees, PortRange, Prices, QosClass,
        RoutingConfig, RoutingDaemon, Sink, SlaCredit, ZonePrices,
    },
    model::{Port, spelled::Spelled as _},
    units::bit_rate,
};

pub(super) fn edge(edge: &Edge) -> Values {
    let Edge {
        name,
        state_dir,
        control,
        metrics,
        metrics_is_explicit,
        metrics_detail,
        pin_dir,
        unmatched,
    } = edge;
    // A file that leaves it to edge lets it do without.
    let optional = if *metrics_is_explicit { "" } else { ", if it is free" };
    Values::default()
        .with("name", name)
        .with("state_dir", state_dir)
        .with("control", control)
        .with_text("metrics", format!("{metrics}{optional}"))
        .with("metrics_detail", metrics_detail)
        .with("pin_dir", pin_dir)
        .with_text("unmatched", unmatched.spelling())
}

pub(super) fn port(port: &Port) -> Values {
    let Port { name: _, interface, side, forward, link, tpids, xdp_mode } = port;
    let tpids: Vec<String> = tpids.iter().map(|tpid| format!("{tpid:#06x}")).collect();
    Values::default()
        .with("interface", interface)
        .with("side", side)
        .with_text("forward", forward.as_str())
        .with("link", link)
        .with("tpids", &tpids)
        .with("xdp_mode", xdp_mode)
}

pub(super) fn class(class: &QosClass, place: usize) -> Values {
    let QosClass {
        name: _,
        dscp,
        is_default,
        mark,
        pcp,
        pcp_mark,
        matches,
        bandwidth_bps,
        burst_share_permille,
    } = class;
    let matches: Vec<String> = matches.iter().map(class_match).collect();
    Values::default()
        // Of two rules that fit, the first counts.
        .with("place", &place)
        .with("dscp", dscp)
        .with("default", is_default)
        .with("mark", mark)
        .with("pcp", pcp)
        .with("pcp_mark", pcp_mark)
        .with("match", &matches)
        .with_text("bandwidth", bandwidth_bps.map_or_else(String::new, bit_rate))
        .with_text("burst_share", format!("{burst_share_permille} per mille"))
}

fn class_match(rule: &ClassMatch) -> String {
    let ClassMatch { protocol, src_ports, dst_ports } = rule;
    let ports = |name: &str, ports: PortRange| match ports {
        PortRange::ALL => String::new(),
        PortRange { first, last } => format!(" {name} {first}-{last}"),
    };
    format!("protocol {protocol}{}{}", ports("from", *src_ports), ports("to", *dst_ports))
}

pub(super) fn ledger(ledger: &LedgerConfig) -> Values {
    let LedgerConfig { period, checkpoint, keep, keep_samples } = ledger;
    Values::default()
        .with_text("period", duration(*period))
        .with_text("checkpoint", duration(*checkpoint))
        .with_text("keep", duration(*keep))
        .with_text("keep_samples", duration(*keep_samples))
}

pub(super) fn export(export: &Export) -> Values {
    let Export { name: _, to, watermarks } = export;
    let values = match to {
        Sink::Files { dir, format } => Values::default().with("dir", dir).with("format", format),
        Sink::Http { url, token_file } => {
            Values::default().with("url", url).with("token_file", token_file)
        }
    };
    values.with("watermarks", watermarks)
}

pub(super) fn prices(prices: &Prices) -> Values {
    let Prices { currency, gb, zone, zones: _, sla_credits } = prices;
    let values = Values::default().with("currency", currency).with("gb", gb).with("zone", zone);
    sla_credits.iter().fold(values, |values, SlaCredit { below, credit }| {
        let key = format!("sla_credit below {} %", below.normalize());
        values.with_text(&key, format!("{} %", credit.normalize()))
    })
}

pub(super) fn zone(zone: &ZonePrices) -> Values {
    let ZonePrices { outbound_gb, monthly } = zone;
    let values = Values::default().with("outbound_gb", outbound_gb);
    monthly.iter().fold(values, |values, (bandwidth_bps, fees)| {
        let MonthlyFees { metered, unlimited, local, premium } = fees;
        let fees = [
            ("metered", metered),
            ("unlimited", unlimited),
            ("local", local),
            ("premium", premium),
        ];
        fees.into_iter().fold(values, |values, (name, fee)| {
            values.with_text(&format!("monthly {} {name}", bit_rate(*bandwidth_bps)), text(fee))
        })
    })
}

pub(super) fn routing(routing: &RoutingConfig) -> Values {
    let RoutingConfig {
        daemon,
        location,
        netns,
        table,
        bfd: timers,
        graceful_restart,
        icmp_rate_per_s,
        punt_rate_per_s,
    } = routing;
    let values = Values::default()
        .with("location", location)
        .with("netns", netns)
        .with("table", table)
        .with_text("bfd", bfd(timers.as_ref()))
        .with_text("graceful_restart", duration(*graceful_restart))
        .with("icmp_rate", icmp_rate_per_s)
        .with("punt_rate", punt_rate_per_s);
    match daemon {
        RoutingDaemon::Bird { command, asn, router_id } => values
            .with_text("daemon", "bird")
            .with("command", command)
            .with("asn", asn)
            .with("router_id", router_id),
        RoutingDaemon::None => values.with_text("daemon", "none"),
    }
}
