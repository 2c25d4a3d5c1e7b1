//! The page of pinned tables that says whose books they are, and whether these are open.

use edge_common::abi::books::{BooksPage, CARRIED_EPOCHS, LAYOUT, OPEN};
use uuid::Uuid;
use zerocopy::FromBytes as _;

use crate::{
    kernel::{
        error::{KernelError, Result},
        object::pins::Pins,
        tables::{kernel_tables::KernelTables, raw_map::RawArray},
    },
    time,
};

/// A page for new tables.
pub struct NewPage(BooksPage);

impl NewPage {
    /// A page of tables whose ports are in the network namespace with this cookie.
    pub fn new(netns_cookie: u64) -> Result<Self> {
        Ok(Self(BooksPage {
            state: OPEN,
            epoch: Uuid::new_v4().into_bytes(),
            boot: time::boot_id()?.into_bytes(),
            // Before 1970 is as good as 1970: no clock that says so is believed.
            created_s: u64::try_from(time::wall().as_second()).unwrap_or(0),
            checkpoint: 0,
            layout: LAYOUT,
            carried_side: 0,
            carried_from: [[[0; 16]; CARRIED_EPOCHS]; 2],
            netns_cookie,
        }))
    }

    /// Opens the page of `tables`, if it is not yet. From then on they are an epoch, which the
    /// ledger knows: to be called when nothing can take them back any more, and before anything
    /// counts in them. An open page gets our network namespace: the one before, if that was another,
    /// is gone with its interfaces.
    pub fn open(&self, tables: &KernelTables) {
        if tables.books.get(0).state == OPEN {
            // One word: the bookkeeper counts its readings in another at the same time.
            tables.set_netns_cookie(self.0.netns_cookie);
            return;
        }
        tables.books.set(0, &BooksPage { state: 0, ..self.0 });
        // Only now that all of it is there.
        tables.books.set(0, &self.0);
    }
}

/// State of the page of the tables under `pins`; `None`: there is no page.
pub fn page_state(pins: &Pins) -> Result<Option<u64>> {
    Ok(page(pins)?.map(|(page, _)| page.state))
}

/// The cookie of the network namespace that the ports of the tables under `pins` are in; `None`:
/// not known.
pub fn netns_cookie_of(pins: &Pins) -> Result<Option<u64>> {
    Ok(page(pins)?.map(|(page, _)| page.netns_cookie).filter(|cookie| *cookie != 0))
}

/// The page under `pins`, and the table that it is in.
pub(super) fn page(pins: &Pins) -> Result<Option<(BooksPage, RawArray)>> {
    let path = pins.map("BOOKS");
    if !path.try_exists()? {
        return Ok(None);
    }
    let pages = RawArray::open(&path, None)?;
    let mut bytes = pages.entry(0);
    // Fields that were added to the page after this one was made are zero.
    bytes.resize(bytes.len().max(size_of::<BooksPage>()), 0);
    let (page, _added_later) = BooksPage::read_from_prefix(&bytes)
        .map_err(|_size| KernelError::damaged("the books' page is cut short"))?;
    Ok(Some((page, pages)))
}
