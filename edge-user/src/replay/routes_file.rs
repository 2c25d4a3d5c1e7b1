//! A file of routes: `PREFIX via LINK` in each line.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    net::IpAddr,
    path::{Path, PathBuf},
};

use edge_common::abi::routing::MAX_MEMBERS;
use ipnet::IpNet;

use crate::plan::{DomainPlan, InterfacePlan, Plan};

/// A route of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRoute {
    /// The prefix.
    pub prefix: IpNet,
    /// Index of the interface of the link that it leads to.
    pub interface: u32,
}

/// Every mistake of a file of routes, by line: `FILE:LINE:COLUMN: error: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RoutesFileErrors {
    path: PathBuf,
    mistakes: Vec<Mistake>,
}

/// A mistake, with its line and column; both count from 1, and the column is in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mistake {
    line: usize,
    column: usize,
    message: String,
}

impl Display for RoutesFileErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, Mistake { line, column, message }) in self.mistakes.iter().enumerate() {
            let new_line = if number == 0 { "" } else { "\n" };
            write!(f, "{new_line}{}:{line}:{column}: error: {message}", self.path.display())?;
        }
        Ok(())
    }
}

/// The routes in `text`, the contents of the file `path`, in its order. A link is one of the plan's, by its name:
/// `CIRCUIT/PEERING/LINK` or `CIRCUIT/VNET`. A prefix may lead to several links of one side of its domain. Empty lines, and
/// those that begin with `#`, have no route.
///
/// # Errors
///
/// Every mistake, not only the first.
pub fn parse(text: &str, path: &Path, plan: &Plan) -> Result<Vec<FileRoute>, RoutesFileErrors> {
    let mut reader = RoutesReader::new(plan);
    let (mut routes, mut mistakes) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        match reader.route(number, line) {
            Ok(route) => routes.push(route),
            Err((offset, message)) => {
                let column = line[..offset].chars().count() + 1;
                mistakes.push(Mistake { line: number, column, message });
            }
        }
    }
    if mistakes.is_empty() {
        Ok(routes)
    } else {
        Err(RoutesFileErrors { path: path.to_owned(), mistakes })
    }
}

/// A mistake, behind the byte of its line at which it is.
type InLine<T> = Result<T, (usize, String)>;

struct RoutesReader<'p> {
    /// Links by name: two may look the same.
    links: BTreeMap<String, Vec<&'p InterfacePlan>>,
    /// The side that an interface leads to, by its index.
    sides: BTreeMap<u32, FileSide>,
    /// Interfaces and lines of the routes so far, by side and prefix.
    earlier: BTreeMap<(FileSide, IpNet), Vec<(u32, usize)>>,
}

/// A side of a domain: the domain's number, and whether it is the customer's.
type FileSide = (usize, bool);

impl<'p> RoutesReader<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut links: BTreeMap<String, Vec<&InterfacePlan>> = BTreeMap::new();
        for interface in &plan.interfaces {
            links.entry(interface.key.to_string()).or_default().push(interface);
        }
        let sides = plan.domains.iter().enumerate().flat_map(|(number, domain)| {
            let DomainPlan { customer, cloud, .. } = domain;
            let customer = customer.iter().map(move |own| (own.index, (number, true)));
            customer.chain(cloud.iter().map(move |own| (own.index, (number, false))))
        });
        let services = plan.services.iter().map(|it| (it.link.index, (plan.domains.len(), false)));
        Self { links, sides: sides.chain(services).collect(), earlier: BTreeMap::new() }
    }

    fn route(&mut self, number: usize, line: &str) -> InLine<FileRoute> {
        let (prefix_at, prefix, rest_at) = word(line, 0);
        let (via_at, via, rest_at) = word(line, rest_at);
        let name = line[rest_at..].trim();
        let name_at = line.len() - line[rest_at..].trim_start().len();
        if via != "via" || name.is_empty() {
            let at = if via == "via" { name_at } else { via_at };
            return Err((
                at,
                "give `PREFIX via LINK`, such as `10.1.0.0/16 via contoso/hub`".into(),
            ));
        }
        let prefix = read_prefix(prefix).map_err(|message| (prefix_at, message))?;
        let interface = self.link(name).map_err(|message| (name_at, message))?;
        let (has_family, family) = match prefix {
            IpNet::V4(_) => (interface.value.own_v4 != 0, "IPv4"),
            IpNet::V6(_) => (interface.value.own_v6 != [0; 2], "IPv6"),
        };
        if !has_family {
            let message = format!("the link {name:?} has no {family} address; leave the route out");
            return Err((prefix_at, message));
        }
        self.remember(prefix, interface.index, number).map_err(|message| (prefix_at, message))?;
        Ok(FileRoute { prefix, interface: interface.index })
    }

    fn link(&self, name: &str) -> Result<&'p InterfacePlan, String> {
        match self.links.get(name).map(Vec::as_slice) {
            Some([link]) => Ok(link),
            Some(_) => {
                Err(format!("{name:?} is the name of two links; rename a circuit or a VNet"))
            }
            None => {
                let example = match self.links.keys().next() {
                    Some(first) => format!(", such as {first:?}"),
                    None => "; this configuration has none, as nothing in it is routed".to_owned(),
                };
                Err(format!(
                    "there is no link {name:?}; give CIRCUIT/PEERING/LINK or CIRCUIT/VNET of the \
                     configuration{example}"
                ))
            }
        }
    }

    /// Notes a route, unless it is there already, or its prefix has too many.
    fn remember(&mut self, prefix: IpNet, interface: u32, line: usize) -> Result<(), String> {
        let Some(side) = self.sides.get(&interface) else {
            return Err("the link is in no routing domain".to_owned());
        };
        let before = self.earlier.entry((*side, prefix)).or_default();
        if let Some((_, first)) = before.iter().find(|(other, _)| *other == interface) {
            return Err(format!("line {first} has this route already; remove one"));
        }
        if before.len() == MAX_MEMBERS {
            return Err(format!(
                "{prefix} leads to {MAX_MEMBERS} links already, and a route has no more; remove \
                 one"
            ));
        }
        before.push((interface, line));
        Ok(())
    }
}

