"""executemany: few statements where that is the same, one per row where it is not."""

import datetime
from decimal import Decimal

import dbkernel
import pytest
from dbkernel.bulk import MAX_PARAMETERS, Batch, batches, template_of


def sent(requests) -> int:
    return sum(1 for method, path in requests() if method == "POST" and path.endswith("/statements"))


@pytest.fixture
def table(cursor):
    cursor.execute("CREATE OR REPLACE TABLE bulk (a BIGINT, b STRING, c DECIMAL(20,4), d DATE)")
    return "bulk"


ROWS = [
    {"a": i * 10**9, "b": None if i % 3 else f"it's {i} ?", "c": Decimal(i) / 4, "d": datetime.date(2024, 1, 1 + i % 28)}
    for i in range(2000)
]
READ = "SELECT a, b, c, d FROM bulk ORDER BY a"


@pytest.mark.parametrize("style", ["named", "qmark"])
def test_one_statement_has_the_effect_of_many(cursor, table, requests, style):
    rows = ROWS if style == "named" else [tuple(row.values()) for row in ROWS]
    marks = ":a, :b, :c, :d" if style == "named" else "?, ?, ?, ?"
    requests()
    cursor.executemany(f"INSERT INTO bulk (a, b, c, d) VALUES ({marks})", rows)
    assert cursor.rowcount == len(rows) and sent(requests) == 1
    assert cursor.execute(READ).fetchall() == [tuple(row.values()) for row in ROWS]


def test_a_batch_ends_where_types_change(cursor, table, requests):
    # In one VALUES list, the server would bring these to one type: '07' would become 7.
    rows = [{"b": "07"}, {"b": 7}, {"b": 8}, {"b": True}, {"b": "true"}, {"b": None}, {"b": 1.5}]
    cursor.executemany("INSERT INTO bulk (b) VALUES (:b)", rows)
    assert sent(requests) == 5 and cursor.rowcount == 7
    one_by_one = []
    for row in rows:
        one_by_one.append(cursor.execute("SELECT CAST(:b AS STRING)", row).fetchone()[0])
    got = [row[0] for row in cursor.execute("SELECT b FROM bulk").fetchall()]
    assert sorted(map(str, got)) == sorted(map(str, one_by_one))


def test_other_statements_run_once_per_row(cursor, table, requests):
    cursor.execute("INSERT INTO bulk VALUES (1, 'x', 0, NULL), (2, 'y', 0, NULL), (3, 'z', 0, NULL)")
    requests()
    cursor.executemany("UPDATE bulk SET b = :b WHERE a = :a", [{"a": 1, "b": "p"}, {"a": 2, "b": "q"}])
    assert cursor.rowcount == 2 and sent(requests) == 2
    cursor.executemany("DELETE FROM bulk WHERE a = ?", [(1,), (2,), (99,)])
    assert cursor.rowcount == 2


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OVERWRITE bulk VALUES (:a)",
        "INSERT INTO bulk SELECT :a",
        "INSERT INTO bulk VALUES ((SELECT max(a) + :a FROM bulk))",
        "INSERT INTO bulk VALUES (:a), (2)",
        "INSERT INTO bulk VALUES (:a) -- more",
        "INSERT INTO bulk VALUES (:a /*+ hint */)",
        "INSERT INTO bulk VALUES (:a",
        "INSERT INTO IDENTIFIER(:t) VALUES (:a)",
        "MERGE INTO bulk USING x ON true WHEN MATCHED THEN DELETE",
        "INSERT INTO t (" + "a " * 10_000 + ") VALUES (:a)",  # and answers at once
    ],
)
def test_not_batched(sql):
    assert template_of(sql) is None


def test_values_in_the_text_are_left_alone():
    template = template_of("INSERT INTO `a b`.c (`x`, y, z) VALUES (':a ?', :a, upper(:b)) ; ")
    (batch,) = batches(template, [{"a": 1, "b": "x"}, {"a": None, "b": "y"}])
    assert isinstance(batch, Batch)
    assert batch.sql == "INSERT INTO `a b`.c (`x`, y, z) VALUES (':a ?', :p0, upper(:p1)), (':a ?', NULL, upper(:p2))"
    assert [tuple(value) for value in batch.parameters.values()] == [("1", "INT"), ("x", "STRING"), ("y", "STRING")]


def test_limits_and_widths():
    template = template_of("INSERT INTO t VALUES (?, ?)")
    made = list(batches(template, [(i, "x") for i in range(30_000)]))
    assert sum(batch.rows for batch in made) == 30_000 and all(len(batch.parameters) <= MAX_PARAMETERS for batch in made)
    decimals = list(batches(template, [(Decimal("1.5"), 1), (Decimal("100"), 2**40)]))
    assert [value.sql_type for value in decimals[0].parameters.values()] == ["DECIMAL(4,1)", "BIGINT"] * 2
    too_wide = [(Decimal("1" + "0" * 30), 1), (Decimal("0." + "1" * 20), 1)]
    assert [batch.rows for batch in batches(template, too_wide)] == [1, 1]
    wrong = [(1, 2), (1, 2, 3), {"a": 1}, (3, 4)]
    assert [item.rows if isinstance(item, Batch) else item for item in batches(template, wrong)] == [1, (1, 2, 3), {"a": 1}, 1]


def test_a_batch_fails_as_a_whole(cursor, table):
    cursor.execute("CREATE OR REPLACE TABLE strict (a INT NOT NULL)")
    with pytest.raises(dbkernel.DatabaseError) as caught:
        cursor.executemany("INSERT INTO strict VALUES (:a)", [{"a": 1}, {"a": None}, {"a": 3}])
    assert caught.value.query_id
    assert cursor.execute("SELECT count(*) FROM strict").fetchone() == (0,)


def test_nothing_to_do(cursor, table, requests):
    cursor.executemany("INSERT INTO bulk (a) VALUES (?)", [])
    assert cursor.rowcount == 0 and sent(requests) == 0
