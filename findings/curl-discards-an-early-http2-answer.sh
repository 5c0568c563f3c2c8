#!/usr/bin/env bash
# curl gives up an HTTP/2 answer that came whole, because the server wants no more of the upload.
#
# Seen on 2026-11-29 with curl 7.88.1 and nghttp2 1.52 (Debian 12), and PyPI's h2 4.3.0 as the server.
#
# RFC 9113, section 8.1, lets a server answer in full before the request is over, and then reset the stream
# with NO_ERROR; "clients MUST NOT discard responses" for that. The server here answers 413 with its content and
# END_STREAM, then resets. One would guess exit status 0 and the answer on the output. curl prints nothing, says
# that the status was 000, and exits with 92, as if the transfer had failed.
#
# Whom it meets: uploads that are refused early (413, 401, 429) behind HTTP/2 servers that reset with NO_ERROR,
# nginx and h2 among them: scripts that look at the exit status see a transport error.
set -euo pipefail
command -v curl >/dev/null || { echo "wanted curl, found none"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check h2==4.3.0

cat >"$folder/server.py" <<'PY'
import socket
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
peer, _ = listener.accept()
http = H2Connection(H2Configuration(client_side=False))
http.initiate_connection()
peer.sendall(http.data_to_send())
while data := peer.recv(65536):
    for event in http.receive_data(data):
        if isinstance(event, RequestReceived):
            stream = event.stream_id
            http.send_headers(stream, [(":status", "413"), ("content-length", "6")])
            http.send_data(stream, b"large\n", end_stream=True)
            http.reset_stream(stream, ErrorCodes.NO_ERROR)
    peer.sendall(http.data_to_send())
PY

exec 3< <("$folder/venv/bin/python" "$folder/server.py")
read -r port <&3
head -c 10000000 /dev/zero >"$folder/upload"
status=0
answer=$(curl --silent --max-time 20 --http2-prior-knowledge --write-out '%{http_code}' \
  --upload-file "$folder/upload" "http://127.0.0.1:$port/") || status=$?
curl --version | head -n 1
echo "exit status $status, output: $(echo "$answer" | tr '\n' ' ')"
[ "$status $answer" = "92 000" ] || { echo "wanted exit status 92 and 000, found $status and $answer"; exit 1; }
