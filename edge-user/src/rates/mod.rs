//! Rates between two looks at an edge, for those who watch it: `edge top` and the page.

pub mod between;
pub mod order;
