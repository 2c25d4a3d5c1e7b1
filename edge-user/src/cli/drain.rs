use std::{
    io::{self, Write as _},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use edge_api::{Client, DrainRequest, LinkUse};
use edge_user::{
    model::Link,
    units::{count, when},
};

use super::SocketArg;

/// Time between two looks at the counters.
const LOOK: Duration = Duration::from_secs(1);
/// Looks without a new frame after which the traffic has gone.
const QUIET_LOOKS: u32 = 3;
/// The longest wait that can be asked for.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    links: LinksArg,
    /// The longest wait for the traffic to leave. When it has gone, the sessions are shut down; if it does not go, they stay up.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = wait)]
    wait: Duration,
    /// Shuts the sessions down at once, whatever traffic there is.
    #[arg(long, conflicts_with = "wait")]
    now: bool,
    /// Takes the last link that is up out of use, too.
    #[arg(long)]
    force: bool,
    /// The reason, for those who look later.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    socket: SocketArg,
}

#[derive(Debug, clap::Args)]
pub(super) struct UndrainArgs {
    #[command(flatten)]
    links: LinksArg,
    #[command(flatten)]
    socket: SocketArg,
}

#[derive(Debug, clap::Args)]
struct LinksArg {
    /// The circuit's name.
    circuit: String,
    /// One link; without it, all links of the circuit.
    #[arg(value_parser = link_names())]
    link: Option<String>,
}

pub(super) fn drain(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let request = |link_use| DrainRequest {
        link: args.links.link.clone(),
        link_use,
        force: args.force,
        message: args.message.clone(),
    };
    let circuit = &args.links.circuit;
    let mut out = io::stdout().lock();
    if !args.now {
        client.drain(circuit, &request(LinkUse::Draining))?;
        writeln!(out, "{}: draining, for up to {:?}", args.links, args.wait)?;
        out.flush()?;
        if let Some(frames) = traffic_after(&client, &args.links, args.wait)? {
            bail!(
                "{}: {} frames came or went by it in the last {:?}, so that it is still draining, and its sessions are up; \
                 see at the customer's router why it does not prefer the other link, and drain it again, or with --now; \
                 `edge undrain` takes it back",
                args.links,
                count(frames),
                LOOK * QUIET_LOOKS
            );
        }
    }
    client.drain(circuit, &request(LinkUse::Drained))?;
    writeln!(out, "{}: drained", args.links)?;
    Ok(())
}

pub(super) fn undrain(args: &UndrainArgs) -> Result<()> {
    let request = DrainRequest {
        link: args.links.link.clone(),
        link_use: LinkUse::InUse,
        force: false,
        message: None,
    };
    Client::new(&args.socket.socket).drain(&args.links.circuit, &request)?;
    writeln!(io::stdout().lock(), "{}: in use; `edge sessions` shows its sessions", args.links)?;
    Ok(())
}

impl std::fmt::Display for LinksArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.link {
            Some(link) => write!(f, "{} {link}", self.circuit),
            None => write!(f, "{}, all links", self.circuit),
        }
    }
}

/// Waits until the links have no traffic. Returns the frames of the last few seconds, where there still are some.
fn traffic_after(client: &Client, links: &LinksArg, wait: Duration) -> Result<Option<u64>> {
    let end = Instant::now() + wait;
    // The sums of the last looks, oldest first.
    let mut sums = [frames(client, links)?; 1 + QUIET_LOOKS as usize];
    let mut looks = 0;
    loop {
        thread::sleep(LOOK);
        looks += 1;
        sums.rotate_left(1);
        let [first, .., last] = &mut sums;
        *last = frames(client, links)?;
        let new = last.saturating_sub(*first);
        if looks >= QUIET_LOOKS && (new == 0 || Instant::now() >= end) {
            return Ok((new > 0).then_some(new));
        }
    }
}

/// Frames of the circuit that came or went by these links so far.
fn frames(client: &Client, links: &LinksArg) -> Result<u64> {
    let status = client.status_of(&links.circuit)?;
    let peerings = status.circuits.iter().flat_map(|circuit| &circuit.peerings);
    let of_links = peerings.filter(|it| links.link.as_ref().is_none_or(|link| it.link == *link));
    Ok(of_links.map(|peering| peering.total.forwarded_frames).sum())
}

fn wait(text: &str) -> Result<Duration, String> {
    when::duration(text, LONGEST_WAIT)
}

fn link_names() -> PossibleValuesParser {
    Link::ALL.iter().map(|link| link.as_str()).collect::<Vec<_>>().into()
}
