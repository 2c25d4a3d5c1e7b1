//! Prefixes and addresses as the file has them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use toml_span::Value;

use super::super::values::{Read, wrong};

/// Prefixes whose addresses no link and no route has: those that hosts and links use among themselves, and
/// those that are no unicast addresses (RFC 6890, RFC 4291).
const MARTIANS: [(&str, &str); 10] = [
    ("0.0.0.0/8", "which stands for this network alone (RFC 791)"),
    ("127.0.0.0/8", "which is a host's own (RFC 1122)"),
    ("169.254.0.0/16", "which a link uses without routers (RFC 3927)"),
    ("224.0.0.0/4", "which is multicast (RFC 5771)"),
    ("240.0.0.0/4", "which is reserved (RFC 1112)"),
    ("::/96", "which is a host's own, or none (RFC 4291)"),
    ("::ffff:0:0/96", "which stands for IPv4 addresses within a host (RFC 4291)"),
    ("100::/64", "which is for traffic to discard (RFC 6666)"),
    ("fe80::/10", "which a link uses without routers (RFC 4291)"),
    ("ff00::/8", "which is multicast (RFC 4291)"),
];

/// Prefixes that are not one customer's alone.
const PRIVATE: [(&str, &str); 6] = [
    ("10.0.0.0/8", "which is private (RFC 1918)"),
    ("172.16.0.0/12", "which is private (RFC 1918)"),
    ("192.168.0.0/16", "which is private (RFC 1918)"),
    ("100.64.0.0/10", "which providers share (RFC 6598)"),
    ("198.18.0.0/15", "which is for measurements (RFC 2544)"),
    ("fc00::/7", "which is private (RFC 4193)"),
];

/// An IPv4 network of this length.
pub(super) fn network_v4(value: &Value<'_>, len_bits: u8, example: &str) -> Read<Ipv4Net> {
    match network(value, len_bits, example)? {
        IpNet::V4(network) => Ok(network),
        IpNet::V6(_) => Err(wrong(value, "give IPv4 here, and IPv6 in the key that ends in `_v6`")),
    }
}

/// An IPv6 network of this length.
pub(super) fn network_v6(value: &Value<'_>, len_bits: u8, example: &str) -> Read<Ipv6Net> {
    match network(value, len_bits, example)? {
        IpNet::V6(network) => Ok(network),
        IpNet::V4(_) => Err(wrong(value, "give IPv6 here, and IPv4 in the key without `_v6`")),
    }
}

/// A prefix of either family, of any length, and no martian.
pub(super) fn prefix(value: &Value<'_>) -> Read<IpNet> {
    let prefix = whole(value, "a prefix such as \"10.1.0.0/16\"")?;
    refuse_martian(prefix)?;
    Ok(prefix)
}

/// A prefix of a public service, as a line of a file has it.
pub(in super::super) fn service_prefix(text: &str) -> Read<IpNet> {
    let prefix = parsed_text(text)
        .ok_or_else(|| format!("is {text:?}; give a prefix such as \"20.33.0.0/16\""))?;
    if prefix.addr() != prefix.network() {
        return Err(with_host_bits(text, prefix));
    }
    if is_default_route(prefix) {
        return Err(format!("is {prefix}, the default route; give the services' own prefixes"));
    }
    refuse_martian(prefix)?;
    match unregistrable(prefix) {
        Some(refusal) => Err(format!("{refusal}; give public prefixes")),
        None => Ok(prefix),
    }
}

/// An IPv4 address with the length of its link's prefix.
pub(super) fn interface_v4(value: &Value<'_>) -> Read<Ipv4Net> {
    const HELP: &str = "an address with its prefix's length, such as \"10.1.255.5/30\"";
    match interface(value, HELP)? {
        IpNet::V4(own) => Ok(own),
        IpNet::V6(_) => Err(wrong(value, "give IPv4 here, and IPv6 in the key that ends in `_v6`")),
    }
}

/// An IPv6 address with the length of its link's prefix.
pub(super) fn interface_v6(value: &Value<'_>) -> Read<Ipv6Net> {
    const HELP: &str = "an address with its prefix's length, such as \"fd00:1::5/126\"";
    match interface(value, HELP)? {
        IpNet::V6(own) => Ok(own),
        IpNet::V4(_) => Err(wrong(value, "give IPv6 here, and IPv4 in the key without `_v6`")),
    }
}

/// An IPv4 address.
pub(super) fn address_v4(value: &Value<'_>) -> Read<Ipv4Addr> {
    address(value, "an IPv4 address without a length, such as \"10.1.255.6\"")
}

/// An IPv6 address.
pub(super) fn address_v6(value: &Value<'_>) -> Read<Ipv6Addr> {
    address(value, "an IPv6 address without a length, such as \"fd00:1::6\"")
}

