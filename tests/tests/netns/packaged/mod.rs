//! The Debian package in a Debian that boots: `cargo xtask dist --test` builds both and runs this.

mod container;
mod guide;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::status,
    http::{METRICS, at_the_address},
    wires::{PORTS, WIRES, Wires, config, wait_until},
};
use edge_user::lab::{private_mounts, root_or_skip};

use self::container::Container;

const CONFIG: &str = "/etc/edge/edge.toml";

/// The files that the test needs.
struct Files {
    /// A root file system in an archive.
    root: PathBuf,
    /// A package, and one of an earlier version.
    package: PathBuf,
    before: PathBuf,
}

impl Files {
    /// The packages that the environment names.
    fn find() -> Option<Self> {
        let path = |name| env::var_os(name).map(PathBuf::from);
        Some(Self {
            root: path("EDGE_DEBIAN_ROOT")?,
            package: path("EDGE_PACKAGE")?,
            before: path("EDGE_PACKAGE_BEFORE")?,
        })
    }
}

#[test]
fn a_package_installs_runs_upgrades_and_goes() -> Result<()> {
    if !root_or_skip("a_package_installs_runs_upgrades_and_goes") {
        return Ok(());
    }
    let Some(files) = Files::find() else {
        eprintln!(
            "SKIPPED: there is no package to test: `cargo xtask dist --test` makes one and runs this"
        );
        return Ok(());
    };
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let debian = Container::boot(&files.root, wires.lab.edge())?;

    installs(&debian, &files.before)?;
    sets_up(&debian)?;
    runs(&debian, &mut wires)?;
    lets_in_whom_it_should(&debian)?;
    saves_its_configuration(&debian)?;
    upgrades(&debian, &mut wires, &files.package)?;
    logs_to_the_journal(&debian)?;
    is_started_again_when_it_hangs(&debian, &mut wires)?;
    takes_over_from_root(&debian, &mut wires)?;
    says_what_routed_circuits_lack(&debian, &mut wires)?;
    goes(&debian, &wires)
}

/// The first installation starts nothing.
fn installs(debian: &Container, package: &Path) -> Result<()> {
    debian.copy(package, "/root/before.deb")?;
    debian.must("apt-get install -q -y /root/before.deb")?;
    assert_eq!(word(debian, "systemctl is-enabled edge")?, "disabled");
    assert_eq!(word(debian, "systemctl is-active edge")?, "inactive");
    assert!(!debian.has(CONFIG));
    assert_eq!(word(debian, "stat -c %U:%G:%a /etc/edge")?, "edge:edge:750");
    debian.must("getent group edge-admin")?;
    debian.must("edge check -c /usr/share/doc/edge/examples/edge.toml").map(drop)
}

/// `edge setup` writes a file that `edge check` takes, and never over another one.
fn sets_up(debian: &Container) -> Result<()> {
    let said = debian.must("edge setup")?;
    for part in ["cust0", "core1", "veth", "wrote /etc/edge/edge.toml"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(word(debian, "stat -c %U:%a /etc/edge/edge.toml")?, "edge:640");
    debian.must("edge check -c /etc/edge/edge.toml")?;
    let again = debian.run("edge setup")?;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    Ok(())
}

/// The unit starts the daemon in its sandbox, and frames flow.
fn runs(debian: &Container, wires: &mut Wires) -> Result<()> {
    let config = config(&PORTS, &WIRES).edge("metrics", METRICS.to_string());
    write(debian, CONFIG, &config.to_string())?;
    debian.must("systemctl enable -q --now edge")?;
    let process = word(debian, "systemctl show edge -p MainPID --value")?;
    let told = debian.must(&format!("cat /proc/{process}/status"))?;
    let field = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim().to_owned()).with_context(|| format!("no {name}"))
    };
    // CAP_NET_ADMIN (12), CAP_PERFMON (38) and CAP_BPF (39).
    for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
        assert_eq!(u64::from_str_radix(&field(set)?, 16)?, 1 << 12 | 1 << 38 | 1 << 39, "{set}");
    }
    assert_eq!((field("NoNewPrivs:")?, field("Seccomp:")?), ("1".into(), "2".into()));
    assert_ne!(field("Uid:")?.split_whitespace().next(), Some("0"));
    // 2.0 and less are good by systemd's words.
    let score = debian.must("systemd-analyze security edge | tail -1")?;
    let score = score.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    assert!(score.is_some_and(|score| score <= 2.5), "{score:?}");
    wires.pass(&[0, 1])?;
    debian.must("systemctl reload edge")?;
    let log = debian.must("journalctl -q -u edge -p warning _COMM=edge")?;
    assert_eq!(log, "");
    // The page, and the circuits that it shows.
    for (path, shown) in [("/", "page.js"), ("/v1/status", "\"alpha\"")] {
        let answer = at_the_address(&wires.lab, &format!("GET {path}"), &[], "")?;
        assert!(answer.status == 200 && answer.body.contains(shown), "{path}: {answer:?}");
    }
    Ok(())
}

