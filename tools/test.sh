#!/usr/bin/env bash
# Runs the tests of one built preset: tools/test.sh release|asan|tsan
# CTest runs the unit tests, the replay of the fuzz corpora and the checks; pytest runs what needs a
# warehouse. release runs all of tests/, the sanitizer presets only tests/e2e, whose programs are C.
# The Python tests find the programs and the library under test through DBK_BUILD_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
folder=tests
export DBK_BUILD_DIR=$PWD/build
if [ "$preset" != release ]; then
    folder=tests/e2e
    export DBK_BUILD_DIR=$PWD/build/cmake/$preset
fi
case $preset in
asan)
    export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1"
    export UBSAN_OPTIONS="print_stacktrace=1"
    export LSAN_OPTIONS="suppressions=$PWD/tools/lsan.supp:print_suppressions=0"
    ;;
tsan)
    export TSAN_OPTIONS="suppressions=$PWD/tools/tsan.supp:halt_on_error=1:allocator_may_return_null=1"
    ;;
esac

ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error

if [ -n "$(find "$folder" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then
    .venv/bin/python -m pytest -q -n "$(nproc)" "$folder"
fi
