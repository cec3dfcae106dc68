"""A Kerberos realm of the test's own on 127.0.0.1: a KDC, a user with a ticket, and squid that wants Negotiate."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import parties
import pytest
from abi_env import free_port

REALM, USER, PASSWORD, SERVICE = "DBK.TEST", "ways", "k3rberos-pw", "HTTP/localhost"
HELPER = "/usr/lib/squid/negotiate_kerberos_auth"


@dataclass
class Realm:
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{self.folder}/tickets",
        }

    def run(self, *command: str, text: str | None = None) -> str:
        env = {**os.environ, **self.env}
        done = subprocess.run(command, env=env, input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def log_in(self) -> None:
        self.run(parties.program("kinit"), f"{USER}@{REALM}", text=PASSWORD + "\n")

    def log_out(self) -> None:
        self.run(parties.program("kdestroy"))


def _write(folder: Path, port: int) -> None:
    (folder / "krb5.conf").write_text(f"""
[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {REALM}
""")
    (folder / "kdc.conf").write_text(f"""
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {REALM} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
""")


@contextlib.contextmanager
def realm() -> Iterator[Realm]:
    programs = {name: parties.program(name) for name in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "kdestroy")}
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="krb5-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # squid's helper, another user, reads two of the files
        _write(folder, port)
        here = Realm(folder)
        here.run(programs["kdb5_util"], "create", "-s", "-r", REALM, "-P", "master-pw")
        here.run(programs["kadmin.local"], "-q", f"addprinc -pw {PASSWORD} {USER}")
        here.run(programs["kadmin.local"], "-q", f"addprinc -randkey {SERVICE}")
        here.run(programs["kadmin.local"], "-q", f"ktadd -k {folder}/keytab {SERVICE}")
        (folder / "keytab").chmod(0o644)
        command = ["env", *(f"{k}={v}" for k, v in here.env.items()), programs["krb5kdc"], "-n"]
        with parties.running(command, port, folder / "kdc.log", folder):
            yield here


@contextlib.contextmanager
def squid(here: Realm) -> Iterator[parties.Party]:
    if not Path(HELPER).exists():
        pytest.skip(f"{HELPER} is not installed (make ways installs it)")
    login = [
        f"auth_param negotiate program /usr/bin/env KRB5_CONFIG={here.folder}/krb5.conf "
        f"{HELPER} -k {here.folder}/keytab -s {SERVICE}@{REALM}",
        "auth_param negotiate children 2",
    ]
    with parties.squid(login=login) as party:
        yield party
