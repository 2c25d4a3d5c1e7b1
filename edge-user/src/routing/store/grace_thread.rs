//! Grace periods that a thread waits for.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use super::grace::Grace;

/// A thread that waits for grace periods, so that nobody else has to: one wait of some 20 ms serves all periods that
/// were begun before it.
pub struct GraceThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    periods: Mutex<Periods>,
    changed: Condvar,
}

/// Numbers of grace periods.
#[derive(Default)]
struct Periods {
    begun: u64,
    over: u64,
    is_closing: bool,
}

impl GraceThread {
    /// Starts the thread. `wait` returns when all readers have ended that had begun before the call.
    pub fn spawn(mut wait: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { periods: Mutex::new(Periods::default()), changed: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("fib-grace".into()).spawn(move || {
            while let Some(begun) = of_thread.next() {
                wait();
                of_thread.lock().over = begun;
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Grace for GraceThread {
    type Ticket = u64;

    fn start(&mut self) -> u64 {
        let mut periods = self.shared.lock();
        periods.begun += 1;
        self.shared.changed.notify_one();
        periods.begun
    }

    fn is_over(&self, ticket: u64) -> bool {
        self.shared.lock().over >= ticket
    }
}

impl Drop for GraceThread {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that waits for grace periods has panicked");
        }
    }
}

impl Shared {
    /// The number of periods begun, once it is more than that of periods over; `None`: the thread is to end.
    fn next(&self) -> Option<u64> {
        let is_idle = |periods: &mut Periods| !periods.is_closing && periods.begun == periods.over;
        let periods = self.changed.wait_while(self.lock(), is_idle);
        let periods = periods.unwrap_or_else(PoisonError::into_inner);
        (!periods.is_closing).then_some(periods.begun)
    }

    fn lock(&self) -> MutexGuard<'_, Periods> {
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn a_wait_serves_the_periods_begun_before_it_alone() {
        let (begins, begun) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        let mut grace = GraceThread::spawn(move || {
            begins.send(()).unwrap();
            // A test that fails drops neither end before it has joined the thread.
            let _ = ended.recv_timeout(Duration::from_mins(1));
        })
        .unwrap();
        let first = grace.start();
        begun.recv().unwrap();
        // The first wait is under way, and may have begun before these.
        let [second, third] = [grace.start(), grace.start()];
        assert!(!grace.is_over(first));
        ends.send(()).unwrap();
        begun.recv().unwrap();
        assert!(grace.is_over(first) && !grace.is_over(second));
        ends.send(()).unwrap();
        while !grace.is_over(third) {
            thread::yield_now();
        }
        // One wait for both.
        assert!(grace.is_over(second) && begun.try_recv().is_err());
    }

    #[test]
    fn it_ends_with_its_owner() {
        let (begins, begun) = mpsc::channel::<()>();
        drop(GraceThread::spawn(move || begins.send(()).unwrap()).unwrap());
        // Nobody has begun a period, and the thread is gone.
        assert_eq!(begun.recv(), Err(mpsc::RecvError));
    }
}
