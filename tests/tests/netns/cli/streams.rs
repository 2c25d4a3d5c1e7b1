//! The files and streams that `edge replay` reads and writes, and one of them used twice.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Stdio},
};

use edge_tests::captures::{ETHERNET, captured, pcap};
use nix::{
    sys::signal::{SigHandler, Signal, kill, signal},
    unistd::Pid,
};

use super::*;

const REPLAY: [&str; 7] = ["replay", "-c", "edge.toml", "--engine", "host", "--port", "customer0"];

impl Place {
    /// With a capture `in.pcap` of two frames, one of which leaves.
    fn with_capture() -> Result<Self> {
        let place = Self::new(CONFIG)?;
        place.capture("in.pcap", &frames()?)?;
        Ok(place)
    }

    fn replay(&self, arguments: &[&str], stdio: [Stdio; 3]) -> Result<Output> {
        Ok(self.spawn(arguments, stdio)?.wait_with_output()?)
    }

    fn spawn(&self, arguments: &[&str], [stdin, stdout, stderr]: [Stdio; 3]) -> Result<Child> {
        let mut edge = Command::new(edge_binary());
        edge.args(REPLAY).args(arguments).current_dir(self.directory.path());
        // A test that runs under `nohup`, or behind a shell, has been started to ignore some signals.
        let heed = || {
            for number in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
                // SAFETY: no handler of this process is replaced: the child has none.
                unsafe { signal(number, SigHandler::SigDfl) }?;
            }
            Ok(())
        };
        // SAFETY: runs between fork and exec, where only async-signal-safe calls are allowed: it
        // makes three system calls and allocates nothing.
        unsafe { edge.pre_exec(heed) };
        Ok(edge.stdin(stdin).stdout(stdout).stderr(stderr).spawn()?)
    }

    /// The names of the files there.
    fn names(&self) -> Result<Vec<String>> {
        let names = fs::read_dir(self.directory.path())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn left(&self, name: &str) -> Result<Vec<Vec<u8>>> {
        let frames = CaptureReader::open(&self.path(name))?;
        frames.map(|frame| Ok(frame?.data)).collect()
    }
}

fn frames() -> Result<[Vec<u8>; 2]> {
    Ok([frame_of("8100:300 arp")?, frame_of("8100:99 arp")?])
}

fn null() -> Stdio {
    Stdio::null()
}

#[test]
fn a_dash_is_standard_input_and_standard_output() -> Result<()> {
    let place = Place::with_capture()?;
    let input = || File::open(place.path("in.pcap")).map(Stdio::from);
    let stdio = [input()?, Stdio::piped(), Stdio::piped()];
    let (code, out, err) = told(&place.replay(&["-", "--json"], stdio)?);
    assert_eq!((code, out.lines().count(), err.as_str()), (0, 2, ""));

    // The frames go to standard output, and the report does not.
    for output in ["-", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"] {
        let stdio = [input()?, Stdio::piped(), Stdio::piped()];
        let replayed = place.replay(&["-", "-o", output], stdio)?;
        let err = text(&replayed.stderr);
        assert!(replayed.status.success() && err.contains("unmatched"), "{output}: {err}");
        fs::write(place.path("out.pcap"), replayed.stdout)?;
        assert_eq!(place.left("out.pcap")?, frames()?[..1], "{output}");
    }
    // A file that the shell has opened as standard output is that, too.
    let stdio = [input()?, File::create(place.path("out.pcap"))?.into(), Stdio::piped()];
    let replayed = place.replay(&["-", "-o", "out.pcap"], stdio)?;
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
    assert_eq!(place.left("out.pcap")?, frames()?[..1]);
    // The null device mixes nothing.
    let thrown_away =
        place.replay(&["in.pcap", "--json", "-o", "/dev/null"], [null(), null(), null()])?;
    assert!(thrown_away.status.success());

    let stdio = [null(), Stdio::piped(), Stdio::piped()];
    let (code, _, err) = told(&place.replay(&["-"], stdio)?);
    assert!(code == 1 && err.contains("standard input"), "{err}");
    Ok(())
}

#[test]
fn what_would_spoil_a_file_is_refused_before_anything_is_written() -> Result<()> {
    let place = Place::with_capture()?;
    symlink("in.pcap", place.path("link.pcap"))?;
    fs::hard_link(place.path("in.pcap"), place.path("hard.pcap"))?;
    let before = fs::read(place.path("in.pcap"))?;
    let names = place.names()?;
    let open = |name: &str| OpenOptions::new().append(true).open(place.path(name)).map(Stdio::from);
    let read = || File::open(place.path("in.pcap")).map(Stdio::from);
    let pipe = Stdio::piped;
    for (arguments, stdio) in [
        // The capture that is read, by any name.
        (vec!["in.pcap", "-o", "in.pcap"], [null(), pipe(), pipe()]),
        (vec!["in.pcap", "-o", "./in.pcap"], [null(), pipe(), pipe()]),
        (vec!["in.pcap", "-o", "link.pcap"], [null(), pipe(), pipe()]),
        (vec!["link.pcap", "-o", "hard.pcap"], [null(), pipe(), pipe()]),
        (vec!["-", "-o", "in.pcap"], [read()?, pipe(), pipe()]),
        (vec!["/dev/stdin", "-o", "in.pcap"], [read()?, pipe(), pipe()]),
        (vec!["in.pcap", "-o", "-"], [null(), open("in.pcap")?, pipe()]),
        (vec!["in.pcap", "--json"], [null(), open("in.pcap")?, pipe()]),
        // The configuration.
        (vec!["in.pcap", "-o", "edge.toml"], [null(), pipe(), pipe()]),
        // Frames and lines in one.
        (vec!["in.pcap", "--json", "-o", "-"], [null(), pipe(), pipe()]),
        (vec!["in.pcap", "--json", "-o", "/dev/stdout"], [null(), pipe(), pipe()]),
        (vec!["in.pcap", "-o", "/dev/stderr"], [null(), pipe(), pipe()]),
    ] {
        let replayed = place.replay(&arguments, stdio)?;
        let (code, out, err) = told(&replayed);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("error: ") && err.lines().count() == 1, "{arguments:?}: {err}");
        assert_eq!(place.names()?, names, "{arguments:?}");
        assert!(fs::read(place.path("in.pcap"))? == before, "{arguments:?}");
        assert_eq!(fs::read_to_string(place.path("edge.toml"))?, CONFIG, "{arguments:?}");
    }
    Ok(())
}

