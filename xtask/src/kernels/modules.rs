//! Kernel modules for a guest, in the order in which they load.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

/// Modules that tests need, unless the kernel has them built in or has none.
const WANTED: [&str; 27] = [
    "veth",
    "tun",
    "virtio_pci",
    "virtio_net",
    "tls",
    "dummy",
    "8021q",
    "vrf",
    "macvlan",
    "bonding",
    "vxlan",
    "sch_ingress",
    "sch_fq",
    "sch_htb",
    "sch_tbf",
    "sch_netem",
    "cls_bpf",
    "cls_flower",
    "cls_matchall",
    "cls_u32",
    "act_bpf",
    "act_gact",
    "act_mirred",
    "act_pedit",
    "act_police",
    "act_vlan",
    "tcp_bbr",
];

/// A module, not compressed.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The modules of the kernel whose modules are in `directory`, each after those it depends on.
pub(super) fn in_order(directory: &Path) -> Result<Vec<Module>> {
    let mut files = BTreeMap::new();
    find(&directory.join("kernel"), &mut files)?;
    let mut order = Order { files, loaded: BTreeSet::new(), modules: Vec::new() };
    for name in WANTED {
        order.add(name)?;
    }
    ensure!(
        order.loaded.contains("veth"),
        "there is no module veth in {}, without which there is nothing to test",
        directory.display()
    );
    Ok(order.modules)
}

struct Order {
    /// By name, with `_` for `-`.
    files: BTreeMap<String, PathBuf>,
    loaded: BTreeSet<String>,
    modules: Vec<Module>,
}

impl Order {
    fn add(&mut self, name: &str) -> Result<()> {
        let name = name.replace('-', "_");
        // A module without a file is built in, or that kernel has none.
        let Some(file) = self.files.get(&name) else { return Ok(()) };
        if !self.loaded.insert(name.clone()) {
            return Ok(());
        }
        let bytes = read(file)?;
        for dependency in depends(&bytes).split(',').filter(|name| !name.is_empty()) {
            self.add(dependency)?;
        }
        self.modules.push(Module { name, bytes });
        Ok(())
    }
}

fn find(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("reading the modules in {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if let Some(file) = path.file_name().and_then(|name| name.to_str())
            && let Some((name, "" | ".xz" | ".zst")) = file.split_once(".ko")
        {
            files.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let program = match file.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return fs::read(file).with_context(|| format!("reading {}", file.display())),
    };
    let output = Command::new(program).arg("-dc").arg(file).output();
    let output = output.with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program} can't read {}", file.display());
    Ok(output.stdout)
}

/// The names in the field `depends` of the section `.modinfo`, separated by commas.
fn depends(module: &[u8]) -> &str {
    const FIELD: &[u8] = b"\0depends=";
    let Some(at) = module.windows(FIELD.len()).position(|window| window == FIELD) else {
        return "";
    };
    let value = module.get(at + FIELD.len()..).unwrap_or_default();
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(0);
    value.get(..end).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_the_module() {
        assert_eq!(
            depends(b"x\0license=GPL\0depends=virtio,net_failover\0name=virtio_net\0"),
            "virtio,net_failover"
        );
        assert_eq!(depends(b"x\0license=GPL\0depends=\0name=dummy\0"), "");
        assert_eq!(depends(b"no module"), "");
    }
}
