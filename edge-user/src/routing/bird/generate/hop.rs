//! Next hops of static routes.

use crate::routing::bird::model::domain::StaticHop;

/// The device is named in the next hop: others have the same network.
pub(super) fn hop(hop: &StaticHop) -> String {
    format!("via {}%{} onlink", hop.gateway, hop.device)
}
