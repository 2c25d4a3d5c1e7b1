//! A plan as BIRD's configuration: the same text for the same plan, in whatever order it came.
//!
//! Keys are in a file of their own, which the configuration includes by name, so that the
//! configuration can be looked at and sent around.

mod domain;
mod filters;
mod functions;
mod hop;
mod services;
mod session;
mod writer;

use std::path::Path;

use self::{functions::FilterFunctions, writer::ConfigWriter};
use super::{model::SpeakerPlan, names, version::BirdVersion};

/// Name of the file of keys, beside the configuration.
pub const KEYS_FILE: &str = "keys.conf";

/// Bytes after which BIRD begins another log file.
const LOG_LIMIT_BYTES: u32 = 4 << 20;
/// Seconds between looks at all devices: BIRD hears of changes by itself, and this is for those that
/// it missed.
const DEVICE_SCAN_S: u32 = 60;

/// A configuration in full.
#[derive(Clone, PartialEq, Eq)]
pub struct SpeakerConfig {
    /// The configuration.
    pub text: String,
    /// The file of keys. It is for nobody but BIRD.
    pub keys: String,
}

impl std::fmt::Debug for SpeakerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeakerConfig").field("text", &self.text).finish_non_exhaustive()
    }
}

impl SpeakerConfig {
    /// The configuration of a plan in which [`SpeakerPlan::look`] finds no fault.
    #[must_use]
    pub fn new(plan: &SpeakerPlan, version: BirdVersion, log: &Path) -> Self {
        let mut domains: Vec<_> = plan.domains.iter().collect();
        let mut out = ConfigWriter::default();
        globals(&mut out, plan, log);
        filters::common(&mut out);
        // A pipe comes after both of its tables.
        domains.sort_by_key(|domain| (domain.service_groups.is_none(), domain.kernel_table));
        let (mut functions, mut below) = (FilterFunctions::new(version), ConfigWriter::default());
        for domain in domains {
            domain::write(&mut below, &mut functions, plan, domain, version);
        }
        functions.write(&mut out);
        out.lines(&below.finish());
        Self { text: out.finish(), keys: keys(plan) }
    }
}

fn globals(out: &mut ConfigWriter, plan: &SpeakerPlan, log: &Path) {
    out.line("# edge writes this file anew with each configuration; changes here are lost.");
    let log = log.display();
    out.line(format!(
        "log \"{log}\" {LOG_LIMIT_BYTES} \"{log}.1\" {{ info, remote, warning, error, auth, fatal, bug }};"
    ));
    // Seconds since 1970, which mean the same in every time zone.
    for kind in ["base", "protocol", "route"] {
        out.line(format!("timeformat {kind} \"%s.%3f\";"));
    }
    out.line("timeformat log iso long ms;");
    out.line(format!("router id {};", plan.router_id));
    out.line(format!("graceful restart wait {};", plan.recovery_wait_s));
    out.line(format!("include \"{KEYS_FILE}\";"));
    out.block("protocol device", |out| out.line(format!("scan time {DEVICE_SCAN_S};")));
    // Sockets by device: any other address of the namespace is another customer's.
    out.block("protocol bfd", |out| out.line("strict bind yes; accept direct;"));
}

fn keys(plan: &SpeakerPlan) -> String {
    let mut keys: Vec<_> = plan
        .sessions()
        .filter_map(|session| Some((session.index, session.key.as_ref()?.secret())))
        .collect();
    keys.sort_unstable();
    let lines =
        keys.iter().map(|(index, key)| format!("define {} = \"{key}\";\n", names::key(*index)));
    lines.collect()
}
