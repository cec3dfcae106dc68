#!/usr/bin/env bash
# Runs every libFuzzer program of build/cmake/fuzz, as many at once as there are cores, each for
# FUZZ_SECONDS (30), or less when FUZZ_BUDGET (seconds for all together) would be exceeded. FUZZ_SEED
# repeats a run: CI gives one, so that it fails only for what a commit changed.
# The committed corpus fuzz/corpus/<target>/ is where a target starts; what it finds is kept in
# build/fuzz/<target>/, a crash in build/fuzz/crashes/.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=$PWD/build/cmake/fuzz/fuzz
mapfile -t targets < <(grep . "$programs/targets.txt" || true)
if [ ${#targets[@]} -eq 0 ]; then
    echo "there are no fuzz targets yet"
    exit 0
fi

seconds=${FUZZ_SECONDS:-30}
cores=$(nproc)
rounds=$(((${#targets[@]} + cores - 1) / cores))
if [ -n "${FUZZ_BUDGET:-}" ] && [ $((rounds * seconds)) -gt "$FUZZ_BUDGET" ]; then
    seconds=$((FUZZ_BUDGET / rounds))
fi
echo "fuzzing ${#targets[@]} targets for $seconds s each, $cores at once"

export programs seconds
mkdir -p build/fuzz/crashes

run_one() {
    local name=$1 log=build/fuzz/$1.log
    local args=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -artifact_prefix="build/fuzz/crashes/$name-")
    [ -n "${FUZZ_SEED:-}" ] && args+=(-seed="$FUZZ_SEED")
    [ -f "fuzz/dict/$name.dict" ] && args+=(-dict="fuzz/dict/$name.dict")
    mkdir -p "build/fuzz/$name"
    local corpora=("build/fuzz/$name")
    [ -d "fuzz/corpus/$name" ] && corpora+=("fuzz/corpus/$name")
    if "$programs/$name" "${args[@]}" "${corpora[@]}" >"$log" 2>&1 </dev/null; then
        awk -v name="$name" '
            / cov: [0-9]+ ft: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
            /^stat::number_of_executed_units/ { runs = $2 }
            END { printf "  ok      %-28s %10d runs, %6d edges covered\n", name, runs, cov }' "$log"
        return 0
    fi
    {
        echo "  FAILED  $name; the input is kept in build/fuzz/crashes/, the log is $log:"
        tail -n 40 "$log"
        echo "  again:  build/cmake/fuzz/fuzz/$name build/fuzz/crashes/$name-..."
    } >&2
    return 1
}
export -f run_one

printf '%s\n' "${targets[@]}" | xargs -P "$cores" -I NAME bash -c 'run_one NAME'
