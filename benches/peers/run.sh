#!/usr/bin/env bash
# Measures file servers and stored heads against others: `./benches/peers/run.sh --help`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# A server of its own, built with no more than it needs to send files.
sws=2.44.1
declare -A packages=([caddy]=caddy [curl]=curl [h2load]=nghttp2-client [nginx]=nginx [openssl]=openssl
  [python3]=python3 [strace]=strace [wrk]=wrk)
missing=()
for command in "${!packages[@]}"; do
  # The shorter run does without caddy.
  [[ $command = caddy && " $* " = *" --quick "* ]] && continue
  command -v "$command" >/dev/null || missing+=("${packages[$command]}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
export CARGO_TARGET_DIR="$top/target/peers"
built="$CARGO_TARGET_DIR/sws/bin/static-web-server"
case " $* " in
  *" --help "* | *" -h "*) ;;
  *)
    cargo build --release --quiet --manifest-path "$here/Cargo.toml"
    # The example, as much optimised as its peers.
    CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
      cargo build --locked --release --quiet --manifest-path "$top/Cargo.toml" --example files
    if ! [ -x "$built" ] || ! "$built" --version | grep -qF "$sws"; then
      cargo install --quiet --locked --force --no-default-features --version "=$sws" \
        --root "$CARGO_TARGET_DIR/sws" --target-dir "$CARGO_TARGET_DIR/sws-build" static-web-server
    fi
    ;;
esac
exec python3 "$here/script/main.py" --binaries "$CARGO_TARGET_DIR/release" "$@"
