use super::*;

#[test]
fn nothing_is_done_where_everything_is_there() {
    for needs in [Needs::Fuzz, Needs::ForeignKernels, Needs::DistTest] {
        assert_eq!(missing(&everything(), needs), []);
    }
}

#[test]
fn a_bare_machine_gets_all_of_it_and_no_more_than_the_verb_needs() {
    let bare = bare();
    assert_eq!(names(&bare, Needs::Build), ["tools", "a compiler for BPF", "bpf-linker"]);
    assert_eq!(names(&bare, Needs::Dev), ["tools", "a compiler for BPF", "bpf-linker", "linters"]);
    assert_eq!(names(&bare, Needs::Deny).last(), Some(&"cargo-deny"));
    assert_eq!(names(&bare, Needs::Fuzz).last(), Some(&"cargo-fuzz"));
    assert!(!names(&bare, Needs::Kernels).contains(&"cargo-deny"));
    assert!(!names(&bare, Needs::Fuzz).contains(&FOREIGN_STD));
    assert!(names(&bare, Needs::ForeignKernels).contains(&FOREIGN_STD));
    assert_eq!(names(&bare, Needs::Dist).last(), Some(&"cargo-deb"));
    assert!(!names(&bare, Needs::Deny).contains(&"cargo-deb"));
    let build = missing(&bare, Needs::Build);
    assert_eq!(build[0].ways, [Way::Apt(vec!["gcc", "libc6-dev"])]);
    let test = missing(&bare, Needs::Test);
    let Way::Apt(packages) = &test[0].ways[0] else { panic!("{test:?}") };
    assert!(packages.ends_with(&["iputils-ping", "bird2", "frr"]), "{packages:?}");
    let run = missing(&bare, Needs::Run);
    assert_eq!(run[0].ways, [Way::Apt(vec!["gcc", "libc6-dev", "iproute2", "ethtool"])]);
}

#[test]
fn rustup_comes_before_debian_and_either_may_be_absent() {
    let ways = |rustup, apt| {
        let found = Found { toolchain: None, rustup, apt, ..everything() };
        let missing = missing(&found, Needs::Build);
        let compiler = missing.first().expect("a compiler is missing");
        compiler.ways.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let both = ways(true, true);
    assert!(both[0].starts_with("rustup toolchain install nightly-"), "{both:?}");
    assert!(both[1].ends_with("rustc-web rust-web-src"), "{both:?}");
    assert_eq!(ways(true, false), both[..1]);
    assert_eq!(ways(false, true), both[1..]);
    assert_eq!(ways(false, false), both[1..]);
}

#[test]
fn clippy_for_bpf_and_miri_are_optional_and_of_the_toolchain_found() {
    let ways = |toolchain: Toolchain| {
        let found =
            Found { toolchain: Some(toolchain), bpf_clippy: false, miri: false, ..everything() };
        let missing = missing(&found, Needs::Dev);
        assert!(missing.iter().all(|missing| missing.is_optional));
        missing.into_iter().flat_map(|missing| missing.ways).collect::<Vec<_>>()
    };
    assert_eq!(ways(Toolchain::System), [Way::Apt(vec!["rust-web-clippy"])]);
    assert!(matches!(
        &ways(Toolchain::Rustup(format!("{NIGHTLY}-x86_64-unknown-linux-gnu")))[..],
        [Way::Rustup(_), Way::Rustup(_)]
    ));
    assert_eq!(ways(Toolchain::Rustup("nightly-x86_64-unknown-linux-gnu".to_owned())), []);
}

fn names(found: &Found, needs: Needs) -> Vec<&'static str> {
    missing(found, needs).iter().map(|missing| missing.what).collect()
}

fn everything() -> Found {
    Found {
        tools: PACKAGES.iter().map(|package| package.tool).collect(),
        toolchain: Some(Toolchain::System),
        bpf_clippy: true,
        miri: true,
        bpf_linker: true,
        rustup: true,
        apt: true,
        clippy: true,
        rustfmt: true,
        cargo_deny: true,
        cargo_fuzz: true,
        cargo_deb: true,
        foreign_target: true,
    }
}

fn bare() -> Found {
    Found {
        tools: Vec::new(),
        toolchain: None,
        bpf_clippy: false,
        miri: false,
        bpf_linker: false,
        rustup: true,
        apt: true,
        clippy: false,
        rustfmt: false,
        cargo_deny: false,
        cargo_fuzz: false,
        cargo_deb: false,
        foreign_target: false,
    }
}
