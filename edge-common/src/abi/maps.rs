//! The maps that the programs of an edge share with each other and with userspace.
//!
//! [`shared_maps!`](crate::shared_maps) is the only list of them. The kernel object makes its
//! statics from it, the loader sizes and pins the maps by it, and the daemon opens the maps that it
//! names.

/// Hands the list of shared maps to the macro `$make`. A line has the userspace field, the map's
/// name, the type of its entries and its [`Entries`].
#[macro_export]
macro_rules! shared_maps {
    ($make:ident) => {
        $make! {
            // Arrays that userspace maps into its memory, and changes by single stores.
            mapped {
                /// S-table of each port, by S-VID, or the only VID of a frame.
                s_tables S_TABLES: $crate::abi::VidTable, Ports;
                /// C-table of each S-tag on a port, by C-VID.
                c_tables C_TABLES: $crate::abi::VidTable, CTables;
                /// Instructions for the frames of an attachment.
                attachments ATTACHMENTS: $crate::abi::attachment::Attachment, Attachments;
                /// Classes and marks of each QoS profile, `dscp` policy and marking.
                qos_rows QOS_ROWS: $crate::abi::qos::QosRow, QosRows;
                /// Constants of each bandwidth.
                rates RATES: $crate::abi::rate::Rate, Rates;
                /// Buckets, and the most that they sold in a moment of late.
                policers POLICERS: $crate::abi::PolicerWords, Policers;
                /// Further buckets of an attachment: its peering's, and its classes'.
                limits LIMITS: $crate::abi::policer::Limits, Attachments;
                /// Queues by flow of circuits with `fairness`.
                flow_queues FLOW_QUEUES: $crate::abi::FlowQueuesWords, FlowQueues;
                /// Name, interface and programs of each port; the path doesn't read it.
                port_keys PORT_KEYS: $crate::abi::keys::PortKey, Ports;
                /// Owner of each attachment; the path doesn't read it.
                attachment_keys ATTACHMENT_KEYS: $crate::abi::keys::AttachmentRecord, Attachments;
                /// Owner of each policer; the path doesn't read it.
                policer_keys POLICER_KEYS: $crate::abi::keys::PolicerRecord, Policers;
                /// The books' page; the path doesn't read it.
                books BOOKS: $crate::abi::books::BooksPage, One;
                /// Counts of an attachment in earlier tables; the path doesn't read it.
                carried CARRIED: $crate::abi::books::Carried, Attachments;
                /// Counts of a port in earlier tables; the path doesn't read it.
                carried_ports CARRIED_PORTS: $crate::abi::books::CarriedPort, Ports;
                /// The router's interfaces: one for each link of a routed peering or to a virtual network.
                router_interfaces ROUTER_INTERFACES: $crate::abi::router::RouterInterface, RouterInterfaces;
                /// Owner of each of these interfaces; the path doesn't read it.
                router_keys ROUTER_KEYS: $crate::abi::keys::RouterRecord, RouterInterfaces;
                /// Numbers of the trees in which a domain's addresses are looked up; 0: none. One store turns to another
                /// tree.
                roots ROOTS: u64, Roots;
                /// Trees of the forwarding tables.
                trees TREES: $crate::abi::fib::Tree, Trees;
                /// Lines of the trees.
                fib_lines FIB_LINES: $crate::abi::fib::FibLine, FibLines;
                /// Next hops of routes.
                next_hops NEXT_HOPS: $crate::abi::routing::NextHop, NextHops;
                /// Groups of next hops.
                next_hop_groups NEXT_HOP_GROUPS: $crate::abi::routing::NextHopGroup, NextHopGroups;
                /// State of the links that next hops use: [`LINK_UP`]($crate::abi::routing::LINK_UP), or not.
                links LINKS: u64, Links;
                /// Way from an interface to its port in `TX_PORTS`; the path doesn't read it.
                tx_ways TX_WAYS: u64, TxWays;
            }
            // Arrays with an entry for each CPU.
            per_cpu {
                /// Bytes that this CPU has bought of a policer, and not yet used.
                leases LEASES: $crate::abi::policer::Lease, Policers;
                /// Frames and bytes that were forwarded, by class.
                meters METERS: $crate::abi::counters::Meter, Attachments;
                /// Frames and bytes that were dropped or refused, by reason and by class.
                losses LOSSES: $crate::abi::counters::Losses, Attachments;
                /// Received frames by reason.
                port_counters PORT_COUNTERS: $crate::abi::counters::PortCounters, Ports;
                /// Tags of received frames that belong to no circuit: so many buckets for each port.
                unmatched UNMATCHED: $crate::abi::unmatched::UnmatchedBucket, UnmatchedBuckets;
            }
            // Arrays with an entry for each CPU that userspace leaves alone.
            of_programs {
                /// Frames that were handed over to the port with this index in `TX_PORTS`, until its
                /// device has taken or refused them.
                IN_FLIGHT: $crate::abi::in_flight::InFlight, Ports;
            }
            // Devices that frames leave by.
            devices {
                /// Egress devices for programs without `xdp.frags`.
                tx_ports TX_PORTS, Ports;
                /// The same devices for programs with `xdp.frags`: the kernel lets a device map
                /// serve one kind of program only.
                tx_ports_frags TX_PORTS_FRAGS, Ports;
            }
        }
    };
}

/// The number of a map's entries: it has one for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// One.
    One,
    /// Ports.
    Ports,
    /// Buckets of ports for tags that no circuit claims.
    UnmatchedBuckets,
    /// Interfaces of ports, with room between them: a power of two.
    TxWays,
    /// S-tags on ports.
    CTables,
    /// Peerings on ports, by direction and link.
    Attachments,
    /// Buckets.
    Policers,
    /// Circuits with `fairness`.
    FlowQueues,
    /// Different bandwidths.
    Rates,
    /// QoS profiles with a `dscp` policy.
    QosRows,
    /// Interfaces of the router.
    RouterInterfaces,
    /// Roots of trees.
    Roots,
    /// Trees.
    Trees,
    /// Lines of trees.
    FibLines,
    /// Next hops.
    NextHops,
    /// Groups of next hops.
    NextHopGroups,
    /// Links.
    Links,
}

/// A shared map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedMap {
    /// Its name in the object, and under the pins.
    pub name: &'static str,
    /// The number of its entries.
    pub entries: Entries,
}

macro_rules! list {
    (
        mapped { $($(#[$_m:meta])* $_mf:ident $mapped:ident: $_mt:ty, $mn:ident;)* }
        per_cpu { $($(#[$_c:meta])* $_cf:ident $per_cpu:ident: $_ct:ty, $cn:ident;)* }
        of_programs { $($(#[$_p:meta])* $own:ident: $_pt:ty, $pn:ident;)* }
        devices { $($(#[$_d:meta])* $_df:ident $device:ident, $dn:ident;)* }
    ) => {
        /// All of them.
        pub const SHARED_MAPS: &[SharedMap] = &[
            $(SharedMap { name: stringify!($mapped), entries: Entries::$mn },)*
            $(SharedMap { name: stringify!($per_cpu), entries: Entries::$cn },)*
            $(SharedMap { name: stringify!($own), entries: Entries::$pn },)*
            $(SharedMap { name: stringify!($device), entries: Entries::$dn },)*
        ];
    };
}
shared_maps!(list);
