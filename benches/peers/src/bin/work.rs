//! Work that needs no server: heads changed, files published, signatures. `work JOB DIR SIZE AMOUNT` with an
//! amount like `0.5s` or `20x` prints how often it was done, and in how many microseconds of time and of CPU.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ed25519_dalek::{Signer as _, Verifier as _};
use http::Response;
use http_body_util::Full;
use letterhead::store::{Store, When, Writing};
use letterhead_peers::{FIELDS, KEYS, keys, stored};
use p384::ecdsa;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

/// What is done again and again, with a number that is new each time.
type Work = Box<dyn FnMut(u64)>;

/// A job: what is done, and what is done afterwards that does not count.
type Job = fn(&Bench) -> (Work, Work);

/// Another way to write is a line here, and one in `work.py`.
const JOBS: &[(&str, Job)] = &[
    ("update", |bench| (bench.update(Writing::Positional), idle())),
    ("update-ring", |bench| (bench.update(Writing::Ring), idle())),
    ("update-mapped", |bench| (bench.update(Writing::Mapped), idle())),
    ("replace", |bench| (bench.replace(), idle())),
    ("rewrite", |bench| (bench.rewrite(), idle())),
    ("create", |bench| (bench.create(Writing::Positional), bench.remove())),
    ("create-ring", |bench| (bench.create(Writing::Ring), bench.remove())),
    ("create-mapped", |bench| (bench.create(Writing::Mapped), bench.remove())),
    ("create-bare", |bench| (bench.create_bare(), bench.remove())),
    ("create-cacache", |bench| (bench.create_cacache(), bench.remove_cacache())),
    ("sign-ed25519", |_| (sign_ed25519(), idle())),
    ("verify-ed25519", |_| (verify_ed25519(), idle())),
    ("sign-p384", |_| (sign_p384(), idle())),
    ("verify-p384", |_| (verify_p384(), idle())),
];

/// As much as a head of some fields has to be signed.
const MESSAGE: [u8; 512] = [b'm'; 512];

struct Bench {
    directory: PathBuf,
    payload: Vec<u8>,
}

impl Bench {
    fn store(&self) -> Store {
        Store::open(&self.directory).unwrap()
    }

    /// A payload that no other number has.
    fn numbered(&self) -> impl FnMut(u64) -> Vec<u8> + 'static {
        let mut payload = self.payload.clone();
        move |number| {
            payload[..8].copy_from_slice(&number.to_le_bytes());
            payload.clone()
        }
    }

    /// Another head for a file that is there.
    fn update(&self, way: Writing) -> Work {
        let (store, runtime) = (self.store().writing(way), runtime());
        let body = Full::new(Bytes::from(self.payload.clone()));
        runtime.block_on(store.put("a", When::Always, stored(body))).unwrap();
        Box::new(move |number| {
            let mut head: Response<()> = stored(());
            head.headers_mut().insert("x-number", number.into());
            let published = runtime.block_on(store.update("a", None, &head)).unwrap();
            assert_eq!((published.durable, published.writing), (true, way));
        })
    }

    /// The same, by a new file with the same payload, checked and all.
    fn replace(&self) -> Work {
        let (store, runtime) = (self.store(), runtime());
        let payload = Bytes::from(self.payload.clone());
        Box::new(move |number| {
            let mut response = stored(Full::new(payload.clone()));
            response.headers_mut().insert("x-number", number.into());
            runtime.block_on(store.put("a", When::Always, response)).unwrap();
        })
    }

    /// The least that it takes to do so: no digest, nothing reserved, no lock.
    fn rewrite(&self) -> Work {
        let (directory, payload) = (self.directory.clone(), self.payload.clone());
        Box::new(move |number| {
            let head = [number.to_le_bytes(); 1024].concat();
            published(&directory, "a", &[&head, &payload]).unwrap();
        })
    }

    /// A new file of a store.
    fn create(&self, way: Writing) -> Work {
        let (store, runtime, mut payload) = (self.store().writing(way), runtime(), self.numbered());
        Box::new(move |number| {
            let body = Full::new(Bytes::from(payload(number)));
            let name = number.to_string();
            let put = store.put(&name, When::New, stored(body));
            let published = runtime.block_on(put).unwrap();
            assert_eq!((published.durable, published.writing), (true, way));
        })
    }

    fn create_bare(&self) -> Work {
        let (directory, mut payload) = (self.directory.clone(), self.numbered());
        Box::new(move |number| {
            let name = number.to_string();
            published(&directory, &name, &[&[0; 8192], &payload(number)]).unwrap();
        })
    }

    fn remove(&self) -> Work {
        let directory = self.directory.clone();
        Box::new(move |number| fs::remove_file(directory.join(number.to_string())).unwrap())
    }

    fn create_cacache(&self) -> Work {
        let (directory, mut payload) = (self.directory.clone(), self.numbered());
        Box::new(move |number| into_cacache(&directory, &number.to_string(), &payload(number)))
    }

    fn remove_cacache(&self) -> Work {
        let directory = self.directory.clone();
        Box::new(move |number| {
            let entry = cacache::metadata_sync(&directory, number.to_string()).unwrap().unwrap();
            cacache::remove_hash_sync(&directory, &entry.integrity).unwrap();
        })
    }
}

