//! Tests of preflight: facts that the daemon gathers about its interfaces, its words where one
//! won't do, and which of their settings it changes and restores.

use anyhow::{Context as _, Result};
use aya::{Ebpf, programs::XdpMode};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge, reload, status},
    ends::{PORTS, contoso, lab},
    fixture::Fixture,
};
use edge_user::{
    config::sample::{Sample, SamplePort},
    kernel::{
        PortProgram,
        host::{interface::Interface, xdp_features::XdpFeatures},
        object::{program::program, variant::EMPTY_PROGRAM},
    },
    lab::{Lab, private_mounts, root_or_skip},
    plan::Police,
};

/// The offloads that hide tags, by their names in `ethtool`.
const OFFLOADS: [&str; 2] = ["rx-vlan-offload", "rx-vlan-stag-hw-parse"];

fn config() -> Sample {
    Sample::lab().circuit(contoso())
}

fn in_mode(xdp_mode: &str) -> Sample {
    config().xdp_mode(xdp_mode)
}

/// Asks the kernel about an interface of the edge; `None` where it has no `netdev` family.
fn features(lab: &Lab, interface: &str) -> Result<Option<XdpFeatures>> {
    lab.edge().run(|| Ok(XdpFeatures::of(Interface::find(interface)?.index())?))
}

/// Whether tags are hidden, by either of [`OFFLOADS`].
fn hides_tags(lab: &Lab, interface: &str) -> Result<[bool; 2]> {
    let shown = lab.edge().output("ethtool", &["-k", interface])?;
    Ok(OFFLOADS.map(|offload| shown.lines().any(|line| line == format!("{offload}: on"))))
}

/// Returns the message of a daemon that can't start.
fn refusal(lab: &Lab, config: &Sample) -> Result<String> {
    let refused = Daemon::start(lab, config).map(drop);
    let error = refused.err().context("the daemon should have refused to start")?;
    Ok(format!("{error:#}"))
}

/// Somebody else's program, which passes everything.
struct Foreign<'a> {
    lab: &'a Lab,
    ebpf: Ebpf,
}

impl<'a> Foreign<'a> {
    fn load(lab: &'a Lab) -> Result<Self> {
        let fixture = Fixture::of(&config(), Police::Off);
        let ebpf = PortProgram::load_for_bench(&fixture.plan.ports[0], &fixture.capacity)?;
        Ok(Self { lab, ebpf })
    }

    /// Runs `work` while the program is on an interface of the edge.
    fn on<T>(
        &mut self,
        interface: &str,
        mode: XdpMode,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let empty = program(&mut self.ebpf, EMPTY_PROGRAM)?;
        let attach = || {
            let ifindex = Interface::find(interface)?.index();
            Ok(empty.attach_to_if_index(ifindex, mode)?)
        };
        let link = self.lab.edge().run(attach)?;
        let done = work();
        program(&mut self.ebpf, EMPTY_PROGRAM)?.detach(link)?;
        done
    }
}

#[test]
fn the_kernel_tells_what_a_driver_can_do() -> Result<()> {
    if !root_or_skip("the_kernel_tells_what_a_driver_can_do") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let (veth, loopback) = (features(&lab, "customer0")?, features(&lab, "lo")?);
    let release = nix::sys::utsname::uname()?.release().to_string_lossy().into_owned();
    let Some((veth, loopback)) = veth.zip(loopback) else {
        let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
        let version: (u32, u32) =
            (numbers.next().context("a major")?, numbers.next().context("a minor")?);
        assert!(version < (6, 3), "{release} has the netdev family");
        return Ok(());
    };
    // The far end has a program of its own, so the edge's end takes what is redirected to it.
    assert_eq!(veth.to_string(), "basic, redirect, ndo-xmit, rx-sg, ndo-xmit-sg");
    assert!(veth.has_basic() && veth.has_redirect() && veth.has_rx_sg());
    assert!(veth.has_ndo_xmit() && veth.has_ndo_xmit_sg());
    assert_eq!(loopback.to_string(), "");
    assert!(!loopback.has_basic());
    Ok(())
}

