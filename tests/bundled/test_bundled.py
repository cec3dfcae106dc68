"""What docs/bundled.md promises of build/bundled: one archive and one shared library that carry their
HTTP, TLS and compression inside, touch nothing of the host's, and verify servers."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from secure import SecureWarehouse, secure_warehouse

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = Path(os.environ["DBK_BUNDLED_DIR"]).resolve()
ARCHIVE = BUNDLED / "libdatabricks_sql_kernel.a"
LIBRARY = BUNDLED / "libdatabricks_sql_kernel.so.1"
EXPORTS = (ROOT / "tools" / "exports.txt").read_text().split()
# c-abi 4.1: how cgo links the archive, and what cgo itself adds.
LINK = [f"-L{BUNDLED}", "-l:libdatabricks_sql_kernel.a", "-lstdc++", "-lm", "-ldl", "-lpthread"]
C_LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2"}

# Weak names that start-up code asks the process for, in every library.
START_UP = {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__"}


def output(*command: str | Path) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout


def symbols(file: Path, *options: str) -> list[str]:
    return [line.split()[-1].split("@")[0] for line in output("nm", *options, file).splitlines() if " " in line]


@pytest.fixture(scope="session")
def secure() -> Iterator[SecureWarehouse]:
    with secure_warehouse() as started:
        yield started


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory):
    """build(*flags): client.c compiled and linked with them."""
    folder = tmp_path_factory.mktemp("clients")

    def compile_client(*flags: str) -> Path:
        program = folder / f"client{len(list(folder.iterdir()))}"
        output(
            "gcc", "-std=gnu11", "-Wall", "-Wextra", "-fno-builtin", f"-I{ROOT / 'include'}",
            ROOT / "tests" / "bundled" / "client.c", "-o", program, *flags,
        )  # fmt: skip
        return program

    return compile_client


def run(program: Path, secure: SecureWarehouse, *args: str, code: int = 0, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("SSL_CERT_FILE", "SSL_CERT_DIR", "CLIENT_CA")}
    done = subprocess.run(
        [program, secure.host, secure.warehouse.http_path, secure.warehouse.token, *args],
        capture_output=True, text=True, timeout=60, env=clean | environment,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    assert done.returncode == code, f"ended with {done.returncode}: {done.stderr}"
    return done.stdout + done.stderr


def good(text: str) -> None:
    assert "one=1 " in text and "last=299999" in text


# ---- what is in the files ----


def test_archive_is_one_object_with_only_our_names():
    assert output("ar", "t", ARCHIVE).split() == ["databricks_sql_kernel.o"]
    assert sorted(symbols(ARCHIVE, "-g", "--defined-only")) == sorted(EXPORTS)


def test_shared_library_has_only_our_names():
    assert sorted(symbols(LIBRARY, "-D", "--defined-only")) == sorted(EXPORTS)


@pytest.fixture(scope="session")
def c_library() -> set[str]:
    """What libc and the compiler's own runtime offer."""
    names = {"_GLOBAL_OFFSET_TABLE_"}
    for library in ("libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"):
        names |= set(symbols(Path(output("gcc", f"-print-file-name={library}").strip()), "-D", "--defined-only"))
    # pthread_atfork and the like live in the part of libc that is always static.
    return names | set(symbols(Path(output("gcc", "-print-file-name=libc_nonshared.a").strip()), "-g", "--defined-only"))


def test_archive_needs_only_the_c_library(c_library: set[str]):
    assert set(symbols(ARCHIVE, "-u")) - c_library == set()


def test_shared_library_needs_only_the_c_library(c_library: set[str]):
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", LIBRARY)))
    assert "libc.so.6" in needed and needed <= C_LIBRARIES
    assert set(symbols(LIBRARY, "-D", "--undefined-only")) - c_library <= START_UP


def test_python_module_needs_only_the_c_library_and_python(c_library: set[str]):
    module = BUNDLED / "python" / "databricks_sql_kernel.abi3.so"
    if not module.exists():
        pytest.skip("the Python module was not built: no headers of CPython")
    assert symbols(module, "-D", "--defined-only") == ["PyInit_databricks_sql_kernel"]
    undefined = set(symbols(module, "-D", "--undefined-only")) - c_library - START_UP
    assert {name for name in undefined if not name.startswith(("Py", "_Py"))} == set()


