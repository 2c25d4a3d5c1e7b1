//! Rates, their order, and the screen as a user sees it.

mod picture;
mod status;

use edge_api::{CircuitRates, TrafficRates};
use proptest::prelude::*;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};

use self::status::{circuit, status};
use super::{
    draw::draw,
    screen::{Screen, TopPage},
};

use crate::rates::{
    between::between,
    order::{SortBy, ordered},
};

/// The screen after these keys, `width` x `height`.
fn drawn(screen: &mut Screen, keys: &[KeyCode], (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(screen, frame)).expect("it is memory");
    for key in keys {
        assert!(!screen.key(KeyEvent::new(*key, KeyModifiers::NONE)), "{key:?} has ended it");
        terminal.draw(|frame| draw(screen, frame)).expect("it is memory");
    }
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let symbols: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    symbols.chunks(width).map(|line| line.concat().trim_end().to_owned()).collect()
}

fn text(screen: &mut Screen, keys: &[KeyCode]) -> String {
    lines(&drawn(screen, keys, (120, 24))).join("\n")
}

/// Three circuits a second apart: contoso at its rate with drops, fabrikam at half of it, and a quiet one.
fn busy() -> TrafficRates {
    let before = status(
        10.0,
        vec![circuit("contoso", 0, 0), circuit("fabrikam", 0, 0), circuit("quiet", 7, 0)],
    );
    let now = status(
        12.0,
        vec![
            circuit("contoso", 250_000_000, 500),
            circuit("fabrikam", 125_000_000, 0),
            circuit("quiet", 7, 0),
        ],
    );
    between(&before, &now)
}

fn screen() -> Screen {
    let mut screen = Screen::default();
    screen.take(busy());
    screen
}

#[test]
fn rates_are_those_of_the_daemons_own_time() {
    let figures = busy();
    let contoso = &figures.circuits[0];
    // 250 MB of each direction in 2 s.
    assert_eq!((contoso.in_bps, contoso.out_bps), (1_000_000_000, 1_000_000_000));
    assert_eq!((contoso.used_permille, contoso.dropped_fps), (1000, 500));
    assert_eq!(contoso.drops_fps["over-rate"], 500);
    assert_eq!(contoso.classes[0].forwarded_bps, 1_000_000_000);
    assert_eq!(contoso.peak_1ms_bps, 990_000_000);
    assert_eq!(figures.circuits[2].used_permille, 0);
    assert_eq!((figures.ports[0].rx_fps, figures.ports[0].reasons_fps.len()), (500, 1));
    // Another data plane, another daemon, or the same moment: no rate.
    let (early, late) =
        (status(1.0, vec![circuit("c", 8, 1)]), status(2.0, vec![circuit("c", 5, 0)]));
    assert_eq!(between(&early, &late).circuits[0].in_bps, 0);
    assert_eq!(between(&late, &early).circuits[0].in_bps, 0);
    assert_eq!(between(&early, &early).circuits[0].in_bps, 0);
    assert_eq!(between(&status(0.0, Vec::new()), &late).circuits[0].in_bps, 0);
}

#[test]
fn the_busiest_circuit_is_first_and_is_marked() {
    let shown = text(&mut screen(), &[]);
    let place = |name: &str| shown.find(name).unwrap_or_else(|| panic!("{name} in {shown}"));
    assert!(place("contoso") < place("fabrikam") && place("fabrikam") < place("quiet"), "{shown}");
    assert!(shown.contains("100.0 %") && shown.contains("over rate"), "{shown}");
    let inverted = text(&mut screen(), &[KeyCode::Char('i')]);
    assert!(inverted.find("quiet") < inverted.find("contoso"), "{inverted}");
    let by_name = text(&mut screen(), &[KeyCode::Char('n'), KeyCode::Char('i')]);
    assert!(by_name.find("quiet") < by_name.find("fabrikam"), "{by_name}");
}

#[test]
fn a_filter_is_typed_and_dropped() {
    let typed = |text: &str| text.chars().map(KeyCode::Char).collect::<Vec<_>>();
    let mut one = screen();
    let shown = text(&mut one, &[&typed("/FAB")[..], &[KeyCode::Enter]].concat());
    assert!(shown.contains("fabrikam") && !shown.contains("contoso"), "{shown}");
    // A `q` in a filter is a letter.
    let shown = text(&mut one, &[&typed("/q")[..], &[KeyCode::Esc]].concat());
    assert!(shown.contains("contoso"), "{shown}");
    let none = text(&mut screen(), &typed("/none"));
    assert!(none.contains("/none_") && !none.contains("contoso"), "{none}");
}

