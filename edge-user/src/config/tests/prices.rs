//! Prices and zones.

use std::path::Path;

use rust_decimal::Decimal;

use super::{CIRCUIT, Gigabyte, MINIMAL, MonthlyFees, SlaCredit, check, parse};

/// Every key of the ledger, of exports and of prices.
pub(super) const PRICED: &str = r#"[edge]
name = "e"
[[port]]
name = "p0"
interface = "eth0"
side = "core"
[[circuit]]
name = "c1"
bandwidth = "1 Gbps"
zone = "zone-1"
sku = "premium"
[[circuit.peering]]
kind = "private"
c_tag = 10
[[circuit]]
name = "c2"
bandwidth = "50 Mbps"
[[circuit.peering]]
kind = "private"
c_tag = 11
[ledger]
period = "1h"
checkpoint = "10s"
keep = "400d"
keep_samples = "100d"
[[export]]
name = "billing"
dir = "/var/spool/edge"
format = "jsonl"
[[export]]
name = "collector"
url = "https://billing.example.com/usage"
token_file = "/etc/edge/token"
[prices]
currency = "EUR"
gb = "binary"
zone = "zone-2"
[[prices.sla_credit]]
below = "99.95 %"
credit = "10 %"
[[prices.sla_credit]]
below = "99%"
credit = "25.5 %"
[prices.zones.zone-1]
outbound_gb = "0.025"
[[prices.zones.zone-1.monthly]]
bandwidth = "1 Gbps"
metered = "436.00"
unlimited = "5700.00"
local = "1200.00"
premium = "500.00"
[prices.zones.zone-2]
outbound_gb = 0
[[prices.zones.zone-2.monthly]]
bandwidth = "50 Mbps"
metered = 55
"#;

#[test]
fn every_key() {
    let config = parse(PRICED, Path::new("f")).expect("correct");
    assert_eq!(config.warnings(), Vec::<String>::new());
    let zones: Vec<_> = config.circuits.iter().map(|circuit| circuit.zone.as_deref()).collect();
    assert_eq!(zones, [Some("zone-1"), Some("zone-2")]);
    let prices = config.prices.expect("given");
    assert_eq!((prices.currency.as_str(), prices.gb.bytes()), ("EUR", 1 << 30));
    assert_eq!(prices.zone.as_deref(), Some("zone-2"));
    let step = |below, credit| SlaCredit { below, credit };
    let steps = [
        step(Decimal::new(99, 0), Decimal::new(255, 1)),
        step(Decimal::new(9_995, 2), Decimal::new(10, 0)),
    ];
    assert_eq!(prices.sla_credits, steps);
    assert_eq!(prices.sla_credits[0].credit_millionths(), 255_000);
    let decimal = |mantissa, scale| Some(Decimal::new(mantissa, scale));
    let first = &prices.zones["zone-1"];
    assert_eq!(first.outbound_gb, decimal(25, 3));
    let fees = MonthlyFees {
        metered: decimal(436, 0),
        unlimited: decimal(5700, 0),
        local: decimal(1200, 0),
        premium: decimal(500, 0),
    };
    assert_eq!(first.monthly[&1_000_000_000], fees);
    let second = &prices.zones["zone-2"];
    assert_eq!(second.outbound_gb, Some(Decimal::ZERO));
    let metered = MonthlyFees { metered: decimal(55, 0), ..MonthlyFees::default() };
    assert_eq!(second.monthly[&50_000_000], metered);
}

/// Minimal prices of one zone, from line 18 on: its lines follow.
fn priced(lines: &str) -> String {
    format!("{MINIMAL}{CIRCUIT}[prices]\ncurrency='EUR'\n[prices.zones.z]\n{lines}")
}

