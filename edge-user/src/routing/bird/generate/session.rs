//! A session of one family.

use super::{filters, functions::FilterFunctions, writer::ConfigWriter};
use crate::routing::bird::{
    model::{
        AddressFamily, SpeakerPlan,
        domain::BgpDomain,
        session::{BeyondLimit, BgpSession, SessionEnds},
    },
    names,
    version::BirdVersion,
};

pub(super) fn write(
    out: &mut ConfigWriter,
    functions: &mut FilterFunctions,
    plan: &SpeakerPlan,
    domain: &BgpDomain,
    session: &BgpSession,
    (family, ends): (AddressFamily, SessionEnds),
    version: BirdVersion,
) {
    out.block(format!("protocol bgp {}", session.name_of(family)), |out| {
        out.line(format!("description \"{}\";", session.name));
        if !session.is_enabled {
            out.line("disabled yes;");
        }
        // Both are needed for a socket that is bound to the device, with the address of many.
        out.line(format!("interface \"{}\"; strict bind yes; direct;", session.device));
        // A port without carrier ends it at once: the other side has to hear of it, as another edge may have a way.
        out.line("check link yes;");
        let port = session.listening_port(version);
        out.line(format!("local {} port {port} as {};", ends.own, plan.asn));
        out.line(format!("neighbor {} as {};", ends.peer, session.peer_asn));
        if session.key.is_some() {
            if version.names_authentication() {
                out.line("authentication md5;");
            }
            out.line(format!("password {};", names::key(session.index)));
        }
        if session.is_passive {
            out.line("passive yes;");
        }
        if session.has_ttl_security {
            out.line("ttl security yes;");
        }
        out.line("enforce first as yes;");
        protocol_times(out, session);
        let filters = [
            filters::import(functions, session, family, ends.peer),
            filters::export(functions, plan.asn, domain, session, family),
        ];
        out.option(family.channel(), |out| {
            channel(out, domain, session, family);
            for filter in &filters {
                out.line(filter);
            }
        });
    });
}

fn protocol_times(out: &mut ConfigWriter, session: &BgpSession) {
    let times = session.timers;
    out.line(format!("hold time {}; keepalive time {};", times.hold_s, times.keepalive_s));
    // The first connection at once: an edge that starts has all its sessions down.
    out.line(format!("connect delay time 1; connect retry time {};", times.connect_retry_s));
    let (shortest, longest) = times.error_wait_s;
    let forget = u32::from(longest) + 1;
    out.line(format!("error wait time {shortest}, {longest}; error forget time {forget};"));
    out.line(match session.graceful_restart_s {
        Some(restart_s) => format!("graceful restart yes; graceful restart time {restart_s};"),
        // As a helper it still keeps the routes of a peer that restarts.
        None => "graceful restart aware;".to_owned(),
    });
    out.line("long lived graceful restart no;");
    if let Some(bfd) = session.bfd {
        let graceful = if bfd.is_graceful { " graceful;" } else { "" };
        out.line(format!(
            "bfd {{ interval {} us; multiplier {};{graceful} }};",
            bfd.interval.as_micros(),
            bfd.multiplier
        ));
    }
}

fn channel(
    out: &mut ConfigWriter,
    domain: &BgpDomain,
    session: &BgpSession,
    family: AddressFamily,
) {
    let action = match session.limits.beyond {
        BeyondLimit::Restart => "restart",
        BeyondLimit::Disable => "disable",
    };
    out.line(format!("table {};", names::table(domain.kernel_table, family)));
    out.line(format!("preference {};", filters::preference(session.side)));
    // Without it, BIRD forgets the refused routes, and counts each update instead of each route.
    out.line("import keep filtered yes;");
    out.line(format!("receive limit {} action {action};", session.limits.of(family)));
    out.line("next hop self yes; gateway direct;");
}
