//! Interface settings that the path needs: edge changes them as the last step before it attaches
//! programs, and changes them back where no program was attached.

use crate::kernel::{
    error::{Context as _, Result},
    host::{
        interface::Interface,
        offloads::{self, Offload},
    },
};

/// Settings that this process has changed.
#[derive(Default)]
pub struct Adjusted(Vec<Adjustment>);

struct Adjustment {
    interface: Interface,
    turned_off: Vec<Offload>,
    made_promiscuous: bool,
}

impl Adjusted {
    /// Has the interface show XDP every frame of the wire, with all of its tags.
    ///
    /// Frames have MAC addresses of customers and of the cloud, not the interface's, and VIDs that
    /// the host doesn't know. A NIC's filters drop such frames, and no counter shows it.
    pub fn adjust(&mut self, interface: &Interface) -> Result<()> {
        self.adjust_one(interface)?;
        // A bond makes its interfaces promiscuous with itself, but each has offloads of its own.
        interface.slaves()?.iter().try_for_each(|slave| self.adjust_one(slave))
    }

    fn adjust_one(&mut self, interface: &Interface) -> Result<()> {
        let known = Interface::find(&interface.name())?;
        self.0.push(Adjustment {
            interface: known,
            turned_off: Vec::new(),
            made_promiscuous: false,
        });
        let Some(own) = self.0.last_mut() else { return Ok(()) };
        offloads::turn_off(interface, &mut own.turned_off)?;
        if !interface.is_promiscuous()? {
            interface.set_promiscuous(true).with_context(|| {
                let name = interface.name();
                format!(
                    "{name} receives frames to its own address alone, so frames of circuits would \
                     be lost, and making it promiscuous failed; try `ip link set {name} promisc on`"
                )
            })?;
            own.made_promiscuous = true;
            tracing::info!(
                "{}: made promiscuous, so that it receives frames to any address",
                interface.name()
            );
        }
        Ok(())
    }

    /// Takes over what `other` has changed.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Changes all settings back, but for the interfaces in `attached`, whose programs need them.
    pub fn restore(self, attached: &[u32]) {
        for Adjustment { interface, turned_off, made_promiscuous } in self.0 {
            if attached.contains(&interface.index()) {
                continue;
            }
            offloads::turn_on(&interface, &turned_off);
            if made_promiscuous && let Err(error) = interface.set_promiscuous(false) {
                let name = interface.name();
                tracing::warn!(
                    "{name} stays promiscuous: {error:#}; `ip link set {name} promisc off`"
                );
            }
        }
    }
}