@pytest.mark.parametrize(
    "name",
    [
        "libdatabricks_sql_kernel.so.1", "libadbc_driver_databricks.so", "libdatabricks_odbc.so",
        "python/databricks_sql_kernel.abi3.so", "node/index.linux-x64-gnu.node",
    ],
)  # fmt: skip
def test_loads_from_glibc_2_28_on(name: str):
    if not (BUNDLED / name).exists():
        pytest.skip(f"{name} was not built")
    used = re.findall(r"@GLIBC_2\.(\d+)", output("nm", "-D", "--undefined-only", BUNDLED / name))
    assert used and max(map(int, used)) <= 28
    # Where an older glibc has what a newer one has in libc itself.
    assert "[libpthread.so.0]" in output("readelf", "-d", BUNDLED / name)


def test_shared_library_is_hardened():
    headers = output("readelf", "-lW", LIBRARY)
    assert re.search(r"GNU_STACK\s.*\bRW\s", headers) and "GNU_RELRO" in headers
    dynamic = output("readelf", "-d", LIBRARY)
    assert "NODELETE" in dynamic and "NOW" in dynamic and "TEXTREL" not in dynamic
    assert "RUNPATH" not in dynamic and "RPATH" not in dynamic


@pytest.mark.parametrize("file", [ARCHIVE, LIBRARY], ids=["a", "so"])
def test_no_path_of_the_building_machine(file: Path):
    assert str(ROOT).encode() not in file.read_bytes()


# ---- hosts ----


@pytest.mark.parametrize("flags", [(), ("-static-pie",)], ids=["dynamic", "static"])
def test_links_as_cgo_does(build, secure: SecureWarehouse, flags: tuple[str, ...]):
    program = build(*LINK, *flags)
    good(run(program, secure, CLIENT_CA=str(secure.roots)))


def test_beside_another_curl_and_openssl(build, secure: SecureWarehouse):
    text = run(build("-DWITH_CURL", *LINK, "-lcurl", "-lcrypto"), secure, CLIENT_CA=str(secure.roots))
    good(text)
    assert text.count("result=0") == 2


@pytest.mark.parametrize("way", ["archive", "shared"])
def test_host_with_clashing_names(build, secure: SecureWarehouse, way: str):
    flags = [*LINK] if way == "archive" else ["-DLOAD", "-ldl"]
    program = build("-DPOISON", "-rdynamic", *flags)
    assert "SSL_new" in symbols(program, "-D", "--defined-only")
    good(run(program, secure, CLIENT_CA=str(secure.roots), DBK_LIBRARY=str(LIBRARY)))


def test_beside_the_ordinary_library(build, secure: SecureWarehouse):
    """The system's OpenSSL and curl are in the process, preloaded, in front of everything."""
    program = build("-DLOAD", "-ldl")
    curl = output("gcc", "-print-file-name=libcurl.so.4").strip()
    good(run(program, secure, CLIENT_CA=str(secure.roots), DBK_LIBRARY=str(LIBRARY), LD_PRELOAD=curl))


# ---- whom it trusts ----


@pytest.fixture(scope="session")
def client(build) -> Path:
    return build(*LINK)


def test_unknown_authority_is_refused(client: Path, secure: SecureWarehouse):
    assert "certificate" in run(client, secure, code=1)


def test_authority_from_the_environment(client: Path, secure: SecureWarehouse):
    good(run(client, secure, SSL_CERT_FILE=str(secure.roots)))
    good(run(client, secure, SSL_CERT_DIR=str(secure.hashed)))


def test_another_authority_is_refused(client: Path, secure: SecureWarehouse, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "certificate" in run(client, secure, code=1, SSL_CERT_DIR=str(empty))


def test_openssl_configuration_of_the_host_is_not_read(client: Path, secure: SecureWarehouse, tmp_path: Path):
    config = tmp_path / "openssl.cnf"
    config.write_text(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\nMaxProtocol = TLSv1.1\n"
    )
    good(run(client, secure, CLIENT_CA=str(secure.roots), OPENSSL_CONF=str(config)))
