//! The parts that a supervisor works with.

use std::time::Duration;

use super::{files::SpeakerFiles, netns::SpeakerNetns, program::BirdProgram};

/// The BIRD, the files and the namespace of a supervisor.
#[derive(Clone, Debug)]
pub struct SpeakerSetup {
    /// The BIRD that is installed.
    pub program: BirdProgram,
    /// Its files.
    pub files: SpeakerFiles,
    /// The namespace that it runs in.
    pub netns: SpeakerNetns,
    /// Time without an answer after which a BIRD that runs is ended and started again.
    pub hang: Duration,
}

impl SpeakerSetup {
    /// Default of [`Self::hang`]: peers with the usual hold time of 180 s have not given up yet.
    pub const HANG: Duration = Duration::from_mins(1);
}
