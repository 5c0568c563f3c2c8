//! The site that is served if no other is named: written at the start, gone at the end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const FILES: [(&str, &[u8]); 5] = [
    ("index.html", include_bytes!("site/index.html")),
    ("app.js", include_bytes!("site/app.js")),
    ("app.js.br", include_bytes!("site/app.js.br")),
    ("app.js.gz", include_bytes!("site/app.js.gz")),
    ("notes/index.html", include_bytes!("site/notes.html")),
];

/// The lines of `video.bin`, of 16 bytes each: 64 MiB.
const LINES: u32 = 4 << 20;

/// A directory of its own.
pub(crate) struct Site(PathBuf);

impl Site {
    pub(crate) fn written() -> io::Result<Self> {
        let site =
            Self(std::env::temp_dir().join(format!("letterhead-site-{}", std::process::id())));
        fs::create_dir(&site.0)?;
        fs::create_dir(site.0.join("notes"))?;
        for (name, content) in FILES {
            fs::write(site.0.join(name), content)?;
            site.date(name)?;
        }
        let mut video = BufWriter::new(File::create(site.0.join("video.bin"))?);
        for line in 0..LINES {
            writeln!(video, "{line:015}")?;
        }
        video.into_inner()?;
        site.date("video.bin")?;
        Ok(site)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// One date for all: so the tags are the same each time, and the files count as settled.
    fn date(&self, name: &str) -> io::Result<()> {
        let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        File::options().append(true).open(self.0.join(name))?.set_modified(new_year)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
