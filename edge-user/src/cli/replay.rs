mod output;
mod streams;

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use edge_common::host::HostRouter;
use edge_user::{
    config,
    plan::{Capacity, Plan, Police},
    replay::{
        HostEngine, KernelEngine, PathEngine, Replay,
        capture::{CaptureError, CaptureReader, CaptureWriter},
        error::ReplayError,
        route_tables::{route_tables, with_room_for},
        routes_file,
    },
    view,
};

use self::{output::Output, streams::FrameDestination};
use super::{ConfigArg, UsageError, progress::Progress};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// The port that the frames are received on.
    #[arg(long, value_name = "NAME")]
    port: String,
    /// The capture: pcap or pcapng, Ethernet; `-` is standard input.
    #[arg(value_name = "IN.pcap")]
    input: PathBuf,
    /// Writes the frames that leave, with their timestamps; to `-`, standard output, the report
    /// then goes to standard error.
    #[arg(short, long, value_name = "OUT.pcap")]
    output: Option<PathBuf>,
    /// The loaded XDP program, or the same code in this process, which needs no privilege.
    #[arg(long, value_enum, default_value_t = EngineKind::Kernel)]
    engine: EngineKind,
    /// Routes of routed peerings, `PREFIX via LINK` in each line, where LINK is CIRCUIT/PEERING/LINK
    /// or CIRCUIT/VNET. Every link is up, and its neighbour answers.
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// Polices no circuit.
    #[arg(long)]
    no_police: bool,
    /// Prints one JSON line a frame.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineKind {
    Kernel,
    Host,
}

pub(super) fn replay(args: &Args) -> Result<()> {
    let config = config::load_without_keys(&args.config.config)?;
    let capacity = Capacity::for_config(&config);
    let police = if args.no_police { Police::Off } else { Police::Purchased };
    let plan = Plan::new(&config, &capacity.unused(), police)?;
    let port = plan.port(&args.port).ok_or_else(|| {
        let known: Vec<&str> = plan.ports.iter().map(|port| port.name.as_str()).collect();
        let known = known.join(", ");
        UsageError(format!("no port \"{}\"; the configuration has {known}", args.port))
    })?;

    let Args { input, json, .. } = args;
    let texts =
        [("configuration", Some(&args.config.config)), ("file of routes", args.routes.as_ref())];
    let destination = streams::check(texts, input, args.output.as_deref(), *json)?;
    let router = args.routes.as_deref().map(|path| routed(path, &plan, &capacity)).transpose()?;
    let capacity = router.as_ref().map_or(capacity, |router| with_room_for(capacity, router));
    let is_shown = *json
        && match destination {
            Some(FrameDestination::Stdout) => io::stderr().is_terminal(),
            _ => io::stdout().is_terminal(),
        };
    let progress = if is_shown { Progress::none() } else { progress(input) };
    let mut reader = open(input, &progress)?;
    let mut engine: Box<dyn PathEngine> = match args.engine {
        EngineKind::Host => {
            let mut engine = HostEngine::new(&plan, port, &capacity);
            if let Some(router) = &router {
                engine.route_by(router.clone());
            }
            Box::new(engine)
        }
        EngineKind::Kernel => {
            let engine = KernelEngine::new(&plan, port, &capacity);
            let advice = "the kernel engine; `--engine host` needs neither root nor the kernel";
            let mut engine = engine.context(advice)?;
            if let Some(router) = &router {
                engine.route_by(router);
            }
            Box::new(engine)
        }
    };
    let mut output = destination.map(Output::create).transpose()?;
    let name = args.output.as_deref().unwrap_or(Path::new("-"));
    let create = |output| CaptureWriter::new(Output::writer(output), name, reader.resolution());
    let mut writer = output.as_mut().map(create).transpose()?;

    let mut out: Box<dyn io::Write> = match destination {
        Some(FrameDestination::Stdout) => Box::new(io::stderr().lock()),
        _ => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let mut replay = Replay::new(&mut *engine, &plan, port, &capacity);
    if let Some(router) = &router {
        replay.route_by(router);
    }
    let lines = json.then_some(&mut out as &mut dyn io::Write);
    let result = replay.run(&mut reader, writer.as_mut(), lines);
    drop(progress);
    // A user wants the lines and frames before a damaged record.
    let told = out.flush();
    for warning in replay.summary().warnings(&reader.found()) {
        eprintln!("warning: {warning}");
    }
    if let Some(output) = output.filter(|_| is_whole(&result)) {
        output.finish()?;
    }
    result?;
    told?;
    if !json {
        view::replay::print(replay.summary(), port.unmatched, &mut out)?;
        out.flush()?;
    }
    Ok(())
}

/// The router's tables with the routes of a file.
fn routed(path: &Path, plan: &Plan, capacity: &Capacity) -> Result<HostRouter> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("reading the routes in {}", path.display()))?;
    Ok(route_tables(plan, capacity, &routes_file::parse(&text, path, plan)?)?)
}

fn open(input: &Path, progress: &Progress) -> Result<CaptureReader, CaptureError> {
    if streams::is_stream(input) {
        let name = Path::new("(standard input)");
        return CaptureReader::from_reader(progress.reading(io::stdin()), name);
    }
    let file = File::open(input);
    let file = file.map_err(|source| CaptureError::Open { path: input.to_owned(), source })?;
    CaptureReader::from_reader(progress.reading(file), input)
}

fn progress(input: &Path) -> Progress {
    let file = fs::metadata(input).ok().filter(|file| file.is_file() && !streams::is_stream(input));
    Progress::of_bytes("of the capture", file.map(|file| file.len()))
}

/// Whether the written capture has every frame that left before the end or the error.
fn is_whole(result: &Result<(), ReplayError>) -> bool {
    !matches!(result, Err(ReplayError::Capture(CaptureError::Write { .. })))
}