#[test]
fn prices_are_exact_or_refused() {
    for (text, expected) in [
        ("'0.025'", Decimal::new(25, 3)),
        ("'0'", Decimal::ZERO),
        ("7", Decimal::new(7, 0)),
        ("'0.0000000001'", Decimal::new(1, 10)),
        (
            "'999999999999.9999999999'",
            Decimal::from_i128_with_scale(9_999_999_999_999_999_999_999, 10),
        ),
        ("999999999999", Decimal::new(999_999_999_999, 0)),
    ] {
        let config = parse(&priced(&format!("outbound_gb={text}")), Path::new("f"));
        let prices = config.expect(text).prices.expect("given");
        assert_eq!(prices.zones["z"].outbound_gb, Some(expected), "{text}");
        assert_eq!(prices.gb, Gigabyte::Decimal);
    }
    for (text, words) in [
        (
            "0.025",
            "`outbound_gb` is the floating-point number 0.025; a price is exact, so write it in \
             quotes, such as \"0.025\"",
        ),
        ("1.0", "floating-point"),
        ("'-1'", "can't be negative"),
        ("-1", "can't be negative"),
        ("'0.00000000001'", "10 behind it"),
        ("'1000000000000'", "12 digits before the point"),
        ("1000000000000", "12 digits before the point"),
        ("'1e3'", "give a price"),
        ("'1,5'", "give a price"),
        ("'1_000'", "give a price"),
        ("'+1'", "give a price"),
        ("'.5'", "give a price"),
        ("'5.'", "give a price"),
        ("'1.2.3'", "give a price"),
        ("''", "give a price"),
        ("'EUR 5'", "give a price"),
        ("true", "give a price"),
    ] {
        check(&priced(&format!("outbound_gb={text}")), &[(21, words)]);
    }
}

#[test]
fn wrong_prices() {
    let cases: &[(&str, &[(usize, &str)])] = &[
        ("[prices]\n[prices.zones.z]", &[(18, "[prices] has no `currency`")]),
        ("[prices]\ncurrency='EUR'", &[(18, "has no zone; add [prices.zones.NAME]")]),
        ("[prices]\ncurrency='EUR'\n[prices.zones]", &[(18, "has no zone")]),
        ("[prices]\ncurrency='eur'\n[prices.zones.z]", &[(19, "three letters")]),
        ("[prices]\ncurrency='EURO'\n[prices.zones.z]", &[(19, "three letters")]),
        ("[prices]\ncurrency='EUR'\ngb='1024'\n[prices.zones.z]", &[(20, "\"decimal\" or")]),
        (
            "[prices]\ncurrency='EUR'\nzone='y'\n[prices.zones.z]",
            &[(20, "`zone` names the unknown zone \"y\"; did you mean \"z\"?")],
        ),
        ("[prices]\ncurrency='EUR'\nzones=5", &[(20, "`zones` is 5; write [prices.zones.NAME]")]),
        ("[prices]\ncurrency='EUR'\n[prices.zones]\nz=5", &[(21, "a zone is 5")]),
        (
            "[prices]\ncurrency='EUR'\n[prices.zones.z]\ninbound_gb='1'",
            &[(21, "has no key `inbound_gb`; the keys are `outbound_gb`, `monthly`")],
        ),
        ("[prices]\ncurrency='EUR'\n[prices.zones.'']", &[(20, "`zones` is empty; give a name")]),
    ];
    for (prices, expected) in cases {
        check(&format!("{MINIMAL}{CIRCUIT}{prices}"), expected);
    }
    check(&format!("prices=5\n{MINIMAL}"), &[(1, "`prices` is 5; write [prices], once")]);
}

#[test]
fn wrong_monthly_fees() {
    let monthly = "[[prices.zones.z.monthly]]\n";
    check(&priced(&format!("{monthly}metered='1'")), &[(21, "has no `bandwidth`")]);
    check(&priced(&format!("{monthly}bandwidth=1")), &[(22, "`bandwidth` is 1 bit/s")]);
    check(&priced(&format!("{monthly}bandwidth='1 Gbps'\nlocal=1.5")), &[(23, "floating-point")]);
    let twice = format!("{monthly}bandwidth='1 Gbps'\n{monthly}bandwidth='1000 Mbps'");
    check(&priced(&twice), &[(24, "1 Gbps has two prices in the zone; remove one (first at f:22")]);
    check(&priced("monthly=5"), &[(21, "write [[prices.zones.NAME.monthly]] for each one")]);
}

