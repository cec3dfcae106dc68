"""DuckDB against what Apache Spark answered to the SQL corpus, without Spark (tests/warehouse/corpus)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "corpus"))

import corpus  # noqa: E402

FAMILIES = corpus.families()


def test_every_statement_was_recorded():
    assert list(corpus.recorded()) == [case.key for cases in FAMILIES.values() for case in cases]


def test_the_engines_agree_on_95_percent():
    known, total = corpus.listed(), sum(len(cases) for cases in FAMILIES.values())
    assert len(known) <= total * 0.05, f"{total - len(known)} of {total}"


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_listed_statements_differ(warehouse, family):
    cases, spark, known = FAMILIES[family], corpus.recorded(), corpus.listed()
    found = {c.key: corpus.difference(spark[c.key], a) for c, a in zip(cases, corpus.run(warehouse, cases))}
    unlisted = {key: text for key, text in found.items() if text and key not in known}
    assert not unlisted
    assert not [key for key, text in found.items() if not text and key in known], "listed, but the engines agree"


def test_the_list_names_statements_of_the_corpus():
    assert set(corpus.listed()) <= set(corpus.recorded())


def test_the_tables_of_the_documentation_are_fresh():
    import docs

    text = docs.PAGE.read_text()
    assert docs.filled(text) == text, "run tests/warehouse/corpus/docs.py"
