//! What the one file of the tests may be, and the steps that change it.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode};

use super::disk::{Machine, Made};
use crate::store::Strategy;
use crate::store::disk_ops::{DiskOps, Settings};
use crate::store::error::{Kind, StoreError};
use crate::store::format::{Kept, Layout};
use crate::store::lock::LOCK;
use crate::store::publish::{Existing, Published};

pub(super) const NAME: &str = "a";

/// Versions of payload and head; `None`: there is no such file.
pub(super) type State = Option<(u32, u32)>;

/// Something that a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A new file with this payload and this head.
    Create(u32, u32),
    /// A file in place of whatever is there.
    Put(u32, u32),
    /// Another head, as long as others.
    Head(u32),
    /// Another head that does not fit the slots of the file.
    LongHead(u32),
    Remove,
}

pub(super) fn ops(disk: &Made) -> DiskOps<Made> {
    let patience = Duration::from_millis(50);
    let writing = disk.machine().writing;
    DiskOps::new(disk.clone(), Settings { patience, writing, ..Settings::default() })
}

/// A head of three sectors in which every byte but a few tells the version.
pub(super) fn head(version: u32, length: usize) -> Kept {
    let mut fields = HeaderMap::new();
    fields.insert("x-version", HeaderValue::from(version));
    let letter = char::from(b'a' + u8::try_from(version % 26).expect("small"));
    let filler: String = std::iter::repeat_n(letter, length).collect();
    fields.insert("x-filler", filler.try_into().expect("letters"));
    Kept { status: StatusCode::OK, fields }
}

pub(super) fn payload(version: u32) -> Vec<u8> {
    format!("payload {version} ").repeat(60).into_bytes()
}

impl Step {
    pub(super) fn after(self, before: State) -> State {
        match self {
            Self::Create(payload, head) | Self::Put(payload, head) => Some((payload, head)),
            Self::Head(head) | Self::LongHead(head) => before.map(|(payload, _)| (payload, head)),
            Self::Remove => None,
        }
    }

    /// Does it. Whether it is known to outlive a loss of power.
    pub(super) fn run(self, ops: &DiskOps<Made>) -> Result<bool, StoreError> {
        self.outcome(ops).map(|(_, durable)| durable)
    }

    /// Does it. How, and whether it is known to outlive a loss of power.
    pub(super) fn outcome(
        self,
        ops: &DiskOps<Made>,
    ) -> Result<(Option<Strategy>, bool), StoreError> {
        let published = match self {
            Self::Create(payload, head) => make(ops, payload, head, false)?,
            Self::Put(payload, head) => make(ops, payload, head, true)?,
            Self::Head(version) => ops.update(NAME, None, &head(version, 1000))?,
            Self::LongHead(version) => {
                let published = ops.update(NAME, None, &head(version, 5000))?;
                assert_eq!(published.strategy, Strategy::Replace);
                published
            }
            Self::Remove => return Ok((None, ops.remove(NAME, None)?)),
        };
        Ok((Some(published.strategy), published.durable))
    }
}

fn make(
    ops: &DiskOps<Made>,
    version: u32,
    head_version: u32,
    replaces: bool,
) -> Result<Published, StoreError> {
    let bytes = payload(version);
    // Odd versions are of unknown length, and come in two parts.
    let known = (version.is_multiple_of(2)).then_some(bytes.len() as u64);
    let layout = Layout::with_room(0).expect("none");
    let mut writer = ops.begin(NAME, layout, known)?;
    let (first, second) = bytes.split_at(100);
    ops.append(NAME, &mut writer, first)?;
    ops.append(NAME, &mut writer, second)?;
    let plan = |existing: Option<&Existing<'_, Made>>| match existing {
        Some(_) if !replaces => Err(Kind::Exists.into()),
        existing => {
            let generation = existing.map_or(0, Existing::generation) + 1;
            Ok((head(head_version, 1000), generation))
        }
    };
    ops.publish(NAME, writer, &plan)
}

/// What is there, if it can be believed to the last byte; else what is wrong.
pub(super) fn observe(disk: &Made) -> Result<State, String> {
    let ops = ops(disk);
    let found = match ops.find(NAME, None) {
        Ok(found) => found,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let fields = &found.held.slot.head.fields;
    let version = fields["x-version"].to_str().ok().and_then(|text| text.parse().ok());
    let version: u32 = version.ok_or("no version")?;
    let filler = fields["x-filler"].as_bytes().first().map(|letter| u32::from(letter - b'a'));
    if filler != Some(version % 26) {
        return Err("two heads in one".to_owned());
    }
    let start = usize::try_from(found.held.slot.layout.payload()).expect("small");
    let machine = disk.machine();
    let stored = machine.inodes[machine.names[NAME]].cache[start..].to_vec();
    drop(machine);
    let payloads = (0..40).find(|version| payload(*version) == stored);
    Ok(Some((payloads.ok_or("another payload")?, version)))
}

/// The file has to be in one of these states, and after a sweep there is nothing but it.
pub(super) fn judge(disk: &Made, allowed: &[State]) -> Result<(), String> {
    let state = observe(disk)?;
    if !allowed.contains(&state) {
        return Err(format!("{state:?} where {allowed:?} may be"));
    }
    let far = SystemTime::now();
    ops(disk).sweep(Duration::ZERO, far).map_err(|error| error.to_string())?;
    let names: Vec<String> = disk.machine().names.keys().cloned().collect();
    match names.iter().find(|name| !matches!(name.as_str(), NAME | LOCK)) {
        Some(left) => Err(format!("{left} is left over")),
        None => Ok(()),
    }
}

/// A process that does step by step until one is stopped: what may be there afterwards.
pub(super) fn run(ops: &DiskOps<Made>, before: &[State], steps: &[Step]) -> Vec<State> {
    let mut allowed = before.to_vec();
    for step in steps {
        let after: Vec<State> = allowed.iter().map(|state| step.after(*state)).collect();
        match step.run(ops) {
            // Of a file that was not there the head would not have been changed.
            Ok(true) if matches!(step, Step::Head(_) | Step::LongHead(_)) => {
                allowed = after;
                allowed.retain(Option::is_some);
            }
            Ok(true) => allowed = after,
            Ok(false) | Err(_) => allowed.extend(after),
        }
        allowed.sort_unstable();
        allowed.dedup();
        if ops.disk.is_stopped() {
            break;
        }
    }
    allowed
}

/// A machine that has just been started.
pub(super) fn started(machine: Machine) -> Made {
    Made::of(machine)
}
