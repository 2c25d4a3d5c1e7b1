//! A screen as a picture for the documentation.

use std::{env, fmt::Write as _, fs, path::Path};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// Width and height of a character.
const CHARACTER: (usize, usize) = (8, 17);

/// Checks that a screen is the committed picture of this name.
pub(super) fn is_committed(name: &str, screen: &Buffer) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures").join(name);
    let picture = svg(screen);
    if env::var_os("EDGE_WRITE_DOCS").is_some() {
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, &picture).expect("the picture");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == picture,
        "EDGE_WRITE_DOCS=1 cargo test -p edge-user --lib committed draws docs/pictures/{name} anew"
    );
}

fn svg(screen: &Buffer) -> String {
    let (width, height) = (usize::from(screen.area.width), usize::from(screen.area.height));
    let size = (width * CHARACTER.0 + 16, height * CHARACTER.1 + 16);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" \
         font-family=\"ui-monospace, DejaVu Sans Mono, monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#16181d\"/>\n",
        size.0, size.1
    );
    for (row, line) in screen.content.chunks(width).enumerate() {
        let y = 8 + row * CHARACTER.1;
        let mut column = 0;
        while let Some(first) = line.get(column) {
            let len = line[column..].iter().take_while(|cell| is_alike(cell, first)).count();
            let text: String = line[column..column + len].iter().map(Cell::symbol).collect();
            let is_reversed = first.modifier.contains(Modifier::REVERSED);
            let x = 8 + column * CHARACTER.0;
            if is_reversed {
                let (width, height) = (len * CHARACTER.0, CHARACTER.1);
                let fill = "#d5d8df";
                // Writing to a string doesn't fail.
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
                );
            }
            if !text.trim().is_empty() {
                let fill = if is_reversed { "#16181d" } else { colour(first) };
                let weight =
                    if first.modifier.contains(Modifier::BOLD) { "bold" } else { "normal" };
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                let _ = writeln!(
                    svg,
                    "<text x=\"{x}\" y=\"{}\" fill=\"{fill}\" font-weight=\"{weight}\" textLength=\"{}\" \
                     xml:space=\"preserve\">{text}</text>",
                    y + 13,
                    len * CHARACTER.0,
                );
            }
            column += len;
        }
    }
    svg + "</svg>\n"
}

fn is_alike(cell: &Cell, other: &Cell) -> bool {
    (cell.fg, cell.modifier) == (other.fg, other.modifier)
}

fn colour(cell: &Cell) -> &'static str {
    if cell.fg == Color::Red {
        "#ff7b72"
    } else if cell.fg == Color::Yellow {
        "#e3b341"
    } else if cell.modifier.contains(Modifier::DIM) {
        "#8b929e"
    } else {
        "#d5d8df"
    }
}
