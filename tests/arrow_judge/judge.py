"""make arrow-judge: the Arrow project's own integration files and fuzz corpus against our reader and writer.

The files are those of the repository apache/arrow-testing, which is cloned into build/arrow-testing, or taken from the
folder that ARROW_TESTING names. Each integration stream is read and written anew by ours (src/arrow/ipc_judge.c), and
pyarrow compares what it reads in both. What ours refuses must be in REFUSED, with its reason. Each file of the corpus goes
through the fuzz target, whose properties end the program when they break.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

TOP = Path(__file__).resolve().parents[2]
UNIT = TOP / "build" / "cmake" / os.environ.get("JUDGE_PRESET", "release") / "unit"
SOURCE = "https://github.com/apache/arrow-testing"

# Files that are refused, and what the message must say.
REFUSED = {
    r"1\.0\.0-bigendian/": "big-endian",
}


def fetch() -> Path:
    given = os.environ.get("ARROW_TESTING")
    folder = Path(given) if given else TOP / "build" / "arrow-testing"
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", "--depth=1", SOURCE, str(folder)], check=True)
    return folder


def rewritten(source: Path, work: Path) -> tuple[bytes | None, str]:
    out = work / "out.arrows"
    done = subprocess.run([UNIT / "ipc_judge", source, out], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{source}: ipc_judge ended with {done.returncode}: {done.stderr[-2000:]}")
    return (out.read_bytes() if done.returncode == 0 else None), done.stderr.strip()


def difference(want: bytes, got: bytes) -> str:
    """What pyarrow sees differently; "": nothing."""
    a, b = pa.ipc.open_stream(want).read_all(), pa.ipc.open_stream(got).read_all()
    if a.schema.names != b.schema.names or a.num_rows != b.num_rows:
        return f"{a.num_rows} rows of {a.schema.names}, read as {b.num_rows} of {b.schema.names}"
    if not a.schema.equals(b.schema, check_metadata=True):
        return f"schema\n{a.schema}\nread as\n{b.schema}"
    for name, x, y in zip(a.schema.names, a.columns, b.columns):
        if not x.equals(y) and x.to_pylist() != y.to_pylist():
            return f"values of {name}"
    return ""


def judge_streams(folder: Path, work: Path) -> list[str]:
    bad, equal, refused = [], 0, 0
    for source in sorted(folder.glob("data/arrow-ipc-stream/integration/*/*.stream")):
        name = "/".join(source.parts[-2:])
        reason = next((text for pattern, text in REFUSED.items() if re.search(pattern, name)), None)
        got, message = rewritten(source, work)
        if got is None:
            refused += 1
            if reason is None or reason not in message:
                bad.append(f"{name}: refused: {message}")
            continue
        if reason is not None:
            bad.append(f"{name}: was to be refused ({reason})")
            continue
        what = difference(source.read_bytes(), got)
        equal += not what
        if what:
            bad.append(f"{name}: {what}")
    print(f"integration streams: {equal} equal, {refused} refused by name, {len(bad)} wrong")
    return bad if equal + refused else [*bad, "no integration streams found"]


def judge_corpus(folder: Path, work: Path) -> list[str]:
    """As the target wants them: the first byte says whether a size is declared, the next two where to split."""
    cases = work / "cases"
    cases.mkdir()
    sources = [*folder.glob("data/arrow-ipc-stream/*"), *folder.glob("data/arrow-ipc-file/*"),
               *folder.glob("data/arrow-ipc-tensor-stream/*")]  # fmt: skip
    count = 0
    for source in sources:
        if source.is_file() and "clusterfuzz" in source.name:
            data = source.read_bytes()
            for i, head in enumerate((b"\0\0\0", b"\2\x40\0", b"\0\x05\x01")):
                (cases / f"{count}-{i}").write_bytes(head + data)
            count += 1
    done = subprocess.run([UNIT / "fuzz_ipc_replay", cases], capture_output=True, text=True)
    print(f"fuzz corpus: {count} files, each fed in three ways: {done.stdout.strip() or done.returncode}")
    return [] if done.returncode == 0 and count else [f"fuzz corpus ended with {done.returncode}: {done.stderr[-2000:]}"]


def main() -> int:
    folder = fetch()
    with tempfile.TemporaryDirectory(prefix="dbk-judge-") as work:
        bad = [*judge_streams(folder, Path(work)), *judge_corpus(folder, Path(work))]
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
