//! Plans with routes.

mod routed;
