//! Faults that happen to the daemon, its file and its disk.

use std::{
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    fault::Fault,
    groups::LIVE,
    model::{Model, VARIANTS, Variant},
    run::Run,
};
use crate::daemon::{CONFIG_PATH, configure, edge_binary, reload, set_bandwidth};

/// Longer than the frames that still leave by the port meanwhile.
const SMALL_MTU: &str = "1280";
const USUAL_MTU: &str = "1600";

/// A way in which a configuration takes the place of another one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// `edge reload`.
    Reload,
    /// SIGHUP.
    HangUp,
    /// A reload that is killed, and a start.
    KilledReload,
    /// `kill -9`, and a start.
    Kill,
    /// SIGTERM, and a start.
    Stop,
}

const WAYS: [(u64, Way); 5] =
    [(8, Way::Reload), (2, Way::HangUp), (3, Way::KilledReload), (2, Way::Kill), (1, Way::Stop)];

impl Run<'_> {
    pub(super) fn happen(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Kill => self.replace(false),
            Fault::Stop => self.replace(true),
            Fault::KillTheStart => {
                self.end_somehow()?;
                self.change_while_down()?;
                self.kill_a_start()?;
                self.start_daemon()
            }
            Fault::KillTheReload => {
                let model = self.another_variant();
                self.change_to(model, Way::KilledReload).map(drop)
            }
            Fault::Reload => reload().context("the same file"),
            Fault::Change => {
                let model = self.another_variant();
                let way = if self.chance.percent(15) { Way::HangUp } else { Way::Reload };
                self.change_to(model, way).map(drop)
            }
            Fault::Unconfirmed => self.unconfirmed(),
            Fault::SetBandwidth => self.set_bandwidth(),
            Fault::Upgrade => {
                self.end_somehow()?;
                self.is_other_layout = !self.is_other_layout;
                self.start_daemon()
            }
            Fault::KillTheUpgrade => {
                self.end_somehow()?;
                self.is_other_layout = !self.is_other_layout;
                self.kill_a_start()?;
                if self.chance.percent(50) {
                    self.is_other_layout = !self.is_other_layout;
                }
                self.start_daemon()
            }
            Fault::Fill if self.disk.is_full() => self.disk.empty(),
            Fault::Fill if self.disk.is_read_only() => Ok(()),
            Fault::Fill => self.disk.fill(),
            Fault::ReadOnly if self.disk.is_read_only() => self.disk.set_read_only(false),
            Fault::ReadOnly => self.make_read_only(),
            Fault::Lock if self.disk.is_sound() => {
                let length = Duration::from_millis(2_000 + self.chance.below(1_000));
                // The daemon may be writing for longer than we wait.
                if let Err(error) = self.disk.lock(length) {
                    self.note(&format!("not locked: {error:#}"));
                }
                Ok(())
            }
            Fault::Seal if self.disk.is_sound() => self.seal(),
            Fault::Lock | Fault::Seal => Ok(()),
            Fault::Take => self.files.take(),
            Fault::Refuse => self.refuse(),
            Fault::MovePorts => self.move_ports(),
            Fault::Rename => self.rename(),
            Fault::SwapNames => self.swap_names(),
            Fault::Mode => self.change_modes(),
            Fault::Trouble => self.make_trouble(),
            Fault::Recover => self.recover_one(),
            Fault::WrongFile => self.wrong_file(),
            Fault::Impossible => self.impossible(),
            Fault::Elsewhere => self.start_elsewhere(),
            Fault::Readers => self.readers(),
            Fault::Clock => {
                let offset_s = self.clock.step(&mut self.chance)?;
                self.note(&format!("by {offset_s} s"));
                Ok(())
            }
        }
    }

    /// Has `model` take the place of the configuration. Returns whether it has: a change of terms that
    /// can't be noted on the disk changes nothing.
    pub(super) fn change_to(&mut self, model: Model, way: Way) -> Result<bool> {
        self.note(&format!("by {way:?}"));
        self.charges.may_be(self.lab, &model)?;
        configure(&model.config())?;
        if matches!(way, Way::HangUp) {
            // Nothing tells when that is done; after the reload, it is.
            self.daemon.as_ref().context("a daemon")?.hang_up()?;
        }
        match way {
            Way::Reload | Way::HangUp => match reload() {
                Err(error) if self.is_for_want_of_a_disk(&error) => {
                    self.note("refused for want of a disk");
                    self.charges.is_still(self.lab)?;
                    configure(&self.model.config())?;
                    return Ok(false);
                }
                reloaded => reloaded.context("another file")?,
            },
            Way::KilledReload => {
                self.model = model;
                self.kill_the_reload()?;
                return Ok(true);
            }
            Way::Kill | Way::Stop => {
                self.model = model;
                self.end(matches!(way, Way::Stop))?;
                self.start_daemon()?;
                return Ok(true);
            }
        }
        self.model = model;
        Ok(true)
    }

    /// The same by any way.
    pub(super) fn change_somehow_to(&mut self, model: Model) -> Result<bool> {
        let way = self.chance.pick_weighted(&WAYS);
        self.change_to(model, way)
    }

    fn is_for_want_of_a_disk(&self, error: &anyhow::Error) -> bool {
        let cannot_write = self.disk.is_full() || self.disk.is_read_only();
        cannot_write && format!("{error:#}").contains("can't be noted")
    }

    pub(super) fn end_somehow(&mut self) -> Result<()> {
        let is_gentle = self.chance.percent(50);
        self.end(is_gentle)
    }

    /// Ends the daemon and starts it again, perhaps with another configuration.
    fn replace(&mut self, is_gentle: bool) -> Result<()> {
        self.end(is_gentle)?;
        self.change_while_down()?;
        self.start_daemon()
    }

    fn kill_a_start(&mut self) -> Result<()> {
        configure(&self.model.config())?;
        let daemon = self.spawn()?;
        let after = Duration::from_millis(self.chance.below(250));
        self.note(&format!("killed after {after:?}, other layout: {}", self.is_other_layout));
        thread::sleep(after);
        self.keep_words(&daemon);
        daemon.kill()
    }

    fn kill_the_reload(&mut self) -> Result<()> {
        let after = Duration::from_micros(self.chance.below(60_000));
        let daemon = self.daemon.take().context("a daemon")?;
        self.keep_words(&daemon);
        thread::scope(|scope| {
            scope.spawn(|| drop(reload()));
            thread::sleep(after);
            daemon.kill()
        })?;
        self.start_daemon()
    }

    fn set_bandwidth(&mut self) -> Result<()> {
        let many: Vec<String> = if self.model.has(Variant::Many) && self.chance.percent(30) {
            Model::many().collect()
        } else {
            vec![self.chance.pick(&LIVE).to_owned()]
        };
        let rate_bps = 100_000 << self.chance.below(10);
        self.note(&format!("{} and {} others at {rate_bps}", many[0], many.len() - 1));
        for (number, circuit) in (0..).zip(&many) {
            match set_bandwidth(circuit, rate_bps + number * 1_000) {
                Err(error) if self.is_for_want_of_a_disk(&error) => return Ok(()),
                changed => drop(changed?),
            }
        }
        Ok(())
    }

    fn make_read_only(&mut self) -> Result<()> {
        if self.disk.is_full() || self.disk.is_locked() {
            return Ok(());
        }
        // As long as the daemon has the file, the kernel refuses.
        self.end_somehow()?;
        self.disk.set_read_only(true)?;
        self.start_daemon()
    }

    /// A port takes no long frames. Frames that are sent to it meanwhile would be dropped on the
    /// cable, so its far end is silent.
    fn refuse(&mut self) -> Result<()> {
        let sound = self.cables.sound();
        let wire = self.chance.pick(&sound);
        self.silence(wire)?;
        let device = &self.cables.0[wire].device;
        let set = |mtu| self.lab.edge().output("ip", &["link", "set", device, "mtu", mtu]);
        set(SMALL_MTU)?;
        thread::sleep(Duration::from_millis(40));
        set(USUAL_MTU)?;
        self.traffic.resume(wire);
        Ok(())
    }

    /// Two readers of the ledger beside a start or a reload: neither side holds up the other.
    fn readers(&mut self) -> Result<()> {
        let is_start = self.chance.percent(60);
        let readers = if is_start {
            self.end_somehow()?;
            let readers = [self.read_usage()?, self.read_usage()?];
            thread::sleep(Duration::from_millis(self.chance.below(60)));
            self.start_daemon()?;
            readers
        } else {
            let readers = [self.read_usage()?, self.read_usage()?];
            reload()?;
            readers
        };
        for reader in readers {
            let output = reader.wait_with_output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(
                output.status.success() || !self.disk.is_sound(),
                "edge usage: {}: {said}",
                output.status
            );
        }
        Ok(())
    }

    fn read_usage(&self) -> Result<Child> {
        let mut command = self.lab.edge().command(edge_binary());
        self.clock.give(&mut command);
        command.args(["usage", "--format", "json", "-c", CONFIG_PATH]);
        Ok(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
    }

    fn change_while_down(&mut self) -> Result<()> {
        if self.chance.percent(30) {
            let model = self.another_variant();
            self.charges.may_be(self.lab, &model)?;
            self.model = model;
        }
        Ok(())
    }

    pub(super) fn another_variant(&mut self) -> Model {
        let variant = self.chance.pick(&VARIANTS);
        self.note(&format!("{variant:?}"));
        self.model.toggled(variant)
    }
}
