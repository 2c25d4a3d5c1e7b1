//! Tests that need root.

/// Whether this process may load programs. Where it may not, the test is skipped, loudly; where
/// `EDGE_REQUIRE_ROOT` is set, as in CI, it fails, so that a run in which everything was skipped
/// can't pass.
///
/// # Panics
///
/// Without root where `EDGE_REQUIRE_ROOT` is set.
#[must_use]
pub fn have_root() -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    assert!(std::env::var_os("EDGE_REQUIRE_ROOT").is_none(), "this test needs root");
    eprintln!("SKIPPED: needs root; `sudo -E cargo xtask test` runs it");
    false
}
