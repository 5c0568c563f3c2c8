//! A disk that is made up: a page cache, sectors that reach the disk or do not, processes that die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::io::Errno;

pub(super) use super::fate::{Loss, Refuse, Stop};
use super::inode::Inode;
use crate::store::Writing;
use crate::sys::write::{Access, Chain, Disk, Ended, Flush, Mounted, Onto};
use crate::sys::{Operation, Refusal, Stat};

/// The machine.
#[derive(Default)]
pub(super) struct Machine {
    pub(super) inodes: Vec<Inode>,
    /// The names as processes see them, and as they were since they were last known to be on the disk.
    pub(super) names: BTreeMap<String, usize>,
    pub(super) past: Vec<BTreeMap<String, usize>>,
    pub(super) calls: u64,
    pub(super) syncs: u64,
    stop: Option<Stop>,
    stopped: bool,
    /// The sync of this number does nothing and says that it did.
    pub(super) ignored: Option<u64>,
    /// The sync of this number fails.
    pub(super) failing: Option<(u64, Loss)>,
    pub(super) refuse: Option<Refuse>,
    /// So many reads of both slots find a writer between them: neither is whole.
    pub(super) torn: u32,
    /// There are no files without a name; no room can be reserved.
    pub(super) without: BTreeSet<&'static str>,
    /// By which calls is written, the write of a chain that is short, and how many of those there were.
    pub(super) writing: Writing,
    pub(super) short: Option<u64>,
    pub(super) chained: u64,
    /// What each sync of a file was asked to wait for.
    pub(super) flushed: Vec<Flush>,
    random: u64,
    next_file: u64,
}

/// The machine, as one process sees it.
#[derive(Clone)]
pub(super) struct Made(pub(super) Arc<Mutex<Machine>>);

/// An open file.
pub(super) struct Open {
    machine: Arc<Mutex<Machine>>,
    pub(super) inode: usize,
    id: u64,
}

impl Made {
    pub(super) fn new() -> Self {
        Self::of(Machine { past: vec![BTreeMap::new()], ..Machine::default() })
    }

    pub(super) fn of(machine: Machine) -> Self {
        Self(Arc::new(Mutex::new(machine)))
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().expect("no test panics under it")
    }

    /// From here on calls and syncs are counted anew, and this is what happens to them.
    pub(super) fn measure(&self, stop: Stop) {
        let mut machine = self.machine();
        (machine.calls, machine.syncs) = (0, 0);
        (machine.stop, machine.stopped) = (Some(stop), false);
    }

    /// The process is gone, with its locks; its pages are not.
    pub(super) fn killed(&self) {
        let mut machine = self.machine();
        (machine.stop, machine.stopped) = (None, false);
        machine.inodes.iter_mut().for_each(|inode| inode.lock = None);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.machine().stopped
    }

    /// One call: is it made? Its number, to be stopped within.
    pub(super) fn call(&self, operation: Operation) -> Result<bool, Refusal> {
        let mut machine = self.machine();
        machine.calls += 1;
        let number = machine.calls;
        let within = match machine.stop {
            Some(Stop::Before(at)) if number >= at => {
                machine.stopped = true;
                false
            }
            Some(Stop::Within(at)) if number >= at => {
                let first = !machine.stopped;
                machine.stopped = true;
                first
            }
            _ => false,
        };
        if machine.stopped && !within {
            return Err(Refusal::errno(operation, Errno::from_raw_os_error(4000)));
        }
        if let Some(errno) = machine.refuse.as_mut().and_then(|refuse| refuse(number, operation)) {
            return Err(Refusal::errno(operation, errno));
        }
        Ok(within)
    }

    /// A call that is made, or not even begun.
    fn whole(&self, operation: Operation) -> Result<MutexGuard<'_, Machine>, Refusal> {
        if self.call(operation)? {
            return Err(Refusal::errno(operation, Errno::from_raw_os_error(4000)));
        }
        Ok(self.machine())
    }

    fn opened(&self, inode: usize) -> Open {
        let mut machine = self.machine();
        machine.next_file += 1;
        Open { machine: Arc::clone(&self.0), inode, id: machine.next_file }
    }

    pub(super) fn flush(&self, file: &Open, flush: Flush) -> Result<(), Refusal> {
        self.machine().flushed.push(flush);
        self.sync(file)
    }

    pub(super) fn sync(&self, file: &Open) -> Result<(), Refusal> {
        let mut machine = self.whole(Operation::Sync)?;
        machine.syncs += 1;
        if machine.ignored == Some(machine.syncs) {
            return Ok(());
        }
        let failing = machine.failing.filter(|(at, _)| *at == machine.syncs);
        let inode = &mut machine.inodes[file.inode];
        match failing {
            None => inode.synced(),
            Some((_, loss)) => {
                inode.lost(loss);
                return Err(Refusal::errno(Operation::Sync, Errno::IO));
            }
        }
        Ok(())
    }
}

