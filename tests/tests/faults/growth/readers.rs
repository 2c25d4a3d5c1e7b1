//! A reader is not in the way of a daemon that starts.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Result, ensure};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, edge},
    ends::lab,
    load::{check_all, under_load},
};
use edge_user::lab::root_or_skip;

use super::config::{alone, only_set, with_unmatched};

#[test]
fn readers_are_in_no_starters_way() -> Result<()> {
    if !root_or_skip("readers_are_in_no_starters_way") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut daemon = Daemon::start(&lab, &alone())?;
    let is_over = AtomicBool::new(false);
    let (sent, daemon) = thread::scope(|scope| {
        let readers = [(); 3].map(|()| {
            scope.spawn(|| -> Result<()> {
                while !is_over.load(Ordering::Relaxed) {
                    let read = edge(&lab, &["usage", "-c", CONFIG_PATH])?;
                    let said = String::from_utf8_lossy(&read.stderr);
                    ensure!(read.status.success(), "{said}");
                    ensure!(!said.contains("daemon is running"), "{said}");
                }
                Ok(())
            })
        });
        let done = under_load(&lab, || {
            for round in 0..6 {
                daemon.kill()?;
                // With other tables and with the same.
                daemon = Daemon::start(&lab, &with_unmatched(alone(), round % 4 < 2))?;
            }
            Ok(daemon)
        });
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        done
    })?;
    only_set(&daemon)?;
    check_all(&lab, sent, daemon)
}
