//! The router's own traffic: frames to it and from it, and the answers that the path makes in its name.

pub mod answer;

pub mod frames;

pub mod punt;
