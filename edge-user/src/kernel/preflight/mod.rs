//! Checks before a change: conditions under which frames would be lost or billed wrong without any
//! sign of it.

pub mod interfaces;
mod mode;

use std::{collections::BTreeMap, fs};

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        host::{
            attached_mode::AttachedMode, interface::Interface, layers::Layers, offloads,
            xdp_features::XdpFeatures,
        },
        preflight::mode::{Decision, EgressPort, Facts, decide, refusals},
    },
    model::{Forward, Port, XdpMode},
    plan::PortPlan,
};

/// The file by which Debian's kernels up to 6.12 show `PREEMPT_RT`. Others don't have it.
const REALTIME: &str = "/sys/kernel/realtime";
/// The word that every kernel with `CONFIG_PREEMPT_RT` has in its version (`init/Makefile`,
/// `preempt-flag-y`), as `uname -v` shows it.
const REALTIME_WORD: &str = "PREEMPT_RT";

/// The mode of each port, by name: as configured, or generic where native is impossible. An error
/// tells why a port can't run in any mode.
pub type Modes = BTreeMap<String, Result<XdpMode>>;

/// Looks at the kernel, the interfaces and their settings, and changes nothing.
pub fn check(ports: &[Port]) -> Result<Modes> {
    // On PREEMPT_RT, one softirq of a CPU may interrupt another, and counters would lose counts.
    if is_realtime()? {
        return Err(KernelError::unsuitable(
            "this kernel is PREEMPT_RT, on which frames may be counted and billed wrong; boot one \
             without it (`uname -v` shows which one is running)",
        ));
    }
    let problems = shared(ports)?;
    if !problems.is_empty() {
        return Err(KernelError::busy(problems.join("\n")));
    }
    let modes = ports.iter().map(|port| (port.name.clone(), check_port(ports, port)));
    Ok(modes.collect())
}

/// Problems with ports that share frames: two on one interface, which may have several names, or
/// one on top of the other.
fn shared(ports: &[Port]) -> Result<Vec<String>> {
    // A missing interface is reported elsewhere.
    let found = ports.iter().filter_map(|port| {
        let index = Interface::find(&port.interface).ok()?.index();
        Some(Placed { port: &port.name, interface: &port.interface, index })
    });
    let found: Vec<Placed<'_>> = found.collect();
    Ok(overlaps(&found, &Layers::read()?))
}

/// A port, and the index of its interface.
struct Placed<'a> {
    port: &'a str,
    interface: &'a str,
    index: u32,
}

