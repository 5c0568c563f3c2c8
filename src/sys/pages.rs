//! Memory for large buffers, from the kernel and back to it.
//!
//! An allocator's heap gives back what is free at its end, so one small block there that lives on keeps all that
//! was freed before it. A mapping goes back whole, whatever else lives on.
#![allow(unsafe_code, reason = "what a mapping is made of is a slice by the kernel's word alone")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags};

/// So many bytes, zeros at first; given back to the kernel when this is dropped.
#[derive(Debug)]
pub(crate) struct Pages(Memory);

#[derive(Debug)]
enum Memory {
    Mapped(Mapping),
    /// The kernel has refused a mapping: there are too many.
    Heap(Box<[u8]>),
}

#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is private and anonymous, and its owner has the only address of it.
unsafe impl Send for Mapping {}
// SAFETY: without `&mut` it is only read.
unsafe impl Sync for Mapping {}

impl Pages {
    pub(crate) fn new(length: usize) -> Self {
        let mapping = Mapping::new(length).map(Memory::Mapped);
        Self(mapping.unwrap_or_else(|| Memory::Heap(vec![0; length].into())))
    }
}

impl Mapping {
    fn new(length: usize) -> Option<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses an address that nothing else has.
        let start = unsafe {
            rustix::mm::mmap_anonymous(std::ptr::null_mut(), length, prot, MapFlags::PRIVATE)
        };
        let start = NonNull::new(start.ok()?.cast())?;
        Some(Self { start, length })
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Mapped(Mapping { start, length }) => {
                // SAFETY: so many bytes are mapped there, and stay so while this is borrowed.
                unsafe { std::slice::from_raw_parts(start.as_ptr(), *length) }
            }
            Memory::Heap(bytes) => bytes,
        }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Mapped(Mapping { start, length }) => {
                // SAFETY: as above; and nobody else has borrowed it.
                unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), *length) }
            }
            Memory::Heap(bytes) => bytes,
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let start = self.start.as_ptr().cast();
        // SAFETY: it is a mapping of this length, and nobody uses it any more.
        let gone = unsafe { rustix::mm::munmap(start, self.length) };
        // In the middle of others it leaves two of them, which may be one too many. What is in it goes all the same.
        #[cfg(target_os = "linux")]
        if gone.is_err() {
            let advice = rustix::mm::Advice::LinuxDontNeed;
            // SAFETY: it is still mapped, and nobody uses what is in it.
            let _ = unsafe { rustix::mm::madvise(start, self.length, advice) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = gone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zeros_that_take_what_is_written() {
        let mut pages = Pages::new(100_001);
        assert!(matches!(pages.0, Memory::Mapped(_)));
        assert_eq!((pages.len(), pages.iter().all(|byte| *byte == 0)), (100_001, true));
        pages.fill(7);
        assert!(pages.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn what_the_kernel_refuses_to_map_is_on_the_heap() {
        // There is no mapping of nothing.
        let pages = Pages::new(0);
        assert!(matches!(pages.0, Memory::Heap(_)));
        assert!(pages.is_empty());
    }
}
