//! Wrong prefixes of customers.

use super::check_cases;

const ROUTES: &str = "static_routes = [\"10.9.0.0/16\", \"fd00:9::/48\"]";
const REGISTERED: &str = "advertised_prefixes = [\"203.0.113.0/24\", \"2001:db8:113::/48\"]";

#[test]
fn prefixes_of_customers() {
    check_cases(&[
        (ROUTES, "static_routes = []", &[("static_routes", "`static_routes` is empty")]),
        (ROUTES, "static_routes = \"10.9.0.0/16\"", &[("static_routes", "give an array")]),
        (
            ROUTES,
            "static_routes = [\"10.9.0.0\"]",
            &[("static_routes", "an entry of `static_routes` is \"10.9.0.0\"; give a prefix")],
        ),
        (
            ROUTES,
            "static_routes = [\"10.9.0.1/16\"]",
            &[("static_routes", "write \"10.9.0.0/16\"")],
        ),
        (
            ROUTES,
            "static_routes = [\"10.9.0.0/16\", \"10.9.0.0/16\"]",
            &[(
                "static_routes",
                "10.9.0.0/16 is listed twice in `static_routes`; remove one (first at f:",
            )],
        ),
        (ROUTES, "static_routes = [\"127.0.0.0/8\"]", &[("static_routes", "a host's own")]),
        (ROUTES, "static_routes = [\"fe80::/64\"]", &[("static_routes", "without routers")]),
        (
            ROUTES,
            "static_routes = [\"240.0.0.0/4\", \"ff00::/8\"]",
            &[("static_routes", "is reserved"), ("static_routes", "is multicast")],
        ),
        (
            ROUTES,
            "advertised_prefixes = [\"203.0.112.0/24\"]",
            &[("advertised", "is for public and Microsoft peerings: a private one takes all")],
        ),
    ]);
}

#[test]
fn registered_prefixes() {
    check_cases(&[
        (
            "[[circuit.peering]]\nkind = \"microsoft\"\nc_tag = 20\npeer_asn = 65001\nnetwork = \"192.168.15.24/29\"\nnetwork_v6 = \"fd00:15::18/125\"\nsource_check = \"registered\"\nadvertised_prefixes = [\"203.0.113.0/24\", \"2001:db8:113::/48\"]",
            "[[ circuit.peering]]\nkind = \"microsoft\"\nc_tag = 20\npeer_asn = 65001\nnetwork = \"192.168.15.24/29\"",
            &[(
                "[[ circuit",
                "a routed microsoft peering takes registered prefixes alone, and has none",
            )],
        ),
        (REGISTERED, "advertised_prefixes = []", &[("advertised", "is empty")]),
        (
            REGISTERED,
            "advertised_prefixes = [\"203.0.113.0/24\", \"203.0.113.0/24\"]",
            &[("advertised", "listed twice in `advertised_prefixes`")],
        ),
        (
            REGISTERED,
            "advertised_prefixes = [\"203.0.113.0/24\", \"203.0.113.128/25\"]",
            &[("advertised", "overlaps 203.0.113.0/24, and a prefix belongs to one peering once")],
        ),
        (
            REGISTERED,
            "advertised_prefixes = [\"10.0.0.0/8\"]",
            &[(
                "advertised",
                "is 10.0.0.0/8, which is private (RFC 1918); give prefixes that are registered",
            )],
        ),
        (REGISTERED, "advertised_prefixes = [\"172.16.5.0/24\"]", &[("advertised", "(RFC 1918)")]),
        (REGISTERED, "advertised_prefixes = [\"192.168.0.0/24\"]", &[("advertised", "(RFC 1918)")]),
        (REGISTERED, "advertised_prefixes = [\"100.64.0.0/16\"]", &[("advertised", "(RFC 6598)")]),
        (REGISTERED, "advertised_prefixes = [\"fd00::/32\"]", &[("advertised", "(RFC 4193)")]),
        (
            REGISTERED,
            "advertised_prefixes = [\"8.0.0.0/6\"]",
            &[("advertised", "and so has 10.0.0.0/8")],
        ),
        (
            REGISTERED,
            "advertised_prefixes = [\"0.0.0.0/0\"]",
            &[("advertised", "is the default route, which nobody owns")],
        ),
        (REGISTERED, "advertised_prefixes = [\"::/0\"]", &[("advertised", "is the default route")]),
        (
            REGISTERED,
            "advertised_prefixes = [\"203.0.113.0/24\"]\nstatic_routes = [\"203.0.113.128/25\"]",
            &[],
        ),
        (
            REGISTERED,
            "advertised_prefixes = [\"203.0.113.0/24\"]\nstatic_routes = [\"198.51.100.0/24\"]",
            &[(
                "static_routes = [\"198",
                "the static route 198.51.100.0/24 is in none of the `advertised_prefixes`",
            )],
        ),
        (
            REGISTERED,
            "advertised_prefixes = [\"203.0.113.0/24\"]\nstatic_routes = [\"0.0.0.0/0\"]",
            &[(
                "static_routes = [\"0",
                "is the default route, which only a private peering can have",
            )],
        ),
        (
            "primary_v6 = \"fd00:15::10/126\"\nsecondary_v6 = \"fd00:15::14/126\"\n",
            "",
            &[(
                "static_routes",
                "the static route fd00:9::/48 leads nowhere, as no link of the peering has IPv6 addresses",
            )],
        ),
        (
            "source_check = \"advertised\"",
            "source_check = \"registered\"",
            &[("source_check", "needs registered prefixes, which a private peering has none of")],
        ),
        (
            "source_check = \"advertised\"",
            "source_check = \"loose\"",
            &[("source_check", "give \"off\" or \"advertised\" or \"strict\" or \"registered\"")],
        ),
        ("source_check = \"advertised\"", "source_check = \"off\"", &[]),
        ("source_check = \"advertised\"", "source_check = \"strict\"", &[]),
        (
            "source_check = \"registered\"",
            "source_check = \"off\"",
            &[("source_check = \"off\"", "would let the customer send from anybody's addresses")],
        ),
        ("source_check = \"registered\"", "source_check = \"advertised\"", &[]),
        ("source_check = \"registered\"", "source_check = \"strict\"", &[]),
    ]);
}