/// Members of `edge` may look, those of `edge-admin`, too, may change something, and nobody else may do either.
fn lets_in_whom_it_should(debian: &Container) -> Result<()> {
    debian.must(
        "useradd -G edge reader && useradd -G edge,edge-admin admin && useradd -G edge-admin other",
    )?;
    for (user, looks, changes) in
        [("reader", true, false), ("admin", true, true), ("other", false, false)]
    {
        let looked = debian.as_user(user, &["status", "--json"])?;
        assert_eq!(looked.status.success(), looks, "{user}: {looked:?}");
        for change in [&["set-bandwidth", "alpha", "9 Gbps"][..], &["reload"]] {
            let changed = debian.as_user(user, change)?;
            assert_eq!(changed.status.success(), changes, "{user}: {changed:?}");
        }
    }
    Ok(())
}

/// The daemon saves into a file that root has written, in its sandbox.
fn saves_its_configuration(debian: &Container) -> Result<()> {
    debian.must("chown root:root /etc/edge/edge.toml && chmod 644 /etc/edge/edge.toml")?;
    let saved = debian.as_user("admin", &["set-bandwidth", "zeta", "8 Gbps", "--save"])?;
    assert!(saved.status.success(), "{saved:?}");
    assert!(debian.must("cat /etc/edge/edge.toml")?.contains("8 Gbps"));
    debian.must("edge history | grep -q admin").map(drop)
}

/// The journal's entries can be found by priority and circuit; and others' licences are there.
fn logs_to_the_journal(debian: &Container) -> Result<()> {
    for circuit in ["alpha", "zeta"] {
        let changed = debian.as_user("admin", &["set-bandwidth", circuit, "7 Gbps"])?;
        assert!(changed.status.success(), "{changed:?}");
    }
    let log = debian.must("journalctl -q -o cat -u edge EDGE_CIRCUIT=zeta PRIORITY=6")?;
    assert!(log.contains("zeta: ") && !log.contains("alpha"), "{log}");
    debian.must("zgrep -q '^aya-ebpf [0-9]' /usr/share/doc/edge/THIRD-PARTY.gz").map(drop)
}

/// No frame is lost in an upgrade, and each is booked once.
fn upgrades(debian: &Container, wires: &mut Wires, package: &Path) -> Result<()> {
    let version = "dpkg-query -W -f '${Version}' edge";
    let (before, process) = (word(debian, version)?, main_pid(debian)?);
    debian.copy(package, "/root/edge.deb")?;
    wires.under_traffic(&[0, 1], |_| {
        let said = debian.must("apt-get install -q -y /root/edge.deb")?;
        ensure!(word(debian, version)? != before, "{said}");
        wait_until(|| status().is_ok())
    })?;
    assert_ne!(main_pid(debian)?, process);
    assert_eq!(word(debian, "systemctl is-active edge")?, "active");
    wires.check_books()?;

    // A file that the new version refuses leaves the daemon alone.
    let process = main_pid(debian)?;
    debian.must("cp -p /etc/edge/edge.toml /root/ && echo wrong >> /etc/edge/edge.toml")?;
    let said = debian.must("dpkg -i /root/edge.deb")?;
    assert!(said.contains("refuses /etc/edge/edge.toml"), "{said}");
    assert_eq!(main_pid(debian)?, process);
    debian.must("cp -p /root/edge.toml /etc/edge/")?;
    wires.pass(&[0, 1])
}

