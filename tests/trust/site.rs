//! A tree with its list, the keys for it, and what was told of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use letterhead::FileSender;
use letterhead::trust::{
    Enforcement, ListDraft, ManifestError, Notice, Root, RootDraft, SigningKey, Tree, Trust,
};

/// The key that counts.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

/// One that does not.
pub(crate) fn other_key() -> SigningKey {
    SigningKey::from_bytes(&[8; 32]).unwrap()
}

pub(crate) fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(90 * 86_400)
}

pub(crate) fn root() -> Root {
    let key = key();
    let draft = RootDraft::new(1, later()).root_key(key.public_key()).list_key(key.public_key());
    Root::read(&draft.signed_by(&[&key])).unwrap()
}

/// A directory that is gone with its value.
pub(crate) struct Site {
    path: PathBuf,
    notices: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-trust-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self { path, notices: Arc::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // By a rename, as files are to be replaced.
        let fresh = self.path(".fresh");
        fs::write(&fresh, content).unwrap();
        fs::rename(fresh, path).unwrap();
        self
    }

    /// Lists what is there, and signs it.
    pub(crate) fn list(&self, version: u64) -> &Self {
        self.list_of("", version, later(), &key())
    }

    pub(crate) fn list_of(
        &self,
        below: &str,
        version: u64,
        expires: SystemTime,
        key: &SigningKey,
    ) -> &Self {
        let at = self.path(below);
        let draft = Tree::of(&at).draft(ListDraft::new("site", version, expires)).unwrap();
        self.write(Path::new(below).join(Tree::NAME).to_str().unwrap(), draft.signed_by(&[key]));
        self
    }

    /// Keys, and an ear for what is notices.
    pub(crate) fn trust(&self) -> Trust {
        let notices = Arc::clone(&self.notices);
        Trust::new(root()).on_notice(move |notice: &Notice| {
            notices.lock().unwrap().push(notice.to_string());
        })
    }

    pub(crate) fn sender(&self) -> FileSender {
        FileSender::new(&self.path).unwrap().settle(Duration::ZERO)
    }

    pub(crate) fn enforced(&self, trust: Trust) -> Result<FileSender, ManifestError> {
        self.sender().manifest(trust, Enforcement::Enforce)
    }

    /// What was told, without what had been taken before, once `wanted` is among it. A notice is told on a thread of its own.
    pub(crate) async fn notices(&self, wanted: &str) -> String {
        let since = Instant::now();
        loop {
            {
                let mut notices = self.notices.lock().unwrap();
                let found = notices.iter().position(|notice| notice.contains(wanted));
                if let Some(at) = found {
                    return notices.remove(at);
                }
                let all = notices.join("\n");
                assert!(since.elapsed() < Duration::from_secs(20), "wanted {wanted}, found\n{all}");
            }
            tokio::task::yield_now().await;
        }
    }

    /// How often something like this was told so far.
    pub(crate) fn count(&self, wanted: &str) -> usize {
        self.notices.lock().unwrap().iter().filter(|notice| notice.contains(wanted)).count()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
