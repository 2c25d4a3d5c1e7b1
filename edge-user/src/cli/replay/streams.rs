//! Checks that no file or stream of a replay spoils another.

use std::{
    fs::{self, File, Metadata},
    io::{self, IsTerminal as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use super::super::UsageError;

/// The name of standard input or output on a command line.
const STREAM: &str = "-";

/// The place that the frames that leave are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameDestination<'a> {
    /// Standard output; then the report goes to standard error.
    Stdout,
    /// A file of its own.
    File(&'a Path),
}

/// Whether `path` stands for standard input or output.
pub(super) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == STREAM
}

/// Checks that no two of the files, among them these texts that are read, spoil each other, and says where the frames that leave go.
///
/// Files are told by what they are and not by their names: `/dev/stdout` is standard output.
pub(super) fn check<'a>(
    texts: [(&str, Option<&PathBuf>); 2],
    input: &Path,
    output: Option<&'a Path>,
    json: bool,
) -> Result<Option<FrameDestination<'a>>, UsageError> {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    if is_stream(input) && stdin.is_terminal() {
        return refuse("a capture is read from standard input, which is a terminal; pipe one in");
    }
    let [report, log] = [of_stream(stdout.as_fd()), of_stream(stderr.as_fd())];
    let read = if is_stream(input) { of_stream(stdin.as_fd()) } else { of_path(input) };
    if is_same(read, report) && read.is_some_and(|read| read.is_regular) {
        return refuse("standard output is the capture that is read; write the report elsewhere");
    }
    let Some(path) = output else { return Ok(None) };

    let written = if is_stream(path) { report } else { of_path(path) };
    let name = path.display();
    if is_same(written, read) {
        return refuse(format!("{name} is the capture that is read; write to another file"));
    }
    for (text, path) in texts {
        if is_same(written, path.and_then(|path| of_path(path))) {
            return refuse(format!("{name} is the {text}; write to another file"));
        }
    }
    if is_same(written, log) {
        return refuse(format!(
            "{name} is standard error, too, and messages would mix with the frames; write to \
             another file",
        ));
    }
    if !is_stream(path) && !is_same(written, report) {
        return Ok(Some(FrameDestination::File(path)));
    }
    if json {
        return refuse(
            "the frames and the JSON lines would mix on standard output; write the frames to a \
             file (`-o OUT.pcap`)",
        );
    }
    if stdout.is_terminal() {
        return refuse("standard output is a terminal, which frames would spoil; pipe it");
    }
    Ok(Some(FrameDestination::Stdout))
}

/// A file, whatever name it goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StreamIdentity {
    device: u64,
    inode: u64,
    is_regular: bool,
}

impl StreamIdentity {
    /// `None` of the null device, which anything may be written to at once.
    fn new(metadata: &Metadata) -> Option<Self> {
        const NULL_DEVICE: u64 = 1 << 8 | 3;

        let kind = metadata.file_type();
        let is_null = kind.is_char_device() && metadata.rdev() == NULL_DEVICE;
        (!is_null).then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            is_regular: kind.is_file(),
        })
    }
}

fn of_path(path: &Path) -> Option<StreamIdentity> {
    StreamIdentity::new(&fs::metadata(path).ok()?)
}

fn of_stream(stream: BorrowedFd<'_>) -> Option<StreamIdentity> {
    let file = File::from(stream.try_clone_to_owned().ok()?);
    StreamIdentity::new(&file.metadata().ok()?)
}

fn is_same(one: Option<StreamIdentity>, other: Option<StreamIdentity>) -> bool {
    one.is_some() && one == other
}

fn refuse<T>(why: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(why.into()))
}