#[test]
fn a_key_leads_to_a_circuit_and_to_the_ports() {
    let mut one = screen();
    let shown = text(&mut one, &[KeyCode::Down, KeyCode::Enter]);
    assert_eq!(one.shown, TopPage::Circuit("fabrikam".to_owned()));
    assert!(shown.contains("fabrikam: 1 Gbps purchased, 50.0 % of it used"), "{shown}");
    assert!(shown.contains("default") && shown.contains("burst used"), "{shown}");
    // It goes on to be shown when it is gone.
    one.take(TrafficRates::default());
    assert!(text(&mut one, &[]).contains("there is no circuit fabrikam any more"));
    let shown = text(&mut one, &[KeyCode::Esc]);
    assert!(shown.contains("purchased"), "{shown}");
    let shown = text(&mut screen(), &[KeyCode::Tab]);
    for part in ["customer0", " up ", "10 Gbps", "unmatched 500"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(screen().key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)));
    assert!(screen().key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
}

#[test]
fn faults_and_silence_come_first() {
    let mut one = screen();
    one.rates.faults = (1..=5).map(|number| format!("fault {number}\u{1b}[2J")).collect();
    one.silence = Some("no daemon".to_owned());
    let shown = text(&mut one, &[]);
    assert!(shown.contains("! no new figures: no daemon\n! fault 1"), "{shown}");
    assert!(shown.contains("! 3 more: `edge status` has them"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn of_thousands_of_circuits_those_on_the_screen_are_drawn() {
    let circuits =
        |bytes| (0..20_000).map(|number| circuit(&format!("c{number:05}"), bytes, 0)).collect();
    let mut one = Screen::default();
    one.take(between(&status(1.0, circuits(0)), &status(2.0, circuits(1_000))));
    let (end, up) = (KeyCode::End, KeyCode::PageUp);
    let shown = text(&mut one, &[end]);
    assert!(shown.contains("c19999") && shown.contains("20,000 circuits"), "{shown}");
    assert_eq!(one.first + one.room, 20_000);
    text(&mut one, &[up, up]);
    assert_eq!(one.cursor, 19_999 - 2 * one.room);
    assert!(text(&mut one, &[KeyCode::Home]).contains("c00000"));
    assert_eq!((one.cursor, one.first), (0, 0));
}

#[test]
fn the_committed_picture_is_that_of_the_code() {
    picture::is_committed("top.svg", &drawn(&mut screen(), &[], (110, 12)));
}

proptest! {
    // Each key is a screen.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_key_leaves_a_screen_that_can_be_drawn(
        keys in prop::collection::vec((0..20_usize, prop::char::range(' ', '~')), 0..16),
        size in (1..140_u16, 1..40_u16),
    ) {
        let mut one = screen();
        for (number, letter) in keys {
            let key = match number {
                0 => KeyCode::Enter, 1 => KeyCode::Esc, 2 => KeyCode::Tab, 3 => KeyCode::Up,
                4 => KeyCode::Down, 5 => KeyCode::PageDown, 6 => KeyCode::PageUp,
                7 => KeyCode::Home, 8 => KeyCode::End, 9 => KeyCode::Backspace,
                _ => KeyCode::Char(letter),
            };
            one.key(KeyEvent::new(key, KeyModifiers::NONE));
            drawn(&mut one, &[], size);
            prop_assert!(one.cursor <= one.len().saturating_sub(1));
        }
    }

    #[test]
    fn an_order_has_each_wanted_circuit_once(
        figures in prop::collection::vec((0..5_u64, 0..5_u64, "[ab]{1,3}"), 0..30),
        is_inverted: bool,
    ) {
        let circuits: Vec<_> = figures.into_iter().map(|(rate, drops, name)| {
            CircuitRates { name, in_bps: rate, dropped_fps: drops, ..CircuitRates::default() }
        }).collect();
        for (_, sort_by) in SortBy::KEYS {
            let order = ordered(&circuits, sort_by, is_inverted, "A");
            let mut places = order.clone();
            places.sort_unstable();
            let wanted = (0..circuits.len()).filter(|place| circuits[*place].name.contains('a'));
            prop_assert_eq!(places, wanted.collect::<Vec<_>>());
            let mut figures: Vec<_> = order.iter().map(|place| match sort_by {
                SortBy::Drops => circuits[*place].dropped_fps,
                SortBy::Rate => circuits[*place].in_bps,
                SortBy::Used | SortBy::Peak | SortBy::Name => 0,
            }).collect();
            if !is_inverted {
                figures.reverse();
            }
            prop_assert!(figures.is_sorted());
        }
    }
}
