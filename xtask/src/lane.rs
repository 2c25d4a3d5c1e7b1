//! Work beside other work. Its output is kept until it is done.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::{Context as _, Result, anyhow, ensure};

/// The part of the CPUs that a lane gets where other work wants them, too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Share {
    /// As much as the other work.
    Equal,
    /// A third of it, so as not to disturb tests that send traffic in time.
    Rest,
}

impl Share {
    /// The priority of `nice`.
    fn nice(self) -> &'static str {
        match self {
            Self::Equal => "0",
            Self::Rest => "5",
        }
    }
}

/// A job: a program with its words, in a directory.
pub(crate) struct Job {
    /// Its name in messages.
    pub(crate) name: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// Its words.
    pub(crate) words: Vec<String>,
    /// The directory in which it runs.
    pub(crate) directory: PathBuf,
    /// Variables of its environment, beside ours.
    pub(crate) env: Vec<(String, String)>,
}

/// Jobs under way, one after the other.
pub(crate) struct Lane {
    thread: JoinHandle<Result<()>>,
    log: PathBuf,
}

impl Lane {
    /// Starts them. Their output goes to `log`.
    pub(crate) fn start(jobs: Vec<Job>, share: Share, log: &Path) -> Result<Self> {
        if let Some(directory) = log.parent() {
            fs::create_dir_all(directory)?;
        }
        let output = File::create(log).with_context(|| format!("making {}", log.display()))?;
        let thread =
            thread::spawn(move || jobs.iter().try_for_each(|job| run(job, share, &output)));
        Ok(Self { thread, log: log.to_owned() })
    }

    /// Waits for their end, and returns their output. It is an error if one has failed.
    pub(crate) fn finish(self) -> Result<String> {
        let result =
            self.thread.join().map_err(|_panic| anyhow!("xtask has a defect; see above"))?;
        let said = fs::read(&self.log)?;
        let said = String::from_utf8_lossy(&said).into_owned();
        print!("{said}");
        result.map(|()| said)
    }
}

fn run(job: &Job, share: Share, output: &File) -> Result<()> {
    let started = Instant::now();
    let status = Command::new("nice")
        .args(["-n", share.nice()])
        .arg(&job.program)
        .args(&job.words)
        .current_dir(&job.directory)
        .envs(job.env.iter().cloned())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .status()
        .with_context(|| format!("starting {}", job.name))?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(status.success(), "{} failed ({status}) after {seconds:.1} s", job.name);
    println!("    beside: {}: done after {seconds:.1} s", job.name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(words: &str) -> Job {
        Job {
            name: "a job".into(),
            program: "sh".into(),
            words: vec!["-c".into(), words.into()],
            directory: "/".into(),
            env: Vec::new(),
        }
    }

    #[test]
    fn jobs_run_in_order_up_to_the_first_that_fails() -> Result<()> {
        let log = std::env::temp_dir().join(format!("edge-lane-{}", std::process::id()));
        let lane = Lane::start(vec![job("echo one"), job("echo two >&2")], Share::Rest, &log)?;
        assert_eq!(lane.finish()?, "one\ntwo\n");
        let lane = Lane::start(vec![job("exit 3"), job("echo never")], Share::Equal, &log)?;
        assert!(lane.finish().is_err());
        assert_eq!(fs::read_to_string(&log)?, "");
        Ok(fs::remove_file(log)?)
    }
}
