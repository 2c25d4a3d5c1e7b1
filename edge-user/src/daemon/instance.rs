//! One edge, running: a configuration, its plan, and the kernel's tables and links.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use edge_common::rate::Rate;
use nix::fcntl::Flock;

use super::{
    AtExit,
    bandwidth::{BandwidthChange, NewFile, SetBandwidth},
    policers::Peaks,
    status::Status,
};
use crate::{
    config::{self, Circuit, Config},
    dataplane::{
        Attached, KernelTables, Links, Pins, PortProgram, apply, change_rate, interface::Interface,
        occupancy, preflight::preflight, rates, retire,
    },
    plan::{Capacity, Full, Plan, Police, PortPlan, slots::Table},
};

/// The pins of an edge, held by this process alone.
pub struct Hold {
    pins: Pins,
    _lock: Flock<File>,
}

impl Hold {
    /// Takes them, or says who has them.
    pub fn take(config: &Config) -> Result<Self> {
        let pins = Pins::new(&config.edge.pin_dir);
        pins.create()?;
        let lock = pins.lock()?;
        for version in pins.other_versions()? {
            tracing::warn!(
                "{} also holds pins of another version of the tables ({version}); `edge detach` \
                 of the version that made them removes them",
                config.edge.pin_dir.display(),
            );
        }
        Ok(Self { pins, _lock: lock })
    }
}

/// A running edge.
pub struct Instance {
    config_path: PathBuf,
    config: Config,
    installed: Installed,
    tables: KernelTables,
    hold: Hold,
    started: Instant,
    /// Index of the rate that the last change of a bandwidth has left.
    left_rate: Option<u32>,
    peaks: Peaks,
}

impl Instance {
    /// Takes over the pinned data plane, or starts one.
    pub fn start(config_path: &Path, config: Config, hold: Hold) -> Result<Self> {
        preflight(&config)?;
        let pins = &hold.pins;
        let is_new = !pins.has_tables()?;
        if is_new {
            // What a start or a detach that was killed has left is no data plane.
            pins.clear()?;
        }
        let started = Self::open(&config, pins, is_new).and_then(|mut tables| {
            let installed = install(&mut tables, pins, &config, None)?;
            Ok((tables, installed))
        });
        let (tables, installed) = match started {
            Ok(started) => started,
            Err(error) => {
                if is_new && let Err(error) = pins.remove() {
                    tracing::error!("removing what was pinned so far: {error:#}");
                }
                return Err(error);
            }
        };
        Ok(Self {
            config_path: config_path.to_owned(),
            config,
            installed,
            tables,
            hold,
            started: Instant::now(),
            left_rate: None,
            peaks: Peaks::default(),
        })
    }

    fn open(config: &Config, pins: &Pins, is_new: bool) -> Result<KernelTables> {
        if is_new {
            PortProgram::create_tables(&Capacity::for_config(config), pins)?;
        }
        KernelTables::from_pins(pins)
    }

    /// Reads the configuration again and brings the data plane to it: all of it, or, with an
    /// error, none.
    pub fn reload(&mut self) -> Result<()> {
        let config = config::load(&self.config_path)?;
        anyhow::ensure!(
            config.edge.pin_dir == self.config.edge.pin_dir
                && config.edge.control == self.config.edge.control
                && config.edge.metrics == self.config.edge.metrics,
            "pin_dir, control and metrics can't be changed by a reload; restart the daemon",
        );
        preflight(&config)?;
        let old = Some(&self.installed);
        match install(&mut self.tables, &self.hold.pins, &config, old) {
            Ok(installed) => {
                tracing::info!("reloaded {}", self.config_path.display());
                self.config = config;
                self.installed = installed;
                Ok(())
            }
            Err(error) => {
                match install(&mut self.tables, &self.hold.pins, &self.config, None) {
                    Ok(installed) => self.installed = installed,
                    Err(error) => tracing::error!("going back to what was: {error:#}"),
                }
                Err(error)
            }
        }
    }

    /// Gives a circuit another bandwidth: one rate and a store for each of its attachments, not an
    /// `install` of everything.
    ///
    /// What is to be saved is written and checked before, and takes the file's place after the
    /// change: a file that can't be written changes nothing, and no file tells of a bandwidth that
    /// was never in effect.
    pub fn set_bandwidth(
        &mut self,
        request: &SetBandwidth,
        received: Instant,
    ) -> Result<BandwidthChange> {
        let (place, circuit) = self.config.circuit_at(&request.circuit, request.bandwidth_bps)?;
        let file =
            request.save.then(|| NewFile::prepare(&self.config_path, request)).transpose()?;
        self.change_rate(&circuit)?;
        tracing::debug!("in effect {:?} after the request", received.elapsed());

        let mut told = BandwidthChange::new(&self.config.circuits[place], &circuit);
        tracing::info!("{told}");
        self.config.circuits[place] = circuit;
        if let Some(file) = file {
            let saved = file.replace().with_context(|| {
                format!("{told}, in effect now, but not saved to {}", self.config_path.display())
            })?;
            told.saved_to = Some(saved);
        }
        Ok(told)
    }

