//! Faults that happen to ports and interfaces.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{arrival::await_arrival, happen::Way, run::Run, wires::WIRES};

/// The most wires that no frames come by at a time.
const MOST_TROUBLED: usize = 2;

/// A kind of trouble that an interface can have.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Down,
    Away,
    Deleted,
    PinRemoved,
    Detached,
}

const KINDS: [(u64, Kind); 5] = [
    (3, Kind::Down),
    (3, Kind::Away),
    (4, Kind::Deleted),
    (2, Kind::PinRemoved),
    (2, Kind::Detached),
];

impl Run<'_> {
    /// Gives ports interfaces of other wires, and the file another order. Frames that are sent by a
    /// wire stay the same customer's.
    pub(super) fn move_ports(&mut self) -> Result<()> {
        if !self.make_findable()? {
            return Ok(());
        }
        let mut model = self.model.clone();
        let mut names = model.ports.clone().map(|port| port.name);
        match self.chance.below(3) {
            0 => names.swap(0, 2),
            1 => names.rotate_left(2),
            _ => self.chance.shuffle(&mut names),
        }
        for (port, name) in model.ports.iter_mut().zip(names) {
            port.name = name;
        }
        if self.chance.percent(50) {
            self.chance.shuffle(&mut model.order);
        }
        self.note(&format!("{names:?}, in the order {:?}", model.order));
        // A port's counts from before may be of frames from another wire.
        self.meters = None;
        self.change_somehow_to(model).map(drop)
    }

    /// Gives an interface another name, which the configuration has at once, later or never.
    pub(super) fn rename(&mut self) -> Result<()> {
        let sound = self.cables.sound();
        let wire = self.chance.pick(&sound);
        let configured = self.model.ports[wire].interface.clone();
        let is_renamed = self.cables.0[wire].device != configured;
        let name = if is_renamed && self.chance.percent(50) {
            configured
        } else {
            format!("dev{}", self.number)
        };
        let before = self.cables.0[wire].device.clone();
        if !self.rename_to(wire, &name)? {
            return Ok(());
        }
        match self.chance.below(4) {
            0 => {
                let mut model = self.model.clone();
                model.ports[wire].interface = name;
                self.change_somehow_to(model).map(drop)
            }
            1 => {
                thread::sleep(Duration::from_millis(self.chance.below(60)));
                self.rename_to(wire, &before).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn rename_to(&mut self, wire: usize, name: &str) -> Result<bool> {
        self.note(&format!("{} is {name}", self.cables.0[wire].device));
        self.cables.rename(self.lab, wire, name)
    }

    /// Two interfaces swap their names, and back; or the configuration has them swapped, too.
    pub(super) fn swap_names(&mut self) -> Result<()> {
        if !self.make_known()? {
            return Ok(());
        }
        let mut sound = self.cables.sound();
        self.chance.shuffle(&mut sound);
        let &[one, other, ..] = &sound[..] else { return Ok(()) };
        self.note(&format!("{one} and {other}"));
        let is_down = self.chance.percent(40);
        if is_down {
            self.end_somehow()?;
        }
        if !self.cables.swap_names(self.lab, one, other)? {
            return if is_down { self.start_daemon() } else { Ok(()) };
        }
        if is_down || self.chance.percent(60) {
            let mut model = self.model.clone();
            for wire in [one, other] {
                model.ports[wire].interface.clone_from(&self.cables.0[wire].device);
            }
            if is_down {
                self.model = model;
                return self.start_daemon();
            }
            if self.change_somehow_to(model)? {
                return Ok(());
            }
        }
        // The daemon has not read a configuration with other ports.
        if let Some(wire) = self.cables.troubled().first() {
            self.bring_back_alive(*wire)?;
        }
        thread::sleep(Duration::from_millis(self.chance.below(60)));
        self.cables.swap_names(self.lab, one, other).map(drop)
    }

    /// Has ports run in another XDP mode. Frames in their rings are lost with the mode before,
    /// so their far ends are silent.
    pub(super) fn change_modes(&mut self) -> Result<()> {
        let mut wires = self.cables.sound();
        self.chance.shuffle(&mut wires);
        let how_many = self.chance.below(wires.len() as u64 + 1);
        wires.truncate(usize::try_from(how_many)?);
        let mut model = self.model.clone();
        for wire in &wires {
            model.ports[*wire].mode = self.chance.pick(&["native", "generic", "auto"]);
        }
        self.note(&format!("{:?}", model.ports.clone().map(|port| port.mode)));
        for wire in &wires {
            self.silence(*wire)?;
        }
        self.change_somehow_to(model)?;
        for wire in wires {
            self.traffic.resume(wire);
        }
        Ok(())
    }

    /// An interface goes, or its program does; with the daemon there, or before it starts.
    pub(super) fn make_trouble(&mut self) -> Result<()> {
        let sound = self.cables.sound();
        let wire = self.chance.pick(&sound);
        let mut kind = self.chance.pick_weighted(&KINDS);
        if self.cables.troubled().len() >= MOST_TROUBLED {
            kind = Kind::PinRemoved;
        }
        self.note(&format!("{} is {kind:?}", WIRES[wire].name));
        self.silence(wire)?;
        let is_down = self.chance.percent(35);
        if is_down {
            self.end_somehow()?;
        }
        let partner = WIRES[wire].partner;
        self.cables.0[wire].since = self.number;
        match kind {
            Kind::Down => self.cables.set_down(self.lab, wire)?,
            Kind::Away => {
                let is_up = self.chance.percent(50);
                self.cables.move_away(self.lab, wire, is_up)?;
            }
            Kind::Deleted => {
                // Frames on their way to the far end are lost with the cable.
                let is_sound = self.cables.is_sound(partner);
                self.silence(partner)?;
                let is_given_away = self.chance.percent(40) && !self.cables.has_stranger();
                self.cables.delete(self.lab, wire, is_given_away)?;
                if is_sound {
                    self.traffic.resume(partner);
                }
            }
            Kind::PinRemoved => self.cables.take_off(self.lab, wire, false)?,
            Kind::Detached => self.cables.take_off(self.lab, wire, true)?,
        }
        if matches!(kind, Kind::PinRemoved) {
            // The kernel takes the program off in its own time.
            await_arrival()?;
        }
        if is_down {
            self.start_daemon()?;
        }
        if self.cables.is_sound(wire) { self.await_port(wire) } else { Ok(()) }
    }

    /// One of those that have gone comes back.
    pub(super) fn recover_one(&mut self) -> Result<()> {
        match self.cables.troubled().first() {
            Some(wire) => self.bring_back(*wire),
            None => Ok(()),
        }
    }

    /// An interface comes back, with the daemon there, or before it starts.
    pub(super) fn bring_back(&mut self, wire: usize) -> Result<()> {
        if self.chance.percent(30) {
            self.end_somehow()?;
            self.bring_back_interface(wire)?;
            self.start_daemon()?;
            return self.await_port(wire);
        }
        self.bring_back_alive(wire)
    }

    fn bring_back_alive(&mut self, wire: usize) -> Result<()> {
        self.bring_back_interface(wire)?;
        self.await_port(wire)
    }

    fn bring_back_interface(&mut self, wire: usize) -> Result<()> {
        self.note(&format!("{} is back", WIRES[wire].name));
        let has_same_index = self.chance.percent(50);
        let interface = self.model.ports[wire].interface.clone();
        if self.cables.bring_back(self.lab, wire, &interface, has_same_index)? {
            self.traffic.open_again(self.lab, wire)?;
        }
        Ok(())
    }

    /// Every port has its interface, by the name that the configuration has.
    pub(super) fn make_findable(&mut self) -> Result<bool> {
        for wire in self.cables.troubled() {
            self.bring_back(wire)?;
        }
        self.make_known()
    }

    /// Gives the configuration the names that the interfaces have. Returns whether that worked.
    fn make_known(&mut self) -> Result<bool> {
        let mut model = self.model.clone();
        for wire in self.cables.sound() {
            model.ports[wire].interface.clone_from(&self.cables.0[wire].device);
        }
        if model.ports == self.model.ports {
            return Ok(true);
        }
        self.note(&format!("{:?}", model.ports));
        self.change_to(model, Way::Reload)
    }
}
