#!/usr/bin/env bash
# overlayfs shows a file as sealed (fs-verity), but has no digest for it.
#
# Seen on 2026-11-30 with Linux 6.1.192-3 (Debian 12's linux-image-6.1.0-57-amd64), booted in qemu 7.2.
#
# The kernel's manual (Documentation/filesystems/fsverity.rst) has three ways to ask whether a file is sealed: statx
# (STATX_ATTR_VERITY), FS_IOC_GETFLAGS (FS_VERITY_FL), and FS_IOC_MEASURE_VERITY, which returns the digest. Its errors
# are ENODATA for "not a verity file", EOPNOTSUPP for a file system made without seals, and ENOTTY for a "type of
# filesystem" that has none. One would guess that the three agree, and that an error is of the whole file system. But:
#
# - Over a sealed file of ext4, overlayfs hands on what statx and the flags say, "sealed", and answers ENOTTY to whoever
#   wants the digest. A bind mount of the same file gives it. A chmod copies the file up: then nothing says "sealed".
# - On btrfs, statx sets the attribute of a sealed file, but not its bit in stx_attributes_mask. What is not in the mask
#   "has no usable value", says statx(2): whoever heeds that cannot tell a sealed file by it.
# - On one ext4 that has seals, a directory, which cannot be sealed, answers ENODATA, and a FIFO ENOTTY. ext2 has no
#   seals, but is run by ext4's code here: EOPNOTSUPP. A loop device answers EINVAL, which the manual does not list.
# - `digest_size` is "input/output", and EOVERFLOW says that there is too little room. One would guess that the kernel
#   then writes the size that it needs. It writes neither that nor the algorithm: "Try providing a larger buffer".
#
# Whom it meets: whoever wants digests in a container, on an overlay, of files that the host has sealed; whoever takes
# one file's answer for all of a file system; and whoever gives room for a SHA-256 and meets a SHA-512.
#
# Wants qemu-system-x86, busybox-static, cpio, gcc, libc6-dev, e2fsprogs and btrfs-progs, but no root; takes the
# kernel's package from Debian, or the file that it is given. Half a minute, without an accelerator.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-system-x86_64 gcc busybox cpio dpkg-deb mkfs.ext4 mkfs.ext2 mkfs.btrfs; do
  command -v "$tool" >/dev/null || { echo "wanted $tool, found none"; exit 2; }
done
! ldd "$(command -v busybox)" >/dev/null 2>&1 || { echo "wanted busybox-static, found one with libraries"; exit 2; }
kernel=linux-image-6.1.0-57-amd64 version=6.1.192-3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ $# -gt 0 ]; then
  cp "$1" "$folder/kernel.deb"
else
  (cd "$folder" && apt-get download -qq "$kernel=$version" 2>/dev/null && mv ./*.deb kernel.deb) ||
    { echo "wanted $kernel $version of Debian, found none; a file of it may be given"; exit 2; }
fi
found=$(dpkg-deb -f "$folder/kernel.deb" Version)
[ "$found" = "$version" ] || { echo "wanted $kernel $version, found $found"; exit 2; }
dpkg-deb -x "$folder/kernel.deb" "$folder/kernel"

root=$folder/root
mkdir -p "$root/bin" "$root/modules"
cp "$(command -v busybox)" "$root/bin/busybox"
# In the order in which they are loaded.
modules="crc16 mbcache crc32c_generic libcrc32c jbd2 ext4 loop sha512_generic xxhash_generic blake2b_generic
  xor raid6_pq zstd_compress btrfs overlay"
for module in $modules; do find "$folder/kernel" -name "$module.ko" -exec cp {} "$root/modules" ';'; done
truncate -s 16M "$root/sealing" "$root/plain" "$root/old"
truncate -s 128M "$root/btrfs"
mkfs.ext4 -q -F -b 4096 -O verity "$root/sealing"
mkfs.ext4 -q -F -b 4096 -O ^verity "$root/plain"
mkfs.ext2 -q -F -b 4096 "$root/old"
mkfs.btrfs -q "$root/btrfs" >/dev/null

cat >"$folder/seal.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* seal NAME PATH ROOM: how the kernel answers. seal PATH ALGORITHM: seals it. */
int main(int count, char **given) {
    const char *path = given[count == 4 ? 2 : 1];
    int number = 0, file = open(path, O_RDONLY | O_NONBLOCK);
    sscanf(given[count - 1], "%d", &number);
    if (file < 0) return perror(path), 1;
    if (count == 3) {
        struct fsverity_enable_arg how = {.version = 1, .hash_algorithm = number, .block_size = 4096};
        return ioctl(file, FS_IOC_ENABLE_VERITY, &how) ? perror(path), 1 : 0;
    }
    struct { __u16 algorithm, size; __u8 bytes[64]; } digest = {.size = number};
    int refused = ioctl(file, FS_IOC_MEASURE_VERITY, &digest);
    const char *answer = refused ? strerrorname_np(errno) : "digest";
    printf("seen %s: room %d, %s, algorithm %d, size %d;", given[1], number, answer, digest.algorithm, digest.size);
    struct statx seen;
    if (statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &seen)) return perror(path), 1;
    const char *attribute = seen.stx_attributes & STATX_ATTR_VERITY ? "sealed" : "-";
    const char *mask = seen.stx_attributes_mask & STATX_ATTR_VERITY ? "" : " (not in the mask)";
    int flags = 0;
    refused = ioctl(file, FS_IOC_GETFLAGS, &flags);
    printf(" statx %s%s; flags %s\n", attribute, mask,
           refused ? strerrorname_np(errno) : flags & FS_VERITY_FL ? "sealed" : "-");
    return 0;
}
C
gcc -static -O1 -o "$root/bin/seal" "$folder/seal.c"

