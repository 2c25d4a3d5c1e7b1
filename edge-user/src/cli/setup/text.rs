//! A machine as people read it.

use std::fmt::{self, Display, Formatter};

use edge_user::{
    daemon::machine::MachineLook,
    kernel::preflight::interfaces::InterfaceLook,
    view::table::{plain, text_table},
};

/// The machine, its problems, and a line for each interface.
pub(super) struct MachineText<'a>(pub(super) &'a MachineLook);

impl Display for MachineText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let MachineLook { kernel, bird, problems, interfaces } = self.0;
        match bird {
            Some(version) => writeln!(f, "Linux {kernel}, BIRD {version}")?,
            None => writeln!(
                f,
                "Linux {kernel}, no BIRD 2, which only routed circuits need (Debian: apt-get install bird2)"
            )?,
        }
        for problem in problems {
            writeln!(f, "! {problem}")?;
        }
        let header = ["interface", "driver", "speed", "mtu", "link", "xdp", "hides tags", "port"];
        let mut table = text_table(header, [2, 3]);
        table.add_rows(interfaces.iter().map(row));
        writeln!(f, "\n{table}")?;
        for interface in interfaces {
            for line in lines(interface) {
                writeln!(f, "! {}: {line}", plain(&interface.name))?;
            }
        }
        Ok(())
    }
}

fn row(interface: &InterfaceLook) -> [String; 8] {
    let link = match (interface.up, interface.carrier) {
        (false, _) => "down",
        (true, false) => "no carrier",
        (true, true) => "up",
    };
    let xdp = match interface.native_xdp {
        Some(true) => "native",
        Some(false) => "generic",
        None => "unknown",
    };
    let hides = interface.offloads.iter().map(|offload| offload.name).collect::<Vec<_>>();
    [
        plain(&interface.name),
        interface.driver.as_deref().map_or("-".to_owned(), plain),
        interface.speed_bps.map_or("-".to_owned(), speed),
        interface.mtu_bytes.to_string(),
        link.to_owned(),
        xdp.to_owned(),
        if hides.is_empty() { "-".to_owned() } else { hides.join(" ") },
        interface.unfit.as_deref().map_or("yes".to_owned(), |why| plain(&format!("no: {why}"))),
    ]
}

fn speed(bps: u64) -> String {
    let mbps = bps / 1_000_000;
    if mbps.is_multiple_of(1_000) {
        format!("{} Gbps", mbps / 1_000)
    } else {
        format!("{mbps} Mbps")
    }
}

/// Facts that the table has no room for.
fn lines(interface: &InterfaceLook) -> Vec<String> {
    let programs = interface.programs.iter().map(|program| {
        let name = program.name.as_deref().map_or(String::new(), |name| format!(" ({name})"));
        format!("the XDP program {}{name} runs on it in {} mode", program.id, program.mode)
    });
    let obstacle = interface.native_xdp_obstacle.iter().filter(|_| interface.unfit.is_none());
    programs.chain(obstacle.cloned()).map(|line| plain(&line)).collect()
}
