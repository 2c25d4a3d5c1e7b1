//! What moves, fails, grows and dies while frames pass.

mod conservation;
mod growth;
mod identity;
mod upgrade;
