//! The loaded programs, frame by frame (`BPF_PROG_TEST_RUN`), and against the host path.

mod captures;
mod corpus;
mod differential;
mod link_tags;
mod packet_path;
mod policer_rate;
mod prog_run;
mod routed;
mod tag_space;
mod trace;
mod unmatched;
mod verifier;
