//! The `match` of a class: packets that the class takes by protocol and ports.

use toml_span::{Span, Value};

use super::{
    ClassMatch, PortRange,
    error::Errors,
    keys::{Field, Keys},
    values::{Read, bounds, integer_in},
};

/// Names of protocols and their numbers (IANA, "Protocol Numbers").
const PROTOCOLS: [(&str, u8); 9] = [
    ("tcp", 6),
    ("udp", 17),
    ("sctp", 132),
    ("icmp", 1),
    ("icmpv6", 58),
    ("dccp", 33),
    ("udplite", 136),
    ("gre", 47),
    ("esp", 50),
];

/// Protocols whose header starts with two ports: TCP, UDP, DCCP, SCTP and UDP-Lite.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// An entry of `match`.
pub(super) struct RawMatch {
    pub(super) at: Span,
    protocol: Field<u8>,
    src_ports: Field<PortRange>,
    dst_ports: Field<PortRange>,
}

impl RawMatch {
    pub(super) fn read(mut keys: Keys<'_, '_>) -> Self {
        let rule = Self {
            at: keys.at(),
            protocol: keys.required("proto", protocol),
            src_ports: keys.optional("src_port", ports),
            dst_ports: keys.optional("dst_port", ports),
        };
        keys.finish();
        rule
    }

    /// The checked match: a match with ports needs a protocol that has ports.
    pub(super) fn checked(&self, errors: &Errors<'_>) -> Option<ClassMatch> {
        let protocol = self.protocol.given()?.value;
        let ports = [("src_port", &self.src_ports), ("dst_port", &self.dst_ports)];
        if !WITH_PORTS.contains(&protocol) {
            for (key, ports) in ports.iter().filter_map(|(key, ports)| Some((key, ports.given()?)))
            {
                let message = format!(
                    "`{key}` needs a `proto` with ports, which {} has not; give \"tcp\", \"udp\", \
                     \"sctp\", \"dccp\" or \"udplite\", or remove the port",
                    shown(protocol)
                );
                errors.add(ports.span, message);
            }
        }
        Some(ClassMatch {
            protocol,
            src_ports: self.src_ports.value_or(PortRange::ALL)?,
            dst_ports: self.dst_ports.value_or(PortRange::ALL)?,
        })
    }
}

fn protocol(value: &Value<'_>) -> Read<u8> {
    if let Some((_, number)) = PROTOCOLS.iter().find(|(name, _)| value.as_str() == Some(*name)) {
        return Ok(*number);
    }
    let names: Vec<_> = PROTOCOLS.iter().map(|(name, _)| format!("{name:?}")).collect();
    let what = format!("{} or an IP protocol's number from 0 to 255", names.join(", "));
    integer_in(value, 0, 255, &what)
}

/// A port, or a range of them.
fn ports(value: &Value<'_>) -> Read<PortRange> {
    const HELP: &str = "a port from 0 to 65535, or a range such as \"50000-50019\"";
    match value.as_str() {
        Some(text) if text.contains('-') => {
            let (first, last) = bounds(value, text, 0, u16::MAX, HELP)?;
            Ok(PortRange { first, last })
        }
        _ => integer_in(value, 0, 65_535, HELP).map(|port| PortRange { first: port, last: port }),
    }
}

fn shown(protocol: u8) -> String {
    let named = PROTOCOLS.iter().find(|(_, number)| *number == protocol);
    named.map_or_else(|| protocol.to_string(), |(name, _)| format!("{name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case<'a> = (&'a str, &'a dyn Fn(&Value<'_>) -> Read<String>, Option<&'a str>);

    #[test]
    fn protocols_and_ports() {
        let ports = |v: &Value<'_>| ports(v).map(|ports| format!("{}-{}", ports.first, ports.last));
        let protocol = |v: &Value<'_>| protocol(v).map(|number| number.to_string());
        let cases: &[Case<'_>] = &[
            ("'udp'", &protocol, Some("17")),
            ("'icmpv6'", &protocol, Some("58")),
            ("0", &protocol, Some("0")),
            ("255", &protocol, Some("255")),
            ("256", &protocol, None),
            ("-1", &protocol, None),
            ("'UDP'", &protocol, None),
            ("'17'", &protocol, None),
            ("5060", &ports, Some("5060-5060")),
            ("0", &ports, Some("0-0")),
            ("65535", &ports, Some("65535-65535")),
            ("'0-65535'", &ports, Some("0-65535")),
            ("'50000-50019'", &ports, Some("50000-50019")),
            ("'50019-50000'", &ports, None),
            ("'1-65536'", &ports, None),
            ("65536", &ports, None),
            ("'5060'", &ports, None),
            ("'any'", &ports, None),
        ];
        for (text, read, expected) in cases {
            let source = format!("key = {text}");
            let document = toml_span::parse(&source).expect("TOML");
            let value = document.pointer("/key").expect("key");
            assert_eq!(read(value).ok().as_deref(), *expected, "{text}");
        }
    }
}
