#!/usr/bin/env bash
# The query of `make run`: which nations bring the most revenue, answered by the local warehouse.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -x build/dbk ]; then
    echo "build/dbk does not exist: the command line (cli/) is not part of this tree yet" >&2
    exit 1
fi

query="SELECT n_name AS nation,
       count(DISTINCT o_orderkey) AS orders,
       CAST(sum(l_extendedprice * (1 - l_discount)) AS DECIMAL(18, 2)) AS revenue
FROM samples.tpch.lineitem
JOIN samples.tpch.orders ON l_orderkey = o_orderkey
JOIN samples.tpch.customer ON o_custkey = c_custkey
JOIN samples.tpch.nation ON c_nationkey = n_nationkey
GROUP BY n_name
ORDER BY revenue DESC
LIMIT 10"

printf '$ build/dbk query --local --format table "%s"\n\n' "$query"
build/dbk query --local --format table "$query"

cat <<'END'

That was a SQL statement sent over HTTP to the local warehouse and read back as Arrow by the kernel.
What to try next:
  build/dbk query --local "SELECT * FROM samples.nyctaxi.trips LIMIT 5"
  build/dbk query --local "SELECT id, id * id AS square FROM range(1000000)" --format csv | tail -n 3
  build/dbk query --help
  make test
END