fn overlaps(ports: &[Placed<'_>], layers: &Layers) -> Vec<String> {
    let mut problems = Vec::new();
    for (place, one) in ports.iter().enumerate() {
        for other in &ports[..place] {
            if one.index == other.index {
                problems.push(format!(
                    "ports \"{}\" and \"{}\" are one interface, by the names {} and {}: only one \
                     of them would get its frames; give each an interface of its own",
                    other.port, one.port, other.interface, one.interface
                ));
                continue;
            }
            for (upper, lower) in [(one, other), (other, one)] {
                if layers.is_above(upper.index, lower.index) {
                    problems.push(format!(
                        "port \"{}\" ({}) is on top of port \"{}\" ({}): frames would come by \
                         both, and be policed and billed twice; give each an interface that is not \
                         made of the other's",
                        upper.port, upper.interface, lower.port, lower.interface
                    ));
                }
            }
        }
    }
    problems
}

/// Warns of egress interfaces that take no frames from native XDP. Callers attach all programs
/// first, which makes some drivers take such frames.
pub fn look_at_egress(
    ports: &[(&PortPlan, &Interface)],
    attached: &BTreeMap<String, AttachedMode>,
) -> Result<()> {
    for (port, ingress) in ports {
        let mode = attached.get(&port.name).copied();
        let egress = ports.iter().find(|(other, _)| Some(other.index) == port.egress);
        if let (Some(AttachedMode::Native), Some((to, egress))) = (mode, egress)
            && let Some(features) = XdpFeatures::of(egress.index())?
            && let Some(told) = refusals(&to.interface, features, ingress.mtu_bytes()?)
        {
            tracing::warn!(
                edge.port = port.name,
                "port \"{}\" forwards to port \"{}\": {told}",
                port.name,
                to.name
            );
        }
    }
    Ok(())
}

/// Whether this kernel is `PREEMPT_RT`.
pub fn is_realtime() -> Result<bool> {
    let names = nix::sys::utsname::uname().context("asking for the kernel's version")?;
    let file_says_so = fs::read_to_string(REALTIME).is_ok_and(|text| text.trim() == "1");
    Ok(file_says_so || is_realtime_version(&names.version().to_string_lossy()))
}

fn is_realtime_version(version: &str) -> bool {
    version.split_whitespace().any(|word| word == REALTIME_WORD)
}

fn check_port(ports: &[Port], port: &Port) -> Result<XdpMode> {
    let interface = Interface::find(&port.interface)?;
    if !interface.is_up()? {
        tracing::warn!(
            edge.port = port.name,
            "port \"{}\": {} is down, and passes no frames until `ip link set {} up`",
            port.name,
            port.interface,
            port.interface,
        );
    }
    offloads::check(&interface)?;
    for slave in interface.slaves()? {
        offloads::check(&slave)?;
    }
    let egress = match &port.forward {
        Forward::Port(egress) => ports.iter().find(|port| port.name == *egress),
        Forward::Stack => None,
    };
    let (mut egress_driver, mut egress_features) = (None, None);
    if let Some(egress) = egress {
        let egress_interface = Interface::find(&egress.interface)?;
        egress_driver = egress_interface.driver()?;
        egress_features = XdpFeatures::of(egress_interface.index())?;
    }
    let driver = interface.driver()?;
    let facts = Facts {
        interface: &port.interface,
        wanted: port.xdp_mode,
        mtu_bytes: interface.mtu_bytes()?,
        driver: driver.as_deref(),
        egress: egress.map(|egress| EgressPort {
            port: &egress.name,
            driver: egress_driver.as_deref(),
            wanted: egress.xdp_mode,
            features: egress_features,
        }),
        features: XdpFeatures::of(interface.index())?,
    };
    match decide(&facts) {
        Decision::AsConfigured => Ok(port.xdp_mode),
        Decision::Native => Ok(XdpMode::Native),
        Decision::Refuse(why) => Err(KernelError::unsuitable(why)),
        Decision::Generic(why) => {
            tracing::warn!(edge.port = port.name, "port \"{}\": {why}", port.name);
            Ok(XdpMode::Generic)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ports_on_one_interface_are_named() {
        let ports: Vec<Placed<'_>> = [("a", "eth1", 1), ("b", "eth2", 2), ("c", "uplink", 1)]
            .map(|(port, interface, index)| Placed { port, interface, index })
            .into();
        let told = overlaps(&ports, &Layers::default());
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.contains("ports \"a\" and \"c\" are one interface"), "{told}");
        assert!(told.contains("eth1 and uplink"), "{told}");
        assert!(overlaps(&ports[..2], &Layers::default()).is_empty());
    }

    #[test]
    fn a_realtime_kernel_is_known_by_its_version() {
        for (version, is_realtime) in [
            ("#1 SMP PREEMPT_RT Debian 6.1.176-1 (2026-10-01)", true),
            ("#1 SMP PREEMPT_RT Debian 7.3.4-1~bpo13+1 (2026-11-02)", true),
            ("#1 SMP PREEMPT_DYNAMIC @0", false),
            ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-10-01)", false),
            ("#1 SMP PREEMPT Debian 6.1.176-1 (2026-10-01)", false),
            ("#1 SMP", false),
        ] {
            assert_eq!(is_realtime_version(version), is_realtime, "{version}");
        }
    }
}
