//! Slots of attachments: their owners, and counters that begin at zero with each owner.

use std::{collections::BTreeMap, mem::offset_of};

use edge_common::abi::{
    books::Carried,
    keys::{AttachmentRecord, Generation},
};

use crate::{
    kernel::{
        error::Result,
        tables::{kernel_tables::KernelTables, keys},
    },
    plan,
};

/// Index of the word of a key that is its generation.
const GENERATION_WORD: usize = offset_of!(AttachmentRecord, generation) / size_of::<u64>();

impl KernelTables {
    /// Owners of the attachments' slots, the present ones or the last.
    #[must_use]
    pub fn owners(&self) -> BTreeMap<plan::AttachmentKey, u32> {
        let key = |index| keys::attachment_key(&self.attachment_keys.get(index));
        self.owned().filter_map(|index| Some((key(index)?, index))).collect()
    }

    /// The attachments' slots that have an owner.
    pub(in crate::kernel) fn owned(&self) -> impl Iterator<Item = u32> {
        let keys = &self.attachment_keys;
        let generation = |index| Generation::from_bits(keys.word_at(index, GENERATION_WORD));
        (0..keys.len()).filter(move |index| generation(*index).is_owned)
    }

    /// Gives the attachment's slot to an owner, with counters that begin at zero.
    pub(in crate::kernel) fn give(&self, index: u32, key: &plan::AttachmentKey) -> Result<()> {
        self.clear(index)?;
        self.own(index, key);
        Ok(())
    }

    /// Takes the attachment's slot from its owner, and sets its counters to zero: a process that is
    /// killed after this leaves no owner the counters of another.
    pub(in crate::kernel) fn clear(&self, index: u32) -> Result<()> {
        let before = Generation::from_bits(self.attachment_keys.get(index).generation);
        // A slot that no owner has had has no counts to clear.
        if before.number > 0 {
            let nobodys = Generation { is_owned: false, ..before };
            self.attachment_keys.swap(index, GENERATION_WORD, nobodys.to_bits());
            self.meters.clear(index)?;
            self.losses.clear(index)?;
            self.carried.set(index, &Carried::default());
        }
        Ok(())
    }

    /// Has the attachment's slot, which was cleared, be an owner's.
    pub(in crate::kernel) fn own(&self, index: u32, key: &plan::AttachmentKey) {
        let before = Generation::from_bits(self.attachment_keys.get(index).generation);
        // The slot has no owner while its key is written.
        let nobodys = Generation { is_owned: false, ..before };
        self.attachment_keys.set(index, &keys::attachment_record(key, nobodys));
        let owned = Generation { number: before.number + 1, is_owned: true };
        self.attachment_keys.swap(index, GENERATION_WORD, owned.to_bits());
    }
}
