//! Two receivers of export records, neither of them reliable: each keeps one record of each id.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};
use edge_user::{
    billing::ledger::{ExportRecord, Watermark},
    lab::Lab,
};

use super::{chance::Chance, model::EXPORT_DIR};

const LOOK: Duration = Duration::from_millis(10);
const SLOW: Duration = Duration::from_millis(300);
/// The longest wait for a silent client.
const PATIENCE: Duration = Duration::from_secs(5);

/// The records that a receiver has, and what is wrong with them.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// By id.
    pub records: BTreeMap<String, ExportRecord>,
    /// Records that came more than once.
    pub repeated: u64,
    /// The last watermark.
    pub watermark: Option<Watermark>,
    /// Ids that came with two contents, what can't be read, and what a watermark was wrong about.
    pub wrong: Vec<String>,
}

impl Kept {
    fn keep(&mut self, text: &str) {
        for line in text.lines() {
            if let Ok(watermark) = serde_json::from_str(line) {
                self.believe(watermark);
                continue;
            }
            let record: ExportRecord = match serde_json::from_str(line) {
                Ok(record) => record,
                Err(error) => {
                    self.wrong.push(format!("{error}: {line}"));
                    continue;
                }
            };
            match self.records.get(&record.id) {
                Some(known) if *known == record => self.repeated += 1,
                Some(known) => self.wrong.push(format!("{known:?} and {record:?}")),
                None => {
                    let is_whole = |mark: &Watermark| {
                        mark.ledger == record.ledger && record.usage.start < mark.sealed_until
                    };
                    if self.watermark.as_ref().is_some_and(is_whole) {
                        self.wrong.push(format!("{record:?} after {:?}", self.watermark));
                    }
                    self.records.insert(record.id.clone(), record);
                }
            }
        }
    }

    fn believe(&mut self, watermark: Watermark) {
        let has = |seq: u64| self.records.contains_key(&format!("{}-{seq}", watermark.ledger));
        if (1..=watermark.last_seq).any(|seq| !has(seq)) {
            self.wrong.push(format!("{watermark:?} before its records"));
        }
        self.watermark = Some(watermark);
    }
}

/// Takes files away from a directory.
#[derive(Debug, Default)]
pub struct FileReceiver(Kept);

impl FileReceiver {
    /// Takes what is there.
    pub fn take(&mut self) -> Result<()> {
        // Before the files that it speaks of: those that come later are later batches.
        let mut watermarks = Vec::new();
        for path in files()? {
            if is_watermark(&path) {
                watermarks.push(fs::read_to_string(&path)?);
            }
        }
        for path in files()? {
            if !is_watermark(&path) {
                self.0.keep(&fs::read_to_string(&path)?);
                fs::remove_file(&path)?;
            }
        }
        for text in &watermarks {
            self.0.keep(text);
        }
        Ok(())
    }

    /// The receiver's records.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.0
    }
}

/// The whole files of the directory.
fn files() -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(EXPORT_DIR) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().context("a name")?.to_string_lossy();
        if !name.starts_with('.') {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_watermark(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// A server in the edge's namespace that fails at random.
pub struct HttpReceiver {
    /// Where it listens on `lo`.
    pub port: u16,
    kept: Arc<Mutex<Kept>>,
    is_reliable: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HttpReceiver {
    /// Listens.
    pub fn start(lab: &Lab, seed: u64) -> Result<Self> {
        let listener = lab.edge().run(|| Ok(TcpListener::bind("127.0.0.1:0")?))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let (is_reliable, stop): (Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
        let server = Server {
            kept: Arc::clone(&kept),
            is_reliable: Arc::clone(&is_reliable),
            chance: Chance::new(seed),
        };
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || server.run(&listener, &stopped));
        Ok(Self { port, kept, is_reliable, stop, thread: Some(thread) })
    }

    /// Fails no more.
    pub fn be_reliable(&self) {
        self.is_reliable.store(true, Ordering::Relaxed);
    }

    /// The receiver's records.
    #[must_use]
    pub fn kept(&self) -> Kept {
        lock(&self.kept).clone()
    }
}

impl Drop for HttpReceiver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panic = thread.join();
        }
    }
}

struct Server {
    kept: Arc<Mutex<Kept>>,
    is_reliable: Arc<AtomicBool>,
    chance: Chance,
}

/// The server's treatment of a batch.
#[derive(Clone, Copy)]
enum Mood {
    Keep,
    KeepSlowly,
    KeepAndSayNothing,
    Refuse,
    HangUp,
}

impl Server {
    fn run(mut self, listener: &TcpListener, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                // The client may have been killed.
                Ok((stream, _)) => drop(self.answer(stream)),
                Err(_) => thread::sleep(LOOK),
            }
        }
    }

    fn answer(&mut self, stream: TcpStream) -> Result<()> {
        let mood = self.chance.pick_weighted(&[
            (4, Mood::Keep),
            (1, Mood::KeepSlowly),
            (2, Mood::KeepAndSayNothing),
            (2, Mood::Refuse),
            (1, Mood::HangUp),
        ]);
        let mood = if self.is_reliable.load(Ordering::Relaxed) { Mood::Keep } else { mood };
        if matches!(mood, Mood::HangUp) {
            return Ok(());
        }
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let body = read_body(&mut reader)?;
        let mut stream = reader.into_inner();
        match mood {
            Mood::Refuse => return Ok(stream.write_all(&answer_of("500 Not Today"))?),
            Mood::KeepSlowly => thread::sleep(SLOW),
            Mood::Keep | Mood::KeepAndSayNothing | Mood::HangUp => {}
        }
        lock(&self.kept).keep(&body);
        if !matches!(mood, Mood::KeepAndSayNothing) {
            stream.write_all(&answer_of("200 OK"))?;
        }
        Ok(())
    }
}

/// A request's body, if all of it is there.
fn read_body(reader: &mut BufReader<TcpStream>) -> Result<String> {
    let mut len = 0;
    loop {
        let mut line = String::new();
        anyhow::ensure!(reader.read_line(&mut line)? > 0, "the request is cut short");
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(told) = line.strip_prefix("content-length:") {
            len = told.trim().parse()?;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

fn answer_of(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