/// Nothing is left to be done.
fn idle() -> Work {
    Box::new(|_| ())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Gives bytes a name, so that both are on the disk: another file, a sync, a rename, a sync.
fn published(directory: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = directory.join(".tmp");
    let mut file = File::create(&temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&temporary, directory.join(name))?;
    File::open(directory)?.sync_all()
}

fn into_cacache(directory: &Path, key: &str, content: &[u8]) {
    let fields = FIELDS.map(|(name, value)| serde_json::json!([name, value])).to_vec();
    let options = cacache::WriteOpts::new().metadata(fields.into()).size(content.len());
    let mut writer = options.open_sync(directory, key).unwrap();
    writer.write_all(content).unwrap();
    writer.commit().unwrap();
}

fn sign_ed25519() -> Work {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    Box::new(move |_| {
        std::hint::black_box(key.sign(&MESSAGE));
    })
}

fn verify_ed25519() -> Work {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let (public, signature) = (key.verifying_key(), key.sign(&MESSAGE));
    Box::new(move |_| public.verify_strict(&MESSAGE, &signature).unwrap())
}

fn sign_p384() -> Work {
    let key = ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
    Box::new(move |_| {
        let signature: ecdsa::Signature = key.sign(&MESSAGE);
        std::hint::black_box(signature);
    })
}

fn verify_p384() -> Work {
    let key = ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
    let (public, signature): (_, ecdsa::Signature) = (*key.verifying_key(), key.sign(&MESSAGE));
    Box::new(move |_| public.verify(&MESSAGE, &signature).unwrap())
}

/// Stores each file of `root` in each way that the servers of the bench know.
fn fill(directory: &Path, root: &str) {
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_file() {
            continue;
        }
        let (name, content) = (entry.file_name(), Bytes::from(fs::read(entry.path()).unwrap()));
        let name = name.to_str().unwrap();
        for key in KEYS {
            let directory = directory.join(key);
            fs::create_dir_all(&directory).unwrap();
            let store = Store::open(directory).unwrap().keys(keys(key));
            let put = store.put(name, When::New, stored(Full::new(content.clone())));
            runtime().block_on(put).unwrap();
        }
        into_cacache(&directory.join("cacache"), name, &content);
    }
}

fn cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [job, directory, size, amount] = args.as_slice() else {
        let ["fill", directory, root] = args.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            panic!("usage: work JOB DIR SIZE AMOUNT, or work fill DIR ROOT");
        };
        return fill(Path::new(directory), root);
    };
    let (_, job) = JOBS.iter().find(|(name, _)| name == job).expect("a job that is known");
    // What is in the payload is no matter, but that it is no sequence of zeros.
    let payload = (0..size.parse().unwrap()).map(|at: usize| at as u8 ^ (at >> 8) as u8).collect();
    let bench = Bench { directory: directory.into(), payload };
    let (mut work, mut after) = job(&bench);
    let (limit, most) = match amount.split_at(amount.len() - 1) {
        (seconds, "s") => (Duration::from_secs_f64(seconds.parse().unwrap()), u64::MAX),
        (count, "x") => (Duration::MAX, count.parse().unwrap()),
        _ => panic!("wanted an amount like 0.5s or 20x, found {amount}"),
    };
    let (mut count, mut time, mut spent) = (0, Duration::ZERO, Duration::ZERO);
    while count < most && time < limit {
        if most != u64::MAX {
            // Whoever counts calls wants to count those of the work alone.
            work(count);
        } else {
            let (clock, before) = (Instant::now(), cpu());
            work(count);
            spent += cpu() - before;
            time += clock.elapsed();
            after(count);
        }
        count += 1;
    }
    println!(
        r#"{{"count": {count}, "microseconds": {}, "cpu": {}}}"#,
        time.as_micros(),
        spent.as_micros()
    );
}
