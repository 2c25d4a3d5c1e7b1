//! A sender that is killed, and a receiver by HTTP that makes every error but one: it never answers
//! 2xx to a batch that it has not kept.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use fastrand::Rng;

use super::{
    Memory, SHORT,
    server::{Behaviour, Server},
};
use crate::billing::{
    export::{Exporter, Http},
    ledger::ExportRecord,
};

const BATCHES: u64 = 60;

#[test]
fn every_record_arrives_once_by_id_and_in_order() {
    let dice = Mutex::new(Rng::with_seed(1));
    let server = Server::start(move || misbehave(&mut dice.lock().unwrap()));
    // A ledger that is busy at every fifth call, about.
    let mut dice = Rng::with_seed(2);
    let memory = Memory::new(BATCHES, (0..5000).filter(|_| dice.u64(..5) == 0));
    let mut restarts = 0;
    while memory.acknowledged() < BATCHES {
        let http = Http::new(&server.url(), None).with_timeout(Duration::from_millis(100));
        let outbox = Box::new(memory.clone());
        let exporter = Exporter::start("billing", Box::new(http), outbox, false, SHORT).unwrap();
        std::thread::sleep(Duration::from_millis(dice.u64(..60)));
        drop(exporter);
        restarts += 1;
        assert!(restarts < 5000, "{} acknowledged", memory.acknowledged());
    }
    assert!(restarts > 5, "{restarts}");

    let kept = server.kept.lock().unwrap();
    let mut bodies: HashMap<&str, &str> = HashMap::new();
    let mut records: HashMap<String, ExportRecord> = HashMap::new();
    let mut order = Vec::new();
    for request in kept.iter() {
        let key = request.headers["idempotency-key"].as_str();
        assert_eq!(*bodies.entry(key).or_insert(&request.body), request.body, "{key}");
        for line in request.body.lines() {
            let record: ExportRecord = serde_json::from_str(line).unwrap();
            if let Some(known) = records.get(&record.id) {
                assert_eq!(*known, record);
            } else {
                order.push(record.seq);
                records.insert(record.id.clone(), record);
            }
        }
    }
    assert!(order.iter().copied().eq(1..=3 * BATCHES), "{order:?}");
    assert!(kept.len() > bodies.len(), "nothing was repeated: there was no chaos");
    assert_eq!(bodies.len() as u64, BATCHES);
}

fn misbehave(dice: &mut Rng) -> Behaviour {
    let answer = |keep, text: &str| Behaviour::Answer {
        keep,
        late: Duration::ZERO,
        text: text.to_owned(),
        pieces: false,
    };
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    match dice.u64(..24) {
        0 => Behaviour::CloseUnread,
        1 => Behaviour::CloseHalfRead,
        2 => Behaviour::status("500 Internal Server Error", "", "no"),
        3 => Behaviour::status("429 Too Many Requests", "retry-after: 0\r\n", ""),
        4 => Behaviour::status("401 Unauthorized", "", "who?"),
        5 => Behaviour::status("302 Found", "location: /elsewhere\r\n", ""),
        6 => Behaviour::status("307 Temporary Redirect", "location: /elsewhere\r\n", ""),
        7 => answer(false, "\0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        8 => answer(false, "HTTP/1.1 2"),
        9 => answer(false, ""),
        // It has the batch, and the sender can't know.
        10 => answer(true, ""),
        11 => answer(true, "HTTP/1.1 200"),
        12 => answer(true, "SSH-2.0-OpenSSH_9.9\r\n"),
        13 => answer(true, "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"),
        14 => answer(true, "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\n\r\n"),
        // It keeps the batch and answers late, before or after the sender's timeout.
        15 | 16 => Behaviour::Answer {
            keep: true,
            late: Duration::from_millis(dice.u64(..200)),
            text: ok.to_owned(),
            pieces: false,
        },
        17 | 18 => Behaviour::Answer {
            keep: true,
            late: Duration::ZERO,
            text: ok.to_owned(),
            pieces: true,
        },
        _ => Behaviour::Take,
    }
}
