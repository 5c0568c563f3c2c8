"""The caches and the origins, each a process on a port of 127.0.0.1.

What a cache does where the origin states no lifetime is its own affair: each is told to keep such a response for a
second, so that it asks again within a history. Nothing else about freshness is set.
"""

import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import time

# What the first directory of a path has the origin say.
STATED = {"a": None, "m": "max-age=1", "c": "no-cache"}

# Where each program is, if not on the PATH of an ordinary user.
SBIN = "/usr/sbin:/sbin:/usr/local/sbin"

NGINX = """daemon off; master_process off; pid {at}/pid; error_log {at}/errors; {modules}
events {{ worker_connections 2000; }}
http {{ access_log {log}; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
  uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  {http} }}
"""

NGINX_CACHE = """proxy_cache_path {at}/cache keys_zone=c:4m;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_http_version 1.1;
    proxy_cache c; proxy_cache_revalidate on; proxy_cache_valid 200 206 1s; {more} }} }}"""

SLICES = "slice 1m; proxy_cache_key $uri$slice_range; proxy_set_header Range $slice_range;"

NGINX_ORIGIN = """types {{ }} default_type application/octet-stream; gzip_static on; gzip_vary on;
  server {{ listen 127.0.0.1:{port}; root {root};
    location /a/ {{ }} location /m/ {{ add_header Cache-Control max-age=1; }}
    location /c/ {{ add_header Cache-Control no-cache; }} }}"""

VARNISH = """vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{origin}"; }}
"""

SQUID = """http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1 no-vhost
cache_peer 127.0.0.1 parent {origin} 0 no-query originserver name=origin
http_access allow all
cache_mem 256 MB
maximum_object_size_in_memory 16 MB
refresh_pattern . 0 0% 0
access_log none
cache_store_log none
cache_log stdio:{at}/errors
pid_filename none
netdb_filename none
coredump_dir {at}
visible_hostname cache.test
shutdown_lifetime 0 seconds
"""

HAPROXY = """global
  maxconn 2000
cache c
  total-max-size 256
  max-object-size 16000000
  max-age 1
  process-vary on
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:{port}
  http-request cache-use c
  http-response cache-store c
  default_backend o
backend o
  server s 127.0.0.1:{origin}
"""

APACHE = """ServerName cache.test
Listen 127.0.0.1:{port}
PidFile {at}/pid
DefaultRuntimeDir {at}
ErrorLog {at}/errors
{modules}
{user}
StartServers 1
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
ProxyPass / http://127.0.0.1:{origin}/
CacheEnable disk /
CacheRoot {at}/cache
CacheMaxFileSize 16000000
CacheStoreExpired On
CacheDefaultExpire 1
CacheMaxExpire 1
"""

APACHE_MODULES = ["mpm_event", "authz_core", "proxy", "proxy_http", "cache", "cache_disk"]

# The programs that each cache wants.
WANTS = {
    "nginx": "nginx",
    "slices": "nginx",
    "varnish": "varnishd",
    "squid": "squid",
    "haproxy": "haproxy",
    "apache": "apache2",
}


def program(name):
    return shutil.which(name) or shutil.which(name, path=SBIN)


class Server:
    """A child process; gone at the end of a `with`."""

    def __init__(self, command, port, said):
        self.port, self.said = port, said
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def wait(self):
        """Whether it listens; not if it ended, as it does if somebody else has taken the port."""
        end = time.monotonic() + 30
        while time.monotonic() < end and self.child.poll() is None:
            if is_listening(self.port):
                return self.child.poll() is None
            time.sleep(0.02)
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def is_listening(port):
    """Whether somebody listens there. It is not found out by connecting: where nobody listens, a client whose own port
    is by chance the same one connects to itself, and keeps the server from having it."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            lines = pathlib.Path(table).read_text().splitlines()[1:]
            if any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines):
                return True
    return False


# Below the ports that the system gives to clients and to whoever asks for any, and apart from those of the processes
# that run beside this one.
PORTS = itertools.count(11000 + os.getpid() * 40 % 20000)


def free_port():
    """A port that was free a moment ago: most of these servers take no other kind."""
    for port in PORTS:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def started(at, command_for):
    """Starts a server, on another port if the first was taken in between."""
    at.mkdir(parents=True)
    # Who starts as root gives that up, and writes there all the same.
    at.chmod(0o777)
    for _ in range(5):
        port = free_port()
        said = open(at / "said", "w")
        server = Server(command_for(port), port, said)
        if server.wait():
            return server
        server.__exit__()
    said = (at / "said").read_text()
    errors = at / "errors"
    raise SystemExit(f"{at.name} does not start: {said}{errors.read_text() if errors.exists() else ''}")


def written(at, text):
    conf = at / "conf"
    conf.write_text(text)
    return str(conf)


def nginx(at, port, http, **values):
    http = http.format(at=at, port=port, **values)
    user = "user root;" if is_root() else ""
    text = NGINX.format(at=at, http=http, modules=user, log=values.get("log", "off"))
    return [program("nginx"), "-c", written(at, text), "-e", f"{at}/errors"]


def is_root():
    return os.geteuid() == 0


def apache(at, port, origin):
    (at / "cache").mkdir(exist_ok=True)
    (at / "cache").chmod(0o777)
    where = "/usr/lib/apache2/modules/mod_{0}.so"
    modules = "\n".join(f"LoadModule {m}_module {where.format(m)}" for m in APACHE_MODULES)
    user = "User nobody\nGroup nogroup" if is_root() else ""
    text = APACHE.format(at=at, port=port, origin=origin, modules=modules, user=user)
    return [program("apache2"), "-f", written(at, text), "-DFOREGROUND"]


def varnish(at, port, origin):
    vcl = written(at, VARNISH.format(origin=origin))
    parameters = ["default_ttl=1", "default_grace=0", "default_keep=60", "thread_pool_min=20"]
    flags = [part for parameter in parameters for part in ("-p", parameter)]
    where = ["-n", str(at / "work"), "-a", f"127.0.0.1:{port}", "-T", "none", "-f", vcl]
    return [program("varnishd"), "-F", "-j", "none", "-s", "malloc,256m", *flags, *where]


def cache(kind, at, origin):
    """Starts the cache of that kind before the origin on that port."""
    at = pathlib.Path(at)

    def command(port):
        if kind in ("nginx", "slices"):
            more = SLICES if kind == "slices" else ""
            return nginx(at, port, NGINX_CACHE, origin=origin, more=more)
        if kind == "varnish":
            return varnish(at, port, origin)
        if kind == "squid":
            text = SQUID.format(at=at, port=port, origin=origin)
            return [program("squid"), "-N", "-f", written(at, text)]
        if kind == "haproxy":
            text = HAPROXY.format(port=port, origin=origin)
            return [program("haproxy"), "-db", "-f", written(at, text)]
        return apache(at, port, origin)

    return started(at, command)


def letterhead(at, root, binary, is_constant):
    """Starts the example `files`; its log says what the cache has asked for."""
    flags = ["--precompressed", "br,gzip", "--access-log", str(at / "log")]
    for directory, stated in STATED.items():
        if stated:
            flags += ["--cache-control", f"/{directory}/*={stated}"]
    if is_constant:
        flags.append("--constant-dates")
    return started(at, lambda port: [binary, str(root), "--port", str(port), *flags])


def nginx_origin(at, root):
    return started(at, lambda port: nginx(at, port, NGINX_ORIGIN, root=root, log=at / "log"))
