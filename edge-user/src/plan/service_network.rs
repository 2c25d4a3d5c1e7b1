//! The attachment by which frames of the service network come in. They have no owner until they have a route: then they are a
//! customer's.

use edge_common::abi::{
    attachment::{Attachment, Slot},
    policer::Limits,
    port::Features,
};

use super::{AttachmentKey, AttachmentPlan, Plan, attachment::Claims, member::members};
use crate::{
    config::{Config, Port, RoutedKey, SERVICE_NETWORK, SideTags},
    model::{Accounting, Billing, PeeringKind},
};

/// The key of its attachment; `None`: there is no service network.
pub(super) fn service_key(config: &Config) -> Option<AttachmentKey> {
    let network = config.service_network.as_ref()?;
    let port = config.ports.iter().find(|port| port.name == network.port)?;
    Some(AttachmentKey {
        edge: config.edge.name.clone(),
        circuit: SERVICE_NETWORK.to_owned(),
        service_key: None,
        // No link to a virtual network has this peering, whatever its circuit is called.
        peering: PeeringKind::Microsoft,
        port: port.name.clone(),
        direction: port.side.direction(),
        link: port.link,
        billing: Billing::Unlimited,
        accounting: Accounting::L2,
        classes: Vec::new(),
        is_routed: true,
        vnet: Some(SERVICE_NETWORK.to_owned()),
    })
}

/// The port and the S-VID whose C-table has its C-tag; `None`: it has one tag.
pub(super) fn c_table(config: &Config) -> Option<(&str, u16)> {
    let network = config.service_network.as_ref()?;
    let SideTags { s_vid, c_vids } = network.tags();
    Some((&network.port, s_vid.filter(|_| c_vids.is_some())?))
}

/// The features that frames of the service network need of a port: those of every customer that they may go to.
pub(super) fn features(config: &Config, port: &Port) -> Features {
    let is_here = config.service_network.as_ref().is_some_and(|own| own.port == port.name);
    if !is_here {
        return Features::NONE;
    }
    let routed = members(config).filter(|own| own.peering.kind != PeeringKind::Private);
    let routed = routed.filter(|own| own.routed_key().is_some());
    routed.fold(Features::ROUTED, |features, own| features.with(own.features()))
}

impl Plan {
    /// Adds its attachment, and its tags.
    pub(super) fn attach_services(&mut self, config: &Config, claims: &Claims<'_>) {
        let Some((network, key)) = config.service_network.as_ref().zip(service_key(config)) else {
            return;
        };
        let claim = claims.attachments[&key];
        let port = claims.ports[&network.port].index;
        self.publish(network.tags(), port, Slot::Attachment(claim.index));
        self.attachments.push(AttachmentPlan {
            index: claim.index,
            is_new: claim.is_new,
            key,
            value: Attachment {
                flags: Attachment::ROUTED,
                router_interface: claims.interfaces[&RoutedKey::Services].index,
                ..Attachment::default()
            },
            limits: Limits::default(),
            predecessors: Vec::new(),
        });
    }
}