/// The reason why a customer can't have registered `prefix` as its own; `None`: one may.
pub(super) fn unregistrable(prefix: IpNet) -> Option<String> {
    let overlaps = |other: IpNet| other.contains(&prefix) || prefix.contains(&other);
    let (taken, reason) = known(&PRIVATE).find(|(other, _)| overlaps(*other))?;
    Some(if taken.contains(&prefix) {
        format!("is {prefix}, {reason}")
    } else {
        format!("is {prefix}, and so has {taken}, {reason}")
    })
}

/// Whether a prefix has every address of its family.
pub(super) fn is_default_route(prefix: IpNet) -> bool {
    prefix.prefix_len() == 0
}

fn network(value: &Value<'_>, len_bits: u8, example: &str) -> Read<IpNet> {
    let help = format!("a /{len_bits} such as \"{example}\"");
    let network = whole(value, &help)?;
    let is_v4 = matches!(network, IpNet::V4(_));
    let same_family = is_v4 == matches!(example.parse(), Ok(IpNet::V4(_)));
    if same_family && network.prefix_len() != len_bits {
        return Err(wrong(value, &format!("give {help}")));
    }
    refuse_martian(network)?;
    Ok(network)
}

/// A prefix without bits behind its length.
fn whole(value: &Value<'_>, help: &str) -> Read<IpNet> {
    let prefix = parsed(value).ok_or_else(|| wrong(value, &format!("give {help}")))?;
    if prefix.addr() != prefix.network() {
        return Err(with_host_bits(value.as_str().unwrap_or_default(), prefix));
    }
    Ok(prefix)
}

fn with_host_bits(text: &str, prefix: IpNet) -> String {
    format!("is {text:?}, which has bits behind the prefix; write \"{}\"", prefix.trunc())
}

fn interface(value: &Value<'_>, help: &str) -> Read<IpNet> {
    let own = parsed(value).ok_or_else(|| wrong(value, &format!("give {help}")))?;
    refuse_martian(IpNet::from(own.addr()))?;
    let (shortest, longest) = match own {
        IpNet::V4(_) => (8, 31),
        IpNet::V6(_) => (16, 127),
    };
    if !(shortest..=longest).contains(&own.prefix_len()) {
        return Err(wrong(value, &format!("give a length from /{shortest} to /{longest}")));
    }
    Ok(own)
}

fn address<A: FromStr + Into<IpAddr> + Copy>(value: &Value<'_>, help: &str) -> Read<A> {
    let address = value.as_str().and_then(|text| text.parse::<A>().ok());
    let address = address.ok_or_else(|| wrong(value, &format!("give {help}")))?;
    refuse_martian(IpNet::from(address.into()))?;
    Ok(address)
}

/// `ADDRESS/LENGTH`, both as everybody writes them: the length without a sign and without zeros before it.
fn parsed(value: &Value<'_>) -> Option<IpNet> {
    parsed_text(value.as_str()?)
}

fn parsed_text(text: &str) -> Option<IpNet> {
    let (address, len_bits) = text.split_once('/')?;
    let is_plain = len_bits.bytes().all(|byte| byte.is_ascii_digit())
        && (len_bits == "0" || !len_bits.starts_with('0'));
    let len_bits = len_bits.parse().ok().filter(|_| is_plain)?;
    IpNet::new(address.parse().ok()?, len_bits).ok()
}

fn refuse_martian(prefix: IpNet) -> Read<()> {
    // The default route is no martian's.
    match known(&MARTIANS).find(|(martian, _)| martian.contains(&prefix)) {
        Some((_, reason)) => {
            Err(format!("is {prefix}, {reason}; give unicast addresses that routers forward to"))
        }
        None => Ok(()),
    }
}