#[test]
fn native_mode_is_refused_where_the_driver_has_none() -> Result<()> {
    if !root_or_skip("native_mode_is_refused_where_the_driver_has_none") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let on_loopback = |mode| in_mode(mode).change_port("core0", |core| core.interface("lo"));
    let said = refusal(&lab, &on_loopback("native"))?;
    if features(&lab, "lo")?.is_some() {
        assert!(said.contains("port \"core0\": the driver of lo offers no native XDP"), "{said}");
    } else {
        assert!(said.contains("port \"core0\": lo has an MTU of 65536"), "{said}");
    }
    assert!(said.contains("set xdp_mode = \"generic\""), "{said}");
    assert!(!said.contains("turned"), "{said}");
    assert_eq!(hides_tags(&lab, "customer0")?, [true, true]);

    let daemon = Daemon::start(&lab, &on_loopback("auto"))?;
    let modes: Vec<String> = status()?.ports.into_iter().map(|port| port.xdp_mode).collect();
    // An interface that has no native XDP takes no frames from it.
    let is_told = features(&lab, "lo")?.is_some();
    assert_eq!(modes, [if is_told { "generic" } else { "native" }, "generic"]);
    assert!(daemon.said().contains("in generic mode, which is slower"), "{}", daemon.said());
    let told = "port \"customer0\": port \"core0\" takes no frames from native XDP";
    assert_eq!(daemon.said().contains(told), is_told, "{}", daemon.said());
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// From 6.3 jumbo frames are redirected; before that, they are lost after they are billed.
#[test]
fn native_jumbo_frames_need_a_kernel_that_redirects_them() -> Result<()> {
    if !root_or_skip("native_jumbo_frames_need_a_kernel_that_redirects_them") {
        return Ok(());
    }
    let lab = lab(9216)?;
    let auto = if features(&lab, "customer0")?.is_some() {
        let daemon = Daemon::start(&lab, &in_mode("native"))?;
        assert!(!daemon.said().contains("egress-refused"), "{}", daemon.said());
        daemon.stop()?;
        detach(&lab)?;
        "native"
    } else {
        let said = refusal(&lab, &in_mode("native"))?;
        assert!(said.contains("customer0 has an MTU of 9216"), "{said}");
        assert!(said.contains("before Linux 6.3"), "{said}");
        "generic"
    };
    let daemon = Daemon::start(&lab, &in_mode("auto"))?;
    for port in status()?.ports {
        assert_eq!(port.xdp_mode, auto, "{}", port.name);
    }
    assert_eq!(daemon.said().contains("before Linux 6.3"), auto == "generic");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn another_xdp_program_is_left_alone_and_told_of() -> Result<()> {
    if !root_or_skip("another_xdp_program_is_left_alone_and_told_of") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut foreign = Foreign::load(&lab)?;
    let (native, generic) = (XdpMode::Driver, XdpMode::Skb);
    for (theirs, ours, says) in [
        (native, "native", "attached to core0 in native mode"),
        (generic, "native", "attached to core0 in generic mode"),
        (native, "generic", "attached to core0 in native mode"),
        (generic, "generic", "attached to core0 in generic mode"),
        (native, "auto", "attached to core0 in native mode"),
        (generic, "auto", "attached to core0 in generic mode"),
    ] {
        let said = foreign.on("core0", theirs, || refusal(&lab, &in_mode(ours)))?;
        assert!(said.contains("port \"core0\": another XDP program is"), "{theirs:?}: {said}");
        let off = if theirs == native { "xdpdrv off" } else { "xdpgeneric off" };
        assert!(said.contains(says) && said.contains(off), "{theirs:?} {ours}: {said}");
        for port in PORTS {
            assert_eq!(hides_tags(&lab, port)?, [true, true], "{port}: {said}");
        }
    }
    Ok(())
}

#[test]
fn the_other_end_of_a_veth_with_a_larger_mtu_is_told_of() -> Result<()> {
    if !root_or_skip("the_other_end_of_a_veth_with_a_larger_mtu_is_told_of") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let far = lab.far_end("core0")?;
    far.ns().output("ip", &["link", "set", far.interface(), "mtu", "9000"])?;
    let said = refusal(&lab, &in_mode("native"))?;
    assert!(said.contains("other end of core0 has a larger MTU"), "{said}");

    let daemon = Daemon::start(&lab, &in_mode("auto"))?;
    assert!(daemon.said().contains("other end of core0 has a larger MTU"), "{}", daemon.said());
    let modes: Vec<String> = status()?.ports.into_iter().map(|port| port.xdp_mode).collect();
    assert_eq!(modes, ["native", "generic"]);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// A start or a reload that fails leaves interfaces as it found them.
#[test]
fn tags_are_shown_while_a_program_needs_them() -> Result<()> {
    if !root_or_skip("tags_are_shown_while_a_program_needs_them") {
        return Ok(());
    }
    private_mounts()?;
    let lab = Lab::with_mtu(&["customer0", "core0", "customer1"], 1600)?;
    for port in ["customer0", "core0", "customer1"] {
        assert_eq!(hides_tags(&lab, port)?, [true, true], "{port}");
    }

    let mut foreign = Foreign::load(&lab)?;
    let said = foreign.on("core0", XdpMode::Skb, || refusal(&lab, &config()))?;
    for port in PORTS {
        assert_eq!(hides_tags(&lab, port)?, [true, true], "{port}: {said}");
        assert!(said.contains(&format!("{port}: turned rx-vlan-offload off")), "{said}");
        let restored = format!("{port}: turned rx-vlan-offload and rx-vlan-stag-hw-parse on again");
        assert!(said.contains(&restored), "{said}");
        assert!(!is_promiscuous(&lab, port)?, "{port}: {said}");
        assert!(said.contains(&format!("{port}: made promiscuous")), "{said}");
    }

    // Half of it may be off before.
    lab.edge().output("ethtool", &["-K", "core0", "rx-vlan-offload", "off"])?;
    assert_eq!(hides_tags(&lab, "core0")?, [false, true]);
    let daemon = Daemon::start(&lab, &config())?;
    for port in PORTS {
        assert_eq!(hides_tags(&lab, port)?, [false, false], "{port}");
        assert!(is_promiscuous(&lab, port)?, "{port}");
    }
    assert_eq!(hides_tags(&lab, "customer1")?, [true, true]);

    configure(&config().port(SamplePort::new("customer1", "customer").forward("core0")))?;
    let refused = foreign.on("customer1", XdpMode::Skb, || Ok(reload().err()))?;
    let error = refused.context("the program that is there is another's")?;
    let error = format!("{error:#}");
    assert!(error.contains("port \"customer1\": another XDP program is attached"), "{error}");
    assert_eq!(hides_tags(&lab, "customer1")?, [true, true]);
    assert!(!is_promiscuous(&lab, "customer1")?);
    for port in PORTS {
        assert_eq!(hides_tags(&lab, port)?, [false, false], "{port}");
    }
    reload()?;
    assert_eq!(hides_tags(&lab, "customer1")?, [false, false]);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Whether the interface receives frames to any address, as `ip link` shows it.
fn is_promiscuous(lab: &Lab, interface: &str) -> Result<bool> {
    let shown = lab.edge().output("ip", &["link", "show", interface])?;
    Ok(shown.contains("PROMISC"))
}

/// The command in the refusal takes the other's program off, however that was attached.
#[test]
fn another_xdp_program_goes_by_the_command_that_is_told() -> Result<()> {
    if !root_or_skip("another_xdp_program_goes_by_the_command_that_is_told") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut foreign = Foreign::load(&lab)?;
    let pin = "/sys/fs/bpf/foreign";
    lab.edge().run(|| {
        nix::mount::mount(
            Some("bpf"),
            "/sys/fs/bpf",
            Some("bpf"),
            nix::mount::MsFlags::empty(),
            None::<&str>,
        )?;
        Ok(program(&mut foreign.ebpf, EMPTY_PROGRAM)?.pin(pin)?)
    })?;
    for (theirs, ours) in [
        ("xdpdrv", "native"),
        ("xdpgeneric", "native"),
        ("xdpdrv", "generic"),
        ("xdpgeneric", "auto"),
    ] {
        lab.edge().output("ip", &["link", "set", "core0", theirs, "pinned", pin])?;
        let said = refusal(&lab, &in_mode(ours))?;
        let command = format!("`ip link set core0 {theirs} off`");
        assert!(said.contains(&command), "{theirs} {ours}: {said}");
        lab.edge().output("sh", &["-c", command.trim_matches('`')])?;
        let shown = lab.edge().output("ip", &["link", "show", "core0"])?;
        assert!(!shown.contains("prog/xdp"), "{theirs}: {shown}");
    }
    Ok(())
}

/// Two ports that get the same frames.
#[test]
fn ports_that_are_one_interface_or_on_top_of_each_other_are_refused() -> Result<()> {
    if !root_or_skip("ports_that_are_one_interface_or_on_top_of_each_other_are_refused") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let ip = |arguments: &str| {
        lab.edge().output("ip", &arguments.split(' ').collect::<Vec<_>>()).map(drop)
    };
    let on = |customer: &str, core: &str| {
        config()
            .change_port("customer0", |port| port.interface(customer))
            .change_port("core0", |port| port.interface(core))
    };
    ip("link property add dev customer0 altname uplink")?;
    ip("link add link customer0 name macvlan0 type macvlan")?;
    ip("link add bridge0 type bridge")?;
    ip("link set core0 master bridge0")?;
    ip("link add link bridge0 name macvlan1 type macvlan")?;
    for (customer, core, says) in [
        ("customer0", "uplink", "uplink is the interface of port \"customer0\", too"),
        (
            "macvlan0",
            "uplink",
            "port \"customer0\" (macvlan0) is on top of port \"core0\" (customer0)",
        ),
        ("bridge0", "core0", "port \"customer0\" (bridge0) is on top of port \"core0\" (core0)"),
        ("macvlan1", "core0", "port \"customer0\" (macvlan1) is on top of port \"core0\" (core0)"),
    ] {
        configure(&on(customer, core))?;
        let output = edge(&lab, &["run", "-c", CONFIG_PATH])?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{customer} {core}: {said}");
        assert!(said.contains(says), "{customer} {core}: {said}");
        for port in PORTS {
            assert_eq!(hides_tags(&lab, port)?, [true, true], "{port}: {said}");
        }
        assert!(!is_promiscuous(&lab, "customer0")?, "{said}");
    }

    // The same by a reload; and what gets other frames is no matter: the other end of a veth pair, and
    // a bridge that is no port.
    ip("link add plain0 mtu 1600 type veth peer name plain1 mtu 1600")?;
    ip("link set plain0 up")?;
    ip("link set plain1 up")?;
    for (customer, core) in [("plain0", "plain1"), ("customer0", "core0")] {
        let daemon = Daemon::start(&lab, &on(customer, core))?;
        configure(&on("customer0", "uplink"))?;
        let error = format!("{:#}", reload().err().context("they are one")?);
        assert!(error.contains("is the interface of port"), "{error}");
        daemon.stop()?;
        configure(&on(customer, core))?;
        detach(&lab)?;
    }
    Ok(())
}

/// A veth end takes redirected frames only if the other end has NAPI.
#[test]
fn an_egress_that_refuses_frames_is_told_of() -> Result<()> {
    if !root_or_skip("an_egress_that_refuses_frames_is_told_of") {
        return Ok(());
    }
    let lab = lab(1600)?;
    if features(&lab, "customer0")?.is_none() {
        return Ok(());
    }
    let ip = |arguments: &str| {
        lab.edge().output("ip", &arguments.split(' ').collect::<Vec<_>>()).map(drop)
    };
    ip("link add plain0 mtu 1600 type veth peer name plain1 mtu 1600")?;
    ip("link set plain0 up")?;
    ip("link set plain1 up")?;
    let config = |mode| in_mode(mode).change_port("core0", |core| core.interface("plain0"));
    let told = "port \"customer0\" forwards to port \"core0\": plain0 takes no frames";

    // In generic mode, the stack sends what is forwarded.
    let daemon = Daemon::start(&lab, &config("generic"))?;
    assert!(!daemon.said().contains("egress-refused"), "{}", daemon.said());
    daemon.stop()?;
    detach(&lab)?;

    let daemon = Daemon::start(&lab, &config("native"))?;
    assert!(daemon.said().contains(told), "{}", daemon.said());
    assert!(!daemon.said().contains("customer0 takes no frames"), "{}", daemon.said());
    lab.edge().output("ethtool", &["-K", "plain1", "gro", "on"])?;
    daemon.stop()?;
    let daemon = Daemon::start(&lab, &config("native"))?;
    assert!(!daemon.said().contains("egress-refused"), "{}", daemon.said());
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
