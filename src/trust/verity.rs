//! The digest by which fs-verity seals a file, made while the file is read.
//!
//! It is a tree of SHA-256 over blocks of 4096 bytes, without a salt, and a digest over its root and the file's length: what
//! `fsverity enable` makes if nothing else is said (Documentation/filesystems/fsverity.rst of the kernel).

use sha2::{Digest as _, Sha256};

/// Bytes of a block, of the file and of digests.
const BLOCK: usize = 4096;

/// A digest in the making.
#[derive(Default)]
pub(super) struct VerityDigest {
    length: u64,
    block: Sha256,
    in_block: usize,
    /// Digests that are waiting for their block of digests to be full, from the leaves up.
    levels: Vec<Vec<u8>>,
}

impl VerityDigest {
    /// Takes the next bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let taken = (BLOCK - self.in_block).min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            self.block.update(now);
            self.in_block += taken;
            bytes = later;
            if self.in_block == BLOCK {
                self.end_block();
            }
        }
    }

    fn end_block(&mut self) {
        let digest = self.block.finalize_reset();
        self.in_block = 0;
        self.push(0, &digest);
    }

    fn push(&mut self, level: usize, digest: &[u8]) {
        if self.levels.len() == level {
            self.levels.push(Vec::with_capacity(BLOCK));
        }
        let Some(waiting) = self.levels.get_mut(level) else { return };
        // A full block goes up when it is known that it is not the last.
        let full = (waiting.len() == BLOCK).then(|| std::mem::take(waiting));
        waiting.extend_from_slice(digest);
        if let Some(full) = full {
            self.push(level + 1, &Sha256::digest(full));
        }
    }

    /// The digest of what was taken.
    pub(super) fn finish(mut self) -> [u8; 32] {
        if self.in_block > 0 {
            self.block.update(&[0; BLOCK][self.in_block..]);
            self.end_block();
        }
        let mut root = [0; 32].to_vec();
        let mut level = 0;
        while let Some(mut waiting) = self.levels.get_mut(level).map(std::mem::take) {
            let is_last = self.levels.len() == level + 1;
            if is_last && waiting.len() == root.len() {
                root = waiting;
                break;
            }
            waiting.resize(BLOCK, 0);
            self.push(level + 1, &Sha256::digest(waiting));
            level += 1;
        }
        // `struct fsverity_descriptor`: version 1, SHA-256, blocks of 2^12 bytes, no salt, no signature.
        let mut descriptor = [0; 256];
        descriptor[..4].copy_from_slice(&[1, 1, 12, 0]);
        descriptor[8..16].copy_from_slice(&self.length.to_le_bytes());
        descriptor[16..48].copy_from_slice(&root);
        Sha256::digest(descriptor).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `fsverity digest` of fsverity-utils 1.5 says of so many bytes `x`.
    #[test]
    fn it_is_what_the_tool_of_the_kernels_people_makes() {
        let cases: &[(usize, &str)] = &[
            (0, "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95"),
            (1, "dbbdfa9d606f7adeaa7f16dcfb0d49161c4cfb82d9d51cfb5cb43fa3dacb9e5b"),
            (4095, "11a482c4a3012f101c9013c35072065b676d1b7366c35525f46a2894994076fa"),
            (4096, "3f128b8d5a052638172857f47f0110dc2fc2c234dc0c712c08a3bc6f6c540483"),
            (4097, "f54d7eca1ac49ae471f4abedb0d9309f0b84a51ec5c1733e3abb2aaf9f66c4ad"),
            (524_288, "fcaf1ae16ac8b4ca5217ed37818cca018924841f0083e50267b7dc82bdf3adaa"),
            (524_289, "7321b423e2b765c00796ae1e5b0be1dbba66e2e76f0e06e0d6ea4f14142d8783"),
            (67_108_864, "ec36a446d5660eb439d6224e28538a94ede56ae1611f21aaf2f5a61fb7c5e6e8"),
            (67_108_865, "e38b789f63f2c9405d4fd12465ec8898702d9083c47c8fcff1349de88277945c"),
        ];
        for (length, expected) in cases {
            for piece in [1000, 4096, 1 << 20] {
                let (bytes, mut digest) = (vec![b'x'; *length], VerityDigest::default());
                bytes.chunks(piece).for_each(|piece| digest.update(piece));
                let found = digest
                    .finish()
                    .iter()
                    .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                assert_eq!(&found, expected, "{length} bytes in pieces of {piece}");
            }
        }
    }
}