/// systemd ends a daemon that stands still, and frames flow meanwhile.
fn is_started_again_when_it_hangs(debian: &Container, wires: &mut Wires) -> Result<()> {
    drop_in(debian, "watchdog", "[Service]\nWatchdogSec=2\n")?;
    debian.must("systemctl restart edge")?;
    let process = main_pid(debian)?;
    wires.under_traffic(&[0, 1], |_| {
        // Two periods, in which the daemon tells that it works.
        debian.must("sleep 5")?;
        ensure!(main_pid(debian)? == process, "a daemon that works was ended");
        debian.must(&format!("kill -STOP {process}"))?;
        wait_until(|| main_pid(debian).is_ok_and(|now| now != process && now != "0"))?;
        wait_until(|| status().is_ok())
    })?;
    debian
        .must("rm /etc/systemd/system/edge.service.d/watchdog.conf && systemctl daemon-reload")?;
    wires.check_books()
}

/// Pins and a ledger that are root's become the daemon's.
fn takes_over_from_root(debian: &Container, wires: &mut Wires) -> Result<()> {
    debian.must("systemctl stop edge && chown -R root:root /sys/fs/bpf/edge /var/lib/edge")?;
    wires.under_traffic(&[0, 1], |_| debian.must("systemctl start edge").map(drop))?;
    assert_eq!(word(debian, "find /var/lib/edge /sys/fs/bpf/edge ! -user edge")?, "");
    wires.check_books()
}

/// Routed circuits take the drop-in of the package, and a start without it says so.
fn says_what_routed_circuits_lack(debian: &Container, wires: &mut Wires) -> Result<()> {
    const ROUTING: &str =
        "\n[routing]\ndaemon = \"bird\"\nrouter_id = \"192.0.2.1\"\nasn = 12076\n";
    debian.must("cp -p /etc/edge/edge.toml /root/")?;
    let text = debian.must("cat /etc/edge/edge.toml")?;
    write(debian, CONFIG, &format!("{text}{ROUTING}"))?;
    debian.must("edge check -c /etc/edge/edge.toml")?;
    let refused = debian.run("systemctl restart edge")?;
    assert!(!refused.status.success());
    let log = debian.must("journalctl -u edge -n 30")?;
    assert!(log.contains("CAP_SYS_ADMIN") && log.contains("/usr/share/edge/routed.conf"), "{log}");
    debian.must(
        "systemctl stop edge; systemctl reset-failed edge; install -D -m 644 /usr/share/edge/routed.conf \
         /etc/systemd/system/edge.service.d/routed.conf && systemctl daemon-reload && systemctl start edge",
    )?;
    debian.must("ip netns list | grep -q edge")?;
    wait_until(|| {
        let is_sound = status().is_ok_and(|status| status.sessions.fault.is_none());
        is_sound && word(debian, "ps -C bird -o user=").is_ok_and(|user| user == "bird")
    })?;
    wires.pass(&[0, 1])?;
    // Back: the daemon's user has all that was root's meanwhile.
    debian.must(
        "systemctl stop edge && edge detach -c /etc/edge/edge.toml && cp -p /root/edge.toml /etc/edge/ && rm -r \
         /etc/systemd/system/edge.service.d && systemctl daemon-reload && systemctl start edge",
    )?;
    wires.pass(&[0, 1])?;
    wires.check_books()
}

/// Removing the package books all and detaches; a purge takes the configuration, and leaves the ledger.
fn goes(debian: &Container, wires: &Wires) -> Result<()> {
    debian.must("apt-get remove -q -y edge")?;
    assert!(debian.has(CONFIG) && !debian.has("/usr/bin/edge"));
    assert!(!Path::new("/sys/fs/bpf/edge").exists(), "pins are left");
    assert!(!debian.must("ip link")?.contains("xdp"));
    wires.check_sums()?;
    let said = debian.must("apt-get purge -q -y edge")?;
    assert!(said.contains("stay in /var/lib/edge"), "{said}");
    assert!(!debian.has("/etc/edge"));
    wires.check_sums()
}

fn drop_in(debian: &Container, name: &str, text: &str) -> Result<()> {
    debian.must("mkdir -p /etc/systemd/system/edge.service.d")?;
    write(debian, &format!("/etc/systemd/system/edge.service.d/{name}.conf"), text)?;
    debian.must("systemctl daemon-reload").map(drop)
}

fn write(debian: &Container, place: &str, text: &str) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), text)?;
    debian.copy(file.path(), place)
}

fn main_pid(debian: &Container) -> Result<String> {
    word(debian, "systemctl show edge -p MainPID --value")
}

/// The output of a line, whether or not it works.
fn word(debian: &Container, line: &str) -> Result<String> {
    Ok(String::from_utf8_lossy(&debian.run(line)?.stdout).trim().to_owned())
}
