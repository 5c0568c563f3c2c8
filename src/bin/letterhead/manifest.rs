//! `letterhead manifest`: the files of a directory, listed, signed, and held against the list.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::SystemTime;

use letterhead::trust::{
    Difference, ListDraft, Manifest, Progress, PublicKey, Root, RootDraft, SigningKey, Tree,
    sha256sum_lines,
};

use crate::manifest_arguments::{MakeTask, ManifestTask, RootTask};
use crate::show::out;

pub(crate) fn run(task: &ManifestTask) -> ExitCode {
    let done = match task {
        ManifestTask::Root(task) => root(task),
        ManifestTask::Make(task) => make(task),
        ManifestTask::Sign { list, keys } => sign(list, keys),
        ManifestTask::Verify { directory, root, list, is_quiet } => {
            verify(directory, root, list.as_deref(), *is_quiet)
        }
        ManifestTask::Diff { earlier, later } => diff(earlier, later),
        ManifestTask::Sums { list } => sums(list),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn make(task: &MakeTask) -> Result<bool, String> {
    let output = task.output.clone().unwrap_or_else(|| task.directory.join(Tree::NAME));
    let keys = keys(&task.keys)?;
    let before = match fs::read(&output) {
        Ok(bytes) => Some(Manifest::read_unverified(&bytes).map_err(|error| at(&output, &error))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(at(&output, &error)),
    };
    let next = before.as_ref().map_or(1, |before| before.version().saturating_add(1));
    let tree_before = before.as_ref().map_or("", |before| before.tree());
    let tree = task.tree.as_deref().unwrap_or(tree_before);
    let draft = ListDraft::new(tree, task.version.unwrap_or(next), task.expires);
    let files =
        tree_of(&task.directory, task.is_quiet).pin_types(task.has_types).verity(task.has_verity);
    let files = task.left_out.iter().fold(files, |files, pattern| files.leave_out(pattern));
    let files = task.threads.into_iter().fold(files, Tree::threads);
    // The list need not stand where lists are left out anyway.
    let files = match output.strip_prefix(&task.directory) {
        Ok(inside) => files.leave_out(&format!("/{}", inside.display())),
        Err(_) => files,
    };
    let draft = files.draft(draft);
    clear(task.is_quiet);
    let draft = draft.map_err(|error| error.to_string())?;
    let bytes = draft.signed_by(&keys.iter().collect::<Vec<_>>());
    write(&output, &bytes)?;
    let version = task.version.unwrap_or(next);
    let files = draft.entries().count();
    out(&format!(
        "{}: version {version}, {files} files, {} signatures\n",
        output.display(),
        keys.len()
    ));
    Ok(true)
}

fn sign(list: &Path, keys_at: &[PathBuf]) -> Result<bool, String> {
    let list = list_at(list);
    let mut bytes = fs::read(&list).map_err(|error| at(&list, &error))?;
    for key in keys(keys_at)? {
        bytes = Manifest::signed_again(&bytes, &key).map_err(|error| at(&list, &error))?;
    }
    write(&list, &bytes)?;
    Ok(true)
}

fn verify(
    directory: &Path,
    root: &Path,
    list: Option<&Path>,
    is_quiet: bool,
) -> Result<bool, String> {
    let trusted = fs::read(root).map_err(|error| at(root, &error))?;
    let trusted = Root::read(&trusted).map_err(|error| at(root, &error))?;
    let list = list.map_or_else(|| directory.join(Tree::NAME), Path::to_owned);
    let bytes = fs::read(&list).map_err(|error| at(&list, &error))?;
    let manifest = Manifest::read(&bytes, &trusted).map_err(|error| at(&list, &error))?;
    let is_over = manifest.expires() <= SystemTime::now();
    if is_over {
        eprintln!("{}: its time is over", list.display());
    }
    let files = tree_of(directory, is_quiet);
    let files = match list.strip_prefix(directory) {
        Ok(inside) => files.leave_out(&format!("/{}", inside.display())),
        Err(_) => files,
    };
    let differences = files.differences(&manifest);
    clear(is_quiet);
    let differences = differences.map_err(|error| error.to_string())?;
    print_all(&differences);
    if differences.is_empty() {
        let (version, files) = (manifest.version(), manifest.len());
        out(&format!("{}: version {version}, {files} files, as listed\n", directory.display()));
    }
    Ok(differences.is_empty() && !is_over)
}

fn diff(earlier: &Path, later: &Path) -> Result<bool, String> {
    let differences = Difference::between(&unverified(earlier)?, &unverified(later)?);
    print_all(&differences);
    Ok(differences.is_empty())
}

fn sums(list: &Path) -> Result<bool, String> {
    out(&sha256sum_lines(&unverified(list)?));
    Ok(true)
}

fn root(task: &RootTask) -> Result<bool, String> {
    let draft = RootDraft::new(task.version, task.expires);
    let draft = draft.thresholds(task.thresholds.0, task.thresholds.1);
    let draft = task
        .root_keys
        .iter()
        .try_fold(draft, |draft, key| Ok::<_, String>(draft.root_key(public_key(key)?)))?;
    let draft = task
        .list_keys
        .iter()
        .try_fold(draft, |draft, key| Ok::<_, String>(draft.list_key(public_key(key)?)))?;
    let signers = keys(&task.signers)?;
    let bytes = draft.signed_by(&signers.iter().collect::<Vec<_>>());
    // A threshold that these cannot reach is for others to sign, which takes a document that this does not make.
    Root::read(&bytes).map_err(|error| error.to_string())?;
    write(&task.output, &bytes)?;
    Ok(true)
}

fn print_all(differences: &[Difference]) {
    let lines =
        differences.iter().fold(String::new(), |lines, one| lines + &one.to_string() + "\n");
    out(&lines);
}

fn unverified(list: &Path) -> Result<Manifest, String> {
    let list = list_at(list);
    let bytes = fs::read(&list).map_err(|error| at(&list, &error))?;
    Manifest::read_unverified(&bytes).map_err(|error| at(&list, &error))
}

/// The list of a directory, or a list.
fn list_at(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(Tree::NAME) } else { path.to_owned() }
}

fn keys(paths: &[PathBuf]) -> Result<Vec<SigningKey>, String> {
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(|error| at(path, &error))?;
        SigningKey::from_bytes(&bytes).map_err(|error| at(path, &error))
    };
    paths.iter().map(read).collect()
}

/// A public key, or the public half of a private one.
fn public_key(path: &Path) -> Result<PublicKey, String> {
    let bytes = fs::read(path).map_err(|error| at(path, &error))?;
    let is_public = bytes.windows(10).any(|part| part == b"PUBLIC KEY");
    if is_public {
        return PublicKey::from_bytes(&bytes).map_err(|error| at(path, &error));
    }
    let private = SigningKey::from_bytes(&bytes).map_err(|error| at(path, &error))?;
    Ok(private.public_key())
}

/// Writes a file beside, and gives it the name when it is on the disk.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| {
            let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
            File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
        });
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        at(path, &error)
    })
}

fn at(path: &Path, error: &dyn Display) -> String {
    format!("{}: {error}", path.display())
}

/// The files of a directory, with a bar on a terminal.
fn tree_of(directory: &Path, is_quiet: bool) -> Tree {
    let tree = Tree::of(directory);
    if !has_bar(is_quiet) {
        return tree;
    }
    let last = Mutex::new(0);
    tree.on_progress(move |progress: Progress| {
        let done = progress.bytes.max(progress.files);
        // Threads may come here in another order than that in which they read.
        let Ok(mut last) = last.lock() else { return };
        if done < *last {
            return;
        }
        *last = done;
        let (read, all) = (progress.bytes >> 20, progress.of_bytes >> 20);
        eprint!("\r\x1b[K{} of {} files, {read} of {all} MiB", progress.files, progress.of_files);
    })
}

fn has_bar(is_quiet: bool) -> bool {
    !is_quiet && io::stderr().is_terminal()
}

fn clear(is_quiet: bool) {
    if has_bar(is_quiet) {
        eprint!("\r\x1b[K");
    }
}
