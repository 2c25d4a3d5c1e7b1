//! Models of what CPUs do beside each other, every interleaving of them.

mod policer;