#[test]
fn wrong_sla_credits() {
    let step = |below: &str, credit: &str| {
        format!("[[prices.sla_credit]]\nbelow={below}\ncredit={credit}\n")
    };
    for text in [
        "'99.95'",
        "99.95",
        "99",
        "'0 %'",
        "'100.0001 %'",
        "'99.99999 %'",
        "'-1 %'",
        "'.5 %'",
        "'5. %'",
        "'1e1 %'",
        "'%'",
        "'x %'",
        "true",
    ] {
        check(&priced(&step(text, "'10 %'")), &[(22, "give a percentage such as \"99.95 %\"")]);
        check(&priced(&step("'99.95 %'", text)), &[(23, "give a percentage such as \"99.95 %\"")]);
    }
    check(&priced("[[prices.sla_credit]]\n"), &[(21, "has no `below`"), (21, "has no `credit`")]);
    check(
        &priced("[[prices.sla_credit]]\nabove='1 %'\nbelow='1 %'\ncredit='1 %'"),
        &[(22, "has no key `above`")],
    );
    check(
        &format!("{MINIMAL}{CIRCUIT}[prices]\ncurrency='EUR'\nsla_credit=5\n[prices.zones.z]"),
        &[(20, "write [[prices.sla_credit]] for each one")],
    );
    let twice = step("'99.95 %'", "'10 %'") + &step("'99.950 %'", "'20 %'");
    check(
        &priced(&twice),
        &[(24, "there are two credits below 99.95 %; remove one (first at f:21")],
    );
    for credit in ["'10 %'", "'9 %'"] {
        let steps = step("'99.95 %'", "'10 %'") + &step("'99 %'", credit);
        check(&priced(&steps), &[(21, "give the lower availability the larger credit")]);
    }
    let steps = step("'99.95 %'", "'10 %'") + &step("'99 %'", "'10.0001 %'");
    let config = parse(&priced(&steps), Path::new("f")).expect("correct");
    assert_eq!(config.prices.expect("given").sla_credits.len(), 2);
}

#[test]
fn zones_of_circuits() {
    let circuit = CIRCUIT.replace("s_tag", "zone='y'\ns_tag");
    let prices = "[prices]\ncurrency='EUR'\n";
    check(
        &format!("{MINIMAL}{circuit}"),
        &[(14, "add [prices] with `currency` and [prices.zones.\"y\"], or remove `zone`")],
    );
    check(
        &format!("{MINIMAL}{circuit}{prices}[prices.zones.abc]"),
        &[(14, "`zone` names the unknown zone \"y\"; there are \"abc\"")],
    );
    // Wrong prices hide what zones there are.
    check(&format!("{MINIMAL}{circuit}{prices}zones=5"), &[(21, "`zones` is 5")]);
    check(&format!("{MINIMAL}{circuit}{prices}"), &[(19, "has no zone")]);

    let zone = |tables: &str| {
        let source = format!("{MINIMAL}{CIRCUIT}{prices}{tables}");
        let config = parse(&source, Path::new("f")).expect("correct");
        (config.circuits[0].zone.clone(), config.warnings())
    };
    let (none, warnings) = zone("[prices.zones.a]\n[prices.zones.b]");
    assert_eq!(none, None);
    assert!(warnings.iter().any(|warning| warning.contains("\"c1\" has no price zone")));
    assert_eq!(zone("zone='b'\n[prices.zones.a]\n[prices.zones.b]").0.as_deref(), Some("b"));
    assert_eq!(zone("[prices.zones.only]").0.as_deref(), Some("only"));
}

#[test]
fn missing_prices_are_warned_of() {
    let source = |sku: &str, lines: &str| {
        priced(lines).replace("s_tag = 100", &format!("s_tag = 100\n{sku}"))
    };
    let monthly = "[[prices.zones.z.monthly]]\nbandwidth=";
    for (sku, lines, expected) in [
        ("", String::new(), &["no `outbound_gb`", "no monthly price for 1 Gbps"][..]),
        ("", format!("outbound_gb=1\n{monthly}'1 Gbps'\nmetered=1"), &[]),
        ("", format!("outbound_gb=1\n{monthly}'2 Gbps'\nmetered=1"), &["price for 1 Gbps"]),
        ("", format!("outbound_gb=1\n{monthly}'1 Gbps'"), &["no `metered` price for 1 Gbps"]),
        ("billing='unlimited'", format!("{monthly}'1 Gbps'"), &["no `unlimited` price"]),
        ("sku='local'", format!("{monthly}'1 Gbps'\nmetered=1"), &["no `local` price"]),
        ("sku='local'", format!("{monthly}'1 Gbps'\nlocal=1"), &[]),
        (
            "sku='premium'\nbilling='unlimited'",
            format!("{monthly}'1 Gbps'\nunlimited=1"),
            &["no `premium` price"],
        ),
    ] {
        let warnings = parse(&source(sku, &lines), Path::new("f")).expect("correct").warnings();
        let is_expected = warnings.len() == expected.len()
            && warnings.iter().zip(expected).all(|(found, words)| found.contains(words));
        assert!(is_expected, "{sku} {lines}: {warnings:?}");
    }
}
