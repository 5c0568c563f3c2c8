#!/usr/bin/env bash
# Measures file servers and stored heads against others: `./benches/peers/run.sh --help`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
missing=()
command -v caddy >/dev/null || missing+=(caddy)
command -v nginx >/dev/null || missing+=(nginx)
command -v python3 >/dev/null || missing+=(python3)
command -v strace >/dev/null || missing+=(strace)
command -v wrk >/dev/null || missing+=(wrk)
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
export CARGO_TARGET_DIR="$top/target/peers"
case " $* " in
  *" --help "* | *" -h "*) ;;
  *) cargo build --release --quiet --manifest-path "$here/Cargo.toml" ;;
esac
exec python3 "$here/script/main.py" --binaries "$CARGO_TARGET_DIR/release" "$@"