impl Machine {
    /// The machine started again with these names, and no files yet. Its random numbers are others.
    pub(super) fn booted(&self, names: BTreeMap<String, usize>) -> Self {
        let past = vec![names.clone()];
        let (random, writing) = (self.random + 1000, self.writing);
        Self { names, past, writing, random, ..Self::default() }
    }

    fn renamed(&mut self) {
        let names = self.names.clone();
        self.past.push(names);
    }

    fn find(&self, name: &str, operation: Operation) -> Result<usize, Refusal> {
        self.names.get(name).copied().ok_or_else(|| Refusal::errno(operation, Errno::NOENT))
    }

    fn made(&mut self) -> usize {
        self.inodes.push(Inode::default());
        self.inodes.len() - 1
    }
}

impl Disk for Made {
    type File = Open;

    /// There is nobody.
    fn give_way(&self) {}

    fn mounted(&self) -> Result<Mounted, Refusal> {
        drop(self.whole(Operation::Mount)?);
        Ok(Mounted { read_only: false, free: None, longest: u64::MAX })
    }

    fn open(&self, name: &str, access: Access) -> Result<Open, Refusal> {
        let operation = if access == Access::Read { Operation::Resolve } else { Operation::Modify };
        let inode = self.whole(operation)?.find(name, operation)?;
        Ok(self.opened(inode))
    }

    fn open_lock(&self, name: &str) -> Result<Open, Refusal> {
        let mut machine = self.whole(Operation::Lock)?;
        let inode = if let Some(inode) = machine.names.get(name) {
            *inode
        } else {
            let inode = machine.made();
            machine.names.insert(name.to_owned(), inode);
            machine.renamed();
            inode
        };
        drop(machine);
        Ok(self.opened(inode))
    }

    fn create_unnamed(&self) -> Result<Open, Refusal> {
        let mut machine = self.whole(Operation::Create)?;
        if machine.without.contains("unnamed") {
            return Err(Refusal::errno(Operation::Create, Errno::OPNOTSUPP));
        }
        let inode = machine.made();
        drop(machine);
        Ok(self.opened(inode))
    }

    fn create(&self, name: &str) -> Result<Open, Refusal> {
        let mut machine = self.whole(Operation::Create)?;
        if machine.names.contains_key(name) {
            return Err(Refusal::errno(Operation::Create, Errno::EXIST));
        }
        let inode = machine.made();
        machine.names.insert(name.to_owned(), inode);
        machine.renamed();
        drop(machine);
        Ok(self.opened(inode))
    }

    fn reserve(&self, _: &Open, _: u64, _: u64) -> Result<(), Refusal> {
        let machine = self.whole(Operation::Reserve)?;
        if machine.without.contains("reserve") {
            return Err(Refusal::errno(Operation::Reserve, Errno::OPNOTSUPP));
        }
        Ok(())
    }

    fn write(&self, file: &Open, bytes: &[u8], offset: u64) -> Result<usize, Refusal> {
        let within = self.call(Operation::Write)?;
        let half = if within { bytes.len() / 1024 * 512 } else { bytes.len() };
        let bytes = &bytes[..half];
        self.machine().inodes[file.inode].write(bytes, offset);
        if within {
            return Err(Refusal::errno(Operation::Write, Errno::from_raw_os_error(4000)));
        }
        Ok(bytes.len())
    }

    fn ring(&self, file: &Open, chain: &mut Chain<'_>) -> Result<Ended, Refusal> {
        self.chained(file, chain)
    }

    fn map(&self, file: &Open, chain: &Chain<'_>) -> Result<(), Refusal> {
        self.mapped(file, chain)
    }

