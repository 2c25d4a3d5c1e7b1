use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use nix::sys::socket::{setsockopt, sockopt};

use super::DelayLine;
use crate::lab::{Bounce, IpFamily, Lab, Path, TagStack, root_or_skip};

const ONE_WAY: Duration = Duration::from_millis(10);
const PACKETS_PER_MS: u64 = 25;
const LENGTH_MS: u64 = 700;
/// Nothing more comes after so long, even on a busy machine.
const QUIET: Duration = Duration::from_secs(1);

/// Sends numbered packets with the time; number and time on the way of each that arrives.
fn send_through(path: &Path, family: IpFamily) -> Result<Vec<(u64, Duration)>> {
    let bind = |host: &crate::lab::Host| {
        host.ns.run(|| Ok(UdpSocket::bind(SocketAddr::new(host.address(family), 0))?))
    };
    let (sender, receiver) = (bind(&path.near)?, bind(&path.far)?);
    setsockopt(&receiver, sockopt::RcvBufForce, &(32 << 20))?;
    receiver.set_read_timeout(Some(QUIET))?;
    sender.connect(receiver.local_addr()?)?;
    let start = Instant::now();
    let nanos = || u64::try_from(start.elapsed().as_nanos()).expect("a time of seconds");
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..LENGTH_MS * PACKETS_PER_MS {
                let due = Duration::from_millis(number / PACKETS_PER_MS);
                thread::sleep(due.saturating_sub(start.elapsed()));
                let mut packet = [0; 200];
                packet[..8].copy_from_slice(&number.to_be_bytes());
                packet[8..16].copy_from_slice(&nanos().to_be_bytes());
                sender.send(&packet).expect("the socket takes a packet");
            }
        });
        let mut arrived = Vec::new();
        let mut packet = [0; 200];
        while receiver.recv(&mut packet).is_ok() {
            let [number, sent] = [0, 8]
                .map(|at| u64::from_be_bytes(packet[at..at + 8].try_into().expect("eight bytes")));
            arrived.push((number, Duration::from_nanos(nanos() - sent)));
        }
        Ok(arrived)
    })
}

#[test]
fn what_goes_along_a_line_arrives_whole_in_order_and_not_early() -> Result<()> {
    if !root_or_skip("what_goes_along_a_line_arrives_whole_in_order_and_not_early") {
        return Ok(());
    }
    let mut lab = Lab::new(&["cust0", "core0"])?;
    let _bounce = Bounce::between(&lab, "cust0", "core0")?;
    let path = lab.join("cust0", "core0", TagStack::qinq(100, 10))?;
    let line = DelayLine::along(&path, ONE_WAY)?;
    let ways = [("core0", path.clone(), IpFamily::V4), ("cust0", path.reversed(), IpFamily::V6)];
    for (to, path, family) in ways {
        let arrived = send_through(&path, family)?;
        let (numbers, mut times): (Vec<_>, Vec<_>) = arrived.into_iter().unzip();
        assert!(numbers.is_sorted_by(|earlier, later| earlier < later));
        let overrun = lab.overrun_frames(to)?;
        assert_eq!(numbers.len() as u64 + overrun, LENGTH_MS * PACKETS_PER_MS, "{family:?}");
        let mean = times.iter().sum::<Duration>() / u32::try_from(times.len())?;
        let (least, most) = (times.iter().min().copied(), times.iter().max().copied());
        println!("{family:?}: on the way for {mean:?}, {least:?} to {most:?}");
        // A pause of the machine makes many packets late, and the mean with them, but not most.
        times.sort_unstable();
        assert!(least >= Some(ONE_WAY) && times[times.len() / 2] < 2 * ONE_WAY);
    }
    for end in ["cust0", "core0"] {
        let seen = lab.far_end(end)?.received()?;
        assert_eq!(seen.total(), seen.tagged(100, 10));
    }
    let report = line.finish()?;
    println!("{report:?}, on average {:?}", report.mean_late());
    assert_eq!(report.packets, 2 * LENGTH_MS * PACKETS_PER_MS);
    Ok(())
}
