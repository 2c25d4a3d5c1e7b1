use proptest::prelude::*;

use super::*;

fn filled(events: usize) -> Events {
    let filled = Events::default();
    for number in 1..=events {
        filled.push(Happened::new(EventKind::Reload, format!("event {number}")));
    }
    filled
}

fn from(events: &Events, position: &str) -> EventCursor {
    events.cursor(&position.parse().unwrap_or(EventPosition::Unknown))
}

/// All events of a reader up to now, as their kinds and numbers.
fn read(events: &Events, cursor: &mut EventCursor) -> Vec<(EventKind, u64)> {
    let mut read = Vec::new();
    loop {
        let page = events.next(cursor);
        assert!(page.len() <= PAGE + 1);
        if page.is_empty() {
            return read;
        }
        for event in page {
            let document: EdgeEvent = serde_json::from_str(&event.json).unwrap();
            assert_eq!((&document.id, document.kind), (&event.id, event.kind));
            let (_, number) = event.id.split_once('-').unwrap();
            read.push((event.kind, number.parse().unwrap()));
        }
    }
}

fn numbers(kind: EventKind, numbers: std::ops::RangeInclusive<u64>) -> Vec<(EventKind, u64)> {
    numbers.map(|number| (kind, number)).collect()
}

#[test]
fn a_reader_gets_each_event_once_and_goes_on_where_it_was() {
    let events = filled(200);
    let mut all = from(&events, "all");
    assert_eq!(read(&events, &mut all), numbers(EventKind::Reload, 1..=200));
    let mut now = from(&events, "now");
    assert_eq!(read(&events, &mut now), []);
    let mut resumed = from(&events, &events.id(198));
    assert_eq!(read(&events, &mut resumed), numbers(EventKind::Reload, 199..=200));
    events.push(Happened::new(EventKind::Start, "one more"));
    for mut cursor in [all, now, resumed, from(&events, &events.id(200))] {
        assert_eq!(read(&events, &mut cursor), [(EventKind::Start, 201)]);
    }
}

#[test]
fn lost_and_strange_events_are_a_gap() {
    let events = filled(MOST + 10);
    let all = read(&events, &mut from(&events, "all"));
    assert_eq!((all.len(), all[0]), (MOST, (EventKind::Reload, 11)));
    // A slow reader, and one who comes late.
    for position in [events.id(0), events.id(9)] {
        let mut cursor = from(&events, &position);
        let mut read = read(&events, &mut cursor);
        assert_eq!(read.remove(0), (EventKind::Gap, 10), "{position}");
        assert_eq!(read, all);
    }
    assert_eq!(read(&events, &mut from(&events, &events.id(10))), all);
    // Another daemon's, one that never was, and no id at all.
    let never = events.id(u64::MAX);
    let other = Events::default().id(3);
    let hostile = ["", "-", "now-1", "0123456789abcdef-", "0123456789abcdef--1", "\u{0}", "x-1\n"];
    for position in hostile.into_iter().chain([&*never, &*other, "1".repeat(9_000).as_str()]) {
        let page = events.next(&mut from(&events, position));
        assert_eq!((page[0].kind, &page[0].id), (EventKind::Gap, &events.id(10)), "{position}");
        assert_eq!((&page[1].id, page.len()), (&events.id(11), PAGE + 1));
    }
    let empty = Events::default();
    assert_eq!(read(&empty, &mut from(&empty, &other)), [(EventKind::Gap, 0)]);
}

#[test]
fn long_events_are_cut_and_take_no_more_than_their_room() {
    let events = Events::default();
    let long = "é".repeat(5_000);
    for _ in 0..1_500 {
        let happened = Happened::of_circuit(EventKind::Apply, "contoso", &*long);
        events.push(happened.with(serde_json::Value::String(long.clone())));
    }
    let ring = events.lock();
    assert!(ring.bytes <= MOST_BYTES && ring.kept.len() > 500, "{}", ring.kept.len());
    assert_eq!(ring.bytes, ring.kept.iter().map(|event| event.json.len()).sum::<usize>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_reader_has_all_events_in_order_or_a_gap(
        steps in proptest::collection::vec((0_usize..3, 0_u64..100), 1..40),
    ) {
        let events = Events::default();
        let mut pushed = 0;
        let mut cursor = from(&events, "all");
        let mut last = 0;
        for (step, number) in steps {
            match step {
                0 => for _ in 0..number {
                    pushed += 1;
                    events.push(Happened::new(EventKind::Port, pushed.to_string()));
                },
                1 => for (kind, number) in read(&events, &mut cursor) {
                    prop_assert_eq!((kind, number), (EventKind::Port, last + 1));
                    last = number;
                },
                // It is cut off, and asks again with the last id that it has had.
                _ => cursor = from(&events, &events.id(last)),
            }
        }
        let rest = read(&events, &mut cursor);
        prop_assert_eq!(rest.len() as u64, pushed - last);
    }
}
