//! The tables of the file, key by key, with places. Nothing here looks at two keys at once.

use toml_span::{Span, Spanned, Value, value::Table};

use super::{
    catalogue::RawCatalogue,
    edge::RawEdge,
    error::Errors,
    keys::{Field, Keys},
    ledger::{RawExport, RawLedger},
    prices::RawPrices,
    routed::{RawRouted, RawServiceNetwork, RawVnet, RawVnetLink},
    routing::RawRouting,
    rules::RawMatch,
    types::{
        Accounting, Billing, CTags, ConnectivityModel, CoreTag, DscpPolicy, Ecn, Fairness, Link,
        PeeringKind, Policing, Provisioning, Side, Sku, XdpMode,
    },
    units::Burst,
    values::{self, DscpEntry},
};

/// The file.
pub(super) struct Document {
    pub(super) edge: Option<RawEdge>,
    /// `None` where it isn't an array of tables at all.
    pub(super) ports: Option<Vec<RawPort>>,
    pub(super) circuits: Vec<RawCircuit>,
    pub(super) profiles: Vec<RawProfile>,
    pub(super) ledger: Field<RawLedger>,
    pub(super) exports: Vec<RawExport>,
    pub(super) prices: Option<RawPrices>,
    pub(super) routing: Field<RawRouting>,
    pub(super) catalogue: RawCatalogue,
    pub(super) vnets: Vec<RawVnet>,
    pub(super) service_network: Field<RawServiceNetwork>,
}

/// `[[port]]`.
pub(super) struct RawPort {
    pub(super) name: Field<String>,
    pub(super) interface: Field<String>,
    pub(super) side: Field<Side>,
    pub(super) forward: Field<String>,
    pub(super) link: Field<Link>,
    pub(super) tpids: Field<Vec<Spanned<u16>>>,
    pub(super) xdp_mode: Field<XdpMode>,
}

/// `[[circuit]]`.
pub(super) struct RawCircuit {
    pub(super) at: Span,
    pub(super) name: Field<String>,
    pub(super) service_key: Field<String>,
    pub(super) bandwidth_bps: Field<u64>,
    pub(super) billing: Field<Billing>,
    pub(super) sku: Field<Sku>,
    pub(super) location: Field<String>,
    pub(super) provider: Field<String>,
    pub(super) model: Field<ConnectivityModel>,
    pub(super) provisioning: Field<Provisioning>,
    pub(super) zone: Field<String>,
    pub(super) s_tag: Field<u16>,
    pub(super) secondary_s_tag: Field<u16>,
    pub(super) core_s_tag: Field<CoreTag>,
    pub(super) s_tpid: Field<u16>,
    pub(super) core_s_tpid: Field<u16>,
    pub(super) ports: Field<Vec<Spanned<String>>>,
    pub(super) burst: Field<Burst>,
    pub(super) ecn: Field<Ecn>,
    pub(super) fairness: Field<Fairness>,
    pub(super) policing: Field<Policing>,
    pub(super) accounting: Field<Accounting>,
    pub(super) enabled: Field<bool>,
    /// `None` where it isn't an array of tables at all; [`Self::vnet_links`] likewise.
    pub(super) peerings: Option<Vec<RawPeering>>,
    pub(super) vnet_links: Option<Vec<RawVnetLink>>,
}

/// `[[circuit.peering]]`.
pub(super) struct RawPeering {
    pub(super) at: Span,
    pub(super) kind: Field<PeeringKind>,
    pub(super) c_tags: Field<CTags>,
    pub(super) core_c_tag: Field<CoreTag>,
    pub(super) c_tpid: Field<u16>,
    pub(super) core_c_tpid: Field<u16>,
    pub(super) bandwidth_bps: Field<u64>,
    pub(super) dscp: Field<DscpPolicy>,
    pub(super) qos: Field<String>,
    pub(super) routed: RawRouted,
}

/// `[qos.NAME]`.
pub(super) struct RawProfile {
    pub(super) name: Spanned<String>,
    pub(super) at: Span,
    pub(super) classes: Option<Vec<RawClass>>,
}

