//! The tree of the example, its key and its list, in a directory of its own that is gone at the end.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use letterhead::trust::{ListDraft, Root, RootDraft, SigningKey, Tree};

const FILES: [(&str, &str); 2] =
    [("index.html", "<title>trust</title>\n<p>as it was signed\n"), ("app.js", "alert(1);\n")];

/// For how long keys hold, and lists if nothing else is said.
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A directory of its own.
pub(crate) struct Place {
    path: PathBuf,
    key: SigningKey,
    /// For how long a list holds.
    lasts: Duration,
}

impl Place {
    /// Makes a key, a tree and its list.
    pub(crate) fn written(lasts: Duration) -> Result<Self, Box<dyn Error>> {
        let path = std::env::temp_dir().join(format!("letterhead-trust-{}", std::process::id()));
        fs::create_dir(&path)?;
        let place = Self { path, key: SigningKey::from_bytes(&random()?)?, lasts };
        fs::create_dir(place.site())?;
        for (name, content) in FILES {
            fs::write(place.site().join(name), content)?;
        }
        place.list(1)?;
        Ok(place)
    }

    /// What is served.
    pub(crate) fn site(&self) -> PathBuf {
        self.path.join("site")
    }

    /// Where the highest version is remembered.
    pub(crate) fn highest(&self) -> PathBuf {
        self.path.join("highest.json")
    }

    /// Whose lists count. A site has this in a file that comes with the program.
    pub(crate) fn root(&self) -> Result<Root, Box<dyn Error>> {
        let public = self.key.public_key();
        let draft =
            RootDraft::new(1, SystemTime::now() + YEAR).root_key(public.clone()).list_key(public);
        Ok(Root::read(&draft.signed_by(&[&self.key]))?)
    }

    /// Lists what is there now, and signs that.
    pub(crate) fn list(&self, version: u64) -> Result<(), Box<dyn Error>> {
        let draft = Tree::of(self.site()).draft(ListDraft::new(
            "example",
            version,
            SystemTime::now() + self.lasts,
        ))?;
        // By a rename, so that nobody reads half of it.
        let fresh = self.path.join("fresh");
        fs::write(&fresh, draft.signed_by(&[&self.key]))?;
        fs::rename(fresh, self.site().join(Tree::NAME))?;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Bytes for a key, which nobody has seen.
pub(crate) fn random() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let random = Path::new("/dev/urandom");
    File::open(random)
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", random.display())))?;
    Ok(seed)
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
