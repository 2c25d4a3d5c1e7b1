//! Frames on their way: waiting until they have arrived, however busy the machine is.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

/// Long enough for frames that were sent to arrive, on a machine with nothing else to do.
const ON_THE_WAY: Duration = Duration::from_millis(30);
/// More than the scheduler lets a thread run before another one that has waited.
const TURN: Duration = Duration::from_millis(4);
/// A frame waits for a CPU in front of the edge and behind it.
const STAGES: usize = 2;

/// Waits until frames that were sent have arrived.
///
/// Frames wait for the thread of the kernel that takes them off their queue, which waits for its turn on
/// a CPU like any other. So each CPU is kept busy for more than a turn by a thread of ours: by then,
/// that one has had its turn, too.
pub(super) fn await_arrival() -> Result<()> {
    thread::sleep(ON_THE_WAY);
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("this process's CPUs")?;
    let cpus = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let cpus: Vec<usize> = cpus.collect();
    for _ in 0..STAGES {
        thread::scope(|scope| {
            let turns: Vec<_> = cpus.iter().map(|cpu| scope.spawn(|| take_a_turn(*cpu))).collect();
            turns.into_iter().try_for_each(|turn| turn.join().expect("it does not panic"))
        })?;
    }
    Ok(())
}

fn take_a_turn(cpu: usize) -> Result<()> {
    let mut own = CpuSet::new();
    own.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &own).with_context(|| format!("moving to CPU {cpu}"))?;
    while Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?) < TURN {
        std::hint::spin_loop();
    }
    Ok(())
}
