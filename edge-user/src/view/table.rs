//! Tables as people read them.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// A table without lines, whose columns `right` are numbers.
#[must_use]
pub fn text_table(
    header: impl IntoIterator<Item = impl Into<Cell>>,
    right: impl IntoIterator<Item = usize>,
) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<Cell>>());
    for column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A name, or a text of others, that neither breaks a line nor moves the cursor.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}
