//! The frames of each customer, in every variant of the configuration.

use super::wires::WIRES;

/// A customer's peering, whatever the circuit is called at the time.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The circuit's names.
    pub names: &'static [&'static str],
    /// The peering.
    pub peering: &'static str,
    /// S-VID and C-VID of its frames.
    pub tags: &'static [(u16, u16)],
    /// The link whose wires it is on; `None`: on all.
    pub link: Option<&'static str>,
    /// The circuit has this name in every variant, is in every variant, on every wire of its, with
    /// the same tags and the built-in classes.
    pub is_constant: bool,
}

impl Group {
    /// A group whose circuit has one name, is on all wires, and never changes.
    const fn constant(
        names: &'static [&'static str],
        peering: &'static str,
        tags: &'static [(u16, u16)],
    ) -> Self {
        Self { names, peering, tags, link: None, is_constant: true }
    }

    /// The same, but for what variants change.
    const fn varying(names: &'static [&'static str], tags: &'static [(u16, u16)]) -> Self {
        Self { names, peering: "private", tags, link: None, is_constant: false }
    }

    const fn on(self, link: &'static str) -> Self {
        Self { link: Some(link), ..self }
    }

    /// Whether its circuit may be on this wire.
    #[must_use]
    pub fn is_on(&self, wire: usize) -> bool {
        self.link.is_none_or(|link| link == WIRES[wire].link)
    }
}

/// Every peering of every circuit. The last ones of one customer have tags that another has on other
/// wires.
pub const GROUPS: [Group; 14] = [
    Group::constant(&["alpha"], "private", &[(100, 10)]),
    Group::constant(&["alpha"], "microsoft", &[(100, 20)]),
    Group::constant(&["beta"], "private", &[(200, 10)]),
    Group::varying(&["gamma", "gamma-2"], &[(0, 300)]),
    Group::varying(&["delta"], &[(400, 10), (400, 11)]),
    Group::constant(&["off"], "private", &[(500, 10)]),
    Group::varying(&["zeta"], &[(600, 10)]),
    Group::varying(&["eta"], &[(700, 10), (701, 10)]),
    Group::varying(&["theta"], &[(0, 301)]),
    Group::constant(&["iota"], "public", &[(800, 10)]),
    Group::constant(&["nu"], "private", &[(900, 10)]).on("primary"),
    Group::constant(&["xi"], "private", &[(900, 10)]).on("secondary"),
    Group::varying(&["omicron"], &[(0, 302)]).on("primary"),
    Group::varying(&["pi"], &[(0, 302)]).on("secondary"),
];

/// Tags that no circuit has in any variant.
pub const UNCLAIMED: (u16, u16) = (999, 10);

/// Circuits whose bandwidth changes live.
pub const LIVE: [&str; 4] = ["alpha", "beta", "delta", "xi"];

/// The class of an IP packet by the built-in profile.
#[must_use]
pub fn built_in_class(dscp: Option<u8>) -> &'static str {
    match dscp {
        Some(46) => "voice",
        Some(34 | 18) => "interactive",
        _ => "default",
    }
}
