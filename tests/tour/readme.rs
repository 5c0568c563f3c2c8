//! Every curl line of the README and of the guide's page on the examples shows what curl truly prints.

use crate::process::{Example, run};
use crate::skip;

#[test]
fn the_readme_shows_true_output() {
    if !skip::has("curl") {
        return skip::tool("curl");
    }
    let pages = ["README.md", "src/guide/examples.md"];
    let pages = pages.map(|page| std::fs::read_to_string(page).unwrap()).concat();
    let (tour, conflicts) = (Example::start("tour"), Example::start("conflicts"));
    let files = Example::start("files");
    let policy = cfg!(unix).then(|| Example::start("policy"));
    let path = policy.as_ref().map(crate::policy::file).unwrap_or_default();
    let trust = cfg!(unix).then(|| Example::start("trust"));
    let tree = trust.as_ref().map(crate::trust::tree).unwrap_or_default();
    let expired = cfg!(unix).then(crate::trust::expired);
    let store = cfg!(target_os = "linux").then(|| Example::start("store"));
    let signed = Example::start("signed");
    let mut checked = 0;
    for block in pages.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for example in block.split("$ ").skip(1) {
            let (command, shown) = example.split_once('\n').unwrap();
            if command.contains("$POLICY") {
                // The next lines want the version that this one makes.
                let command = command.replace("$POLICY", &path.display().to_string());
                let Some(ran) = run("sh", &["-c", &command]) else { return };
                ran.exits(0);
                policy.as_ref().unwrap().receipt_with("policy: version 2 is in force");
                continue;
            }
            if command.contains("$TREE") {
                let command = command.replace("$TREE", &tree.display().to_string());
                let Some(ran) = run("sh", &["-c", &command]) else { return };
                ran.exits(0);
                continue;
            }
            if !command.starts_with("curl ") {
                continue;
            }
            let command = command.replace("127.0.0.1:3000", &tour.addr);
            let command = command.replace("127.0.0.1:3001", &conflicts.addr);
            let command = command.replace("127.0.0.1:3002", &files.addr);
            let command = command.replace("127.0.0.1:3006", &signed.addr);
            let command = match &store {
                Some(store) => command.replace("127.0.0.1:3003", &store.addr),
                None if command.contains("127.0.0.1:3003") => continue,
                None => command,
            };
            let command = match &policy {
                Some(policy) => command.replace("127.0.0.1:3004", &policy.addr),
                None if command.contains("127.0.0.1:3004") => continue,
                None => command,
            };
            let command = match &expired {
                Some([serves, stops]) => command
                    .replace("127.0.0.1:3007", &serves.addr)
                    .replace("127.0.0.1:3008", &stops.addr),
                None if command.contains("127.0.0.1:3007") => continue,
                None if command.contains("127.0.0.1:3008") => continue,
                None => command,
            };
            let command = match &trust {
                Some(trust) => command.replace("127.0.0.1:3005", &trust.addr),
                None if command.contains("127.0.0.1:3005") => continue,
                None => command,
            };
            let Some(ran) = run("sh", &["-c", &format!("{command} 2>&1")]) else { return };
            // The clock is not ours; a blank end of a block is not curl's.
            let printed: Vec<_> =
                ran.out.trim_end().lines().filter(|line| !line.starts_with("date: ")).collect();
            assert_eq!(printed.join("\n"), shown.trim_end(), "$ {command}");
            checked += 1;
        }
    }
    assert!(checked >= 27, "there are {checked} curl lines with output");
}