{
  echo '#!/bin/busybox sh'
  echo modules=\"$modules\"
  cat <<'INIT'
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for module in $modules; do [ ! -f /modules/$module.ko ] || insmod /modules/$module.ko; done
cd /tmp
mkdir ext4 without ext2 btrfs bind overlay upper work
mount -o loop -t ext4 /sealing ext4
mount -o loop -t ext4 /plain without
mount -o loop -t ext2 /old ext2
mount -o loop -t btrfs /btrfs btrfs
for place in . ext4 without ext2 btrfs; do for name in open sha256 sha512; do echo $name >$place/$name; done; done
mkfifo ext4/fifo
for place in ext4 btrfs; do seal $place/sha256 1; seal $place/sha512 2; done
mount -o bind ext4 bind
mount -t overlay -o lowerdir=ext4,upperdir=upper,workdir=work overlay overlay
echo "seen $(uname -sr), $(uname -v | grep -o 'Debian [^ ]*')"
for place in ext4 btrfs bind overlay; do
  seal "$place, open" $place/open 64
  seal "$place, SHA-256" $place/sha256 64
  seal "$place, SHA-512" $place/sha512 32
done
chmod 600 overlay/sha256
seal "overlay, SHA-256, after chmod" overlay/sha256 64
seal "ext4, directory" ext4 64
seal "ext4, FIFO" ext4/fifo 64
seal "ext4 without seals" without/open 64
seal "ext2" ext2/open 64
seal "tmpfs" open 64
seal "procfs" /proc/version 64
seal "sysfs" /sys/kernel/uevent_seqnum 64
seal "/dev/null" /dev/null 64
seal "/dev/loop0" /dev/loop0 64
echo "seen the end"
poweroff -f
INIT
} >"$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$folder/initrd"
timeout --foreground 300 qemu-system-x86_64 -accel tcg -cpu max -m 1024 -display none -serial stdio -no-reboot \
  -kernel "$folder/kernel/boot/vmlinuz-${kernel#linux-image-}" -initrd "$folder/initrd" \
  -append "console=ttyS0 loglevel=1 panic=1" </dev/null >"$folder/log" 2>&1 || true
seen=$(tr -d '\r' <"$folder/log" | sed -n 's/^.*seen //p')
echo "$seen"
expected='Linux 6.1.0-57-amd64, Debian 6.1.192-3
ext4, open: room 64, ENODATA, algorithm 0, size 64; statx -; flags -
ext4, SHA-256: room 64, digest, algorithm 1, size 32; statx sealed; flags sealed
ext4, SHA-512: room 32, EOVERFLOW, algorithm 0, size 32; statx sealed; flags sealed
btrfs, open: room 64, ENODATA, algorithm 0, size 64; statx - (not in the mask); flags -
btrfs, SHA-256: room 64, digest, algorithm 1, size 32; statx sealed (not in the mask); flags sealed
btrfs, SHA-512: room 32, EOVERFLOW, algorithm 0, size 32; statx sealed (not in the mask); flags sealed
bind, open: room 64, ENODATA, algorithm 0, size 64; statx -; flags -
bind, SHA-256: room 64, digest, algorithm 1, size 32; statx sealed; flags sealed
bind, SHA-512: room 32, EOVERFLOW, algorithm 0, size 32; statx sealed; flags sealed
overlay, open: room 64, ENOTTY, algorithm 0, size 64; statx -; flags -
overlay, SHA-256: room 64, ENOTTY, algorithm 0, size 64; statx sealed; flags sealed
overlay, SHA-512: room 32, ENOTTY, algorithm 0, size 32; statx sealed; flags sealed
overlay, SHA-256, after chmod: room 64, ENOTTY, algorithm 0, size 64; statx - (not in the mask); flags -
ext4, directory: room 64, ENODATA, algorithm 0, size 64; statx -; flags -
ext4, FIFO: room 64, ENOTTY, algorithm 0, size 64; statx -; flags ENOTTY
ext4 without seals: room 64, EOPNOTSUPP, algorithm 0, size 64; statx -; flags -
ext2: room 64, EOPNOTSUPP, algorithm 0, size 64; statx -; flags -
tmpfs: room 64, ENOTTY, algorithm 0, size 64; statx - (not in the mask); flags -
procfs: room 64, ENOTTY, algorithm 0, size 64; statx - (not in the mask); flags ENOTTY
sysfs: room 64, ENOTTY, algorithm 0, size 64; statx - (not in the mask); flags ENOTTY
/dev/null: room 64, ENOTTY, algorithm 0, size 64; statx - (not in the mask); flags ENOTTY
/dev/loop0: room 64, EINVAL, algorithm 0, size 64; statx - (not in the mask); flags EINVAL
the end'
[ "$seen" = "$expected" ] && exit
echo "that is not what was seen before"
grep -q "seen the end" "$folder/log" || { echo "the machine did not come to its end:"; tail -n 20 "$folder/log"; }
exit 1
