use std::sync::mpsc::{self, Receiver as Signals, Sender};

use super::*;
use crate::billing::{
    export::tests::{Memory, SHORT, until, watermark},
    ledger::{Batch, Watermark},
};

/// Answers in turn, and then takes everything.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: Vec<Result<(), DeliveryError>>,
    delivered: Vec<u64>,
    told: Vec<Watermark>,
}

impl Receiver for Scripted {
    fn deliver(&mut self, batch: &Batch) -> Result<(), DeliveryError> {
        let mut script = self.0.lock().unwrap();
        script.delivered.push(batch.number);
        script.answers.pop().unwrap_or(Ok(()))
    }

    fn announce(&mut self, watermark: &Watermark) -> Result<(), DeliveryError> {
        let mut script = self.0.lock().unwrap();
        script.answers.pop().unwrap_or(Ok(()))?;
        script.told.push(*watermark);
        Ok(())
    }
}

fn start(receiver: impl Receiver + Send + 'static, memory: &Memory) -> Exporter {
    Exporter::start("billing", Box::new(receiver), Box::new(memory.clone()), true, SHORT).unwrap()
}

#[test]
fn batches_go_out_in_order_and_new_ones_when_woken() {
    let (receiver, memory) = (Scripted::default(), Memory::new(3, []));
    let exporter = start(receiver.clone(), &memory);
    until(|| memory.acknowledged() == 3);
    memory.add_batch();
    exporter.wake();
    until(|| exporter.status().delivered_batches == 4);
    assert_eq!(receiver.0.lock().unwrap().delivered, [1, 2, 3, 4]);
    let status = exporter.status();
    assert_eq!((status.last_error, status.failing_since), (None, None));
    assert!(status.last_delivered.is_some() && status.name == "billing");
}

/// A watermark goes out after the batches that it is of, once, and again until it is taken.
#[test]
fn watermarks_follow_their_batches() {
    let (receiver, memory) = (Scripted::default(), Memory::new(2, []));
    let [first, second] = [("2026-01-01T01:00:00Z", 6), ("2026-01-01T02:00:00Z", 6)]
        .map(|(at, seq)| watermark(at, seq));
    memory.has_all_until(first);
    let exporter = start(receiver.clone(), &memory);
    let told = || receiver.0.lock().unwrap().told.clone();
    until(|| told() == [first]);
    assert_eq!(receiver.0.lock().unwrap().delivered, [1, 2]);
    assert_eq!(exporter.status().sealed_until, Some(first.sealed_until));
    exporter.wake();
    let refusal = DeliveryError::new(FailureKind::Network, "away".to_owned());
    receiver.0.lock().unwrap().answers.push(Err(refusal));
    memory.has_all_until(second);
    exporter.wake();
    until(|| told() == [first, second]);
    assert_eq!(exporter.status().delivered_batches, 2);
}

/// A receiver that knows records only is told no watermark, and the status has it all the same.
#[test]
fn watermarks_are_for_receivers_that_want_them() {
    let (receiver, memory) = (Scripted::default(), Memory::new(2, []));
    let mark = watermark("2026-01-01T01:00:00Z", 6);
    memory.has_all_until(mark);
    let silent = Box::new(receiver.clone());
    let exporter =
        Exporter::start("billing", silent, Box::new(memory.clone()), false, SHORT).unwrap();
    until(|| exporter.status().delivered_batches == 2);
    drop(exporter);
    assert_eq!(receiver.0.lock().unwrap().told, []);
    let exporter = start(receiver.clone(), &memory);
    until(|| receiver.0.lock().unwrap().told == [mark]);
    assert_eq!(exporter.status().sealed_until, Some(mark.sealed_until));
}

/// A receiver that refuses until it is told not to.
#[derive(Clone, Default)]
struct Refusing(Arc<Mutex<bool>>);

impl Receiver for Refusing {
    fn deliver(&mut self, _batch: &Batch) -> Result<(), DeliveryError> {
        if *self.0.lock().unwrap() {
            return Ok(());
        }
        Err(DeliveryError::new(FailureKind::Refused(401), "wrong token".to_owned()))
    }

    fn announce(&mut self, _watermark: &Watermark) -> Result<(), DeliveryError> {
        unreachable!("there is none")
    }
}

