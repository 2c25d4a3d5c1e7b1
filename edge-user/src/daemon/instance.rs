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
        AttachedMode, KernelTables, Links, Pins, PortProgram, apply, interface::Interface,
        occupancy, preflight::preflight,
    },
    plan::{Capacity, Plan, Police, PortPlan},
};

/// A running edge.
pub struct Instance {
    config_path: PathBuf,
    config: Config,
    plan: Plan,
    modes: BTreeMap<String, AttachedMode>,
    tables: KernelTables,
    pins: Pins,
    started: Instant,
    _lock: Flock<File>,
}

impl Instance {
    /// Takes over the pinned data plane, or starts one.
    pub fn start(config_path: &Path, config: Config) -> Result<Self> {
        preflight(&config)?;
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

        let is_new = !pins.has_tables();
        let started = Self::open(&config, &pins, is_new).and_then(|mut tables| {
            let (plan, modes) = install(&mut tables, &pins, &config, None)?;
            Ok((tables, plan, modes))
        });
        let (tables, plan, modes) = match started {
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
            modes,
            tables,
            pins,
            started: Instant::now(),
            _lock: lock,
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
                && config.edge.control == self.config.edge.control,
            "pin_dir and control can't be changed by a reload; restart the daemon",
        );
        preflight(&config)?;
        let old = Some((&self.plan, &self.modes));
        match install(&mut self.tables, &self.pins, &config, old) {
            Ok((plan, modes)) => {
                tracing::info!("reloaded: {}", config.summary());
                self.config = config;
                self.plan = plan;
                self.modes = modes;
                Ok(())
            }
            Err(error) => {
                match install(&mut self.tables, &self.pins, &self.config, None) {
                    Ok((plan, modes)) => {
                        self.plan = plan;
                        self.modes = modes;
                    }
                    Err(error) => tracing::error!("going back to what was: {error:#}"),
                }
                Err(error)
            }
        }
    }

    /// Counters and state of everything configured.
    pub fn status(&self) -> Result<Status> {
        Status::read(&self.config, &self.plan, &self.modes, &self.tables, self.started.elapsed())
    }

    /// Ends the daemon's hold on the data plane.
    pub fn stop(&mut self, at_exit: AtExit) -> Result<()> {
        // The file systems may outlive us; a socket that nobody answers should not.
        let _already_gone = std::fs::remove_file(&self.config.edge.control);
        match at_exit {
            AtExit::Keep => Ok(()),
            AtExit::Detach => self.pins.remove().map(drop),
        }
    }
}

/// Brings tables, programs and links to `config`. With `old`, programs that have not changed are
/// left alone.
fn install(
    tables: &mut KernelTables,
    pins: &Pins,
    config: &Config,
    old: Option<(&Plan, &BTreeMap<String, AttachedMode>)>,
) -> Result<(Plan, BTreeMap<String, AttachedMode>)> {
    let capacity = tables.capacity();
    let plan = Plan::new(config, &occupancy(tables), Police::Purchased)?;

    // Everything that can be refused comes before the first change.
    let unchanged = |port: &PortPlan| old.and_then(|(plan, modes)| {
        let same = PortPlan { is_new: false, ..plan.port(&port.name)?.clone() } == *port;
        same.then(|| modes.get(&port.name).copied()).flatten()
    });
    let programs = plan.ports.iter().map(|port| {
        Ok(match unchanged(port) {
            Some(mode) => Installed::Already(mode),
            None => Installed::Loaded(PortProgram::load(port, &capacity, pins)?),
        })
    });
    let programs: Vec<Installed> = programs.collect::<Result<_>>()?;

    apply(tables, &plan, |interface| Ok(Interface::find(interface)?.index()))?;

    let links = Links::new(pins);
    let mut modes = BTreeMap::new();
    for (port, program) in plan.ports.iter().zip(programs) {
        let mode = match program {
            Installed::Already(mode) => mode,
            Installed::Loaded(mut program) => {
                let ifindex = Interface::find(&port.interface)?.index();
                let attached = tables.attached_mode(port);
                links
                    .install(&mut program, &port.name, ifindex, port.xdp_mode, attached)
                    .with_context(|| format!("interface {}", port.interface))?
            }
        };
        tables.remember_port(port, mode);
        modes.insert(port.name.clone(), mode);
    }
    links.remove_all_but(|name| plan.port(name).is_some())?;
    Ok((plan, modes))
}

enum Installed {
    Already(AttachedMode),
    Loaded(PortProgram),
}