/// The word at or after the byte `from` of a line: its begin, itself, and its end.
fn word(line: &str, from: usize) -> (usize, &str, usize) {
    let rest = line[from..].trim_start();
    let start = line.len() - rest.len();
    let text = rest.split(char::is_whitespace).next().unwrap_or_default();
    (start, text, start + text.len())
}

fn read_prefix(text: &str) -> Result<IpNet, String> {
    let Ok(prefix) = text.parse::<IpNet>() else {
        let example = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address).to_string(),
            Err(_) => "10.1.0.0/16".to_owned(),
        };
        return Err(format!("{text:?} is no prefix; give one such as {example}"));
    };
    if prefix.trunc() != prefix {
        return Err(format!("{text} has bits behind its length; give {}", prefix.trunc()));
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{self as routed_sample, routed},
        *,
    };

    fn told(text: &str) -> String {
        let errors = parse(text, Path::new("r.txt"), &routed().0).expect_err("mistakes");
        errors.to_string()
    }

    #[test]
    fn routes_lead_to_links_by_name() {
        let (plan, _) = routed();
        let text = "# of the lab\n\n  10.9.0.0/16   via  contoso/private/primary  \n\
                    10.9.0.0/16 via contoso/private/secondary\n0.0.0.0/0\tvia contoso/two words\n\
                    fd00:9::/48 via contoso/private/primary\n";
        let routes = parse(text, Path::new("r.txt"), &plan).expect("routes");
        let expected = [
            ("10.9.0.0/16", "contoso/private/primary"),
            ("10.9.0.0/16", "contoso/private/secondary"),
            ("0.0.0.0/0", "contoso/two words"),
            ("fd00:9::/48", "contoso/private/primary"),
        ];
        let expected = expected.map(|(prefix, link)| FileRoute {
            prefix: prefix.parse().expect("a prefix"),
            interface: routed_sample::index(&plan, link),
        });
        assert_eq!(routes, expected);
        assert_eq!(parse("", Path::new("r.txt"), &plan), Ok(Vec::new()));
    }

    #[test]
    fn each_mistake_has_its_line_and_column() {
        for (line, message) in [
            ("10.9.0.0/16", "12: error: give `PREFIX via LINK`, such as"),
            ("10.9.0.0/16 via  ", "18: error: give `PREFIX via LINK`, such as"),
            ("10.9.0.0/16 dev contoso/hub", "13: error: give `PREFIX via LINK`, such as"),
            (" 10.9.0/16 via contoso/hub", "2: error: \"10.9.0/16\" is no prefix; give one such"),
            (
                "10.9.0.1 via contoso/hub",
                "1: error: \"10.9.0.1\" is no prefix; give one such as 10.9.0.1/32",
            ),
            (
                "10.9.0.1/16 via contoso/hub",
                "1: error: 10.9.0.1/16 has bits behind its length; give 10.9.0.0/16",
            ),
            (
                "10.9.0.0/16 via kontoso/hub",
                "17: error: there is no link \"kontoso/hub\"; give CIRCUIT/PEERING/LINK or CIRCUIT/VNET of the configuration, such as \"contoso/hub\"",
            ),
            ("fd00::/8 via contoso/hub", "1: error: the link \"contoso/hub\" has no IPv6 address"),
        ] {
            let told = told(&format!("# a comment\n{line}\n"));
            assert!(told.starts_with(&format!("r.txt:2:{message}")), "{told}");
        }
        // A column counts characters, not bytes.
        let told = told("ünsinn via contoso/hub\n10.9.0.0/16 über contoso/hub\n");
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].starts_with("r.txt:1:1: error: \"ünsinn\" is no prefix"), "{told}");
        assert!(lines[1].starts_with("r.txt:2:13: error: give `PREFIX"), "{told}");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_route_is_there_once() {
        let told = told(
            "10.9.0.0/16 via contoso/hub\n10.9.0.0/16 via contoso/private/primary\n\
             10.9.0.0/16 via contoso/hub\n",
        );
        assert_eq!(told, "r.txt:3:1: error: line 1 has this route already; remove one");
    }

    #[test]
    fn a_prefix_has_eight_links_at_most() {
        let plan = routed_sample::of_vnets(9);
        let lines = |count: usize| {
            let line = |number| format!("10.9.0.0/16 via contoso/v{number}\n");
            (0..count).map(line).collect::<String>()
        };
        assert_eq!(parse(&lines(8), Path::new("f"), &plan).expect("routes").len(), 8);
        let errors = parse(&lines(9), Path::new("f"), &plan).expect_err("too many").to_string();
        let text = "f:9:1: error: 10.9.0.0/16 leads to 8 links already";
        assert!(errors.starts_with(text), "{errors}");
    }

    #[test]
    fn a_configuration_without_routed_circuits_has_no_link() {
        let plan = routed_sample::wire();
        let errors = parse("10.9.0.0/16 via contoso/hub", Path::new("f"), &plan);
        let told = errors.expect_err("no link").to_string();
        assert!(
            told.ends_with("this configuration has none, as nothing in it is routed"),
            "{told}"
        );
    }
}
