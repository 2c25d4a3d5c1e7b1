//! Network namespaces, and sockets in them.

use std::{
    fmt::{self, Display, Formatter},
    fs::File,
    io,
    os::fd::OwnedFd,
    panic,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use nix::sched::{CloneFlags, setns};

use crate::{
    report::Told,
    routing::feed::error::{Context as _, FeedError, Result},
};

/// Where `ip netns` has the namespaces that have names (ip-netns(8)).
const NAMED: &str = "/run/netns";

/// A network namespace. It can't end while this stands for it.
#[derive(Clone, Debug)]
pub struct Namespace {
    place: PathBuf,
    fd: Arc<OwnedFd>,
}

impl Namespace {
    /// The one that the calling thread is in.
    pub fn current() -> Result<Self> {
        Self::at(Path::new("/proc/thread-self/ns/net"))
    }

    /// The one that `ip netns add NAME` has made.
    ///
    /// # Errors
    ///
    /// [`FeedError::NoNamespace`] where there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        // Else "../…" would be another path.
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(FeedError::NoNamespace(Told::new(format!(
                "\"{name}\" can't be the name of a network namespace; `ip netns` lists those that there are"
            ))));
        }
        Self::at(&Path::new(NAMED).join(name))
    }

    /// The one that a file stands for, such as `/proc/PID/ns/net`.
    ///
    /// # Errors
    ///
    /// [`FeedError::NoNamespace`] where there is no such file.
    pub fn at(place: &Path) -> Result<Self> {
        let file = File::open(place).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                FeedError::NoNamespace(Told::bare(error).after(format!(
                    "there is no network namespace {}; `ip netns` lists those that have names",
                    place.display()
                )))
            } else {
                FeedError::from(error).after(format!("opening {}", place.display()))
            }
        })?;
        Ok(Self { place: place.to_owned(), fd: Arc::new(file.into()) })
    }

    /// Runs `work` on a thread inside. Sockets that it opens stay there; the calling thread does not move.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`FeedError::Permission`] without `CAP_SYS_ADMIN` (setns(2)).
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let inside = || {
            setns(&*self.fd, CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("entering the network namespace {self}"))?;
            work()
        };
        thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(result) => result,
            Err(panic) => panic::resume_unwind(panic),
        })
    }
}

impl Display for Namespace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.place.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_is_told_with_its_path() {
        let error = Namespace::named("edge-feed-nobody").unwrap_err();
        assert!(matches!(error, FeedError::NoNamespace(_)), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("/run/netns/edge-feed-nobody") && text.contains("`ip netns`"),
            "{text}"
        );
    }

    #[test]
    fn a_name_is_no_path() {
        for name in ["", ".", "..", "../../proc/self/ns/net", "a/b"] {
            assert!(matches!(Namespace::named(name), Err(FeedError::NoNamespace(_))), "{name}");
        }
    }
}
