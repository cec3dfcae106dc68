"""Every scenario of async_calls by its name, in both kinds of loop, under one tool: `async_scenarios.py valgrind|asan|tsan`.
`make async-check` runs it; what `make test` runs of them is test_async_calls.py."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP), str(HERE)]

from test_async_calls import MODES, SCENARIOS  # noqa: E402

from warehouse.testing import local_warehouse  # noqa: E402

# What a process still holds when it ends on purpose: OpenSSL's tables (it may not free them while threads run),
# libcurl's and libuv's of the process-wide runtime. Those can be reached; what is lost counts.
VALGRIND = [
    "valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect", "--track-fds=no", "--fair-sched=yes",
]  # fmt: skip
PLACES = {"valgrind": "build", "asan": "build/cmake/asan", "tsan": "build/cmake/tsan"}


def environment(tool: str) -> dict[str, str]:
    return {
        **os.environ,
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1",
        "LSAN_OPTIONS": f"suppressions={TOP}/tools/lsan.supp:print_suppressions=0",
        "TSAN_OPTIONS": f"suppressions={TOP}/tools/tsan.supp:halt_on_error=1",
    }


def main(tool: str) -> int:
    command = [*(VALGRIND if tool == "valgrind" else []), str(TOP / PLACES[tool] / "tests" / "async_calls")]
    bad = []
    with local_warehouse() as server:
        for scenario in SCENARIOS:
            for mode in MODES:
                begun = time.monotonic()
                done = subprocess.run([*command, server.url, mode, scenario], env=environment(tool), capture_output=True, text=True)
                clean = done.returncode == 0 and done.stdout == f"{scenario}\n" and done.stderr == ""
                print(f"{tool:9} {scenario:12} {mode:9} {'clean' if clean else 'NOT CLEAN'} {time.monotonic() - begun:6.1f} s", flush=True)
                if not clean:
                    bad.append(f"{scenario} {mode}")
                    print(done.stderr[-6000:], flush=True)
    print(f"{tool}: {len(SCENARIOS) * len(MODES) - len(bad)} of {len(SCENARIOS) * len(MODES)} clean {' '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
