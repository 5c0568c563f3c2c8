#!/usr/bin/env bash
# curl, wget and aria2 continue a download of a file that has changed since, and report success.
#
# Seen on 2026-11-29 with curl 7.88.1, wget 1.21.3 and aria2 1.36.0 against nginx 1.22.1 (all Debian 12).
#
# A client has the first megabyte of a file; then another version of the same size is deployed. nginx sends ETag and
# Last-Modified, and If-Range (RFC 9110, section 13.1.5) is there for just this: "send the rest if it is still the
# same, and else the whole". One would guess that a client which continues uses it, or at least compares dates. None of
# the three does when it is given only the partial file: each asks `Range: bytes=1000000-` without any condition,
# joins old and new bytes, and exits with 0.
#
# Whom it meets: everybody who deploys files in place that scripts fetch with `curl -C -`, `wget -c` or `aria2c -c`. A
# server cannot see it, except by the Range without If-Range; names that change with the content are safe.
set -euo pipefail
for tool in nginx curl wget aria2c; do
  command -v "$tool" >/dev/null || { echo "wanted $tool, found none"; exit 2; }
done
folder=$(mktemp -d)
chmod 755 "$folder"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$folder/www" "$folder/tmp"
cat >"$folder/nginx.conf" <<CONF
daemon off; master_process off; pid $folder/pid; error_log $folder/error.log;
events {}
http {
  access_log off; client_body_temp_path $folder/tmp; proxy_temp_path $folder/tmp; fastcgi_temp_path $folder/tmp;
  uwsgi_temp_path $folder/tmp; scgi_temp_path $folder/tmp;
  server { listen 127.0.0.1:$port; root $folder/www; }
}
CONF
nginx -c "$folder/nginx.conf" &
server=$!
trap 'kill "$server"; rm -rf "$folder"' EXIT
head -c 3000000 /dev/zero | tr '\0' 'n' >"$folder/www/file"
touch -d '2026-01-02' "$folder/www/file"
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/file" && break; sleep 0.05; done

broken=0
try() {
  local name=$1 status=0 old new
  shift
  mkdir "$folder/$name"
  # As a download of the first version was left when it broke off.
  head -c 1000000 /dev/zero | tr '\0' 'o' >"$folder/$name/file"
  touch -d '2026-01-01' "$folder/$name/file"
  (cd "$folder/$name" && "$@" "http://127.0.0.1:$port/file") >/dev/null 2>&1 || status=$?
  old=$(tr -dc o <"$folder/$name/file" | wc -c)
  new=$(tr -dc n <"$folder/$name/file" | wc -c)
  echo "$name: exit status $status, $old bytes of the old version and $new of the new"
  # aria2 begins again at a piece of its own.
  [ "$status" = 0 ] && [ "$old" -gt 900000 ] && [ $((old + new)) = 3000000 ] || broken=1
}
curl --version | head -n 1
wget --version | head -n 1
aria2c --version | head -n 1
nginx -v 2>&1
try curl curl -sS -C - -O
try wget wget -q -c
try aria2 aria2c -q -c --allow-overwrite=false
exit "$broken"
