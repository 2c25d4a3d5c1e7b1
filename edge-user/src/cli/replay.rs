use std::{
    io::{self, BufWriter, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use edge_user::{
    config,
    plan::{Capacity, Plan, Police},
    replay::{
        self, Engine, HostEngine, KernelEngine,
        capture::{CaptureReader, CaptureWriter},
    },
};

use super::{ConfigArg, UsageError};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// The port that the frames are received on.
    #[arg(long, value_name = "NAME")]
    port: String,
    /// The capture: pcap or pcapng, Ethernet.
    #[arg(value_name = "IN.pcap")]
    input: PathBuf,
    /// Writes the frames that leave, with their timestamps.
    #[arg(short, long, value_name = "OUT.pcap")]
    output: Option<PathBuf>,
    /// The loaded XDP program, or the same code in this process, which needs no privilege.
    #[arg(long, value_enum, default_value_t = EngineKind::Kernel)]
    engine: EngineKind,
    /// Polices no circuit.
    #[arg(long)]
    no_police: bool,
    /// A JSON line a frame.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineKind {
    Kernel,
    Host,
}

pub(super) fn replay(args: &Args) -> Result<()> {
    let config = config::load(&args.config.config)?;
    let capacity = Capacity::for_config(&config);
    let police = if args.no_police { Police::Off } else { Police::Purchased };
    let plan = Plan::new(&config, &capacity.unused(), police)?;
    let port = plan.port(&args.port).ok_or_else(|| {
        let known: Vec<&str> = plan.ports.iter().map(|port| port.name.as_str()).collect();
        let known = known.join(", ");
        UsageError(format!("no port \"{}\"; the configuration has {known}", args.port))
    })?;

    if let Some(output) = &args.output
        && same_file(&args.input, output)
    {
        let message = format!("{} is the capture that is read; write to another", output.display());
        return Err(UsageError(message).into());
    }
    let reader = CaptureReader::open(&args.input)?;
    let mut engine: Box<dyn Engine> = match args.engine {
        EngineKind::Host => Box::new(HostEngine::new(&plan, port, &capacity)),
        EngineKind::Kernel => {
            let engine = KernelEngine::new(&plan, port, &capacity);
            let advice = "the kernel engine; `--engine host` needs neither root nor the kernel";
            Box::new(engine.context(advice)?)
        }
    };
    let resolution = reader.resolution();
    let create = |path: &PathBuf| CaptureWriter::create(path, resolution);
    let mut writer = args.output.as_ref().map(create).transpose()?;

    let mut out = BufWriter::new(io::stdout().lock());
    let lines = args.json.then_some(&mut out as &mut dyn io::Write);
    let result = replay::replay(&mut *engine, &plan, port, reader, writer.as_mut(), lines);
    // What was done before a damaged record is worth having.
    out.flush()?;
    if let Some(writer) = writer {
        writer.finish()?;
    }
    let summary = result?;
    if !args.json {
        summary.print(port.unmatched, &mut out)?;
        out.flush()?;
    }
    Ok(())
}

fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}
