mod output;

use std::{ops::ControlFlow, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use edge_api::{Client, TraceCounts, TraceEnd, TraceLine};
use edge_common::abi::trace::MAX_CAPTURED_BYTES;
use edge_user::{
    daemon::trace::LONGEST,
    units::{self, when},
    view,
};
use tokio::signal::unix::{SignalKind, signal};

use self::output::TraceOutput;
use super::{SocketArg, progress::Progress};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only frames of this circuit.
    #[arg(long, value_name = "NAME")]
    circuit: Option<String>,
    /// Only frames that come by this port.
    #[arg(long, value_name = "NAME")]
    port: Option<String>,
    /// Only frames whose path ends for this reason, such as over-rate.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only frames of this class.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Looks at one of so many frames, by chance.
    #[arg(long, value_name = "1/N", value_parser = sample)]
    sample: Option<u32>,
    /// Ends after so many frames.
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Ends after this time, such as 1h.
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = lasts)]
    lasts: String,
    /// Frames a second at most; the others are counted.
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    rate: u32,
    /// Bytes of each frame [default: 128; with -o, all].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=MAX_CAPTURED_BYTES as i64))]
    snap: Option<u32>,
    /// Prints one JSON line a frame.
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Writes the frames, as they were received, to this pcapng file, with their fate as a comment; `-` is standard output.
    #[arg(short, long, value_name = "FILE.pcapng")]
    output: Option<PathBuf>,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn trace(args: &Args) -> Result<()> {
    let mut output = TraceOutput::new(args.output.clone(), args.json);
    let mut counts = TraceCounts::default();
    let progress = match &args.output {
        Some(_) => Progress::of("no frame yet"),
        None => Progress::none(),
    };
    let (mut end, mut failed) = (None, None);
    let stopped = std::cell::Cell::new(false);
    let stop = async {
        ending_signal().await;
        stopped.set(true);
    };
    let traced = Client::new(&args.socket.socket).trace(&args.query(), stop, |line| {
        let taken = match &line {
            TraceLine::Started(start) => progress.beside(|| output.begin(start)),
            TraceLine::Frame(frame) => {
                counts.told += 1;
                output.frame(frame)
            }
            TraceLine::Counts(now) => {
                progress.beside(|| tell_of_left_out(&counts, now));
                counts = *now;
                progress.now(format!("{} frames", units::count(counts.told)));
                output.flush()
            }
            TraceLine::Ended(ended) => {
                end = Some(ended.clone());
                output.flush()
            }
        };
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    drop(progress);
    if let Some(error) = failed {
        return Err(error);
    }
    output.flush()?;
    traced?;
    if let Some(TraceEnd { counts: all, .. }) = &end {
        counts = *all;
    }
    eprintln!("{}", view::trace::summary(&counts));
    match end {
        Some(TraceEnd { is_complete: false, why, .. }) => bail!("the trace has ended: {why}"),
        Some(_) => Ok(()),
        None if stopped.get() => Ok(()),
        None => bail!("the trace has ended, as the daemon has; its log may say why"),
    }
}

impl Args {
    /// The parameters of the API's path.
    fn query(&self) -> Vec<(&'static str, String)> {
        let all = u32::try_from(MAX_CAPTURED_BYTES).ok().filter(|_| self.output.is_some());
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let query = [
            ("circuit", self.circuit.clone()),
            ("port", self.port.clone()),
            ("reason", self.reason.clone()),
            ("class", self.class.clone()),
            ("sample", number(self.sample)),
            ("count", self.count.map(|count| count.to_string())),
            ("for", Some(self.lasts.clone())),
            ("rate", Some(self.rate.to_string())),
            ("snap", number(self.snap.or(all))),
        ];
        query.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Tells of frames that are left out, where there are more than before.
fn tell_of_left_out(before: &TraceCounts, now: &TraceCounts) {
    let is_more = (before.capped, before.lost) != (now.capped, now.lost);
    if is_more && let Some(text) = view::trace::left_out(now) {
        eprintln!("{text}");
    }
}

/// Returns when the user wants no more: Ctrl-C, or `kill`.
async fn ending_signal() {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// `1/N`, or N.
fn sample(text: &str) -> Result<u32, String> {
    let number = text.strip_prefix("1/").unwrap_or(text).parse().ok();
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| "give one of so many, such as 1/100".to_owned())
}

fn lasts(text: &str) -> Result<String, String> {
    let _valid: Duration = when::duration(text, LONGEST)?;
    Ok(text.to_owned())
}
