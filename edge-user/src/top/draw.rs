//! The screen in characters.

mod cells;

use edge_api::{CircuitRates, PortRates};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize as _},
    text::{Line, Span},
    widgets::{Cell, Paragraph, Row},
};

use self::cells::{by_reason, chosen, number, per_cent, table};
use super::screen::{Screen, TopPage};
use crate::{
    rates::order::SortBy,
    units::{about_bit_rate as rate, bit_rate, count},
    view::table::plain,
};

/// Faults that are shown; the others are a number.
const FAULTS_SHOWN: usize = 3;
/// From this part of the purchased bandwidth on, a circuit is marked.
const BUSY_PERMILLE: u64 = 900;

/// Draws the screen.
pub(super) fn draw(screen: &mut Screen, frame: &mut Frame<'_>) {
    let faults = fault_lines(screen);
    let heights = [
        Constraint::Length(1),
        Constraint::Length(u16::try_from(faults.len()).unwrap_or(u16::MAX)),
        Constraint::Min(3),
        Constraint::Length(1),
    ];
    let [head, alarms, list, keys] = Layout::vertical(heights).areas(frame.area());
    frame.render_widget(headline(screen), head);
    frame.render_widget(Paragraph::new(faults), alarms);
    match screen.shown.clone() {
        TopPage::Circuits => circuits(screen, frame, list),
        TopPage::Circuit(name) => circuit(screen, &name, frame, list),
        TopPage::Ports => ports(screen, frame, list),
    }
    frame.render_widget(help(screen), keys);
}

fn headline(screen: &Screen) -> Paragraph<'static> {
    let figures = &screen.rates;
    let order = format!(
        "by {}{}",
        screen.sort_by.as_str(),
        if screen.is_inverted { ", inverted" } else { "" }
    );
    let circuits = count(figures.circuits.len() as u64);
    let mut spans = vec![
        Span::from(format!("edge {}", plain(&figures.edge))).bold(),
        Span::from(format!(
            "  up {:.0} s  {circuits} circuits, {} ports  {order}",
            figures.uptime_s,
            figures.ports.len()
        )),
    ];
    if screen.is_typing || !screen.filter.is_empty() {
        let end = if screen.is_typing { "_" } else { "" };
        spans.push(Span::from(format!("  /{}{end}", plain(&screen.filter))).bold());
    }
    Paragraph::new(Line::from(spans))
}

fn fault_lines(screen: &Screen) -> Vec<Line<'static>> {
    let alarm = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    let silence = screen.silence.iter().map(|why| format!("! no new figures: {}", plain(why)));
    let faults = screen.rates.faults.iter().map(|fault| format!("! {}", plain(fault)));
    let all: Vec<String> = silence.chain(faults).collect();
    let more = all.len().saturating_sub(FAULTS_SHOWN);
    let more = (more > 0).then(|| format!("! {more} more: `edge status` has them"));
    let shown = all.into_iter().take(FAULTS_SHOWN).chain(more);
    shown.map(|line| Line::from(line).style(alarm)).collect()
}

fn help(screen: &Screen) -> Paragraph<'static> {
    let text = match &screen.shown {
        _ if screen.is_typing => "type a part of the name; Enter keeps it, Esc drops it".to_owned(),
        TopPage::Circuits => {
            let sorts = SortBy::KEYS.map(|(key, sort_by)| format!("{key} {}", sort_by.as_str()));
            format!("{}  i invert  / filter  Enter circuit  Tab ports  q quit", sorts.join("  "))
        }
        TopPage::Circuit(_) => "Esc back  Tab ports  q quit".to_owned(),
        TopPage::Ports => "Esc back  Tab circuits  q quit".to_owned(),
    };
    Paragraph::new(text).style(Style::new().add_modifier(Modifier::DIM))
}

fn circuits(screen: &mut Screen, frame: &mut Frame<'_>, area: Rect) {
    fit(screen, area);
    let header =
        ["circuit", "purchased", "in", "out", "used", "drops/s", "peak 1 ms", "peak 100 ms", ""];
    let rows = screen.order.iter().enumerate().skip(screen.first).take(screen.room);
    let rows = rows.map(|(line, place)| {
        let circuit = &screen.rates.circuits[*place];
        let (mark, style) = mark(circuit);
        Row::new([
            Cell::from(plain(&circuit.name)),
            number(bit_rate(circuit.bandwidth_bps)),
            number(rate(circuit.in_bps)),
            number(rate(circuit.out_bps)),
            number(per_cent(circuit.used_permille)),
            number(count(circuit.dropped_fps)),
            number(rate(circuit.peak_1ms_bps)),
            number(rate(circuit.peak_100ms_bps)),
            Cell::from(mark),
        ])
        .style(chosen(style, line == screen.cursor))
    });
    let widths = [
        Constraint::Min(16),
        Constraint::Length(10),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(9),
    ];
    frame.render_widget(table(rows.collect(), widths, header, 1), area);
}