#[test]
fn a_failure_shows_until_it_is_over() {
    let (receiver, memory) = (Refusing::default(), Memory::new(2, []));
    let exporter = start(receiver.clone(), &memory);
    until(|| exporter.status().last_error.is_some());
    let status = exporter.status();
    assert_eq!(status.last_error.as_deref(), Some("wrong token"));
    assert!(status.failing_since.is_some() && status.last_delivered.is_none());
    assert_eq!((status.delivered_batches, memory.acknowledged()), (0, 0));

    *receiver.0.lock().unwrap() = true;
    until(|| exporter.status().delivered_batches == 2);
    assert_eq!(exporter.status().last_error, None);
    assert_eq!(exporter.status().failing_since, None);
}

#[test]
fn a_delivery_that_the_ledger_could_not_note_is_not_repeated() {
    // Of five calls, the third to the fifth: an acknowledgement, a read, an acknowledgement.
    let (receiver, memory) = (Scripted::default(), Memory::new(2, [2, 3, 5]));
    let exporter = start(receiver.clone(), &memory);
    until(|| exporter.status().delivered_batches == 2);
    assert_eq!(receiver.0.lock().unwrap().delivered, [1, 2]);
}

#[test]
fn what_failed_is_sent_again_and_nothing_before_it() {
    let failure = || Err(DeliveryError::new(FailureKind::Network, "gone".to_owned()));
    let receiver = Scripted::default();
    receiver.0.lock().unwrap().answers = vec![failure(), Ok(()), failure(), failure()];
    let memory = Memory::new(3, []);
    let exporter = start(receiver.clone(), &memory);
    until(|| exporter.status().delivered_batches == 3);
    assert_eq!(receiver.0.lock().unwrap().delivered, [1, 1, 1, 2, 2, 3]);
}

struct Panicking(u64);

impl Receiver for Panicking {
    fn deliver(&mut self, _batch: &Batch) -> Result<(), DeliveryError> {
        self.0 += 1;
        assert!(self.0 > 1, "told to panic");
        Ok(())
    }

    fn announce(&mut self, _watermark: &Watermark) -> Result<(), DeliveryError> {
        unreachable!("there is none")
    }
}

#[test]
fn a_panic_does_not_end_it() {
    let memory = Memory::new(1, []);
    let exporter = start(Panicking(0), &memory);
    until(|| exporter.status().delivered_batches == 1);
}

/// Says when it has begun, and takes as long as nobody tells it to end.
struct Stuck {
    begun: Sender<()>,
    end: Signals<()>,
}

impl Receiver for Stuck {
    fn deliver(&mut self, _batch: &Batch) -> Result<(), DeliveryError> {
        self.begun.send(()).unwrap();
        self.end.recv().unwrap();
        Ok(())
    }

    fn announce(&mut self, _watermark: &Watermark) -> Result<(), DeliveryError> {
        unreachable!("there is none")
    }
}

/// If the end waited for the delivery, this would never end: nobody ends the delivery before.
#[test]
fn its_end_does_not_wait_for_a_receiver_that_hangs() {
    let (begun, has_begun) = mpsc::channel();
    let (end, is_to_end) = mpsc::channel();
    let memory = Memory::new(2, []);
    let exporter = start(Stuck { begun, end: is_to_end }, &memory);
    has_begun.recv().unwrap();
    drop(exporter);
    assert_eq!(memory.acknowledged(), 0);

    end.send(()).unwrap();
    // The thread has ended, and with it its end of the channel: after the first batch.
    assert!(has_begun.recv().is_err());
    assert_eq!(memory.acknowledged(), 1);
}

/// The wait would be an hour.
#[test]
fn its_end_cuts_a_wait_short_and_being_woken_does_not() {
    let receiver = Scripted::default();
    receiver.0.lock().unwrap().answers = vec![Err(DeliveryError {
        kind: FailureKind::Unavailable,
        message: "busy".to_owned(),
        retry_after: Some(Duration::from_hours(1)),
    })];
    let memory = Memory::new(1, []);
    let exporter = start(receiver.clone(), &memory);
    until(|| exporter.status().last_error.is_some());
    for _ in 0..20 {
        exporter.wake();
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(receiver.0.lock().unwrap().delivered, [1]);
    exporter.stop();
    until(|| exporter.shared.lock().has_ended);
}

#[test]
fn the_wait_is_the_longer_of_what_is_asked_for_and_the_back_off() {
    let seconds = Duration::from_secs;
    let error = |retry_after| DeliveryError {
        kind: FailureKind::Unavailable,
        message: String::new(),
        retry_after,
    };
    let backoff = Backoff::default();
    assert_eq!(delay(Some(seconds(4)), &error(None), backoff), seconds(4));
    assert_eq!(delay(Some(seconds(4)), &error(Some(seconds(0))), backoff), seconds(4));
    assert_eq!(delay(Some(seconds(4)), &error(Some(seconds(9))), backoff), seconds(9));
}
