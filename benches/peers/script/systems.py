"""The servers: how each is started, and what it knows beside whole files."""

import json
import os
import subprocess

from process import Process, free_port

ALL = frozenset({"conditions", "gzip", "ranges", "whole"})
WHOLE, H2C, TLS, LOG = (frozenset({name}) for name in ("whole", "h2c", "tls", "log"))


class System:
    def __init__(self, title, start, knows=ALL):
        self.title = title
        self.start = start
        self.knows = knows


def ours(binary, variant=""):
    def start(args, root, _scratch):
        return Process([os.path.join(args.binaries, binary), root, variant], args.server_cpu)

    return start


def by_tls(binary, variant):
    def start(args, root, scratch):
        return Process([os.path.join(args.binaries, binary), root, variant, *certificate(scratch)],
                       args.server_cpu)

    return start


def certificate(scratch):
    """A certificate and its key (P-256), the same for every server."""
    cert, key = os.path.join(scratch, "cert.pem"), os.path.join(scratch, "key.pem")
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
    return cert, key


def nginx(sendfile, cached, listen="", log=False):
    """`listen` is what follows the port: `http2`, `ssl http2`."""
    def start(args, root, scratch):
        port = free_port()
        home = os.path.join(scratch, f"nginx-{port}")
        os.makedirs(home)
        # The cache is as large as the tree, and what it knows is looked at again once a minute.
        cache = f"open_file_cache max={args.files + 100} inactive=1h; open_file_cache_valid 60s;"
        secret = ""
        if "ssl" in listen:
            cert, key = certificate(scratch)
            secret = f"ssl_certificate {cert}; ssl_certificate_key {key};"
        written = f"access_log {home}/access.log combined buffer=64k flush=1s;" if log else ""
        return started_nginx(args, home, port, 4096, f"""
            sendfile {"on" if sendfile else "off"};
            {cache if cached else "open_file_cache off;"}
            gzip_static on; default_type application/octet-stream;
            server {{ listen 127.0.0.1:{port} {listen}; root {root}; {secret} {written} }}""")

    return start


def started_nginx(args, home, port, connections, http):
    """One process without a master, so that its id is the one that is measured.

    `tcp_nopush` is off, as it is by itself: with it and sendfile each range waits 40 ms for the
    client's acknowledgement, and 100 KiB cost half as much again.
    """
    config = os.path.join(home, "nginx.conf")
    temporary = "\n".join(f"{name}_temp_path {home}/{name};"
                          for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(config, "w", encoding="utf-8") as file:
        # The user is who runs the bench: the files are theirs.
        file.write(f"""
            daemon off; master_process off; pid {home}/pid; error_log /dev/null;
            events {{ worker_connections {connections}; }}
            http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
                    {temporary} {http} }}""")
    process = Process(["nginx", "-p", home, "-c", config], args.server_cpu, port)
    process.wait_for_port()
    return process


def example(*flags):
    """The example `files`, which says on its first line where it listens."""
    def start(args, root, scratch):
        log = os.path.join(scratch, f"example-{'-'.join(flags)}.log")
        return Process([os.path.join(args.binaries, "examples", "files"), root, "--listen",
                        "127.0.0.1:0", "--access-log", log, *flags], args.server_cpu)

    return start


def static_web_server(args, root, _scratch):
    port = free_port()
    process = Process([os.path.join(args.binaries, "..", "sws", "bin", "static-web-server"),
                       "--host", "127.0.0.1", "--port", str(port), "--root", root,
                       "--log-level", "error", "--cache-control-headers", "false"],
                      args.server_cpu, port)
    process.wait_for_port()
    return process


def caddy(args, root, scratch):
    port = free_port()
    home = os.path.join(scratch, f"caddy-{port}")
    os.makedirs(home)
    path = os.path.join(home, "caddy.json")
    handler = {"handler": "file_server", "root": root, "precompressed": {"gzip": {}}}
    server = {"listen": [f"127.0.0.1:{port}"], "automatic_https": {"disable": True},
              "routes": [{"handle": [handler]}]}
    config = {"admin": {"disabled": True, "config": {"persist": False}},
              "logging": {"logs": {"default": {"level": "ERROR"}}},
              "apps": {"http": {"servers": {"files": server}}}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    process = Process(["caddy", "run", "--config", path], args.server_cpu, port,
                      {"GOMAXPROCS": "1", "HOME": home, "XDG_CONFIG_HOME": home,
                       "XDG_DATA_HOME": home})
    process.wait_for_port()
    return process


SYSTEMS = {
    "letterhead": System("letterhead, cached, one stat", ours("letterhead", "stat"), ALL | H2C),
    "letterhead-inline": System("letterhead, no cache", ours("letterhead", "inline")),
    "letterhead-watched": System("letterhead, cached, watched", ours("letterhead", "watched")),
    "letterhead-zero": System("letterhead, zero copy", ours("letterhead", "zero")),
    "letterhead-layer": System("letterhead, cached, behind the layer",
                               ours("letterhead", "stat+layer")),
    "nginx": System("nginx, sendfile, open_file_cache", nginx(True, True)),
    "nginx-nocache": System("nginx, sendfile, no cache", nginx(True, False)),
    "nginx-copy": System("nginx, no sendfile, open_file_cache", nginx(False, True)),
    "nginx-copy-nocache": System("nginx, no sendfile, no cache", nginx(False, False)),
    "servedir": System("axum + ServeDir (tower-http)", ours("servedir")),
    "sws": System("static-web-server", static_web_server, ALL - {"gzip"}),
    "actix": System("actix-files", ours("actix"), ALL - {"gzip"}),
    "staticfile": System("hyper-staticfile", ours("staticfile")),
    "salvo": System("salvo", ours("salvo")),
    "caddy": System("caddy", caddy),
    "memory": System("hyper, bytes in memory", ours("memory"), WHOLE),
    "sendfile": System("bare sendfile loop", ours("sendfile"), WHOLE),
    # They know one way to be asked.
    "letterhead-tls": System("letterhead, cached, one stat", by_tls("letterhead", "stat"), TLS),
    "nginx-h2c": System("nginx, sendfile, open_file_cache", nginx(True, True, "http2"), H2C),
    "nginx-h2c-copy": System("nginx, no sendfile, open_file_cache", nginx(False, True, "http2"), H2C),
    "nginx-tls": System("nginx, sendfile, open_file_cache", nginx(True, True, "ssl http2"), TLS),
    "nginx-tls-copy": System("nginx, no sendfile, open_file_cache",
                             nginx(False, True, "ssl http2"), TLS),
    "example": System("letterhead's example `files`, combined log", example(), LOG),
    "example-json": System("letterhead's example `files`, JSON log", example("--json-log"), LOG),
    "nginx-log": System("nginx, sendfile, open_file_cache, combined log",
                        nginx(True, True, log=True), LOG),
    "nginx-log-copy": System("nginx, no sendfile, open_file_cache, combined log",
                             nginx(False, True, log=True), LOG),
}
