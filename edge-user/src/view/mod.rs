//! Text for people and for programs that read columns.

pub mod table;
