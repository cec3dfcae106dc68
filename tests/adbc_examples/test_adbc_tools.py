"""The programs of docs/adbc-tools.md as they stand there: the installed driver, found by its name.

What has no package comes from sources that the caller fetched: ARROW_ADBC_DIR (apache/arrow-adbc: its c, java, javascript, r
and rust folders) for Java, Node.js and R, NANOARROW_DIR (apache/arrow-nanoarrow) for R."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "adbc"))

from adbc_env import ROOT, examples, options  # noqa: E402

from warehouse.testing import local_warehouse  # noqa: E402

BUILT = ROOT / "build" / "adbc-examples"
PAGE = "adbc-tools.md"
NATIONS = ("ALGERIA", "VIETNAM")  # first and last by name


@pytest.fixture(scope="module")
def warehouse():
    with local_warehouse() as server:
        yield server


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What make install does for the driver."""
    prefix = tmp_path_factory.mktemp("prefix")
    command = ["cmake", "--install", str(ROOT / "build" / "cmake" / "release"), "--prefix", str(prefix), "--component", "adbc"]
    subprocess.run(command, check=True, capture_output=True)
    return prefix


@pytest.fixture
def run(warehouse, installed, tmp_path):
    """Runs a command in an empty folder with what the page asks for; its output."""
    given = options(warehouse)
    where = {
        "DATABRICKS_URI": given["uri"],
        "DATABRICKS_TOKEN": given["databricks.access_token"],
        "ADBC_DRIVER_PATH": str(installed / "etc" / "adbc" / "drivers"),
        "RAY_AUTH_MODE": "disabled",
    }

    def call(*command: object, **more: str) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=tmp_path, env={**os.environ, **where, **more}, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing here")


def sources(variable: str, project: str) -> Path:
    if variable not in os.environ:
        pytest.skip(f"no package of it in a registry: fetch {project} and say where it is in {variable}")
    return Path(os.environ[variable])


def block(language: str, containing: str = "") -> str:
    (found,) = [text for text in examples(language, PAGE) if containing in text]
    return found


def python_example(run, tmp_path, tool: str) -> str:
    (tmp_path / "example.py").write_text(block("python", f"import {tool}\n"))
    return run(os.environ.get("ADBC_EXAMPLES_PYTHON", sys.executable), "example.py")


def shows_nations(output: str) -> bool:
    return all(name in output for name in NATIONS)


def test_ibis(run, tmp_path):
    assert "'nations': [5, 5, 5, 5, 5]" in python_example(run, tmp_path, "ibis")


@pytest.mark.parametrize("tool", ["dask", "ray"])
def test_partitions_in_other_processes(run, tmp_path, warehouse, tool):
    rows = warehouse.rows("SELECT count(*) FROM samples.tpch.lineitem")[0][0]
    assert f"{rows} rows in " in python_example(run, tmp_path, tool)


def test_go(run, tmp_path):
    needs("go", "g++")
    (tmp_path / "main.go").write_text(block("go"))
    run("go", "mod", "init", "example.org/nations")
    run("go", "get", "github.com/apache/arrow-adbc/go/adbc/drivermgr@v1.9.0")
    assert shows_nations(run("go", "run", "."))


def test_rust(run, tmp_path):
    needs("cargo")
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text(block("toml", "[package]"))
    (tmp_path / "src" / "main.rs").write_text(block("rust"))
    assert shows_nations(run("cargo", "run", "--quiet", CARGO_TARGET_DIR=str(BUILT / "rust")))


def manager_sources(c: Path) -> list[Path]:
    return sorted(path for path in (c / "driver_manager").glob("adbc_driver_manager*.cc") if "test" not in path.name)


def test_java(run, tmp_path):
    needs("javac", "mvn", "g++")
    adbc, place = sources("ARROW_ADBC_DIR", "apache/arrow-adbc"), BUILT / "java"
    library, jars = place / "libadbc_driver_jni.so", place / "jars"
    place.mkdir(parents=True, exist_ok=True)
    if not jars.exists():
        shutil.copy(Path(__file__).with_name("java-dependencies.xml"), tmp_path)
        run("mvn", "-q", "-f", "java-dependencies.xml", "dependency:copy-dependencies", f"-DoutputDirectory={jars}")
    java = [p for part in ("core", "driver-manager", "driver/jni") for p in sorted((adbc / "java" / part / "src/main/java").rglob("*.java"))]
    java = [path for path in java if path.name != "module-info.java"]
    run("javac", "-nowarn", "-d", place / "classes", "-h", place / "headers", "-cp", f"{jars}/*", *java)
    if not library.exists():
        jdk, c = Path(shutil.which("javac")).resolve().parents[1] / "include", adbc / "c"
        include = [f"-I{path}" for path in (c / "include", c, c / "vendor", place / "headers", jdk, jdk / "linux")]
        wrapper = adbc / "java/driver/jni/src/main/cpp/jni_wrapper.cc"
        run("g++", "-std=c++20", "-O1", "-fPIC", "-shared", "-DADBC_EXPORTING", *include, wrapper, *manager_sources(c), "-o", library, "-ldl")
    (tmp_path / "Nations.java").write_text(block("java"))
    path = f"{place / 'classes'}:{jars}/*:."
    run("javac", "-cp", path, "Nations.java")
    flags = ["--add-opens=java.base/java.nio=ALL-UNNAMED", f"-Darrow.adbc.driver.jni.library.path={place}"]
    assert shows_nations(run("java", *flags, "-cp", path, "Nations"))


def test_node(run, tmp_path):
    needs("node", "npm", "cargo")
    adbc, place = sources("ARROW_ADBC_DIR", "apache/arrow-adbc"), BUILT / "node"
    manager = place / "javascript"
    if not (manager / "dist" / "index.js").exists():
        for part in ("javascript", "rust"):
            shutil.copytree(adbc / part, place / part, ignore=shutil.ignore_patterns("node_modules", "target"), dirs_exist_ok=True)
        run("npm", "install", "--prefix", manager, "--ignore-scripts", "--no-audit", "--no-fund")
        run("npm", "run", "build", "--prefix", manager)
    (tmp_path / "nations.mjs").write_text(block("js"))
    run("npm", "install", "--no-audit", "--no-fund", manager)
    assert shows_nations(run("node", "nations.mjs"))


def test_r(run, tmp_path):
    needs("Rscript", "g++")
    adbc, nanoarrow = sources("ARROW_ADBC_DIR", "apache/arrow-adbc"), sources("NANOARROW_DIR", "apache/arrow-nanoarrow")
    place = BUILT / "r"
    place.mkdir(parents=True, exist_ok=True)
    for name, source, package in (("nanoarrow", nanoarrow, "r"), ("adbcdrivermanager", adbc, "r/adbcdrivermanager")):
        if not (place / name / "DESCRIPTION").exists():
            copy = tmp_path / name  # bootstrap.R brings the C sources into the package
            shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", "sqlite3"))
            run("sh", "-c", f"cd '{copy / package}' && Rscript bootstrap.R && R CMD INSTALL -l '{place}' .", R_LIBS=str(place))
    (tmp_path / "nations.R").write_text(block("r"))
    assert shows_nations(run("Rscript", "nations.R", R_LIBS=str(place)))
