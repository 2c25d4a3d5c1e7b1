//! Refusals: an edge must refuse files that are no configuration, configurations that can't take
//! effect and a start in the wrong place, and go on as before.

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result, ensure};
use edge_user::{
    config::sample::SamplePort,
    lab::{Lab, NetNs, WireWatch},
};

use super::{
    cables::ifindex,
    model::{Model, Variant},
    run::Run,
    wires::WIRES,
};
use crate::daemon::{CONFIG_PATH, Daemon, configure, reload};

/// An interface of the edge's namespace that has another owner's program.
const TAKEN: &str = "taken";

/// Interfaces that an edge could mistake for its own.
pub struct Decoys {
    /// A namespace with interfaces of the same names and indexes.
    other: NetNs,
    _taken: WireWatch,
}

impl Decoys {
    /// Makes them.
    pub fn new(lab: &Lab) -> Result<Self> {
        let other = NetNs::new()?;
        for wire in WIRES {
            let index = ifindex(lab, wire.name)?;
            // The peers' own would be the next ones.
            let link = format!(
                "link add name {} index {index} type veth peer name peer-{index} index {}",
                wire.name,
                1_000 + index
            );
            other.output("ip", &link.split(' ').collect::<Vec<_>>())?;
            other.output("ip", &["link", "set", wire.name, "addrgenmode", "none", "up"])?;
        }
        let edge = lab.edge();
        edge.output("ip", &["link", "add", TAKEN, "type", "veth", "peer", "name", "taken-peer"])?;
        for device in [TAKEN, "taken-peer"] {
            edge.output("ip", &["link", "set", device, "addrgenmode", "none", "up"])?;
        }
        Ok(Self { other, _taken: WireWatch::on(edge, TAKEN)? })
    }
}

/// A file that is no configuration.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    UnknownKey,
    HalfWritten,
    Empty,
    TooLarge,
    NotText,
    Missing,
    Directory,
}

const WRONG: [Wrong; 7] = [
    Wrong::UnknownKey,
    Wrong::HalfWritten,
    Wrong::Empty,
    Wrong::TooLarge,
    Wrong::NotText,
    Wrong::Missing,
    Wrong::Directory,
];

impl Run<'_> {
    /// A file that is no configuration: a reload, a SIGHUP or a start refuses it, and the present
    /// configuration stays.
    pub(super) fn wrong_file(&mut self) -> Result<()> {
        let wrong = self.chance.pick(&WRONG);
        let model = self.model.toggled(Variant::Unlimited).toggled(Variant::OtherKey);
        self.write_wrong(wrong, &model)?;
        let by = self.chance.pick(&["reload", "SIGHUP", "start"]);
        self.note(&format!("{wrong:?} by {by}"));
        match by {
            "reload" => {
                let refused = reload().is_err();
                ensure!(refused, "a file that is {wrong:?} was taken for a configuration");
                self.restore_file()
            }
            "SIGHUP" => {
                self.daemon.as_ref().context("a daemon")?.hang_up()?;
                // Nothing tells when that is refused; after this, it is.
                ensure!(reload().is_err(), "{wrong:?} was taken for a configuration");
                self.restore_file()
            }
            _ => {
                self.end_somehow()?;
                self.refused_start(2)?;
                self.restore_file()?;
                self.start_daemon()
            }
        }
    }

    /// Another billing, together with a port that has no interface, or one with another owner's
    /// program: neither takes effect, and no frame is charged for it.
    pub(super) fn impossible(&mut self) -> Result<()> {
        let interface = self.chance.pick(&["absent", TAKEN]);
        let mut model = self.model.toggled(Variant::Unlimited).toggled(Variant::OtherKey);
        for variant in [Variant::Renamed, Variant::OtherEdge, Variant::Removed, Variant::Many] {
            if self.chance.percent(30) {
                model = model.toggled(variant);
            }
        }
        let is_start = self.chance.percent(35);
        self.note(&format!("{interface}, by a start: {is_start}"));
        let config = model.config().port(SamplePort::new("more", "customer").interface(interface));
        if is_start {
            self.end_somehow()?;
            configure(&config)?;
            self.refused_start(1)?;
            self.restore_file()?;
            return self.start_daemon();
        }
        configure(&config)?;
        ensure!(reload().is_err(), "a port on {interface} was attached");
        self.restore_file()
    }

    /// A start from another namespace with interfaces of the same names.
    pub(super) fn start_elsewhere(&mut self) -> Result<()> {
        let is_running = self.chance.percent(40);
        self.note(&format!("with a daemon here: {is_running}"));
        if !is_running {
            self.end_somehow()?;
        }
        let daemon = Daemon::spawn_in(&self.decoys.other, self.binary())?;
        let (code, said) = daemon.wait_until_refused()?;
        let word = if is_running { "is running" } else { "another network namespace" };
        ensure!(code == 1 && said.contains(word), "refused with {code}: {said}");
        if is_running { Ok(()) } else { self.start_daemon() }
    }

    fn refused_start(&mut self, code: i32) -> Result<()> {
        let daemon = self.spawn()?;
        let (told, said) = daemon.wait_until_refused()?;
        self.keep_said(said.clone());
        ensure!(told == code, "refused with {told} and not with {code}:\n{said}");
        Ok(())
    }

    fn write_wrong(&mut self, wrong: Wrong, model: &Model) -> Result<()> {
        let text = model.config().to_string();
        let path = Path::new(CONFIG_PATH);
        match wrong {
            Wrong::UnknownKey => configure(&model.config().edge("colour", 1)),
            Wrong::HalfWritten => configure(&self.half_of(&text)),
            Wrong::Empty => configure(""),
            Wrong::TooLarge => configure(&text.repeat(100)),
            Wrong::NotText => Ok(fs::write(path, [text.as_bytes(), &[0xff, 0xfe, 0]].concat())?),
            Wrong::Missing => Ok(fs::remove_file(path)?),
            Wrong::Directory => {
                fs::remove_file(path)?;
                Ok(fs::create_dir(path)?)
            }
        }
    }

    /// The beginning of a file, where that is no configuration by chance.
    fn half_of(&mut self, text: &str) -> String {
        loop {
            let end = usize::try_from(self.chance.below(text.len() as u64)).unwrap_or(0);
            let half = &text[..end];
            if edge_user::config::parse(half, Path::new(CONFIG_PATH)).is_err() {
                return half.to_owned();
            }
        }
    }

    fn restore_file(&self) -> Result<()> {
        match fs::remove_dir(CONFIG_PATH) {
            Err(error)
                if error.kind() != io::ErrorKind::NotADirectory
                    && error.kind() != io::ErrorKind::NotFound =>
            {
                return Err(error.into());
            }
            _ => {}
        }
        configure(&self.model.config())
    }
}
