//! `edge top`: circuits and ports by their rates, live in the terminal.
//!
//! ```text
//! feed ─▶ screen ─▶ draw
//! ```
//!
//! A thread asks the daemon, so that a key is answered at once however many circuits there are.

mod draw;
mod feed;
pub mod screen;
pub mod table;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::mpsc::{Receiver, TryRecvError},
    time::Duration,
};

use edge_api::{Client, ClientError, TrafficRates};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event},
};

use self::{feed::FromDaemon, screen::Screen};
use crate::rates::between::between;

/// Longest time until new figures are shown.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A reason to end.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// The daemon does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The terminal does not work.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows the figures until the user has enough of them. `interval`: the time that rates are of.
///
/// # Errors
///
/// The daemon does not answer at first, or the terminal does not work.
pub fn live(client: Client, interval: Duration) -> Result<(), TopError> {
    // Without a daemon, an error in the usual place.
    let first = client.status()?;
    let daemon = feed::start(client, interval, first);
    let mut terminal = ratatui::try_init()?;
    let shown = show(&mut terminal, &daemon);
    // The user's terminal comes back in any case, also after a panic, which `try_init` sees to.
    ratatui::try_restore()?;
    Ok(shown?)
}

/// The rates of one interval.
///
/// # Errors
///
/// The daemon does not answer.
pub fn once(client: &Client, interval: Duration) -> Result<TrafficRates, ClientError> {
    let before = client.status()?;
    std::thread::sleep(interval);
    Ok(between(&before, &client.status()?))
}

fn show(terminal: &mut DefaultTerminal, daemon: &Receiver<FromDaemon>) -> io::Result<()> {
    let mut screen = Screen::default();
    let mut is_new = true;
    loop {
        loop {
            match daemon.try_recv() {
                Ok(FromDaemon::Rates(rates)) => screen.take(*rates),
                Ok(FromDaemon::Silence(why)) => screen.silence = Some(why),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
            is_new = true;
        }
        if is_new {
            terminal.draw(|frame| draw::draw(&mut screen, frame))?;
            is_new = false;
        }
        if event::poll(LOOK_EVERY)? {
            match event::read()? {
                Event::Key(key) => {
                    if screen.key(key) {
                        return Ok(());
                    }
                    is_new = true;
                }
                Event::Resize(..) => is_new = true,
                Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Paste(_) => {}
            }
        }
    }
}
