//! Ports move, parts fail, tables grow and daemons die while frames pass.

mod changes;
mod conservation;
mod growth;
mod identity;
mod routed;
mod upgrade;
