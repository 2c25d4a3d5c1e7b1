use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use edge_user::{
    config,
    plan::{Capacity, Plan, Police, PortPlan},
    replay::{HostEngine, KernelEngine, PathEngine, error::ReplayError},
    verify, view,
};

use super::{ConfigArg, UsageError, progress::Progress, replay::EngineKind};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The circuit.
    #[arg(value_name = "CIRCUIT")]
    circuit: String,
    #[command(flatten)]
    config: ConfigArg,
    /// The loaded XDP program, or the same code in this process, which needs no privilege.
    #[arg(long, value_enum, default_value_t = EngineKind::Kernel)]
    engine: EngineKind,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(args: &Args) -> Result<()> {
    let config = config::load_without_keys(&args.config.config)?;
    let circuit = config.circuits.iter().find(|circuit| circuit.name == args.circuit);
    let circuit = circuit.ok_or_else(|| {
        let path = args.config.config.display();
        UsageError(format!("{path} has no circuit {:?}; check its name", args.circuit))
    })?;
    if circuit.peerings.iter().all(|peering| peering.routed.is_some()) {
        let name = &circuit.name;
        let message = format!(
            "every peering of {name:?} is routed, and only wires are verified; `edge replay --routes` runs routed frames"
        );
        return Err(UsageError(message).into());
    }
    let capacity = Capacity::for_config(&config);
    let plan = Plan::new(&config, &capacity.unused(), Police::Purchased)?;
    let progress = Progress::of(&circuit.name);
    let engine = |port: &PortPlan| -> Result<Box<dyn PathEngine>, ReplayError> {
        progress.now(format!("{} on port {}", circuit.name, port.name));
        Ok(match args.engine {
            EngineKind::Host => Box::new(HostEngine::new(&plan, port, &capacity)),
            EngineKind::Kernel => Box::new(KernelEngine::new(&plan, port, &capacity)?),
        })
    };
    let report = verify::verify(&config, &plan, circuit, engine)
        .context("running the path; `--engine host` needs neither root nor the kernel")?;
    drop(progress);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        view::verify::print(&report, &mut out)?;
    }
    out.flush()?;
    if !report.passed {
        bail!("{:?} has not passed each step", report.circuit);
    }
    Ok(())
}
