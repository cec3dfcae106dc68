"""`make telemetry-bench`: 500 small statements with telemetry off, and on in front of an endpoint that works, is dead, is
slow, refuses or answers garbage: what each costs beside telemetry off.

    python bench/telemetry_cost.py [--rounds 12] [--no-instructions]

Every run is a process of its own with a server of its own that thinks 2 ms about a statement (telling.c, which checks every
value it reads). A round runs each case once, in an order of its own, and "off" three times: first, in the middle, and as
the case "off again", whose distance from 1 is what this machine cannot tell from nothing. A case's number is the median
over the rounds of its time beside the mean of the two others of its round, with the 95 % interval of that median
(bootstrap, fixed seed). Then callgrind counts the instructions of a statement in all threads, which no neighbour disturbs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from waiting import attachment

ROOT = Path(__file__).resolve().parents[1]
STATEMENTS, SERVER_US, CLOSE_MS, VALUE = 500, 2000, 100, 42
CASES = {"off again": "off", **{name: name for name in ("works", "dead", "slow", "429", "garbage")}}
GOAL = 1.01
MEASURES = {"wall_s": "by the clock", "caller_cpu_s": "caller's CPU", "cpu_s": "process CPU"}
Run = dict[str, float]


def build(folder: Path) -> Path:
    program = folder / "telling"
    subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-std=gnu11", f"-I{ROOT}/include",
                    str(ROOT / "bench" / "telling.c"), f"-L{ROOT}/build", "-ldatabricks_sql_kernel",
                    f"-Wl,-rpath,{ROOT}/build", "-pthread", "-o", str(program)], check=True)  # fmt: skip
    return program


def run(program: Path, endpoint: str, statements: int = STATEMENTS, under: tuple[str, ...] = ()) -> Run:
    words = [endpoint, statements, SERVER_US, CLOSE_MS, attachment(VALUE), VALUE]
    done = subprocess.run([*under, program, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"telemetry-bench: {endpoint}: {done.stderr}")
    return json.loads(done.stdout)


def measure(program: Path, rounds: int) -> list[tuple[Run, dict[str, Run]]]:
    """Per round: the mean of two runs with telemetry off, and each case's run."""
    seen, order, draw = [], list(CASES), random.Random(11)
    run(program, "off")  # warm
    for _ in range(rounds):
        draw.shuffle(order)
        half = len(order) // 2
        first = run(program, "off")
        runs = {name: run(program, CASES[name]) for name in order[:half]}
        second = run(program, "off")
        runs |= {name: run(program, CASES[name]) for name in order[half:]}
        seen.append(({name: (first[name] + second[name]) / 2 for name in MEASURES}, runs))
    return seen


def interval(ratios: list[float]) -> tuple[float, float]:
    draw = random.Random(7)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


def report(seen: list[tuple[Run, dict[str, Run]]]) -> bool:
    """The table; whether no case's interval lies above the goal."""
    good = True
    print(f"{STATEMENTS} statements, {len(seen)} rounds; beside telemetry off: median [95 % interval]")
    print(f"{'':10}" + "".join(f"{title:^26}" for title in MEASURES.values()) + " closing  sent dropped")
    for case in CASES:
        line = f"{case:10}"
        for name in MEASURES:
            ratios = [runs[case][name] / off[name] for off, runs in seen]
            low, high = interval(ratios)
            good = good and (name != "wall_s" or low <= GOAL)
            line += f"{statistics.median(ratios):8.4f} [{low:.4f}, {high:.4f}]"
        close_ms = max(runs[case]["close_s"] for _, runs in seen) * 1000
        last = seen[-1][1][case]
        print(f"{line} {close_ms:5.0f} ms {last['sent']:5} {last['dropped']:7}")
    for name, title in MEASURES.items():
        us = statistics.median(off[name] for off, _ in seen) / STATEMENTS * 1e6
        print(f"a statement with telemetry off, {title}: {us:.0f} us")
    return good


def instructions(program: Path, folder: Path, endpoint: str) -> float:
    """Of one statement: what 150 more of them add."""
    out, counted = folder / "callgrind", []
    tool = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}.%p", "--quiet")
    for statements in (50, 200):
        run(program, endpoint, statements, tool)
        sums = [re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M) for path in folder.glob("callgrind.*")]
        counted.append(max(int(found.group(1)) for found in sums if found is not None))
        for path in folder.glob("callgrind.*"):
            path.unlink()
    return (counted[1] - counted[0]) / 150


def count(program: Path, folder: Path) -> None:
    base = instructions(program, folder, "off")
    print(f"instructions of a statement, counted by callgrind: off {base:,.0f}")
    for case, endpoint in CASES.items():
        more = instructions(program, folder, endpoint) - base
        print(f"{case:10} {more:+10,.0f} {more / base:+8.2%}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--no-instructions", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        program = build(Path(name))
        good = report(measure(program, options.rounds))
        if options.no_instructions or shutil.which("valgrind") is None:
            print("instructions were not counted: no valgrind, or --no-instructions")
        else:
            count(program, Path(name))
    print(f"within {GOAL - 1:.0%} of telemetry off by the clock: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
