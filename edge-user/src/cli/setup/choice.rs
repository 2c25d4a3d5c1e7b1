//! The choice of interfaces for the first ports.

use anyhow::Result;
use edge_user::kernel::preflight::interfaces::InterfaceLook;
use nix::sys::utsname::uname;

use super::super::UsageError;

/// The ports of a first file.
pub(super) struct Choice<'a> {
    /// The name of the edge.
    pub(super) edge: String,
    /// Interfaces to customers, of which there is one at least.
    pub(super) customers: Vec<&'a str>,
    /// The interface to the core.
    pub(super) core: Option<&'a str>,
    /// Others that can be ports.
    pub(super) spare: Vec<&'a str>,
}

impl<'a> Choice<'a> {
    /// Takes the interfaces that the caller names, and then those that can be ports, by their indices. `None`: there are
    /// none.
    ///
    /// # Errors
    ///
    /// The caller names an interface that is not there, or one of them twice.
    pub(super) fn new(
        interfaces: &'a [InterfaceLook],
        customers: &[String],
        core: Option<&str>,
    ) -> Result<Option<Self>> {
        let find = |name: &str| {
            let found = interfaces.iter().find(|interface| interface.name == name);
            let found = found.map(|interface| interface.name.as_str());
            found.ok_or_else(|| {
                UsageError(format!(
                    "there is no interface {name} in this network namespace; `edge setup --look` shows those that \
                     there are"
                ))
            })
        };
        let mut customers =
            customers.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
        let mut core = core.map(find).transpose()?;
        let mut named: Vec<_> = customers.iter().copied().chain(core).collect();
        named.sort_unstable();
        if let Some([twice, ..]) = named.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(UsageError(format!("{twice} can be one port, not two")).into());
        }
        let fit = interfaces.iter().filter(|interface| interface.unfit.is_none());
        let mut spare =
            fit.map(|interface| interface.name.as_str()).filter(|name| !named.contains(name));
        if customers.is_empty() {
            customers.extend(spare.next());
        }
        if core.is_none() {
            core = spare.next();
        }
        let spare = spare.collect();
        if customers.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { edge: edge_name(), customers, core, spare }))
    }
}

/// The machine's name, which is a name of an edge, too, or another one.
fn edge_name() -> String {
    let name =
        uname().map(|name| name.nodename().to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let is_fit = !name.is_empty() && name.len() <= 63 && name.chars().all(is_plain);
    if is_fit { name } else { "edge-1".to_owned() }
}
