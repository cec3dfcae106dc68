"""Runs the SQL corpus: ``python tests/warehouse/corpus/run.py spark|duckdb [family ...]``.

``spark``   both engines; records Spark's answers in spark.json and reports to build/spark-corpus.md
``duckdb``  only DuckDB, against what Spark answered when it was recorded
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import corpus  # noqa: E402

from warehouse.testing import local_warehouse  # noqa: E402

REPORT = ROOT / "build" / "spark-corpus.md"


def answers(engine: str, families: dict[str, list[corpus.Case]]) -> dict[str, corpus.Answer]:
    found = {}
    with local_warehouse("--engine", engine) as server:
        for name, cases in families.items():
            found.update(zip((c.key for c in cases), corpus.run(server, cases)))
            print(f"{engine}: {name}, {len(cases)} statements", file=sys.stderr, flush=True)
    return found


def record(fresh: dict[str, corpus.Answer], version: str) -> None:
    known = corpus.recorded() if corpus.RECORDED.exists() else {}
    keys = [c.key for cases in corpus.families().values() for c in cases]
    kept = {key: fresh.get(key, known.get(key)) for key in keys if key in fresh or key in known}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(a, ensure_ascii=False)}" for k, a in kept.items())
    corpus.RECORDED.write_text(f'{{"spark": {json.dumps(version)}, "answers": {{\n{lines}\n}}}}\n')


def report(spark: dict[str, corpus.Answer], duck: dict[str, corpus.Answer]) -> None:
    """The number of statements on which the engines agree, and every difference."""
    reasons = corpus.listed() if corpus.DIFFERENCES.exists() else {}
    found = {key: corpus.difference(spark[key], duck[key]) for key in duck if key in spark}
    differing = {key: text for key, text in found.items() if text}
    share = 100 * (len(found) - len(differing)) / len(found)
    summary = f"{len(found) - len(differing)} of {len(found)} statements agree ({share:.1f} %)"
    lines = ["# Spark and DuckDB on the SQL corpus", "", summary, "", "| statement | Spark / DuckDB | reason |", "|---|---|---|"]
    for key, text in differing.items():
        cells = (f"`{key}`", text, reasons.get(key, "**not listed**"))
        lines.append("| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(lines) + "\n")
    print(f"{summary}; every difference is in {REPORT.relative_to(ROOT)}")


def main() -> None:
    engine, *names = sys.argv[1:] or ["duckdb"]
    families = {n: c for n, c in corpus.families().items() if not names or n in names}
    duck = answers("duckdb", families)
    if engine == "spark":
        import pyspark

        record(answers("spark", families), pyspark.__version__)
    report(corpus.recorded(), duck)


if __name__ == "__main__":
    main()