/// An entry of `classes`.
pub(super) struct RawClass {
    pub(super) at: Span,
    pub(super) name: Field<String>,
    pub(super) dscp: Field<Vec<Spanned<DscpEntry>>>,
    pub(super) mark: Field<u8>,
    pub(super) pcp: Field<Vec<Spanned<u8>>>,
    pub(super) pcp_mark: Field<u8>,
    /// `None` where there is no such key.
    pub(super) matches: Option<Vec<RawMatch>>,
    pub(super) bandwidth_bps: Field<u64>,
    pub(super) burst_share_permille: Field<u32>,
}

impl Document {
    pub(super) fn read<'a>(document: &'a Value<'_>, errors: &'a Errors<'a>) -> Self {
        let empty = Table::new();
        let table = document.as_table().unwrap_or(&empty);
        let mut keys = Keys::new(table, Span::new(0, 0), "the file", errors);
        let edge = match keys.table("edge", "[edge], once") {
            Field::Absent => None,
            Field::Bad => Some(RawEdge::bad()),
            Field::Given(table) => {
                Some(RawEdge::read(Keys::new(table.value, table.span, "[edge]", errors)))
            }
        };
        let ports = checked(errors, || {
            let ports = keys.tables("port", "[[port]]").into_iter();
            let read = |(table, at)| RawPort::read(Keys::new(table, at, "[[port]]", errors));
            ports.map(read).collect()
        });
        let circuits = keys.tables("circuit", "[[circuit]]").into_iter();
        let read =
            |(table, at)| RawCircuit::read(Keys::new(table, at, "[[circuit]]", errors), errors);
        let circuits = circuits.map(read).collect();
        let profiles = keys.value("qos").map(|value| read_profiles(value, errors));
        let ledger = keys.table("ledger", "[ledger], once").and_then(|table| {
            Some(RawLedger::read(Keys::new(table.value, table.span, "[ledger]", errors)))
        });
        let exports = RawExport::all(&mut keys, errors);
        let prices = match keys.table("prices", "[prices], once") {
            Field::Absent => None,
            Field::Bad => Some(RawPrices::bad()),
            Field::Given(table) => {
                let keys = Keys::new(table.value, table.span, "[prices]", errors);
                Some(RawPrices::read(keys, errors))
            }
        };
        let routing = RawRouting::of_file(&mut keys, errors);
        let catalogue = RawCatalogue::read(&mut keys, errors);
        let vnets = RawVnet::all(&mut keys, errors);
        let service_network = RawServiceNetwork::of_file(&mut keys, errors);
        keys.finish();
        Self {
            edge,
            ports,
            circuits,
            profiles: profiles.unwrap_or_default(),
            ledger,
            exports,
            prices,
            routing,
            catalogue,
            vnets,
            service_network,
        }
    }
}

impl RawPort {
    fn read(mut keys: Keys<'_, '_>) -> Self {
        let port = Self {
            name: keys.required("name", values::string),
            interface: keys.required("interface", values::string),
            side: keys.required("side", values::choice),
            forward: keys.optional("forward", values::string),
            link: keys.optional("link", values::choice),
            tpids: keys.list("tpids", values::tpid),
            xdp_mode: keys.optional("xdp_mode", values::choice),
        };
        keys.finish();
        port
    }
}