#[test]
fn what_was_there_stays_until_all_is_written() -> Result<()> {
    let place = Place::with_capture()?;
    let run = |arguments: &[&str]| place.replay(arguments, [null(), null(), Stdio::piped()]);
    fs::create_dir(place.path("kept"))?;
    fs::write(place.path("kept/out.pcap"), "old")?;
    fs::set_permissions(place.path("kept/out.pcap"), Permissions::from_mode(0o640))?;
    symlink("kept/out.pcap", place.path("out.pcap"))?;
    let names = place.names()?;

    fs::write(place.path("text"), "no capture")?;
    for arguments in [
        vec!["text", "-o", "out.pcap"],
        vec!["missing.pcap", "-o", "out.pcap"],
        vec!["in.pcap", "-o", "out.pcap", "--port", "nowhere"],
    ] {
        assert!(!run(&arguments)?.status.success());
        assert_eq!(fs::read(place.path("out.pcap"))?, b"old", "{arguments:?}");
    }
    fs::remove_file(place.path("text"))?;

    // Damaged: the frames before the damage are written.
    let whole = fs::read(place.path("in.pcap"))?;
    fs::write(place.path("damaged.pcap"), &whole[..whole.len() - 1])?;
    let (code, _, err) = told(&run(&["damaged.pcap", "-o", "out.pcap"])?);
    assert!(code == 1 && err.contains("frame 2"), "{err}");
    fs::remove_file(place.path("damaged.pcap"))?;
    for _ in 0..2 {
        assert_eq!(place.left("out.pcap")?, frames()?[..1]);
        assert!(place.path("out.pcap").is_symlink());
        let mode = fs::metadata(place.path("kept/out.pcap"))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(run(&["in.pcap", "-o", "out.pcap"])?.status.success());
    }
    assert_eq!(place.names()?, names);
    assert_eq!(fs::read_dir(place.path("kept"))?.count(), 1);

    // A device is written in place, and says so when it is full.
    let (code, _, err) = told(&run(&["in.pcap", "-o", "/dev/full"])?);
    assert!(code == 1 && err.contains("/dev/full"), "{err}");
    Ok(())
}

#[test]
fn a_replay_that_is_interrupted_leaves_nothing() -> Result<()> {
    let place = Place::with_capture()?;
    fs::write(place.path("out.pcap"), "old")?;
    let names = place.names()?;
    // Several times: a signal may come as soon as the file beside is there.
    for sent in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].repeat(2) {
        let mut edge = place.spawn(&["-", "-o", "out.pcap"], [Stdio::piped(), null(), null()])?;
        let mut input = edge.stdin.take().expect("a pipe");
        input.write_all(&pcap(ETHERNET, &[captured(1, &frames()?[0], 60)]))?;
        input.flush()?;
        // Until the file beside is there.
        while place.names()? == names {
            assert!(edge.try_wait()?.is_none(), "it has ended");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        kill(Pid::from_raw(edge.id().try_into()?), sent)?;
        assert_eq!(edge.wait()?.signal(), Some(sent as i32));
        assert_eq!(place.names()?, names, "{sent}");
        assert_eq!(fs::read(place.path("out.pcap"))?, b"old");
    }
    Ok(())
}

#[test]
fn a_signal_that_is_ignored_ends_no_replay() -> Result<()> {
    let place = Place::with_capture()?;
    let names = place.names()?;
    let edge = edge_binary().to_string_lossy();
    let line = format!("trap '' HUP; exec {edge} {} - -o out.pcap", REPLAY.join(" "));
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(place.directory.path()).stdin(Stdio::piped());
    let mut replay = shell.stdout(null()).stderr(null()).spawn()?;
    let mut input = replay.stdin.take().expect("a pipe");
    let capture = fs::read(place.path("in.pcap"))?;
    let (first, rest) = capture.split_at(30);
    input.write_all(first)?;
    while place.names()? == names {
        assert!(replay.try_wait()?.is_none(), "it has ended");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    kill(Pid::from_raw(replay.id().try_into()?), Signal::SIGHUP)?;
    input.write_all(rest)?;
    drop(input);
    assert!(replay.wait()?.success());
    assert_eq!(place.left("out.pcap")?, frames()?[..1]);
    Ok(())
}
