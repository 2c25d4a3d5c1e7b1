//! A thread that asks the daemon for its figures.

use std::{
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use edge_api::{Client, Status, TrafficRates};

use crate::rates::between::between;

/// News from the daemon.
pub(super) enum FromDaemon {
    /// The rates since the last ones.
    Rates(Box<TrafficRates>),
    /// It does not answer, for this reason.
    Silence(String),
}

/// Asks in this interval until nobody listens any more. A daemon that takes long is asked less often, so that it has half of
/// its time for others.
pub(super) fn start(client: Client, interval: Duration, first: Status) -> Receiver<FromDaemon> {
    let (send, news) = channel();
    thread::spawn(move || {
        let mut before = first;
        let mut pause = interval;
        loop {
            thread::sleep(pause);
            let asked = Instant::now();
            let answer = match client.status() {
                Ok(now) => {
                    let rates = between(&before, &now);
                    before = now;
                    FromDaemon::Rates(Box::new(rates))
                }
                Err(error) => FromDaemon::Silence(error.to_string()),
            };
            pause = interval.max(asked.elapsed());
            if send.send(answer).is_err() {
                return;
            }
        }
    });
    news
}