impl RawCircuit {
    fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let circuit = Self {
            at: keys.at(),
            name: keys.required("name", values::string),
            service_key: keys.optional("service_key", values::string),
            bandwidth_bps: keys.required("bandwidth", values::bandwidth),
            billing: keys.optional("billing", values::choice),
            sku: keys.optional("sku", values::choice),
            location: keys.optional("location", values::string),
            provider: keys.optional("provider", values::string),
            model: keys.optional("model", values::choice),
            provisioning: keys.optional("provisioning", values::choice),
            zone: keys.optional("zone", values::string),
            s_tag: keys.optional("s_tag", values::vid),
            secondary_s_tag: keys.optional("secondary_s_tag", values::vid),
            core_s_tag: keys.optional("core_s_tag", values::core_tag),
            s_tpid: keys.optional("s_tpid", values::tpid),
            core_s_tpid: keys.optional("core_s_tpid", values::tpid),
            ports: keys.list("ports", values::string),
            burst: keys.optional("burst", values::burst),
            ecn: keys.optional("ecn", values::choice),
            fairness: keys.optional("fairness", values::choice),
            policing: keys.optional("policing", values::choice),
            accounting: keys.optional("accounting", values::choice),
            enabled: keys.optional("enabled", values::boolean),
            peerings: checked(errors, || {
                let peerings = keys.tables("peering", "[[circuit.peering]]").into_iter();
                let read = |(table, at)| {
                    RawPeering::read(Keys::new(table, at, "[[circuit.peering]]", errors), errors)
                };
                peerings.map(read).collect()
            }),
            vnet_links: checked(errors, || {
                let links = keys.tables("vnet_link", "vnet_link = [{ … }]").into_iter();
                let keys = |(table, at)| Keys::new(table, at, "vnet_link", errors);
                links.map(|link| RawVnetLink::read(keys(link), errors)).collect()
            }),
        };
        keys.finish();
        circuit
    }
}

impl RawPeering {
    fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let peering = Self {
            at: keys.at(),
            kind: keys.required("kind", values::choice),
            c_tags: keys.required("c_tag", values::c_tags),
            core_c_tag: keys.optional("core_c_tag", values::core_tag),
            c_tpid: keys.optional("c_tpid", values::tpid),
            core_c_tpid: keys.optional("core_c_tpid", values::tpid),
            bandwidth_bps: keys.optional("bandwidth", values::bandwidth),
            dscp: keys.optional("dscp", values::choice),
            qos: keys.optional("qos", values::string),
            routed: RawRouted::read(&mut keys, errors),
        };
        keys.finish();
        peering
    }
}

fn read_profiles<'a>(value: &'a Value<'_>, errors: &'a Errors<'a>) -> Vec<RawProfile> {
    let Some(profiles) = value.as_table() else {
        errors.add(value.span, format!("`qos` {}", values::wrong(value, "write [qos.NAME]")));
        return Vec::new();
    };
    let read = profiles.iter().map(|(key, value)| {
        let name = Spanned::with_span(key.name.to_string(), key.span);
        let Some(table) = value.as_table() else {
            let refusal = values::wrong(value, "write [qos.NAME] with `classes`");
            errors.add(value.span, format!("a profile {refusal}"));
            return RawProfile { name, at: key.span, classes: None };
        };
        let mut keys = Keys::new(table, value.span, "[qos.NAME]", errors);
        let classes = checked(errors, || {
            let classes = keys.tables("classes", "classes = [ { … } ]").into_iter();
            let read = |(table, at)| RawClass::read(Keys::new(table, at, "class", errors), errors);
            classes.map(read).collect()
        });
        keys.finish();
        RawProfile { name, at: value.span, classes }
    });
    read.collect()
}

impl RawClass {
    fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let read = |(table, at)| RawMatch::read(Keys::new(table, at, "match", errors));
        let class = Self {
            at: keys.at(),
            name: keys.required("name", values::string),
            dscp: keys.list("dscp", values::dscp_entry),
            mark: keys.optional("mark", values::code_point),
            pcp: keys.list("pcp", values::pcp),
            pcp_mark: keys.optional("pcp_mark", values::pcp),
            matches: keys
                .one_or_more_tables("match", "match = { proto = \"udp\" }")
                .map(|matches| matches.into_iter().map(read).collect()),
            bandwidth_bps: keys.optional("bandwidth", values::bandwidth),
            burst_share_permille: keys.optional("burst_share", values::share_permille),
        };
        keys.finish();
        class
    }
}

/// The entries that `read` returns; `None`: none, and `read` has reported why, which is enough.
fn checked<T>(errors: &Errors<'_>, read: impl FnOnce() -> Vec<T>) -> Option<Vec<T>> {
    let before = errors.count();
    let entries = read();
    (!entries.is_empty() || errors.count() == before).then_some(entries)
}
