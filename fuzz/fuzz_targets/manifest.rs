//! Lists of files: whatever is read is one list, which is written and read again as the same, and no path leaves the root.
#![no_main]

use letterhead::trust::{BLOCK, Manifest, PublicKey, Root, SigningKey, sha256sum_lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Root::read(data);
    let _ = PublicKey::from_bytes(data);
    let key = SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let Ok(list) = Manifest::read_unverified(data) else {
        assert!(Manifest::signed_again(data, &key).is_err(), "what cannot be read is not signed");
        return;
    };
    for (path, entry) in list.entries() {
        assert!(!path.starts_with('/') && !path.is_empty(), "{path:?}");
        assert!(path.split('/').all(|name| !matches!(name, "" | "." | "..")), "{path:?}");
        assert!(!path.contains(char::is_control), "{path:?}");
        let blocks = entry.blocks().len() as u64;
        assert!(blocks == 0 || blocks == entry.length().div_ceil(BLOCK), "{path:?}");
    }
    assert_eq!(sha256sum_lines(&list).lines().count(), list.len());
    let written = Manifest::signed_again(data, &key).expect("it was read");
    let again = Manifest::read_unverified(&written).expect("it was written");
    assert!(list.entries().eq(again.entries()), "another list");
    assert_eq!((list.tree(), list.version()), (again.tree(), again.version()));
    assert_eq!(Manifest::signed_again(&written, &key).expect("a list"), written, "one text");
});
