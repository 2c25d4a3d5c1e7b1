//! `edge reach` as people read it.

use std::io::{self, Write};

use edge_api::{
    CircuitLocation, CircuitReach, LinkedVnet, NotTold, OutOfReach, RegionReach, ServiceReach,
};

use super::table::{plain, text_table};

/// Prints where the circuit is, a line for each region, and one for each virtual network.
pub fn print(reach: &CircuitReach, out: &mut dyn Write) -> io::Result<()> {
    let CircuitReach { circuit, sku, location, regions, vnets, services } = reach;
    let place = match location {
        Some(CircuitLocation { name, area, cloud }) => format!("at {name} ({area}, {cloud})"),
        None => "without a location, so that nothing limits its reach".to_owned(),
    };
    writeln!(out, "{}: {sku}, {}", plain(circuit), plain(&place))?;
    if !regions.is_empty() {
        let mut table = text_table(["region", "area", "cloud", "reached"], []);
        for region in regions {
            let RegionReach { region: name, area, cloud, .. } = region;
            table.add_row([plain(name), plain(area), plain(cloud), answer(region)]);
        }
        writeln!(out, "{table}")?;
    }
    for LinkedVnet { vnet, region, prefixes, gateway_asn } in vnets {
        let place = region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        let routes = match gateway_asn {
            Some(asn) => format!("prefixes that its gateway (AS {asn}) announces"),
            None => prefixes.join(", "),
        };
        writeln!(out, "VNet {}: {routes}", plain(&format!("{vnet}{place}")))?;
    }
    if !services.is_empty() {
        let columns = ["peering", "service", "region", "communities", "prefixes", "told"];
        let mut table = text_table(columns, [4]);
        for service in services {
            let any = |name: &Option<String>| plain(name.as_deref().unwrap_or("-"));
            table.add_row([
                plain(&service.peering),
                any(&service.service),
                any(&service.region),
                service.communities.join(", "),
                service.prefixes.to_string(),
                service_answer(service, sku),
            ]);
        }
        writeln!(out, "{table}")?;
    }
    Ok(())
}

/// Prints where a service's prefixes stand.
fn service_answer(service: &ServiceReach, sku: &str) -> String {
    let Some(reason) = service.reason else {
        return if service.told { "yes" } else { "no" }.to_owned();
    };
    let why = match reason {
        NotTold::NotInFilter => {
            return match service.communities.as_slice() {
                [only] => format!("no: no route_filter has {only}"),
                all => format!("no: no route_filter has one of {}", all.join(", ")),
            };
        }
        NotTold::NotLocal => "the region is not near the location",
        NotTold::OtherArea => "the region is in another area",
        NotTold::OtherCloud => "the region is another cloud's",
        NotTold::Worldwide => "the service is everywhere",
    };
    match &service.needs_sku {
        Some(needed) => {
            format!("no: {why}, out of {}'s reach; {} reaches it", plain(sku), plain(needed))
        }
        None => format!("no: {why}, and no SKU reaches it"),
    }
}

fn answer(region: &RegionReach) -> String {
    let why = match region.reason {
        None => return if region.reached { "yes" } else { "no" }.to_owned(),
        Some(OutOfReach::NotLocal) => "not near the location",
        Some(OutOfReach::OtherArea) => "another area",
        Some(OutOfReach::OtherCloud) => "another cloud",
    };
    let help = match &region.needs_sku {
        Some(sku) => format!("{sku} reaches it"),
        None => "no SKU reaches it".to_owned(),
    };
    format!("no: {why}, {}", plain(&help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_and_each_vnet_has_a_line() {
        let region =
            |name: &str, reason: Option<OutOfReach>, needs_sku: Option<&str>| RegionReach {
                region: name.to_owned(),
                area: "europe".to_owned(),
                cloud: "public".to_owned(),
                reached: reason.is_none(),
                reason,
                needs_sku: needs_sku.map(str::to_owned),
            };
        let service = |name: &str,
                       communities: &[&str],
                       reason: Option<NotTold>,
                       needs: Option<&str>| ServiceReach {
            peering: "microsoft".to_owned(),
            service: Some(name.to_owned()),
            region: None,
            communities: communities.iter().map(|it| (*it).to_owned()).collect(),
            prefixes: 3,
            told: reason.is_none(),
            reason,
            needs_sku: needs.map(str::to_owned),
        };
        let mut reach = CircuitReach {
            circuit: "contoso".to_owned(),
            sku: "local".to_owned(),
            location: Some(CircuitLocation {
                name: "amsterdam".to_owned(),
                area: "europe".to_owned(),
                cloud: "public".to_owned(),
            }),
            regions: vec![
                region("near", None, None),
                region("northeurope", Some(OutOfReach::NotLocal), Some("standard")),
                region("eastus", Some(OutOfReach::OtherArea), Some("premium")),
                region("elsewhere", Some(OutOfReach::OtherCloud), None),
            ],
            vnets: vec![
                LinkedVnet {
                    vnet: "hub".to_owned(),
                    region: Some("near\n".to_owned()),
                    prefixes: vec!["10.1.0.0/16".to_owned(), "fd00:1::/32".to_owned()],
                    gateway_asn: None,
                },
                LinkedVnet {
                    vnet: "spoke".to_owned(),
                    region: None,
                    prefixes: Vec::new(),
                    gateway_asn: Some(65_515),
                },
            ],
            services: vec![
                service("storage", &["12076:51002", "12076:5020"], None, None),
                service("web", &["12076:51004"], Some(NotTold::NotInFilter), None),
                service("sql", &["12076:1", "12076:2"], Some(NotTold::NotInFilter), None),
                service("mail", &["12076:5010"], Some(NotTold::Worldwide), Some("premium")),
                service("far", &["12076:51003"], Some(NotTold::OtherCloud), None),
            ],
        };
        let text = |reach: &CircuitReach| {
            let mut out = Vec::new();
            print(reach, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            words.map(|words| words.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            text(&reach),
            [
                "contoso: local, at amsterdam (europe, public)",
                "region area cloud reached",
                "near europe public yes",
                "northeurope europe public no: not near the location, standard reaches it",
                "eastus europe public no: another area, premium reaches it",
                "elsewhere europe public no: another cloud, no SKU reaches it",
                "VNet hub in near\u{fffd}: 10.1.0.0/16, fd00:1::/32",
                "VNet spoke: prefixes that its gateway (AS 65515) announces",
                "peering service region communities prefixes told",
                "microsoft storage - 12076:51002, 12076:5020 3 yes",
                "microsoft web - 12076:51004 3 no: no route_filter has 12076:51004",
                "microsoft sql - 12076:1, 12076:2 3 no: no route_filter has one of 12076:1, 12076:2",
                "microsoft mail - 12076:5010 3 no: the service is everywhere, out of local's reach; premium reaches it",
                "microsoft far - 12076:51003 3 no: the region is another cloud's, and no SKU reaches it",
            ]
        );
        (reach.location, reach.regions, reach.vnets) = (None, Vec::new(), Vec::new());
        reach.services.clear();
        assert_eq!(
            text(&reach),
            ["contoso: local, without a location, so that nothing limits its reach"]
        );
    }
}
