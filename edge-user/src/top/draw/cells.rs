//! Cells and tables.

use std::collections::BTreeMap;

use ratatui::{
    layout::Constraint,
    style::{Modifier, Style},
    text::Line,
    widgets::{Block, Borders, Cell, Row, Table},
};

use crate::{units::count, view::table::plain};

/// A table whose columns from `first_number` on are numbers.
pub(super) fn table<const N: usize>(
    rows: Vec<Row<'static>>,
    widths: [Constraint; N],
    header: [&'static str; N],
    first_number: usize,
) -> Table<'static> {
    let cells = header.into_iter().enumerate().map(|(column, name)| {
        let is_text = column < first_number || name == "by reason" || name.is_empty();
        if is_text { Cell::from(name) } else { number(name.to_owned()) }
    });
    let header = Row::new(cells).style(Style::new().add_modifier(Modifier::BOLD));
    Table::new(rows, widths).header(header).block(Block::new().borders(Borders::TOP))
}

pub(super) fn number(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).right_aligned())
}

pub(super) fn chosen(style: Style, is_chosen: bool) -> Style {
    if is_chosen { style.add_modifier(Modifier::REVERSED) } else { style }
}

pub(super) fn by_reason(fps: &BTreeMap<String, u64>) -> String {
    let all = fps.iter().map(|(reason, fps)| format!("{} {}", plain(reason), count(*fps)));
    let all = all.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "none".to_owned() } else { all }
}

pub(super) fn per_cent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}
