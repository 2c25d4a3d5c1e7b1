//! The capabilities that a configuration takes, looked for before anything is changed.

use crate::{
    config::Config,
    daemon::error::{DaemonError, Result},
    kernel::host::capabilities::{Capabilities, Capability},
    report::Told,
};

/// The drop-in of the package for routed circuits.
const ROUTED_DROP_IN: &str = "/usr/share/edge/routed.conf";
/// Its place.
const PLACE: &str = "/etc/systemd/system/edge.service.d/routed.conf";

/// The capabilities that every configuration takes.
const ALWAYS: [(Capability, &str); 3] = [
    (Capability::Bpf, "to load programs and tables"),
    (Capability::NetAdmin, "to attach programs to interfaces"),
    (Capability::Perfmon, "to count frames that devices refuse"),
];
/// The capabilities that routed circuits take beside these.
const ROUTED: [(Capability, &str); 2] = [
    (Capability::SysAdmin, "to make the routing namespace"),
    (Capability::NetRaw, "for BIRD's sessions"),
];

/// Refuses a configuration that this process lacks a capability for.
///
/// # Errors
///
/// [`DaemonError::Permission`], with every capability that is missing, and the way to have it.
pub fn check_capabilities(config: &Config) -> Result<()> {
    let own = Capabilities::own()?;
    missing(own, config.routing.is_some())
        .map_or(Ok(()), |told| Err(DaemonError::Permission(Told::new(told))))
}

/// The refusal; `None`: nothing is missing.
fn missing(own: Capabilities, is_routed: bool) -> Option<String> {
    let lacks = |needs: &[(Capability, &str)]| {
        let lacking = needs.iter().filter(|(capability, _)| !own.has(*capability));
        let lacking = lacking.map(|(capability, why)| format!("{} ({why})", capability.as_str()));
        lacking.collect::<Vec<_>>().join(", ")
    };
    let always = lacks(&ALWAYS);
    if !always.is_empty() {
        return Some(format!(
            "this process lacks {always}, so that edge can't run, and nothing was changed; start it by its unit \
             (`systemctl start edge`), or as root"
        ));
    }
    let routed = if is_routed { lacks(&ROUTED) } else { String::new() };
    (!routed.is_empty()).then(|| {
        format!(
            "the configuration has routed circuits, for which this process lacks {routed}, and nothing was changed; \
             give its service the drop-in for them (`install -D -m 644 {ROUTED_DROP_IN} {PLACE}`, then `systemctl \
             daemon-reload` and `systemctl restart edge`), or start it as root"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(capabilities: &[u32]) -> Capabilities {
        Capabilities::from_bits(capabilities.iter().map(|number| 1 << number).sum())
    }

    #[test]
    fn a_refusal_names_each_missing_capability_and_the_way_to_have_it() {
        let told = missing(of(&[12]), true).unwrap();
        assert!(told.contains("CAP_BPF") && told.contains("CAP_PERFMON"), "{told}");
        assert!(!told.contains("CAP_NET_ADMIN") && told.contains("systemctl start edge"), "{told}");
        let unit = of(&[12, 38, 39]);
        assert_eq!(missing(unit, false), None);
        let told = missing(unit, true).unwrap();
        assert!(told.contains("CAP_SYS_ADMIN") && told.contains(ROUTED_DROP_IN), "{told}");
        assert_eq!(missing(of(&[12, 13, 21]), true), None);
    }
}
