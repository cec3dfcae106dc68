"""Every example of docs/python.md runs, and prints what it should."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = {
    title: code for title, code in re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
}
PRINTED = {
    "Connect, execute, fetch": "('twice', 'bigint')\n(0, 0)\n(1, 2)\n(2, 4)\nTrue\n",
    "Parameters": "[(Decimal('19.98'), datetime.date(2024, 2, 29))]\n[(1, None)]\n",
    "Many rows into a table": "1000\n",
    "Arrow, pandas, polars, DuckDB": "10\n90\n100\n100\n",
    "The catalog": "True\n1\nfare_amount\n",
    "Errors and cancelling": "42P01 TABLE_OR_VIEW_NOT_FOUND\nCancelled\n",
    "asyncio": "(0,)\n(1,)\n(2,)\n100\n20\ncancelled, on the server too\n",
}


def test_every_example_is_known():
    assert set(EXAMPLES) == set(PRINTED) and TEXT.count("```python") == len(PRINTED)


@pytest.mark.parametrize("title", PRINTED)
def test_example(title, python, where):
    printed = python(
        EXAMPLES[title],
        DATABRICKS_HOST=where["host"],
        DATABRICKS_HTTP_PATH=where["http_path"],
        DATABRICKS_TOKEN=where["access_token"],
    )
    assert printed == PRINTED[title]
