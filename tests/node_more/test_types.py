"""Our declarations under `tsc`: the driver's sources compile against them in place of its own, and its declarations of
2.1.0 and ours describe the same surface."""

import shutil
import subprocess
from pathlib import Path

import pytest

from common import PACKAGE, ROOT, npm_install, suites

CHECK = """
import * as ours from './ours';
import * as theirs from './theirs';

// What a driver written against theirs passes, ours takes; what ours gives, that driver can use.
export const open: (options: theirs.ConnectionOptions) => Promise<theirs.Connection> = ours.openSession;
export const version: typeof theirs.version = ours.version;
export const init: typeof theirs.initKernelLogging = ours.initKernelLogging;
export const level: typeof theirs.setKernelLogLevel = ours.setKernelLogLevel;
export const stats: typeof theirs.kernelLoggingStats = ours.kernelLoggingStats;
export function handles(c: ours.Connection, s: ours.Statement, a: ours.AsyncStatement, r: ours.AsyncResultHandle,
                        e: ours.CancellableExecution) {
  const all: [theirs.Connection, theirs.Statement, theirs.AsyncStatement, theirs.AsyncResultHandle,
              theirs.CancellableExecution] = [c, s, a, r, e];
  return all;
}
export function options(o: Required<theirs.ConnectionOptions>): Required<ours.ConnectionOptions> { return o; }
export function execute(o: Required<theirs.ExecuteOptions>): Required<ours.ExecuteOptions> { return o; }
"""
BROKEN = "import * as ours from './ours';\nexport const bad: number = ours.version();\n"


def compile_files(folder: Path, tools: Path, *words: str) -> subprocess.CompletedProcess:
    command = [str(tools / ".bin" / "tsc"), "--noEmit", "--strict", "--target", "es2022", "--module", "commonjs"]
    command += ["--esModuleInterop", "--types", "node", "--typeRoots", str(tools / "@types"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def tools() -> Path:
    return npm_install(ROOT / "build" / "node-more" / "typescript", "typescript@5.5.4", "@types/node@18")


@pytest.fixture(scope="module")
def driver() -> Path:
    """Published files of 2.1.0 with what they depend on."""
    modules = npm_install(ROOT / "build" / "node-more" / "driver", "--omit=optional", "@databricks/sql@2.1.0")
    return modules / "@databricks" / "sql"


def test_ours_stand_in_for_theirs(tools: Path, driver: Path, tmp_path: Path) -> None:
    shutil.copy(PACKAGE / "index.d.ts", tmp_path / "ours.d.ts")
    shutil.copy(driver / "native" / "kernel" / "index.d.ts", tmp_path / "theirs.d.ts")
    (tmp_path / "check.ts").write_text(CHECK)
    done = compile_files(tmp_path, tools, "check.ts")
    assert done.returncode == 0, done.stdout
    (tmp_path / "broken.ts").write_text(BROKEN)
    assert "TS2322" in compile_files(tmp_path, tools, "broken.ts").stdout, "the compiler looks"


def test_the_wrapper(tools: Path, tmp_path: Path) -> None:
    for file in ("index.d.ts", "wrapper.d.ts"):
        shutil.copy(PACKAGE / file, tmp_path)
    (tmp_path / "use.ts").write_text("""
import { openSession, KernelError, SqlError } from './wrapper';
export async function rows(hostName: string): Promise<number> {
  await using connection = await openSession({ hostName, httpPath: '/sql/1.0/warehouses/x', token: 't' });
  await using statement = await connection.executeStatement('SELECT 1', { rowLimit: 5 });
  let bytes = 0;
  for await (const ipc of statement) bytes += ipc.length;
  return bytes;
}
export const state = (e: unknown) => (e instanceof SqlError ? e.sqlState : e instanceof KernelError ? e.code : undefined);
""")
    done = compile_files(tmp_path, tools, "--lib", "es2022,esnext.disposable", "use.ts")
    assert done.returncode == 0, done.stdout


def test_the_drivers_sources_compile_against_ours(tmp_path: Path) -> None:
    """Of 2.0.0, the newest version whose sources are public; its own declarations compile as well, for comparison."""
    source = suites.checkout("2.0.0")
    for name in ("lib", "native", "thrift"):
        shutil.copytree(source / name, tmp_path / name, ignore=shutil.ignore_patterns("*.node"))
    for name in ("tsconfig.json", "tsconfig.build.json", "package.json"):
        shutil.copy(source / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(source / "node_modules")
    command = [str(source / "node_modules" / ".bin" / "tsc"), "--noEmit", "--project", "tsconfig.build.json"]
    before = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    shutil.copy(PACKAGE / "index.d.ts", tmp_path / "native" / "kernel" / "index.d.ts")
    after = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (before.returncode, before.stdout) == (0, "")
    assert (after.returncode, after.stdout) == (0, "")
