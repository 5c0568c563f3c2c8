"""Prints the trailers of a response as h11 sees them."""

import socket
import sys

try:
    import h11
except ImportError:
    sys.exit(77)

host, port, path = sys.argv[1:4]
client = h11.Connection(our_role=h11.CLIENT)
with socket.create_connection((host, int(port)), timeout=20) as stream:
    headers = [("host", host), ("te", "trailers"), ("connection", "close, te")]
    stream.sendall(client.send(h11.Request(method="GET", target=path, headers=headers)))
    stream.sendall(client.send(h11.EndOfMessage()))
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(stream.recv(65536))
        elif isinstance(event, h11.EndOfMessage):
            for name, value in event.headers:
                print(f"{name.decode()}: {value.decode()}")
            break
        elif isinstance(event, h11.ConnectionClosed):
            sys.exit("closed before the end of the message")
