//! The part of the rates that is shown, and the keys that change it.

use edge_api::{CircuitRates, TrafficRates};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::rates::order::{SortBy, ordered};

/// The list that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TopPage {
    /// All circuits.
    #[default]
    Circuits,
    /// The circuit of this name.
    Circuit(String),
    /// All ports.
    Ports,
}

/// The screen, as the user has it.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// The last rates.
    pub rates: TrafficRates,
    /// The list that is shown.
    pub shown: TopPage,
    /// The order of circuits.
    pub sort_by: SortBy,
    /// Whether the order is the other way round.
    pub is_inverted: bool,
    /// The text that names of circuits must have in them.
    pub filter: String,
    /// Whether keys are letters of the filter.
    pub is_typing: bool,
    /// The places of circuits, in the order of the screen.
    pub order: Vec<usize>,
    /// The chosen line.
    pub cursor: usize,
    /// The first line on the screen.
    pub first: usize,
    /// Lines that the screen has room for.
    pub room: usize,
    /// The reason why there are no new rates.
    pub silence: Option<String>,
}

impl Screen {
    /// Shows other rates. The cursor stays on its line: a list that is sorted by a rate moves below it.
    pub fn take(&mut self, rates: TrafficRates) {
        self.rates = rates;
        self.silence = None;
        self.sort();
    }

    /// Takes a key. Returns whether that was the last one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most keys mean nothing")]
    pub fn key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return false;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return key.code == KeyCode::Char('c');
        }
        if self.is_typing {
            self.type_letter(key.code);
            return false;
        }
        match key.code {
            KeyCode::Char('q') => return true,
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => self.back(),
            KeyCode::Tab => self.turn_to(match self.shown {
                TopPage::Ports => TopPage::Circuits,
                TopPage::Circuits | TopPage::Circuit(_) => TopPage::Ports,
            }),
            KeyCode::Enter | KeyCode::Right => {
                if let Some(circuit) = self.chosen() {
                    self.turn_to(TopPage::Circuit(circuit.name.clone()));
                }
            }
            KeyCode::Char('/') if self.shown == TopPage::Circuits => self.is_typing = true,
            KeyCode::Char('i') => {
                self.is_inverted = !self.is_inverted;
                self.sort();
            }
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.move_by(self.page()),
            KeyCode::PageUp => self.move_by(-self.page()),
            KeyCode::Home | KeyCode::Char('g') => self.move_by(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.move_by(isize::MAX),
            KeyCode::Char(letter) => {
                let chosen = SortBy::KEYS.iter().find(|(key, _)| *key == letter);
                if let Some((_, sort_by)) = chosen {
                    (self.sort_by, self.cursor, self.first) = (*sort_by, 0, 0);
                    self.sort();
                }
            }
            _ => {}
        }
        false
    }

    /// The circuit that is shown alone, if it is still there.
    #[must_use]
    pub fn circuit(&self) -> Option<&CircuitRates> {
        let TopPage::Circuit(name) = &self.shown else { return None };
        self.rates.circuits.iter().find(|circuit| circuit.name == *name)
    }

    /// Number of lines of the list.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.shown {
            TopPage::Circuits => self.order.len(),
            TopPage::Circuit(_) => self.circuit().map_or(0, |circuit| circuit.classes.len()),
            TopPage::Ports => self.rates.ports.len(),
        }
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes the room that the list has, and brings the cursor into it.
    pub fn fit(&mut self, room: usize) {
        self.room = room.max(1);
        self.cursor = self.cursor.min(self.len().saturating_sub(1));
        self.first = self.first.min(self.cursor).max((self.cursor + 1).saturating_sub(self.room));
    }

    fn chosen(&self) -> Option<&CircuitRates> {
        let place = self.order.get(self.cursor).filter(|_| self.shown == TopPage::Circuits)?;
        self.rates.circuits.get(*place)
    }

    fn back(&mut self) {
        if self.shown == TopPage::Circuits && !self.filter.is_empty() {
            self.filter.clear();
            self.sort();
        } else if self.shown != TopPage::Circuits {
            self.turn_to(TopPage::Circuits);
        }
    }

    fn turn_to(&mut self, shown: TopPage) {
        (self.shown, self.cursor, self.first) = (shown, 0, 0);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most keys mean nothing")]
    fn type_letter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(letter) => self.filter.push(letter),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Esc => {
                self.filter.clear();
                self.is_typing = false;
            }
            KeyCode::Enter => self.is_typing = false,
            _ => return,
        }
        (self.cursor, self.first) = (0, 0);
        self.sort();
    }

    fn page(&self) -> isize {
        isize::try_from(self.room).unwrap_or(isize::MAX)
    }

    fn move_by(&mut self, lines: isize) {
        let last = self.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(lines).min(last);
    }

    fn sort(&mut self) {
        let circuits = &self.rates.circuits;
        self.order = ordered(circuits, self.sort_by, self.is_inverted, &self.filter);
        self.cursor = self.cursor.min(self.len().saturating_sub(1));
    }
}
