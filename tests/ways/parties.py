"""Starts squid, tinyproxy, microsocks, dante and nginx with a configuration of the test's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from abi_env import free_port

USER, PASSWORD = "user", "se:cret@1"
START_LIMIT_S = 60.0


@dataclass
class Party:
    port: int
    log: Path

    def seen(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def program(name: str) -> str:
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (make ways installs it)")
    return found


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, folder: Path) -> Iterator[Party]:
    output = (folder / "output").open("w+")
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            output.seek(0)
            assert process.poll() is None and time.monotonic() < deadline, output.read()
            time.sleep(0.02)
        yield Party(port, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


@contextlib.contextmanager
def squid(*rules: str, login: list[str] | None = None) -> Iterator[Party]:
    """With Basic authentication, or the lines of another; rules come before the one that lets authenticated users
    through."""
    found, port = program("squid"), free_port()
    with tempfile.TemporaryDirectory(prefix="squid-") as name:  # not below a private folder of pytest's
        folder = Path(name)
        folder.chmod(0o777)  # started as root it becomes another user
        _write_squid(folder, port, login or _basic(folder), rules)
        with running([found, "-N", "-f", str(folder / "squid.conf")], port, folder / "access.log", folder) as party:
            yield party


def _basic(folder: Path) -> list[str]:
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True)
    (folder / "users").write_text(f"{USER}:{hashed.stdout}")
    (folder / "users").chmod(0o644)
    return [f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/users", "auth_param basic realm ways"]


def _write_squid(folder: Path, port: int, login: list[str], rules: tuple[str, ...]) -> None:
    (folder / "access.log").touch()
    (folder / "access.log").chmod(0o666)
    (folder / "squid.conf").write_text(f"""
http_port 127.0.0.1:{port}
pid_filename none
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
coredump_dir {folder}
netdb_filename none
pinger_enable off
cache deny all
shutdown_lifetime 0 seconds
{chr(10).join(login)}
acl known proxy_auth REQUIRED
{chr(10).join(rules)}
http_access allow known
http_access deny all
""")


@contextlib.contextmanager
def tinyproxy(folder: Path) -> Iterator[Party]:
    found, port = program("tinyproxy"), free_port()
    (folder / "tinyproxy.conf").write_text(f"""
Port {port}
Listen 127.0.0.1
Timeout 60
LogFile "{folder}/log"
LogLevel Connect
BasicAuth {USER} plainsecret
""")
    with running([found, "-d", "-c", str(folder / "tinyproxy.conf")], port, folder / "log", folder) as party:
        yield party


@contextlib.contextmanager
def microsocks(folder: Path) -> Iterator[Party]:
    found, port = program("microsocks"), free_port()
    command = [found, "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]
    with running(command, port, folder / "output", folder) as party:
        yield party


@contextlib.contextmanager
def dante(folder: Path) -> Iterator[Party]:
    found, port = program("danted"), free_port()
    (folder / "danted.conf").write_text(f"""
logoutput: {folder}/log
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 log: connect }}
""")
    command = [found, "-f", str(folder / "danted.conf"), "-p", str(folder / "pid")]
    with running(command, port, folder / "log", folder) as party:
        yield party


@contextlib.contextmanager
def nginx(folder: Path, certificates: Path, upstream: str) -> Iterator[Party]:
    """Requires a certificate of the CA in `certificates` and passes requests on to `upstream`."""
    found, port = program("nginx"), free_port()
    (folder / "nginx.conf").write_text(f"""
daemon off;
master_process off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificates}/server-good.pem;
        ssl_certificate_key {certificates}/server-good-key.pem;
        ssl_client_certificate {certificates}/ca.pem;
        ssl_verify_client on;
        location / {{ proxy_pass {upstream}; }}
    }}
}}
""")
    command = [found, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with running(command, port, folder / "access.log", folder) as party:
        yield party