    fn read(&self, file: &Open, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal> {
        let mut machine = self.whole(Operation::Read)?;
        let read = machine.inodes[file.inode].read(buffer, offset);
        if offset == 0 && machine.torn > 0 {
            machine.torn -= 1;
            (buffer[200], buffer[4096 + 200]) = (!buffer[200], !buffer[4096 + 200]);
        }
        Ok(read)
    }

    fn resize(&self, file: &Open, length: u64) -> Result<(), Refusal> {
        self.whole(Operation::Resize)?.inodes[file.inode].resize(length);
        Ok(())
    }

    fn sync_data(&self, file: &Open) -> Result<(), Refusal> {
        self.flush(file, Flush::Data)
    }

    fn sync_all(&self, file: &Open) -> Result<(), Refusal> {
        self.flush(file, Flush::All)
    }

    fn sync_directory(&self) -> Result<(), Refusal> {
        let mut machine = self.whole(Operation::SyncDirectory)?;
        machine.syncs += 1;
        if machine.ignored == Some(machine.syncs) {
            return Ok(());
        }
        if machine.failing.is_some_and(|(at, _)| at == machine.syncs) {
            return Err(Refusal::errno(Operation::SyncDirectory, Errno::IO));
        }
        machine.past = vec![machine.names.clone()];
        Ok(())
    }

    fn link(&self, file: &Open, name: &str) -> Result<(), Refusal> {
        let mut machine = self.whole(Operation::Link)?;
        if machine.without.contains("link") {
            return Err(Refusal::errno(Operation::Link, Errno::OPNOTSUPP));
        }
        if machine.names.contains_key(name) {
            return Err(Refusal::errno(Operation::Link, Errno::EXIST));
        }
        machine.names.insert(name.to_owned(), file.inode);
        machine.renamed();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str, onto: Onto) -> Result<(), Refusal> {
        let mut machine = self.whole(Operation::Rename)?;
        let inode = machine.find(from, Operation::Rename)?;
        if onto == Onto::Nothing {
            if machine.without.contains("noreplace") {
                return Err(Refusal::errno(Operation::Rename, Errno::INVAL));
            }
            if machine.names.contains_key(to) {
                return Err(Refusal::errno(Operation::Rename, Errno::EXIST));
            }
        }
        machine.names.remove(from);
        machine.names.insert(to.to_owned(), inode);
        machine.renamed();
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), Refusal> {
        let mut machine = self.whole(Operation::Remove)?;
        machine.find(name, Operation::Remove)?;
        machine.names.remove(name);
        machine.renamed();
        Ok(())
    }

    fn try_lock(&self, file: &Open) -> Result<bool, Refusal> {
        let mut machine = self.whole(Operation::Lock)?;
        let lock = &mut machine.inodes[file.inode].lock;
        let free = lock.is_none_or(|holder| holder == file.id);
        if free {
            *lock = Some(file.id);
        }
        Ok(free)
    }

    fn unlock(&self, file: &Open) {
        file.unlock();
    }

    fn stat(&self, file: &Open) -> Result<Stat, Refusal> {
        let machine = self.whole(Operation::Stat)?;
        Ok(machine.inodes[file.inode].stat(file.inode))
    }

    fn look(&self, name: &str) -> Result<Stat, Refusal> {
        let machine = self.whole(Operation::Stat)?;
        let inode = machine.find(name, Operation::Stat)?;
        Ok(machine.inodes[inode].stat(inode))
    }

    fn list(&self) -> Result<Vec<String>, Refusal> {
        Ok(self.whole(Operation::List)?.names.keys().cloned().collect())
    }

    fn resemble(&self, _: &Open, _: &Open) -> Result<(), Refusal> {
        drop(self.whole(Operation::Attributes)?);
        Ok(())
    }

    fn random(&self) -> Result<[u8; 16], Refusal> {
        // No call of its own that could be refused or stopped at.
        let mut machine = self.machine();
        machine.random += 1;
        Ok(u128::from(machine.random).to_be_bytes())
    }
}

impl Open {
    fn unlock(&self) {
        let mut machine = self.machine.lock().expect("no test panics under it");
        let lock = &mut machine.inodes[self.inode].lock;
        if *lock == Some(self.id) {
            *lock = None;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.unlock();
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({})", self.inode)
    }
}
