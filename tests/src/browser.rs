//! The page in a browser: Chromium, headless, in the edge's namespace.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use edge_user::lab::Lab;

use crate::http::METRICS;

/// The page's sources, and the scripts that look at it.
pub fn page_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../edge-user/page")
}

/// Runs a script of the page's tests, with these variables, at the page of the lab's edge. It prints that it is skipped
/// where there is no browser, which is a fault in CI.
pub fn browse(lab: &Lab, script: &str, variables: &[(&str, &str)]) -> Result<()> {
    let page = page_folder();
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap_or(false));
    let has_modules = page.join("node_modules/playwright-core").is_dir();
    let (Some(chromium), true) = (chromium, has_modules) else {
        let is_ci = env::var_os("CI").is_some_and(|value| value == "true");
        ensure!(
            !is_ci,
            "CI has to open the page: `cargo xtask test --only page` installs a browser"
        );
        println!("SKIPPED: there is no browser; `cargo xtask test --only page` installs it");
        return Ok(());
    };
    let mut command = lab.edge().command("node");
    command.arg(Path::new("tests").join(script)).current_dir(&page);
    command.env("EDGE_PAGE", format!("http://{METRICS}/")).env("EDGE_CHROMIUM", chromium);
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().context("node")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.success(), "{said}");
    print!("{said}");
    Ok(())
}