/// A word and a colour for a circuit that an operator should look at.
fn mark(circuit: &CircuitRates) -> (&'static str, Style) {
    if !circuit.enabled {
        ("disabled", Style::new().add_modifier(Modifier::DIM))
    } else if circuit.dropped_fps > 0 {
        ("over rate", Style::new().fg(Color::Red))
    } else if circuit.used_permille >= BUSY_PERMILLE {
        ("busy", Style::new().fg(Color::Yellow))
    } else {
        ("", Style::new())
    }
}

fn circuit(screen: &mut Screen, name: &str, frame: &mut Frame<'_>, area: Rect) {
    let Some(circuit) = screen.circuit().cloned() else {
        let gone = format!("there is no circuit {} any more", plain(name));
        frame.render_widget(Paragraph::new(gone), area);
        return;
    };
    let policers = circuit.policers.len().min(usize::from(area.height) / 3);
    let heights = [
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(u16::try_from(policers + 2).unwrap_or(u16::MAX)),
    ];
    let [head, classes, buckets] = Layout::vertical(heights).areas(area);
    let (mark, style) = mark(&circuit);
    let first = format!(
        "{}: {} purchased, {} of it used, in {}, out {}  {mark}",
        plain(&circuit.name),
        bit_rate(circuit.bandwidth_bps),
        per_cent(circuit.used_permille),
        rate(circuit.in_bps),
        rate(circuit.out_bps),
    );
    let drops = format!("dropped/s: {}", by_reason(&circuit.drops_fps));
    frame.render_widget(
        Paragraph::new(vec![Line::from(first).style(style), Line::from(drops)]),
        head,
    );
    fit(screen, classes);
    let header = [
        "peering",
        "port",
        "link",
        "direction",
        "class",
        "forwarded",
        "frames/s",
        "drops/s",
        "refused/s",
    ];
    let rows = circuit.classes.iter().enumerate().skip(screen.first).take(screen.room);
    let rows = rows.map(|(line, class)| {
        let names = [&class.peering, &class.port, &class.link, &class.direction, &class.class];
        let names = names.into_iter().map(|name| Cell::from(plain(name)));
        let figures = [
            rate(class.forwarded_bps),
            count(class.forwarded_fps),
            count(class.dropped_fps),
            count(class.refused_fps),
        ];
        Row::new(names.chain(figures.map(number)))
            .style(chosen(Style::new(), line == screen.cursor))
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Min(10),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Min(10),
        Constraint::Length(11),
        Constraint::Length(10),
        Constraint::Length(9),
        Constraint::Length(10),
    ];
    frame.render_widget(table(rows.collect(), widths, header, 5), classes);
    let rows = circuit.policers.iter().take(policers).map(|policer| {
        let bucket = match (&policer.peering, &policer.class) {
            (None, _) => "circuit".to_owned(),
            (Some(peering), None) => plain(peering),
            (Some(peering), Some(class)) => format!("{} {}", plain(peering), plain(class)),
        };
        let burst = policer.used_bytes * 1000 / policer.burst_bytes.max(1);
        Row::new([
            Cell::from(bucket),
            Cell::from(policer.direction.clone()),
            Cell::from(policer.link.clone()),
            number(bit_rate(policer.rate_bps)),
            number(per_cent(burst)),
            number(rate(policer.peak_1ms_bps)),
            number(rate(policer.peak_100ms_bps)),
        ])
    });
    let header = ["bucket", "direction", "link", "rate", "burst used", "peak 1 ms", "peak 100 ms"];
    let widths = [
        Constraint::Min(16),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(11),
    ];
    frame.render_widget(table(rows.collect(), widths, header, 3), buckets);
}

fn ports(screen: &mut Screen, frame: &mut Frame<'_>, area: Rect) {
    fit(screen, area);
    let header = [
        "port",
        "interface",
        "side",
        "link",
        "xdp",
        "state",
        "speed",
        "received",
        "frames/s",
        "by reason",
    ];
    let ports = screen.rates.ports.iter().enumerate().skip(screen.first).take(screen.room);
    let rows = ports.map(|(line, port): (usize, &PortRates)| {
        let names = [&port.name, &port.interface, &port.side, &port.link, &port.xdp_mode];
        let names = names.into_iter().map(|name| Cell::from(plain(name)));
        let state = Cell::from(port.link_state.clone());
        let speed = port.speed_bps.map_or_else(|| "-".to_owned(), bit_rate);
        let figures = [speed, rate(port.rx_bps), count(port.rx_fps)].map(number);
        let is_sound = port.xdp_mode != "none" && port.link_state == "up";
        let style = if is_sound { Style::new() } else { Style::new().fg(Color::Red) };
        let reasons = Cell::from(by_reason(&port.reasons_fps));
        Row::new(names.chain([state]).chain(figures).chain([reasons]))
            .style(chosen(style, line == screen.cursor))
    });
    let widths = [
        Constraint::Min(12),
        Constraint::Length(16),
        Constraint::Length(9),
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Length(10),
        Constraint::Length(9),
        Constraint::Length(11),
        Constraint::Length(10),
        Constraint::Min(20),
    ];
    frame.render_widget(table(rows.collect(), widths, header, 6), area);
}

/// The line above a table and its header take their room.
fn fit(screen: &mut Screen, area: Rect) {
    screen.fit(usize::from(area.height.saturating_sub(2)));
}
