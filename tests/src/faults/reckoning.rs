//! Wire, meters, ledger and receivers, held against each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_user::{
    daemon::status::{PeeringStatus, Status},
    lab::{Lab, WireCount, WireCounts, WireKey},
    ledger::{Grain, Ledger, UsageQuery, UsageRecord},
};

use super::{
    disk::STATE_DIR,
    model::{GROUPS, Group, PORTS, Port, SINKS, built_in_class},
    receivers::Kept,
    run::Run,
    watch::answered,
};

/// Two backoffs of an export, and then some.
const DRAIN: Duration = Duration::from_secs(40);

/// What all of it came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Sent by far ends.
    pub sent: Count,
    /// Received by far ends.
    pub received: Count,
    /// Frames that devices refused.
    pub refused_frames: u64,
    /// Export records.
    pub records: u64,
    /// Records that came more than once.
    pub repeated: u64,
}

/// Frames and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Everything that does not add up goes to the run's problems.
pub fn reckon(run: &mut Run<'_>) -> Result<Figures> {
    let mut figures = Figures::default();
    let status = answered()?;
    let usage = total_usage()?;
    let mut wire = Vec::new();
    for (number, port) in PORTS.iter().enumerate() {
        let end = run.lab.far_end(port.name)?;
        let unsent = run.traffic.unsent(number);
        let (offered, received) = (end.offered()?, end.received()?);
        let sent = Count {
            frames: offered.total().frames - unsent.frames,
            bytes: offered.total().bytes - unsent.bytes,
        };
        figures.sent.add(sent);
        figures.received.add(received.total().into());
        ensure!(
            offered.total().frames >= run.traffic.sent(number),
            "the lab has counted less than was sent"
        );
        wire.push(Wire { port, offered, received, sent });
    }

    let mut books = Books { problems: &mut run.problems };
    for end in &wire {
        books.port(&status, end, &wire)?;
        books.ledger_is_wire(&usage, end);
        books.circuits_are_wire(&status, &usage, end, &wire)?;
    }
    books.grand_total(&usage, figures.received);
    for port in &status.ports {
        figures.refused_frames += port.reasons.get("egress-refused").copied().unwrap_or(0);
    }

    run.seal()?;
    run.restart()?;
    drain()?;
    run.files.take()?;
    let kept = [run.files.kept().clone(), run.collector.kept()];
    let ledger = Ledger::open(Path::new(STATE_DIR))?;
    let last_seq = ledger.info()?.last_seq;
    figures.records = last_seq;
    let mut books = Books { problems: &mut run.problems };
    for (name, kept) in SINKS.iter().zip(&kept) {
        figures.repeated += kept.repeated;
        books.export_is_ledger(name, kept, last_seq, &usage);
    }
    books.same("what the receivers have", &kept[0].records, &kept[1].records);
    for gap in ledger.gaps()? {
        run.problems.push(format!("{gap:?}"));
    }
    run.problems.extend(ledger.check()?.into_iter().map(|problem| format!("ledger: {problem}")));
    Ok(figures)
}

/// What the ledger has beyond what has left, at any moment; where it can be read.
pub fn overbooked(lab: &Lab) -> Result<Option<String>> {
    let Ok(usage) = total_usage() else { return Ok(None) };
    // What was booked may have been on its way still.
    thread::sleep(Duration::from_millis(20));
    for port in &PORTS {
        let received = lab.far_end(port.name)?.received()?;
        for group in &GROUPS {
            let wire = tagged(&received, group);
            let booked = booked(&usage, port, group, |_| true);
            if booked.frames > wire.frames || booked.bytes > wire.bytes {
                let (name, names) = (port.name, group.names);
                return Ok(Some(format!("{name} {names:?}: {wire:?} left, {booked:?} is booked")));
            }
        }
    }
    Ok(None)
}

/// Both directions of a cable.
struct Wire<'a> {
    port: &'a Port,
    offered: WireCounts,
    received: WireCounts,
    /// What of `offered` came so far as the cable.
    sent: Count,
}

struct Books<'a> {
    problems: &'a mut Vec<String>,
}

