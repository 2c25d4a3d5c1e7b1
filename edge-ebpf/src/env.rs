//! The path's surroundings in the kernel: maps, subprograms and the way out.

use aya_ebpf::EbpfContext as _;
use edge_common::{
    Reason,
    abi::{
        admission::Admission,
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        in_flight::HandedOver,
        policer::{Bucket, Limits},
        qos::{BurstShare, QosRow},
        routed::{Addressed, IcmpAnswer, Routed},
        unmatched::UnmatchedBucket,
    },
    env::{
        BucketCalls, Buckets, CpuCounters, Egress, FrameCalls, Lookup, Observer, RouteCalls,
        Routing, Way,
    },
    packet::{
        ip::{DsWord, Dscp},
        transport::Transport,
        vlan::{Tag, Vid},
    },
};

use crate::{
    buffers::NO_BYTES,
    egress,
    frame::XdpFrame,
    maps::{
        self, ATTACHMENTS, C_TABLES, LIMITS, METERS, Maps, QOS_ROWS, S_TABLES, TX_PORTS,
        TX_PORTS_FRAGS,
    },
    notes, port, router, subprograms, trace,
};

impl<const FRAGS: bool> Lookup for Maps<FRAGS> {
    #[inline(always)]
    fn s_tag(&self, vid: Vid) -> Slot {
        maps::slot(S_TABLES.get_ptr(port::index()), vid)
    }

    #[inline(always)]
    fn c_tag(&self, table: u32, vid: Vid) -> Slot {
        maps::slot(C_TABLES.get_ptr(table), vid)
    }

    #[inline(always)]
    fn attachment(&self, index: u32) -> Option<&Attachment> {
        ATTACHMENTS.get(index)
    }

    #[inline(always)]
    fn qos_row(&self, index: u32) -> Option<&QosRow> {
        QOS_ROWS.get(index)
    }

    #[inline(always)]
    fn limits(&self, attachment: u32) -> Option<&Limits> {
        LIMITS.get(attachment)
    }
}

impl<const FRAGS: bool> BucketCalls for Maps<FRAGS> {
    #[inline(always)]
    fn buy(&mut self, bucket: Bucket, share: BurstShare, len_bytes: u32) -> Admission {
        Admission::from_bits(subprograms::buy(
            bucket.policer,
            bucket.rate,
            share.get().into(),
            len_bytes,
        ))
    }

    #[inline(always)]
    fn pay(&mut self, bucket: Bucket, len_bytes: u32) -> Admission {
        Admission::from_bits(router::pay(bucket.policer, bucket.rate, len_bytes))
    }

    #[inline(always)]
    fn refresh_flows(&mut self, bucket: Bucket, flow_queues: u32) {
        subprograms::refresh_flows(bucket.policer, bucket.rate, flow_queues);
    }
}

impl<const FRAGS: bool> CpuCounters for Maps<FRAGS> {
    #[inline(always)]
    fn meter(&mut self, attachment: u32) -> Option<&mut Meter> {
        let meter = METERS.get_ptr_mut(attachment)?;
        // SAFETY: this CPU's element, which nothing else writes while the program runs; the path holds no
        // other reference to it.
        Some(unsafe { &mut *meter })
    }

    #[inline(always)]
    fn losses(&mut self, attachment: u32) -> Option<&mut Losses> {
        maps::losses(attachment)
    }

    #[inline(always)]
    fn port_counters(&mut self) -> Option<&mut PortCounters> {
        maps::port_counters(port::index())
    }

    #[inline(always)]
    fn unmatched(&mut self, bucket: u32) -> Option<&mut UnmatchedBucket> {
        maps::unmatched(port::index(), bucket)
    }
}

impl<const FRAGS: bool> Egress for Maps<FRAGS> {
    #[inline(always)]
    fn forward(&mut self, way: Way) -> bool {
        let tx_ports = if FRAGS { &TX_PORTS_FRAGS } else { &TX_PORTS };
        trace::note_egress(|| port::tx_port(way));
        port::is_stack(way) || tx_ports.redirect(port::tx_port(way), 0).is_ok()
    }

    #[inline(always)]
    fn hand_over(&mut self, way: Way, frame: HandedOver) {
        if !port::is_stack(way) && !port::is_replay() {
            egress::hand_over(port::tx_port(way), frame);
        }
    }
}

