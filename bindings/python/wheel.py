"""Packs the built module as the wheel `databricks-sql-kernel`, and unpacks its dist-info beside it.

    python bindings/python/wheel.py build/bundled/python [--platform manylinux_2_28_x86_64]

The folder then holds databricks_sql_kernel.abi3.so, the wheel and the dist-info, so that the folder itself
can stand on sys.path. The version is the module's own.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = "databricks_sql_kernel"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content makes the same wheel

METADATA = """\
Metadata-Version: 2.1
Name: databricks-sql-kernel
Version: {version}
Summary: dbkernel as the kernel module of databricks-sql-connector
License: Apache-2.0
Requires-Python: >=3.10
Classifier: Programming Language :: C
Classifier: Programming Language :: Python :: 3
Description-Content-Type: text/markdown

{readme}"""

WHEEL = """\
Wheel-Version: 1.0
Generator: dbkernel
Root-Is-Purelib: false
Tag: cp310-abi3-{platform}
"""


def module_version(folder: Path) -> str:
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import {MODULE}; print({MODULE}.__version__)"
    answer = subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def contents(folder: Path, version: str, platform: str) -> dict[str, bytes]:
    info = f"{MODULE}-{version}.dist-info"
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    files = {
        f"{MODULE}.abi3.so": (folder / f"{MODULE}.abi3.so").read_bytes(),
        f"{MODULE}-stubs/__init__.pyi": (HERE / f"{MODULE}.pyi").read_bytes(),
        f"{info}/METADATA": METADATA.format(version=version, readme=readme).encode(),
        f"{info}/WHEEL": WHEEL.format(platform=platform).encode(),
        f"{info}/LICENSE": (HERE.parent.parent / "LICENSE").read_bytes(),
    }
    record = "".join(record_line(name, data) for name, data in files.items()) + f"{info}/RECORD,,\n"
    files[f"{info}/RECORD"] = record.encode()
    return files


def write_wheel(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the built module is")
    default = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    parser.add_argument("--platform", default=default, help=f"platform tag (default here: {default})")
    args = parser.parse_args()

    version = module_version(args.folder)
    files = contents(args.folder, version, args.platform)
    for old in [*args.folder.glob("*.whl"), *args.folder.glob("*.dist-info")]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    wheel = args.folder / f"{MODULE}-{version}-cp310-abi3-{args.platform}.whl"
    write_wheel(wheel, files)
    for name, data in files.items():
        if ".dist-info/" in name:
            target = args.folder / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
    print(wheel)


if __name__ == "__main__":
    main()
