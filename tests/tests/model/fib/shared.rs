//! The arrays as several threads have them.

use std::sync::Mutex;

use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        routing::NextHopGroup,
    },
    fib::Lines,
};
use edge_user::routing::store::{FibSizes, HostArrays, arrays::FibArrays, grace::Grace};
use loom::sync::{
    Arc,
    atomic::{AtomicU64, Ordering, fence},
};

/// Readers of the model at most.
const READERS: usize = 2;

/// The words that writer and readers share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Words>);

struct Words {
    roots: Vec<AtomicU64>,
    /// Numbers of contents.
    trees: Vec<AtomicU64>,
    lines: Vec<AtomicU64>,
    /// Of each reader how often it has begun or ended: it is in a table where the number is odd.
    readers: Vec<AtomicU64>,
}

impl Shared {
    pub(crate) fn new(sizes: FibSizes, readers: usize) -> Self {
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        assert!(readers <= READERS);
        Self(Arc::new(Words {
            roots: words(sizes.roots as usize),
            trees: words(sizes.trees as usize),
            lines: words(sizes.lines as usize),
            readers: words(readers),
        }))
    }

    /// Has a reader look into the tree of root 1, as one run of a program does.
    pub(crate) fn read<T>(&self, reader: usize, look: impl Fn(&Self, &Tree) -> T) -> T {
        let words = &*self.0;
        words.readers[reader].fetch_add(1, Ordering::Relaxed);
        // Of the fences here and in `start`, one is first: either the writer sees that the reader has begun, or the
        // reader sees the new root.
        fence(Ordering::SeqCst);
        // In the kernel a relaxed load, on which those of the tree and of its lines depend. Loom knows no
        // dependencies.
        let tree = words.roots[1].load(Ordering::Acquire);
        let tree = self.tree(u32::try_from(tree).expect("an index")).expect("a tree");
        let seen = look(self, tree);
        words.readers[reader].fetch_add(1, Ordering::Release);
        seen
    }
}

impl Lines for Shared {
    fn line(&self, index: u32) -> Option<&FibLine> {
        LINES.get(self.0.lines.get(index as usize)?.load(Ordering::Relaxed))
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        TREES.get(self.0.trees.get(index as usize)?.load(Ordering::Relaxed))
    }
}

/// The writer's side: what it has written itself, and the words.
pub(crate) struct ModelArrays {
    own: HostArrays,
    shared: Shared,
}

impl ModelArrays {
    pub(crate) fn new(shared: Shared, sizes: FibSizes) -> Self {
        Self { own: HostArrays::new(sizes), shared }
    }
}

impl Lines for ModelArrays {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.own.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.own.tree(index)
    }
}

impl FibArrays for ModelArrays {
    fn sizes(&self) -> FibSizes {
        self.own.sizes()
    }

    fn root(&self, index: u32) -> Option<u64> {
        self.own.root(index)
    }

    fn group(&self, index: u32) -> Option<&NextHopGroup> {
        self.own.group(index)
    }

    fn write_line(&mut self, index: u32, line: &FibLine) {
        self.own.write_line(index, line);
        self.shared.0.lines[index as usize].store(LINES.number(line), Ordering::Relaxed);
    }

    fn write_tree(&mut self, index: u32, tree: &Tree) {
        self.own.write_tree(index, tree);
        self.shared.0.trees[index as usize].store(TREES.number(tree), Ordering::Relaxed);
    }

    fn write_group(&mut self, index: u32, group: &NextHopGroup) {
        self.own.write_group(index, group);
    }

    fn publish(&mut self, root: u32, tree: u64) {
        self.own.publish(root, tree);
        self.shared.0.roots[root as usize].store(tree, Ordering::Release);
    }
}

/// Grace periods as RCU has them: over when every reader that was in a table has left it once.
pub(crate) struct AllReaders(pub(crate) Shared);

/// The readers' words when a period began.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ticket([u64; READERS]);

impl Grace for AllReaders {
    type Ticket = Ticket;

    fn start(&mut self) -> Ticket {
        fence(Ordering::SeqCst);
        let mut ticket = Ticket::default();
        for (word, reader) in ticket.0.iter_mut().zip(&self.0.0.readers) {
            *word = reader.load(Ordering::Acquire);
        }
        ticket
    }

    fn is_over(&self, ticket: Ticket) -> bool {
        let has_left = |(word, reader): (&u64, &AtomicU64)| {
            word % 2 == 0 || reader.load(Ordering::Acquire) != *word
        };
        ticket.0.iter().zip(&self.0.0.readers).all(has_left)
    }
}

/// Contents of lines, and of trees, by their numbers. There are few, in all interleavings together.
struct Contents<T: 'static>(Mutex<Vec<&'static T>>);

static LINES: Contents<FibLine> = Contents(Mutex::new(Vec::new()));
static TREES: Contents<Tree> = Contents(Mutex::new(Vec::new()));

impl<T: Copy + Default + PartialEq> Contents<T> {
    /// The number of a content; 0 is that of entries that were never written.
    fn number(&self, content: &T) -> u64 {
        let mut known = self.0.lock().expect("contents");
        if known.is_empty() {
            known.push(Box::leak(Box::default()));
        }
        let place = known.iter().position(|known| *known == content).unwrap_or_else(|| {
            known.push(Box::leak(Box::new(*content)));
            known.len() - 1
        });
        place as u64
    }

    fn get(&self, number: u64) -> Option<&'static T> {
        self.0.lock().expect("contents").get(usize::try_from(number).ok()?).copied()
    }
}