impl<const FRAGS: bool> Observer for Maps<FRAGS> {
    #[inline(always)]
    fn note_attachment(&self, index: u32) {
        notes::note(|outcome| outcome.attachment = index);
    }

    #[inline(always)]
    fn note_class(&self, class: Class) {
        notes::note(|outcome| outcome.class = class.number());
    }

    #[inline(always)]
    fn note_dscp(&self, arriving: Dscp, leaving: Dscp) {
        notes::note(|outcome| {
            outcome.dscp_in = arriving.bits();
            outcome.dscp_out = leaving.bits();
        });
    }

    #[inline(always)]
    fn note_len_bytes(&self, len_bytes: u32) {
        notes::note(|outcome| outcome.len_bytes = len_bytes);
    }
}

impl<const FRAGS: bool> FrameCalls for XdpFrame<'_, FRAGS> {
    #[inline(always)]
    fn transport(&self, packet: &DsWord) -> Transport {
        let (offset, word) = packet.to_bits();
        let transport = if FRAGS { subprograms::transport_frags } else { subprograms::transport };
        Transport::from_bits(transport(self.ctx.as_ptr().cast(), self.start as u32 + offset, word))
    }

    #[inline(always)]
    fn flow_hash(&self, last: &Tag) -> u64 {
        let (ether_type, offset) = self.behind_tag(last);
        let flow_hash = if FRAGS { subprograms::flow_hash_frags } else { subprograms::flow_hash };
        flow_hash(self.ctx.as_ptr().cast(), ether_type, offset)
    }

    #[inline(always)]
    fn mark_congestion(&mut self, last: &Tag) -> Option<()> {
        let (ether_type, offset) = self.behind_tag(last);
        let mark =
            if FRAGS { subprograms::mark_congestion_frags } else { subprograms::mark_congestion };
        (mark(self.ctx.as_ptr().cast(), ether_type, offset) != NO_BYTES).then_some(())
    }

    #[inline(always)]
    fn note_unmatched(&self, _env: &mut (impl CpuCounters + Buckets)) {
        let note =
            if FRAGS { subprograms::note_unmatched_frags } else { subprograms::note_unmatched };
        note(self.ctx.as_ptr().cast());
    }

    #[inline(always)]
    fn ipv4_header_fault(&self, offset: usize) -> Option<Reason> {
        let fault = if FRAGS { router::ipv4_header_fault_frags } else { router::ipv4_header_fault };
        let number = fault(self.ctx.as_ptr().cast(), offset as u32);
        if number == 0 { None } else { Some(Reason::of_number(number as u8)) }
    }

    #[inline(always)]
    fn address(&self, _tables: &impl Routing, interface: u32, packet: &DsWord) -> Addressed {
        let (offset, word) = packet.to_bits();
        let address = if FRAGS { router::address_frags } else { router::address };
        Addressed::from_bits(address(self.ctx.as_ptr().cast(), offset, word, interface))
    }

    #[inline(always)]
    fn address_no_ip(&self, _tables: &impl Routing, interface: u32, last: &Tag) -> Addressed {
        let (ether_type, offset) = (last.next_ether_type.into(), last.next_offset as u32);
        let address = if FRAGS { router::address_no_ip_frags } else { router::address_no_ip };
        Addressed::from_bits(address(self.ctx.as_ptr().cast(), offset, ether_type, interface))
    }

    #[inline(always)]
    fn route(&self, _tables: &impl RouteCalls, interface: u32, packet: &DsWord) -> Routed {
        let (offset, word) = packet.to_bits();
        let route = if FRAGS { router::route_frags } else { router::route };
        Routed::from_bits(route(self.ctx.as_ptr().cast(), offset, word, interface))
    }

    #[inline(always)]
    fn answer(
        &mut self,
        _tables: &impl Routing,
        interface: u32,
        packet: &DsWord,
        answer: IcmpAnswer,
    ) -> bool {
        let (offset, word) = packet.to_bits();
        let make = if FRAGS { router::answer_frags } else { router::answer };
        make(self.ctx.as_ptr().cast(), offset, word, interface, answer.to_bits()) != NO_BYTES
    }
}
