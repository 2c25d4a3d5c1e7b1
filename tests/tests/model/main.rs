//! Models of CPUs that work beside each other, in every interleaving.

mod fib;
mod policer;
