"""`npm pack` of bindings/node/package in place of the official platform package: the driver, installed as an
application installs it, runs on it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from common import ADDON, OFFICIAL, PACKAGE, needs_addon, npm_install
from warehouse.testing import local_warehouse

pytestmark = needs_addon

QUERY = """
const { DBSQLClient } = require('@databricks/sql');
(async () => {
  const client = new DBSQLClient();
  await client.connect({ host: process.argv[2], path: '/sql/1.0/warehouses/local', token: 'local', useKernel: true });
  const session = await client.openSession();
  const operation = await session.executeStatement("SELECT 1 AS one, 'hé' AS s, DATE '2026-01-01' AS d");
  const rows = await operation.fetchAll();
  await operation.close(); await session.close(); await client.close();
  const loaded = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'));
  console.log(JSON.stringify({ rows, loaded, name: require('OFFICIAL/package.json').name }));
})().catch((e) => { console.error(e); process.exit(1); });
""".replace("OFFICIAL", OFFICIAL)


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    shutil.copytree(PACKAGE, source)
    shutil.copy(ADDON, source)
    command = ["npm", "pack", "--json", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    (packed,) = json.loads(done.stdout)
    names = {file["path"] for file in packed["files"]}
    assert {"package.json", "README.md", "index.linux-x64-gnu.node", "index.d.ts", "wrapper.js", "wrapper.d.ts"} == names
    return folder / packed["filename"]


@pytest.mark.parametrize("version", ["2.0.0", "2.1.0"])
def test_the_driver_runs_on_it(tarball: Path, tmp_path: Path, version: str) -> None:
    manifest = {
        "dependencies": {"@databricks/sql": version, OFFICIAL: f"file:{tarball}"},
        "overrides": {OFFICIAL: f"${OFFICIAL}"},
    }
    modules = npm_install(tmp_path / "app", manifest=manifest)
    assert (modules / OFFICIAL / "index.linux-x64-gnu.node").stat().st_size == ADDON.stat().st_size
    (tmp_path / "app" / "query.js").write_text(QUERY)
    with local_warehouse() as server:
        command = ["node", "query.js", server.url]
        done = subprocess.run(command, cwd=tmp_path / "app", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])  # before it: what the driver logs
    assert told["rows"] == [{"one": 1, "s": "hé", "d": "2026-01-01T00:00:00.000Z"}]
    assert told["name"].startswith("@dbkernel/")
    assert any(str(modules / OFFICIAL) in file for file in told["loaded"]), told["loaded"]


def test_the_wrapper_of_the_package(tarball: Path, tmp_path: Path) -> None:
    modules = npm_install(tmp_path / "app", manifest={"dependencies": {"dbkernel": f"file:{tarball}"}})
    script = """
    const kernel = require('dbkernel/wrapper');
    kernel.openSession({ hostName: process.argv[1], httpPath: '/sql/1.0/warehouses/local', token: 'local' }).then(async (c) => {
      let bytes = 0;
      for await (const ipc of await c.executeStatement('SELECT id FROM range(1000)')) bytes += ipc.length;
      const error = await c.executeStatement('SELEC').catch((e) => e);
      await c.close();
      console.log(bytes > 8000, error instanceof kernel.SqlError, error instanceof kernel.KernelError);
    });"""
    with local_warehouse() as server:
        command = ["node", "-e", script, server.url]
        done = subprocess.run(command, cwd=modules.parent, capture_output=True, text=True, timeout=60)
    assert done.stdout == "true true true\n", done.stderr[-2000:]
