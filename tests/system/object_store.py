"""A real object store that speaks S3, on this machine's loopback: OpenStack Swift, out of Debian's packages.

One of each server and one replica, in a folder of the test's own.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

KINDS = ("account", "container", "object")
KEY, SECRET = "ladders:tester", "testing"
READY_S = 60.0

# Debian's own Python, in which Swift is installed; swift-ring-builder would be started nine times.
RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, *given = sys.argv[1:]
for kind, port in zip(given[::2], given[1::2]):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "sda1", "weight": 1.0})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
"""
BACKEND = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
workers = 0
devices = {devices}
mount_check = false
swift_dir = {folder}
log_name = {kind}
log_address = {folder}/no-syslog
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
recon_cache_path = {folder}
replication_concurrency = 1
"""
PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
workers = 0
swift_dir = {folder}
log_address = {folder}/no-syslog
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_ladders_tester = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
"""


class ObjectStore:
    """Swift's four servers; `url` is where they take S3's requests, signed with `KEY` and `SECRET`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.servers = folder, []
        self.ports = dict(zip(("proxy", "cache", *KINDS), _free_ports(5), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['proxy']}"

    def start(self) -> None:
        """Write rings and configurations, start the servers, wait until the proxy answers."""
        facts = {"user": os.environ.get("USER", "root"), "folder": self.folder, "devices": self.folder / "devices"}
        (self.folder / "devices" / "sda1").mkdir(parents=True, exist_ok=True)
        places = [text for kind in KINDS for text in (kind, str(self.ports[kind]))]
        command = ["/usr/bin/python3", "-c", RINGS, str(self.folder), *places]
        made = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        memory = ["memcached", "-l", "127.0.0.1", "-p", str(self.ports["cache"]), "-m", "8", "-u", facts["user"]]
        self._start("cache", memory)
        for kind in KINDS:
            self._serve(kind, BACKEND.format(kind=kind, port=self.ports[kind], **facts))
        self._serve("proxy", PROXY.format(port=self.ports["proxy"], secret=SECRET, cache=self.ports["cache"], **facts))
        deadline = time.monotonic() + READY_S
        while not self._answers():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.2)

    def _serve(self, kind: str, configuration: str) -> None:
        file = self.folder / f"{kind}.conf"
        file.write_text(configuration)
        self._start(kind, [f"swift-{kind}-server", str(file), "--verbose"])

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("w") as log:
            self.servers.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthcheck", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def logs(self) -> str:
        return "\n".join(file.read_text()[-3000:] for file in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for server in self.servers:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