fn known(list: &'static [(&str, &str)]) -> impl Iterator<Item = (IpNet, &'static str)> {
    list.iter().filter_map(|(prefix, reason)| Some((prefix.parse().ok()?, *reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(text: &str, read: impl Fn(&Value<'_>) -> Read<T>) -> Read<T> {
        let source = format!("a = {text:?}");
        let document = toml_span::parse(&source).expect("TOML");
        read(document.pointer("/a").expect("the key"))
    }

    #[test]
    fn every_prefix_of_the_lists_is_one() {
        assert_eq!(known(&MARTIANS).count(), MARTIANS.len());
        assert_eq!(known(&PRIVATE).count(), PRIVATE.len());
    }

    #[test]
    fn prefixes_are_whole_and_plain() {
        for text in ["10.1.0.0/16", "0.0.0.0/0", "::/0", "0.0.0.0/1", "2001:db8::/32", "1.1.1.1/32"]
        {
            assert_eq!(read(text, prefix).map(|prefix| prefix.to_string()), Ok(text.into()));
        }
        for (text, words) in [
            (
                "10.1.0.1/16",
                "is \"10.1.0.1/16\", which has bits behind the prefix; write \"10.1.0.0/16\"",
            ),
            ("2001:db8::1/32", "write \"2001:db8::/32\""),
            ("10.1.0.0", "give a prefix such as"),
            ("10.1.0.0/33", "give a prefix"),
            ("10.1.0.0/+8", "give a prefix"),
            ("10.1.0.0/08", "give a prefix"),
            ("10.1.0.0/", "give a prefix"),
            ("010.1.0.0/16", "give a prefix"),
            ("10.1.0.0/255.255.0.0", "give a prefix"),
            ("10.1/16", "give a prefix"),
            ("fe80::%eth0/64", "give a prefix"),
        ] {
            let refusal = read(text, prefix).expect_err(text);
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn martians_are_nobodys() {
        for (list, _) in MARTIANS {
            let refusal = read(list, prefix).expect_err(list);
            assert!(refusal.contains(", which "), "{refusal}");
        }
        for inside in
            ["127.0.0.1/32", "169.254.1.0/24", "255.255.255.255/32", "::1/128", "fe80::/64"]
        {
            assert!(read(inside, prefix).is_err(), "{inside}");
        }
        for around in ["224.0.0.0/3", "0.0.0.0/7", "126.0.0.0/7", "fe00::/8", "::/95", "100::/63"] {
            assert!(read(around, prefix).is_ok(), "{around}");
        }
        assert!(read("127.0.0.1", address_v4).is_err());
        assert!(read("::ffff:10.0.0.1", address_v6).is_err());
        assert!(read("169.254.0.1/30", interface_v4).is_err());
    }

    #[test]
    fn registered_prefixes_are_one_customers() {
        let refused = |text: &str| unregistrable(text.parse().expect("a prefix"));
        for own in ["203.0.113.0/24", "2001:db8::/32", "11.0.0.0/8", "172.32.0.0/16", "9.0.0.0/8"] {
            assert_eq!(refused(own), None, "{own}");
        }
        for (private, words) in [
            ("10.0.0.0/8", "is 10.0.0.0/8, which is private (RFC 1918)"),
            ("172.31.255.0/24", "which is private"),
            ("192.168.1.1/32", "which is private"),
            ("100.127.0.0/16", "which providers share"),
            ("fdff::/16", "RFC 4193"),
            ("8.0.0.0/6", "is 8.0.0.0/6, and so has 10.0.0.0/8, which is private"),
            ("::/0", "and so has fc00::/7"),
        ] {
            assert!(refused(private).is_some_and(|text| text.contains(words)), "{private}");
        }
    }

    #[test]
    fn networks_have_their_length_and_family() {
        let v4 = |text: &str| read(text, |value| network_v4(value, 30, "192.168.15.16/30"));
        let v6 = |text: &str| read(text, |value| network_v6(value, 126, "fd00:15::10/126"));
        assert!(v4("192.168.15.16/30").is_ok() && v6("fd00:15::10/126").is_ok());
        for (refused, words) in [
            (v4("192.168.15.16/29").map(|_| ()), "give a /30 such as \"192.168.15.16/30\""),
            (v4("192.168.15.17/30").map(|_| ()), "write \"192.168.15.16/30\""),
            (v4("192.168.15.16").map(|_| ()), "give a /30"),
            (v4("fd00::/126").map(|_| ()), "give IPv4 here"),
            (v6("192.168.15.16/30").map(|_| ()), "give IPv6 here"),
            (v6("fd00:15::/64").map(|_| ()), "give a /126"),
            (v6("fd00:15::11/126").map(|_| ()), "write \"fd00:15::10/126\""),
            (v4("127.0.0.0/30").map(|_| ()), "a host's own"),
        ] {
            let refusal = refused.expect_err(words);
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn interfaces_keep_their_host_bits() {
        let own = read("10.1.255.5/30", interface_v4).expect("correct");
        assert_eq!((own.addr().to_string(), own.prefix_len()), ("10.1.255.5".into(), 30));
        for text in ["10.1.255.5", "10.1.255.5/32", "10.1.255.5/7", "fd00::1/64", "10.1.255.5/x"] {
            assert!(read(text, interface_v4).is_err(), "{text}");
        }
        for text in ["fd00::1/128", "fd00::1/15", "10.1.255.5/30"] {
            assert!(read(text, interface_v6).is_err(), "{text}");
        }
        assert!(
            read("fd00::1/64", interface_v6).is_ok() && read("10.0.0.0/31", interface_v4).is_ok()
        );
    }
}
