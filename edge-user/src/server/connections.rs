//! Connections of clients. Each way in has a limit of their number and of their time, so that
//! clients always leave open files for the books.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until},
};

/// Most connections at once on one way in. Another one takes the place of the connection that has
/// been open for longest without a request.
pub(super) const MOST: usize = 64;
/// A connection lasts this long after its last request, or after its beginning if there is none. An
/// answer, and the client's reading of it, has this long.
const LASTS: Duration = Duration::from_mins(1);
/// For this long after its last request, a connection does not have to make room.
const BUSY: Duration = Duration::from_secs(30);
/// Nor does a new one for this long: its request may be on the way, and a flood of others must not outrun it.
const NEW: Duration = Duration::from_millis(25);
/// A new one has this long where another client has more connections: a flood keeps the CPUs from its victims, too.
const NEW_OF_FEW: Duration = Duration::from_secs(2);
/// Pause after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection's memory of its last request, shared with the task that answers it.
#[derive(Clone, Debug)]
pub(super) struct Asked(Arc<Mutex<Times>>);

#[derive(Clone, Copy, Debug)]
struct Times {
    opened: Instant,
    asked: Option<Instant>,
}

impl Asked {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Times { opened: Instant::now(), asked: None })))
    }

    /// Notes that a whole request has arrived.
    pub(super) fn note(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked = Some(Instant::now());
    }

    fn times(&self) -> Times {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection need not make room. It is new for as long as `new`.
    fn is_busy(&self, new: Duration) -> bool {
        let Times { opened, asked } = self.times();
        asked.is_some_and(|asked| asked.elapsed() < BUSY) || opened.elapsed() < new
    }

    /// Returns when the connection has lasted long enough.
    async fn lapse(&self) {
        loop {
            let Times { opened, asked } = self.times();
            let end = asked.unwrap_or(opened) + LASTS;
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// A client that may have several connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Host(IpAddr),
    /// Its process; `None`: the kernel does not tell.
    Process(Option<i32>),
}

/// A way in.
pub(super) trait Listener {
    /// A connection.
    type Stream;

    /// Waits for the next one.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Client)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Client)> {
        let (stream, address) = self.accept().await?;
        Ok((stream, Client::Host(address.ip())))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Client)> {
        let (stream, _) = self.accept().await?;
        let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
        Ok((stream, Client::Process(process)))
    }
}

/// Accepts connections for as long as the process lives, and has `answer` serve each. The log
/// calls the way in `what`.
pub(super) async fn serve<L, F>(
    what: &'static str,
    listener: L,
    answer: impl Fn(L::Stream, Asked) -> F,
) where
    L: Listener,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = Connections::default();
    loop {
        match listener.next().await {
            Ok((stream, client)) => {
                connections.make_room().await;
                let asked = Asked::new();
                connections.add(answer(stream, asked.clone()), asked, client);
            }
            Err(error) => {
                tracing::warn!("{what} accepts no clients for a moment, and tries again: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// The open connections, the oldest in front.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    open: VecDeque<Open>,
}

struct Open {
    task: AbortHandle,
    asked: Asked,
    client: Client,
}

impl Connections {
    fn add(
        &mut self,
        answer: impl Future<Output = ()> + Send + 'static,
        asked: Asked,
        client: Client,
    ) {
        let lasts = asked.clone();
        let task = self.tasks.spawn(async move {
            tokio::select! {
                () = answer => {}
                () = lasts.lapse() => {}
            }
        });
        self.open.push_back(Open { task, asked, client });
    }

    /// The connection that makes room: the oldest without a request.
    fn silent(&self) -> Option<usize> {
        let of = |client| self.open.iter().filter(|open| open.client == client).count();
        let counts: Vec<usize> = self.open.iter().map(|open| of(open.client)).collect();
        let most = counts.iter().max().copied().unwrap_or_default();
        self.open.iter().zip(counts).position(|(open, count)| {
            !open.asked.is_busy(if count < most { NEW_OF_FEW } else { NEW })
        })
    }

    /// Waits until there is room for one more of [`MOST`] connections. Where all are busy, that is
    /// when one has ended, or its last request is long ago. Other clients wait meanwhile.
    async fn make_room(&mut self) {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.open.retain(|open| !open.task.is_finished());
            if self.open.len() < MOST {
                return;
            }
            if let Some(silent) = self.silent().and_then(|place| self.open.remove(place)) {
                silent.task.abort();
                // The connection's file is closed when its task has ended.
                let _ended = self.tasks.join_next().await;
            } else {
                tokio::select! {
                    _ended = self.tasks.join_next() => {}
                    () = sleep(NEW) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::Semaphore,
    };

    use super::*;

    /// Clients of a server that answers each byte with one, when it may.
    struct Server {
        address: std::net::SocketAddr,
        may_answer: Arc<Semaphore>,
        most_open: Arc<AtomicUsize>,
    }

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn start(permits: usize) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (may_answer, most_open) = (Arc::new(Semaphore::new(permits)), Arc::default());
        let server = Server {
            address,
            may_answer: Arc::clone(&may_answer),
            most_open: Arc::clone(&most_open),
        };
        let now_open = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            serve("test", listener, |mut stream: TcpStream, asked| {
                let open = now_open.fetch_add(1, Ordering::Relaxed) + 1;
                most_open.fetch_max(open, Ordering::Relaxed);
                let (open, may_answer) = (Counted(Arc::clone(&now_open)), Arc::clone(&may_answer));
                async move {
                    let _open = open;
                    while stream.read_u8().await.is_ok() {
                        asked.note();
                        may_answer.acquire().await.unwrap().forget();
                        let _gone = stream.write_u8(1).await;
                    }
                }
            })
            .await;
        });
        server
    }

    impl Server {
        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }
    }

    #[tokio::test]
    async fn silent_connections_make_room_for_those_that_ask() {
        let server = start(Semaphore::MAX_PERMITS).await;
        let mut silent = Vec::new();
        for _ in 0..4 * MOST {
            silent.push(server.connect().await);
        }
        let mut asks = server.connect().await;
        asks.write_u8(0).await.unwrap();
        assert_eq!(asks.read_u8().await.unwrap(), 1);
        // The first were closed, and the last are still open.
        assert!(silent[0].read_u8().await.is_err());
        let last = silent.last_mut().unwrap();
        last.write_u8(0).await.unwrap();
        assert_eq!(last.read_u8().await.unwrap(), 1);
        assert!(server.most_open.load(Ordering::Relaxed) <= MOST);
    }

    /// A client that is slow to ask is not the one that makes room for a flood of another host.
    #[tokio::test]
    async fn a_flood_does_not_outrun_a_slow_client() {
        let server = start(Semaphore::MAX_PERMITS).await;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut slow = socket.connect(server.address).await.unwrap();
        let mut flood = Vec::new();
        let begin = Instant::now();
        while flood.len() < 4 * MOST || begin.elapsed() < 4 * NEW {
            flood.push(server.connect().await);
        }
        slow.write_u8(0).await.unwrap();
        assert_eq!(slow.read_u8().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn connections_that_wait_for_their_answers_are_kept() {
        let server = start(0).await;
        let mut waiting = Vec::new();
        for _ in 0..MOST {
            let mut stream = server.connect().await;
            stream.write_u8(0).await.unwrap();
            waiting.push(stream);
        }
        let mut late = server.connect().await;
        late.write_u8(0).await.unwrap();
        server.may_answer.add_permits(MOST + 1);
        for stream in &mut waiting {
            assert_eq!(stream.read_u8().await.unwrap(), 1);
        }
        // They have been answered, and asked a moment ago: there is room when one has gone.
        drop(waiting.pop());
        assert_eq!(late.read_u8().await.unwrap(), 1);
        assert!(server.most_open.load(Ordering::Relaxed) <= MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_when_nothing_has_been_asked_for_long() {
        let server = start(1).await;
        let begin = Instant::now();
        let mut stream = server.connect().await;
        sleep(LASTS / 2).await;
        stream.write_u8(0).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
        // And where the answer does not come.
        stream.write_u8(0).await.unwrap();
        assert!(stream.read_u8().await.is_err());
        let lasted = begin.elapsed();
        assert!(lasted >= LASTS * 3 / 2 && lasted < LASTS * 2, "{lasted:?}");
    }
}