impl Books<'_> {
    /// Sent is received by the port, which is the sum of its reasons; `ok` is what the partner's
    /// far end received.
    fn port(&mut self, status: &Status, end: &Wire<'_>, wire: &[Wire<'_>]) -> Result<()> {
        let name = end.port.name;
        let port = status.ports.iter().find(|port| port.name == name).context("the port")?;
        let received = Count { frames: port.rx_frames, bytes: port.rx_bytes };
        self.same(&format!("{name}: sent, and received by the port"), &end.sent, &received);
        let reasons: u64 = port.reasons.values().sum();
        self.same(&format!("{name}: sent, and the sum over reasons"), &end.sent.frames, &reasons);
        let far = partner(end, wire)?;
        let ok = port.reasons.get("ok").copied().unwrap_or(0);
        let left = far.received.total().frames;
        self.same(&format!("{name}: received by {}, and ok", far.port.name), &left, &ok);
        Ok(())
    }

    /// What a far end received, by tags, is what the ledger has of whose tags they are.
    fn ledger_is_wire(&mut self, usage: &[UsageRecord], end: &Wire<'_>) {
        let mut claimed: BTreeSet<(u16, u16)> = BTreeSet::new();
        for group in &GROUPS {
            claimed.extend(group.tags);
            let wire = tagged(&end.received, group);
            let booked = booked(usage, end.port, group, |_| true);
            let what = format!("{}: wire and ledger of {:?}", end.port.name, group.names);
            self.same(&what, &wire, &booked);
        }
        let strange = end.received.sum(|key| !claimed.contains(&(key.s_vid, key.c_vid)));
        self.same(
            &format!("{}: frames of no circuit", end.port.name),
            &Count::default(),
            &strange.into(),
        );
    }

    /// Of circuits that are always there: what was sent is what left and what was dropped, by
    /// reason; and what left is the wire's and the ledger's, by class.
    fn circuits_are_wire(
        &mut self,
        status: &Status,
        usage: &[UsageRecord],
        end: &Wire<'_>,
        wire: &[Wire<'_>],
    ) -> Result<()> {
        let far = partner(end, wire)?;
        for group in GROUPS.iter().filter(|group| group.is_constant) {
            let peering = peering(status, end.port, group)?;
            let what = format!("{} {} {}", end.port.name, group.names[0], group.peering);
            let forwarded = Count {
                frames: peering.total.forwarded_frames,
                bytes: peering.total.forwarded_bytes,
            };
            let mut all = forwarded;
            for dropped in peering.drops.values() {
                all.add(Count { frames: dropped.frames, bytes: dropped.bytes });
            }
            let sent = tagged(&end.offered, group);
            self.same(&format!("{what}: sent, and forwarded or dropped"), &sent, &all);
            let left = tagged(&far.received, group);
            self.same(&format!("{what}: wire and forwarded"), &left, &forwarded);
            for class in &peering.classes {
                let of_class = |key: &WireKey| built_in_class(key.dscp()) == class.class;
                let wire = far.received.sum(|key| is_of(*key, group) && of_class(key));
                let meter = Count {
                    frames: class.counters.forwarded_frames,
                    bytes: class.counters.forwarded_bytes,
                };
                let ledger = booked(usage, far.port, group, |record| record.class == class.class);
                let what = format!("{what} {}", class.class);
                self.same(&format!("{what}: wire and meter"), &wire.into(), &meter);
                self.same(&format!("{what}: meter and ledger"), &meter, &ledger);
            }
        }
        Ok(())
    }

    fn grand_total(&mut self, usage: &[UsageRecord], received: Count) {
        let mut all = Count::default();
        let (mut billed, mut metered) = (0, 0);
        for record in usage {
            all.add(of(record));
            billed += record.billed_bytes;
            if record.direction == "outbound" && record.billing == "metered" {
                metered += record.bytes;
            }
        }
        self.same("wire and ledger, all of it", &received, &all);
        self.same("outbound bytes of metered circuits, and billed ones", &metered, &billed);
    }

    fn export_is_ledger(&mut self, name: &str, kept: &Kept, last_seq: u64, usage: &[UsageRecord]) {
        for wrong in &kept.wrong {
            self.problems.push(format!("{name}: {wrong}"));
        }
        let ledgers: BTreeSet<_> = kept.records.values().map(|record| record.ledger).collect();
        self.same(&format!("{name}: one ledger"), &1, &ledgers.len());
        let seqs: BTreeSet<u64> = kept.records.values().map(|record| record.seq).collect();
        self.same(&format!("{name}: numbers of records"), &(1..=last_seq).collect(), &seqs);
        let mut exported: BTreeMap<String, Count> = BTreeMap::new();
        for record in kept.records.values() {
            exported.entry(series(&record.usage)).or_default().add(of(&record.usage));
        }
        let mut booked: BTreeMap<String, Count> = BTreeMap::new();
        for record in usage {
            booked.entry(series(record)).or_default().add(of(record));
        }
        for series in exported.keys().chain(booked.keys()).collect::<BTreeSet<_>>() {
            let what = format!("{name}: ledger and export of {series}");
            self.same(&what, &booked.get(series), &exported.get(series));
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, one: &T, other: &T) {
        if one != other {
            let mut told = format!("{what}: ");
            let (one, other) = (format!("{one:?}"), format!("{other:?}"));
            let short = |text: &str| text.chars().take(400).collect::<String>();
            // Writing to a string can't fail.
            let _written = write!(told, "{} is not {}", short(&one), short(&other));
            self.problems.push(told);
        }
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

impl From<WireCount> for Count {
    fn from(WireCount { frames, bytes }: WireCount) -> Self {
        Self { frames, bytes }
    }
}

/// Waits until every receiver has acknowledged every record.
fn drain() -> Result<()> {
    let deadline = Instant::now() + DRAIN;
    loop {
        let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
        let left = SINKS.map(|sink| ledger.pending(sink));
        let [files, collector] = left;
        let (files, collector) = (files?, collector?);
        if files + collector == 0 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{files} records for files and {collector} for the collector are not exported: {:#?}",
            answered()?.ledger
        );
        thread::sleep(Duration::from_millis(50));
    }
}

fn total_usage() -> Result<Vec<UsageRecord>> {
    let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
    Ok(Ledger::open_read_only(Path::new(STATE_DIR))?.usage(&query)?)
}

fn partner<'a>(end: &Wire<'_>, wire: &'a [Wire<'a>]) -> Result<&'a Wire<'a>> {
    wire.iter().find(|other| other.port.name == end.port.partner).context("the partner")
}

fn is_of(key: WireKey, group: &Group) -> bool {
    group.tags.contains(&(key.s_vid, key.c_vid))
}

fn tagged(counts: &WireCounts, group: &Group) -> Count {
    counts.sum(|key| is_of(*key, group)).into()
}

/// What the ledger has of frames that left by `port`.
fn booked(
    usage: &[UsageRecord],
    port: &Port,
    group: &Group,
    wanted: impl Fn(&UsageRecord) -> bool,
) -> Count {
    let mut sum = Count::default();
    let own = usage.iter().filter(|record| {
        // What leaves by a core port came in by a customer's.
        group.names.contains(&record.circuit.as_str())
            && record.peering == group.peering
            && record.link == port.link
            && record.direction != port.direction()
            && wanted(record)
    });
    own.for_each(|record| sum.add(of(record)));
    sum
}

fn peering<'a>(status: &'a Status, port: &Port, group: &Group) -> Result<&'a PeeringStatus> {
    let circuit = status.circuits.iter().find(|circuit| circuit.name == group.names[0]);
    let peerings = &circuit.context("the circuit")?.peerings;
    let own =
        peerings.iter().find(|peering| peering.kind == group.peering && peering.port == port.name);
    own.context("the peering")
}

fn of(record: &UsageRecord) -> Count {
    Count { frames: record.frames, bytes: record.bytes }
}

/// All but the time.
fn series(record: &UsageRecord) -> String {
    let UsageRecord {
        edge,
        circuit,
        service_key,
        peering,
        link,
        direction,
        class,
        billing,
        accounting,
        ..
    } = record;
    let key = service_key.as_deref().unwrap_or("-");
    let parts: [&str; 9] =
        [edge, circuit, key, peering, link, direction, class, billing, accounting];
    parts.join(" ")
}
