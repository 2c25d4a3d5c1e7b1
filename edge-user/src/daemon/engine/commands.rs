//! The commands that the engine's thread does, one after the other.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant},
};

use edge_api::{
    Applied, BandwidthChange, Confirmed, DrainRequest, LinksOutOfUse, Reloaded, RevisionOrigin,
};
use tokio::sync::oneshot;

use super::{
    super::{
        AtExit,
        bandwidth::SetBandwidth,
        trace::{EndTrace, TraceEnding, TraceFeed, TraceRefused, TraceRequest},
    },
    due::Due,
    error::ChangeError,
    instance::Instance,
    new_config::NewConfig,
    revising::Requester,
};
use crate::{daemon::error::Result, view};

/// Changes of interfaces come in bursts: the engine looks this long after a change.
const SETTLED_AFTER: Duration = Duration::from_millis(20);

/// The digest of the configuration that a client believes to run; `None`: the client takes any.
pub(super) type Expected = Option<String>;

/// The place of a command's answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, ChangeError>>;

/// A command, and the place of its answer.
pub(super) enum Command {
    Reload(Requester, Expected, Reply<Reloaded>),
    Apply(Box<NewConfig>, Option<Duration>, Requester, Expected, Reply<Applied>),
    Confirm(Requester, Expected, Reply<Confirmed>),
    RollBack(Option<u64>, Requester, Expected, Reply<Applied>),
    SetBandwidth(SetBandwidth, Instant, Requester, Expected, Reply<BandwidthChange>),
    Drain(String, DrainRequest, Requester, Expected, Reply<LinksOutOfUse>),
    Trace(
        TraceRequest,
        Requester,
        Sender<Command>,
        oneshot::Sender<Result<TraceFeed, TraceRefused>>,
    ),
    /// A trace has all that was asked for, as the text says; `None`: its client has gone.
    EndTrace(TraceEnding, Option<String>),
    /// An interface has changed.
    InterfacesChanged,
    /// A watchdog asks whether the engine works.
    Answer(oneshot::Sender<()>),
    Stop(AtExit, oneshot::Sender<Result<()>>),
}

/// Does each command until the stop, and looks after ports, peaks and other tables in between.
pub(super) fn run(mut instance: Instance, commands: &Receiver<Command>) {
    let mut due = Due::new(Instant::now());
    loop {
        let wait = due.next().saturating_duration_since(Instant::now());
        match commands.recv_timeout(wait) {
            Ok(Command::Reload(requester, expected, reply)) => {
                let reloaded = instance.expect(expected).and_then(|()| instance.reload(requester));
                let _nobody_waits = reply.send(reloaded);
            }
            Ok(Command::Apply(other, confirm_within, requester, expected, reply)) => {
                let by = RevisionOrigin::Apply;
                let applied = instance.expect(expected);
                let applied =
                    applied.and_then(|()| instance.apply(&other, by, requester, confirm_within));
                due.deadline = Instant::now();
                let _nobody_waits = reply.send(applied);
            }
            Ok(Command::Confirm(requester, expected, reply)) => {
                let confirmed = instance.expect(expected);
                let _nobody_waits =
                    reply.send(confirmed.and_then(|()| instance.confirm(&requester)));
            }
            Ok(Command::RollBack(revision, requester, expected, reply)) => {
                let applied = instance.expect(expected);
                let applied = applied.and_then(|()| instance.roll_back(revision, requester));
                let _nobody_waits = reply.send(applied);
            }
            Ok(Command::SetBandwidth(request, received, requester, expected, reply)) => {
                let changed = instance.expect(expected);
                let changed = changed.and_then(|()| {
                    instance.set_bandwidth(&request, received, requester.user.clone())
                });
                due.timed = Instant::now();
                if let Ok(change) = &changed {
                    instance.tell_of_bandwidth(change, requester.user.as_deref());
                }
                let told = changed.as_ref().ok().map(view::change::bandwidth);
                let _nobody_waits = reply.send(changed);
                // The text of thousands of circuits takes longer than the change.
                instance.note_bandwidth(&request, told, requester);
            }
            Ok(Command::Drain(circuit, request, requester, expected, reply)) => {
                let drained = instance.expect(expected);
                let drained = drained.and_then(|()| instance.drain(&circuit, &request, &requester));
                let _nobody_waits = reply.send(drained);
            }
            Ok(Command::Trace(request, requester, commands, reply)) => {
                let end_by = |ending: TraceEnding| -> EndTrace {
                    Box::new(move |why| {
                        let _ended = commands.send(Command::EndTrace(ending.clone(), why));
                    })
                };
                // A feed that nobody takes ends by itself.
                let _nobody_waits =
                    reply.send(instance.trace(&request, requester.user.as_deref(), end_by));
            }
            Ok(Command::EndTrace(ending, why)) => instance.end_trace_of(&ending, why.as_deref()),
            Ok(Command::InterfacesChanged) => {
                due.ports = due.ports.min(Instant::now() + SETTLED_AFTER);
            }
            Ok(Command::Answer(reply)) => {
                let _nobody_waits = reply.send(());
            }
            Ok(Command::Stop(at_exit, reply)) => {
                let _nobody_waits = reply.send(instance.stop(at_exit));
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        due.look_after(&mut instance, Instant::now());
    }
}
