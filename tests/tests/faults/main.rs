//! Ports move, parts fail, tables grow and daemons die while frames pass.

mod changes;
mod conservation;
mod conservation_routed;
mod growth;
mod identity;
mod upgrade;
