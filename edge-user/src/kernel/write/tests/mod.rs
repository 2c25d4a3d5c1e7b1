//! Plans with routes in the kernel's tables, without a program that uses them.

mod routed;
