//! A device whose frames go two ways.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::ProgramArray,
    programs::{TestRun as _, TestRunAttrs, TestRunOptions, Xdp, loaded_programs},
};

use super::{OBJECT, far_end::program, topology::Lab};

/// The programs of two ports, either of which takes a frame, by chance.
#[derive(Debug)]
pub struct Either {
    programs: Ebpf,
}

impl Either {
    /// Of the programs for frames in one buffer that have these ids of the kernel's.
    pub fn of(ids: [u32; 2]) -> Result<Self> {
        let mut programs = Ebpf::load(OBJECT).context("cannot load the lab's programs")?;
        let either: &mut Xdp = program(&mut programs, "either")?.try_into()?;
        either.load()?;
        let map = programs.map_mut("EITHER").context("lab.o has no map EITHER")?;
        let mut map = ProgramArray::try_from(map)?;
        for (number, id) in (0..).zip(ids) {
            // Programs of other owners may come and go meanwhile.
            let found = loaded_programs().flatten().find(|program| program.id() == id);
            let found = found.with_context(|| format!("there is no program {id}"))?;
            map.set(number, &found.fd()?, 0)?;
        }
        Ok(Self { programs })
    }

    /// Has the edge receive `frames` copies of a frame, up to 256 in one poll of a device.
    pub fn receive(&mut self, lab: &Lab, frame: &[u8], frames: u32) -> Result<()> {
        /// The most that the kernel runs at a time (`TEST_XDP_MAX_BATCH` in net/bpf/test_run.c).
        const MOST: u32 = 256;
        let either: &mut Xdp = program(&mut self.programs, "either")?.try_into()?;
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = frames;
        options.attrs = TestRunAttrs::new().xdp_live_frames(MOST);
        lab.edge().run(|| Ok(either.test_run(options).map(drop)?)).context("receiving frames")
    }
}
