//! The site and the policy of the example, in a directory of their own that is gone at the end.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const FILES: [(&str, &str); 2] = [
    ("site/index.html", include_str!("site/index.html")),
    ("site/assets/app.js", include_str!("site/app.js")),
];

const POLICY: &str = include_str!("_headers");

/// A directory of its own.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn written() -> io::Result<Self> {
        let name = format!("letterhead-policy-{}", std::process::id());
        let place = Self(std::env::temp_dir().join(name));
        fs::create_dir(&place.0)?;
        fs::create_dir_all(place.0.join("site/assets"))?;
        // One date for all: so the tags are the same each time, and the files count as settled.
        let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        for (name, content) in FILES {
            let path = place.0.join(name);
            fs::write(&path, content)?;
            File::options().append(true).open(path)?.set_modified(new_year)?;
        }
        fs::write(place.policy(), POLICY)?;
        Ok(place)
    }

    /// What is served.
    pub(crate) fn site(&self) -> PathBuf {
        self.0.join("site")
    }

    /// The policy that comes with the example.
    pub(crate) fn policy(&self) -> PathBuf {
        self.0.join("_headers")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