    fn change_rate(&mut self, circuit: &Circuit) -> Result<()> {
        let left = self.left_rate;
        let with_left = |mut rates: Table<Rate>| {
            // A program that was under way at the last change may be looking at it.
            rates.published.extend(left);
            rates
        };
        let plan = &mut self.installed.plan;
        let change = match plan.change_rate(circuit, &with_left(rates(&self.tables))) {
            Ok(change) => change,
            // Attachments that were retired may have the rest; who has, takes longer to find out.
            Err(Full { .. }) => {
                plan.change_rate(circuit, &with_left(occupancy(&self.tables).rates))?
            }
        };
        if let Some(change) = change {
            change_rate(&self.tables, &change);
            self.left_rate = Some(change.old_index);
        }
        Ok(())
    }

    /// Counters and state of everything configured.
    pub fn status(&self) -> Result<Status> {
        let Installed { plan, attached } = &self.installed;
        let uptime = self.started.elapsed();
        Status::read(&self.config, plan, attached, &self.tables, &self.peaks, uptime)
    }

    /// Ends a period of the policers' peaks.
    pub fn roll_peaks(&mut self) {
        self.peaks.roll(&self.installed.plan, &self.tables);
    }

    /// Ends the daemon's hold on the data plane.
    pub fn stop(&mut self, at_exit: AtExit) -> Result<()> {
        match at_exit {
            AtExit::Keep => Ok(()),
            AtExit::Detach => self.hold.pins.remove().map(drop),
        }
    }
}

/// What the kernel has of a configuration.
struct Installed {
    plan: Plan,
    /// By port name.
    attached: BTreeMap<String, Attached>,
}

/// Brings tables, programs and links to `config`. With `old`, programs that have not changed are
/// left alone.
fn install(
    tables: &mut KernelTables,
    pins: &Pins,
    config: &Config,
    old: Option<&Installed>,
) -> Result<Installed> {
    let capacity = tables.capacity();
    let plan = Plan::new(config, &occupancy(tables), Police::Purchased)?;
    let interfaces = plan.ports.iter().map(|port| Interface::find(&port.interface));
    let interfaces: Vec<Interface> = interfaces.collect::<Result<_>>()?;

    // Everything that can be refused comes before the first change.
    let ports = || plan.ports.iter().zip(&interfaces);
    let programs = ports().map(|(port, interface)| {
        if let Some(attached) = old.and_then(|old| old.unchanged(port, interface)) {
            return Ok(PortState::Attached(attached));
        }
        let mtu_bytes = interface.mtu_bytes()?;
        Ok(PortState::Loaded(PortProgram::load(port, mtu_bytes, &capacity, pins)?))
    });
    let programs: Vec<PortState> = programs.collect::<Result<_>>()?;

    apply(tables, &plan, &interfaces.iter().map(Interface::index).collect::<Vec<_>>())?;

    let links = Links::new(pins);
    let mut attached = BTreeMap::new();
    for ((port, interface), state) in ports().zip(programs) {
        let now = match state {
            PortState::Attached(attached) => attached,
            PortState::Loaded(mut program) => links
                .install(&mut program, interface.index(), port.xdp_mode)
                .with_context(|| format!("port \"{}\", interface {}", port.name, port.interface))?,
        };
        attached.insert(port.name.clone(), now);
    }
    links.remove_all_but(|link| attached.values().any(|attached| *attached == link))?;
    retire(tables, &plan);
    Ok(Installed { plan, attached })
}

/// A port on the way to its program.
enum PortState {
    Attached(Attached),
    Loaded(PortProgram),
}

impl Installed {
    /// What `port` is attached to, if it has the program already that its plan wants there.
    fn unchanged(&self, port: &PortPlan, interface: &Interface) -> Option<Attached> {
        let same = PortPlan { is_new: false, ..self.plan.port(&port.name)?.clone() } == *port;
        let attached = self.attached.get(&port.name).filter(|_| same)?;
        (attached.ifindex == interface.index()).then_some(*attached)
    }
}
