//! Helpers for tests that need a stock kernel: modules that this machine's kernel may not have, and
//! far ends that are plain hosts.

use std::{
    env,
    io::{self, Write as _},
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{Counters, PeeringStatus, Status};
use edge_user::lab::{
    Host, Lab, NetNs, Path, TagStack, WireCount, WireWatch, private_mounts, root_or_skip,
};

/// `cargo xtask kernels` sets this to 1: nothing may be skipped in its guests.
const STOCK_KERNEL: &str = "EDGE_STOCK_KERNEL";
/// The interface of every plain far end.
pub const INTERFACE: &str = "eth0";
/// The longest time that counts may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(10);
const SETTLED: Duration = Duration::from_millis(100);
/// A program on a veth end takes frames of the wire only if the other end does this itself.
const OFFLOADS: [&str; 5] = ["tx", "txvlan", "tx-vlan-stag-hw-insert", "tso", "gso"];

/// Whether a test can run that needs these modules of the kernel. Where it cannot, says so loudly;
/// with `EDGE_STOCK_KERNEL=1` that is a failure.
///
/// # Panics
///
/// Where the test cannot run though `EDGE_STOCK_KERNEL` is 1, or `EDGE_REQUIRE_ROOT`.
#[must_use]
pub fn stock_or_skip(test: &str, modules: &[&str]) -> bool {
    if !root_or_skip(test) {
        return false;
    }
    for module in modules {
        let Err(error) = attempt(module) else { continue };
        assert!(!in_guest(), "{test} cannot run, and {STOCK_KERNEL}=1: {module}: {error:#}");
        // Not `eprintln!`: the test harness hides its output for a test that passes.
        writeln!(
            io::stderr(),
            "SKIPPED: needs a stock kernel with {}: {test}: {module}: {error:#}",
            modules.join(", ")
        )
        .expect("stderr takes a line");
        return false;
    }
    true
}

/// Whether this is a guest of `cargo xtask kernels`.
fn in_guest() -> bool {
    env::var_os(STOCK_KERNEL).is_some_and(|value| value == "1")
}

/// Tries a module's function, in a namespace that ends at once.
fn attempt(module: &str) -> Result<()> {
    let ns = NetNs::new()?;
    match module {
        "8021q" => {
            ip(&ns, "link add veth0 type veth peer veth1")?;
            ip(&ns, "link add link veth0 name s1 type vlan proto 802.1ad id 1")
        }
        "bonding" => ip(&ns, "link add bond1 type bond mode active-backup"),
        "sch_netem" => run(&ns, "tc qdisc add dev lo root netem delay 1ms"),
        "act_police" => {
            run(&ns, "tc qdisc add dev lo clsact")?;
            run(
                &ns,
                "tc filter add dev lo ingress matchall action police rate 1mbit burst 10k drop",
            )
        }
        // Interfaces of a real machine are not for tests to take.
        "virtio_net" => {
            ensure!(in_guest(), "not a guest of `cargo xtask kernels`");
            Ok(())
        }
        _ => unreachable!("no test needs {module}"),
    }
}

/// Runs a command in a namespace, with arguments that have no spaces of their own.
pub fn run(ns: &NetNs, command: &str) -> Result<()> {
    let mut words = command.split(' ');
    let program = words.next().context("a command")?;
    ns.output(program, &words.collect::<Vec<_>>()).map(drop)
}

/// Runs `ip` in a namespace.
pub fn ip(ns: &NetNs, arguments: &str) -> Result<()> {
    run(ns, &format!("ip {arguments}"))
}

/// Waits for something that is about to be.
pub fn wait_for(what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Waits until a count has not changed for a moment, and returns it.
pub fn settled<T: PartialEq>(count: impl Fn() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut before = count()?;
    loop {
        thread::sleep(SETTLED);
        let now = count()?;
        if now == before {
            return Ok(now);
        }
        ensure!(Instant::now() < deadline, "frames still arrive after {PATIENCE:?}");
        before = now;
    }
}

/// A namespace for an edge, out of sight of every other process, without an interface.
pub fn bare_lab() -> Result<Lab> {
    private_mounts()?;
    Lab::new(&[])
}

/// A host of the Linux stack at the other end of a port's cable. It makes and reads its tags
/// itself, by VLAN devices on [`INTERFACE`].
pub struct PlainEnd {
    /// The host.
    pub ns: NetNs,
    /// Returns the count of frames that have reached it.
    pub watch: WireWatch,
    mac: String,
    number: u8,
}

impl PlainEnd {
    /// Lays a veth pair to a new port of the edge.
    pub fn cable(lab: &Lab, port: &str, number: u8) -> Result<Self> {
        let ns = NetNs::new()?;
        for scope in ["all", "default"] {
            ns.sysctl(&format!("net.ipv6.conf.{scope}.disable_ipv6"), "1")?;
        }
        lay_cable(lab, port, &ns, INTERFACE, number)?;
        let watch = WireWatch::on(&ns, INTERFACE)?;
        Ok(Self { ns, watch, mac: far_mac(number), number })
    }

    /// Puts a VLAN device on another device.
    pub fn vlan(&self, name: &str, on: &str, protocol: &str, vid: u16) -> Result<()> {
        ip(
            &self.ns,
            &format!("link add link {on} name {name} type vlan proto {protocol} id {vid}"),
        )?;
        ip(&self.ns, &format!("link set {name} mtu 1500 up"))
    }

    /// Gives a device an address, by which this is a host of the path `path`.
    pub fn host(&self, device: &str, path: u8) -> Result<Host> {
        let v4 = Ipv4Addr::new(10, 78, path, self.number);
        ip(&self.ns, &format!("address add {v4}/24 dev {device}"))?;
        Ok(Host { ns: self.ns.clone(), mac: self.mac.clone(), v4, v6: v4.to_ipv6_mapped() })
    }
}

/// A path between the hosts of two VLAN devices.
#[must_use]
pub fn path(tags: TagStack, near: Host, far: Host) -> Path {
    Path { tags, near, far }
}

/// Lays a veth pair between a port of the edge and an interface of a host.
pub fn lay_cable(lab: &Lab, port: &str, far: &NetNs, interface: &str, number: u8) -> Result<()> {
    let peer = far.path();
    ip(
        lab.edge(),
        &format!(
            "link add {port} address 02:00:00:00:ed:{number:02x} mtu 1600 type veth peer {interface} \
             address {} mtu 1600 netns {}",
            far_mac(number),
            peer.display()
        ),
    )?;
    for (ns, interface) in [(lab.edge(), port), (far, interface)] {
        let settings = OFFLOADS.map(|offload| format!("{offload} off")).join(" ");
        run(ns, &format!("ethtool -K {interface} {settings}"))?;
        ip(ns, &format!("link set {interface} addrgenmode none"))?;
        ip(ns, &format!("link set {interface} up"))?;
    }
    Ok(())
}

fn far_mac(number: u8) -> String {
    format!("02:00:00:00:fa:{number:02x}")
}

/// Returns the state of a setting in `ethtool -k`.
pub fn is_on(ns: &NetNs, interface: &str, setting: &str) -> Result<bool> {
    let shown = ns.output("ethtool", &["-k", interface])?;
    let line = shown.lines().find_map(|line| line.trim().strip_prefix(setting));
    let line = line.with_context(|| format!("ethtool knows no {setting} of {interface}"))?;
    Ok(line.trim_start_matches(':').trim().starts_with("on"))
}

/// The counts of a peering in one direction.
pub fn peering<'a>(
    status: &'a Status,
    circuit: &str,
    kind: &str,
    direction: &str,
) -> Result<&'a PeeringStatus> {
    let circuit = status.circuits.iter().find(|known| known.name == circuit);
    let mut peerings = circuit.context("the circuit")?.peerings.iter();
    peerings.find(|known| known.kind == kind && known.direction == direction).context("the peering")
}

