//! The machine as `edge setup` sees it: what edge can do here, and what it can't.

use std::path::Path;

use serde::Serialize;

use crate::{
    daemon::error::Result,
    kernel::{
        host::bpffs::{CONVENTIONAL, is_bpffs},
        object::load_error::{Version, release},
        preflight::{
            interfaces::{self, InterfaceLook},
            is_realtime,
        },
    },
    routing::bird::program::BirdProgram,
};

/// The types of the kernel.
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub struct MachineLook {
    /// The kernel's release.
    pub kernel: String,
    /// The version of BIRD; none: there is none that edge can use.
    pub bird: Option<String>,
    /// Problems of the machine itself: condition, effect, and the way out.
    pub problems: Vec<String>,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceLook>,
}

impl MachineLook {
    /// Looks at this machine and changes nothing.
    ///
    /// # Errors
    ///
    /// The kernel does not answer.
    pub fn new() -> Result<Self> {
        let kernel = release();
        Ok(Self {
            problems: problems(&kernel)?,
            kernel,
            bird: BirdProgram::find(None).ok().map(|bird| bird.version.to_string()),
            interfaces: interfaces::look()?,
        })
    }
}

fn problems(kernel: &str) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let oldest = Version::of_release("6.1");
    if Version::of_release(kernel) < oldest {
        problems.push(format!(
            "Linux {kernel} is older than 6.1, and edge is not tested there; boot a later one"
        ));
    }
    if is_realtime()? {
        problems.push(
            "this kernel is PREEMPT_RT, on which `edge run` refuses to start; boot one without it"
                .to_owned(),
        );
    }
    if !Path::new(BTF).exists() {
        problems.push(format!(
            "this kernel has no types (no {BTF}), and `edge run` can't load its programs; boot one with \
             CONFIG_DEBUG_INFO_BTF, as distributions have it"
        ));
    }
    if !is_bpffs(Path::new(CONVENTIONAL)).unwrap_or(false) {
        problems.push(format!(
            "no BPF file system is on {CONVENTIONAL}, so that only `edge run` as root can start; as root: mount -t \
             bpf bpf {CONVENTIONAL}"
        ));
    }
    Ok(problems)
}
