//! Commands that tell about a machine.

use std::{fmt::Write as _, process::Command};

/// Lines of the log.
const LOG_LINES: &str = "5000";

/// Runs them, and returns the output of each by its name. One that is not there says so in its output.
pub(super) fn run(interfaces: &[&str]) -> Vec<(String, String)> {
    let mut all = vec![
        output("uname", "uname", &["-a"]),
        output("os-release", "cat", &["/etc/os-release"]),
        output("cpus", "lscpu", &[]),
        output("memory", "cat", &["/proc/meminfo"]),
        output("links", "ip", &["-details", "-statistics", "link"]),
        output("unit", "systemctl", &["status", "--no-pager", "--full", "edge"]),
        output("log", "journalctl", &["--unit", "edge", "--no-pager", "--lines", LOG_LINES]),
        output("pins", "find", &["/sys/fs/bpf", "-maxdepth", "4"]),
    ];
    for interface in interfaces {
        for (about, option) in
            [("driver", "-i"), ("offloads", "-k"), ("rings", "-g"), ("counters", "-S")]
        {
            all.push(output(&format!("{about}-{interface}"), "ethtool", &[option, interface]));
        }
    }
    all
}

fn output(name: &str, program: &str, arguments: &[&str]) -> (String, String) {
    let mut said = format!("$ {program} {}\n", arguments.join(" "));
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            said.push_str(&String::from_utf8_lossy(&output.stdout));
            said.push_str(&String::from_utf8_lossy(&output.stderr));
            if !output.status.success() {
                // Writing to a string doesn't fail.
                let _ = writeln!(said, "({})", output.status);
            }
        }
        Err(error) => {
            let _ = writeln!(said, "({program}: {error})");
        }
    }
    (name.to_owned(), said)
}
