//! One edge, running: a configuration, its plan, and the kernel's tables and links.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use nix::fcntl::Flock;

use super::{AtExit, status::Status};
use crate::{
    config::{self, Config},
    dataplane::{
        Attached, KernelTables, Links, Pins, PortProgram, apply, interface::Interface, occupancy,
        preflight::preflight, retire,
    },
    plan::{Capacity, Plan, Police, PortPlan},
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
    plan: Plan,
    attached: BTreeMap<String, Attached>,
    tables: KernelTables,
    hold: Hold,
    started: Instant,
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
            let (plan, attached) = install(&mut tables, pins, &config, None)?;
            Ok((tables, plan, attached))
        });
        let (tables, plan, attached) = match started {
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
            plan,
            attached,
            tables,
            hold,
            started: Instant::now(),
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
        let old = Some((&self.plan, &self.attached));
        match install(&mut self.tables, &self.hold.pins, &config, old) {
            Ok((plan, attached)) => {
                tracing::info!("reloaded {}", self.config_path.display());
                self.config = config;
                self.plan = plan;
                self.attached = attached;
                Ok(())
            }
            Err(error) => {
                match install(&mut self.tables, &self.hold.pins, &self.config, None) {
                    Ok((plan, attached)) => {
                        self.plan = plan;
                        self.attached = attached;
                    }
                    Err(error) => tracing::error!("going back to what was: {error:#}"),
                }
                Err(error)
            }
        }
    }

    /// Counters and state of everything configured.
    pub fn status(&self) -> Result<Status> {
        Status::read(&self.config, &self.plan, &self.attached, &self.tables, self.started.elapsed())
    }

    /// Ends the daemon's hold on the data plane.
    pub fn stop(&mut self, at_exit: AtExit) -> Result<()> {
        match at_exit {
            AtExit::Keep => Ok(()),
            AtExit::Detach => self.hold.pins.remove().map(drop),
        }
    }
}

/// Brings tables, programs and links to `config`. With `old`, programs that have not changed are
/// left alone.
fn install(
    tables: &mut KernelTables,
    pins: &Pins,
    config: &Config,
    old: Option<(&Plan, &BTreeMap<String, Attached>)>,
) -> Result<(Plan, BTreeMap<String, Attached>)> {
    let capacity = tables.capacity();
    let plan = Plan::new(config, &occupancy(tables), Police::Purchased)?;

    // Everything that can be refused comes before the first change.
    let unchanged = |port: &PortPlan| {
        let (plan, attached) = old?;
        let same = PortPlan { is_new: false, ..plan.port(&port.name)?.clone() } == *port;
        let attached = attached.get(&port.name).filter(|_| same)?;
        let ifindex = Interface::find(&port.interface).ok()?.index();
        (attached.ifindex == ifindex).then_some(*attached)
    };
    let programs = plan.ports.iter().map(|port| {
        if let Some(attached) = unchanged(port) {
            return Ok(Installed::Already(attached));
        }
        let mtu_bytes = Interface::find(&port.interface)?.mtu_bytes()?;
        Ok(Installed::Loaded(PortProgram::load(port, mtu_bytes, &capacity, pins)?))
    });
    let programs: Vec<Installed> = programs.collect::<Result<_>>()?;

    apply(tables, &plan, |interface| Ok(Interface::find(interface)?.index()))?;

    let links = Links::new(pins);
    let mut attached = BTreeMap::new();
    for (port, program) in plan.ports.iter().zip(programs) {
        let now = match program {
            Installed::Already(attached) => attached,
            Installed::Loaded(mut program) => {
                let ifindex = Interface::find(&port.interface)?.index();
                links.install(&mut program, ifindex, port.xdp_mode).with_context(|| {
                    format!("port \"{}\", interface {}", port.name, port.interface)
                })?
            }
        };
        attached.insert(port.name.clone(), now);
    }
    links.remove_all_but(|link| attached.values().any(|attached| *attached == link))?;
    retire(tables, &plan);
    Ok((plan, attached))
}

enum Installed {
    Already(Attached),
    Loaded(PortProgram),
}