/// Returns the frames that have left, by these counters.
#[must_use]
pub fn forwarded(counters: &Counters) -> WireCount {
    WireCount { frames: counters.forwarded_frames, bytes: counters.forwarded_bytes }
}

/// Returns the number of frames that a port has counted for a reason.
pub fn reason(status: &Status, port: &str, reason: &str) -> Result<u64> {
    let port = status.ports.iter().find(|known| known.name == port).context("the port")?;
    Ok(port.reasons.get(reason).copied().unwrap_or(0))
}

/// The most that a policer may have admitted since its whole burst was free.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// From when on.
    pub start: Instant,
    /// The rate in bit/s.
    pub rate_bps: u64,
    /// The bucket, and what else may be owed.
    pub burst_bytes: u64,
}

impl Bound {
    /// Starts now.
    #[must_use]
    pub fn new(rate_bps: u64, burst_bytes: u64) -> Self {
        Self { start: Instant::now(), rate_bps, burst_bytes }
    }

    /// The bytes that it comes to by now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bits = self.start.elapsed().as_nanos() * u128::from(self.rate_bps) / 1_000_000_000;
        u64::try_from(bits / 8).unwrap_or(u64::MAX).saturating_add(self.burst_bytes)
    }

    /// Holds bytes against it that were counted before this call.
    ///
    /// # Panics
    ///
    /// If they are more.
    pub fn check(&self, admitted_bytes: u64, what: &str) {
        let most = self.bytes();
        assert!(admitted_bytes <= most, "{what}: {admitted_bytes} of at most {most} bytes");
    }
}
