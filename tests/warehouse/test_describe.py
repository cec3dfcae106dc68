"""What clients ask about tables: DESCRIBE in its forms, statistics, comments, properties, constraints, functions."""

from __future__ import annotations

import json

import pytest

PLACE = "main.described"
TABLE = f"{PLACE}.t"


@pytest.fixture(scope="module")
def made(warehouse):
    session = warehouse.session(catalog="main", schema="default")
    for sql in (
        f"DROP SCHEMA IF EXISTS {PLACE} CASCADE",
        f"CREATE SCHEMA {PLACE}",
        f"CREATE TABLE {PLACE}.parent (id BIGINT NOT NULL, CONSTRAINT described_pk PRIMARY KEY (id))",
        f"""CREATE TABLE {TABLE} (id BIGINT NOT NULL COMMENT 'the id', name STRING, price DECIMAL(10,2) DEFAULT 1.5, at TIMESTAMP,
            tags ARRAY<STRING>, m MAP<STRING, INT>, s STRUCT<a: INT, b: VARCHAR(3)>, i INTERVAL DAY TO SECOND, c CHAR(2),
            CONSTRAINT t_pk PRIMARY KEY (id), CONSTRAINT t_fk FOREIGN KEY (id) REFERENCES {PLACE}.parent (id),
            CONSTRAINT t_check CHECK (id > 0)) COMMENT 'a table' TBLPROPERTIES ('a.b' = '1')""",
        f"INSERT INTO {TABLE} (id, name) VALUES (1, 'x'), (2, 'yyy'), (3, NULL)",
        f"CREATE FUNCTION {PLACE}.plus(x INT, y DECIMAL(5,2) DEFAULT 1) RETURNS INT RETURN x + 1",
        f"CREATE VIEW {PLACE}.v AS SELECT id FROM {TABLE}",
    ):
        answer = warehouse.execute(sql, session)
        assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
    yield warehouse
    warehouse.execute(f"DROP SCHEMA {PLACE} CASCADE")


def test_as_json(made):
    ((text,),) = made.rows(f"DESCRIBE TABLE EXTENDED {TABLE} AS JSON")
    found = json.loads(text)
    assert (found["catalog_name"], found["namespace"], found["table_name"]) == ("main", ["described"], "t")
    assert found["comment"] == "a table" and found["table_properties"] == {"a.b": "1"}
    types = {c["name"]: c["type"] for c in found["columns"]}
    assert found["columns"][0] == {"name": "id", "type": {"name": "bigint"}, "comment": "the id", "nullable": False}
    assert found["columns"][2]["default"] == "1.5"
    assert types["price"] == {"name": "decimal", "precision": 10, "scale": 2}
    assert types["at"] == {"name": "timestamp_ltz"}
    assert types["tags"]["element_type"]["name"] == "string" and types["m"]["value_type"] == {"name": "int"}
    assert types["s"]["fields"][1] == {"name": "b", "type": {"name": "varchar", "length": 3}, "nullable": True}
    assert types["i"] == {"name": "interval", "start_unit": "day", "end_unit": "second"}
    ((text,),) = made.rows(f"DESCRIBE EXTENDED {PLACE}.v AS JSON")
    assert json.loads(text)["type"] == "VIEW"
    assert "DESCRIBE_JSON_NOT_EXTENDED" in made.error(f"DESCRIBE TABLE {TABLE} AS JSON")["error"]["message"]


def test_statistics(made):
    def column(name):
        return dict(made.rows(f"DESCRIBE EXTENDED {TABLE} {name}"))

    made.execute(f"CREATE OR REPLACE TABLE {PLACE}.counted AS SELECT * FROM {TABLE}")
    assert "Statistics" not in [row[0] for row in made.rows(f"DESCRIBE EXTENDED {PLACE}.counted")]
    assert column("name")["num_nulls"] == "NULL"
    made.execute(f"ANALYZE TABLE {TABLE} COMPUTE STATISTICS FOR ALL COLUMNS")
    assert {k: column("id")[k] for k in ("min", "max", "num_nulls", "distinct_count")} == {
        "min": "1", "max": "3", "num_nulls": "0", "distinct_count": "3",
    }  # fmt: skip
    assert {k: column("name")[k] for k in ("min", "num_nulls", "distinct_count", "avg_col_len", "max_col_len")} == {
        "min": "NULL", "num_nulls": "1", "distinct_count": "2", "avg_col_len": "2", "max_col_len": "3",
    }  # fmt: skip
    told = dict(row[:2] for row in made.rows(f"DESCRIBE TABLE EXTENDED {TABLE}"))
    assert told["Statistics"].endswith(" bytes, 3 rows") and told["t_pk"] == "PRIMARY KEY (`id`)"
    assert told["t_check"] == "CHECK (id > 0)" and told["Table Properties"] == "[a.b=1]"
    made.execute(f"ANALYZE TABLE {TABLE} COMPUTE STATISTICS NOSCAN")
    assert dict(row[:2] for row in made.rows(f"DESCRIBE EXTENDED {TABLE}"))["Statistics"].endswith(" bytes")
    assert made.rows(f"DESCRIBE {TABLE} name") == [("col_name", "name"), ("data_type", "string"), ("comment", "NULL")]
    detail = made.table(f"DESCRIBE DETAIL {TABLE}")
    assert detail.column(0).to_pylist() == ["delta"] and detail.column(8).to_pylist()[0] > 0


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (f"DESCRIBE {TABLE} nosuch", "UNRESOLVED_COLUMN"),
        (f"ANALYZE TABLE {TABLE} COMPUTE STATISTICS FOR COLUMNS nosuch", "UNRESOLVED_COLUMN"),
        (f"ANALYZE TABLE {PLACE}.v COMPUTE STATISTICS", "EXPECT_TABLE_NOT_VIEW"),
        ("ANALYZE TABLE nosuch COMPUTE STATISTICS", "TABLE_OR_VIEW_NOT_FOUND"),
        (f"ANALYZE TABLE {TABLE}", "PARSE_SYNTAX_ERROR"),
        (f"DESCRIBE DETAIL {PLACE}.v", "EXPECT_TABLE_NOT_VIEW"),
        (f"DESCRIBE HISTORY {PLACE}.v", "EXPECT_TABLE_NOT_VIEW"),
        ("DESCRIBE VOLUME main.default.nosuch", "VOLUME_DOES_NOT_EXIST"),
        ("DESCRIBE FUNCTION nosuch", "UNRESOLVED_ROUTINE"),
        (f"SHOW PARTITIONS {TABLE}", "is not partitioned"),
        (f"COMMENT ON COLUMN {TABLE}.nosuch IS 'x'", "FIELD_NOT_FOUND"),
        ("COMMENT ON CATALOG nosuch IS 'x'", "NO_SUCH_CATALOG"),
        (f"ALTER TABLE {TABLE} UNSET TBLPROPERTIES ('nosuch')", "UNSET_NONEXISTENT_PROPERTIES"),
        (f"ALTER TABLE {TABLE} DROP CONSTRAINT nosuch", "CONSTRAINT_DOES_NOT_EXIST"),
        (f"ALTER TABLE {PLACE}.v DROP PRIMARY KEY", "CONSTRAINT_DOES_NOT_EXIST"),
        (f"ALTER TABLE {TABLE} DROP FOREIGN KEY (name)", "CONSTRAINT_DOES_NOT_EXIST"),
    ],
)
def test_errors(made, sql, text):
    assert text in made.error(sql)["error"]["message"]


def test_lists_of_everything(made):
    assert made.rows("SHOW FUNCTIONS IN CATALOG main SCHEMA LIKE 'described'") == [
        ("plus", "SCALAR", "plus", "main", "described", "")
    ]
    assert made.rows(f"SHOW FUNCTIONS IN {PLACE}") == [("main.described.plus",)]
    assert ("Returns:  INT",) in made.rows(f"DESCRIBE FUNCTION {PLACE}.plus")
    assert [row[1] for row in made.rows(f"SHOW TABLE EXTENDED IN {PLACE} LIKE 't|v'")] == ["t", "v"]
    assert made.rows(f"SHOW GRANTS ON TABLE {TABLE}") == []
    assert made.rows("DESCRIBE VOLUME main.default.e2etests")[0][:3] == ("e2etests", "main", "default")
    schema = "main.information_schema"
    assert made.rows(f"SELECT routine_name, data_type FROM {schema}.routines WHERE routine_schema = 'described'") == [("plus", "INT")]
    assert made.rows(f"SELECT parameter_name, data_type, numeric_scale FROM {schema}.parameters ORDER BY ordinal_position") == [
        ("x", "INT", 0), ("y", "DECIMAL(5,2)", 2),
    ]  # fmt: skip
    assert made.rows(f"SELECT check_clause FROM {schema}.check_constraints") == [("id > 0",)]
    assert made.rows(f"SELECT table_name, column_name FROM {schema}.constraint_column_usage WHERE constraint_name = 't_fk'") == [
        ("parent", "id")
    ]
    assert ("default", "e2etests") in made.rows(f"SELECT volume_schema, volume_name FROM {schema}.volumes")
    assert ("price", "1.5") in made.rows(f"SELECT column_name, column_default FROM {schema}.columns WHERE table_name = 't'")


def test_comments_properties_and_constraints_change(made):
    made.execute(f"CREATE OR REPLACE TABLE {PLACE}.changed (a INT, CONSTRAINT k PRIMARY KEY (a))")
    for sql in (
        f"COMMENT ON TABLE {PLACE}.changed IS 'new'", f"COMMENT ON COLUMN {PLACE}.changed.a IS 'col'",
        f"COMMENT ON SCHEMA {PLACE} IS 'here'", "COMMENT ON VOLUME main.default.e2etests IS NULL",
        f"ALTER TABLE {PLACE}.changed SET TBLPROPERTIES ('x' = 'y', z.z = 1)",
        f"ALTER TABLE {PLACE}.changed UNSET TBLPROPERTIES IF EXISTS ('x', 'nosuch')",
        f"ALTER TABLE {PLACE}.changed DROP PRIMARY KEY IF EXISTS CASCADE",
        f"ALTER TABLE {PLACE}.changed DROP CONSTRAINT IF EXISTS nosuch",
        f"ALTER TABLE {PLACE}.changed ALTER COLUMN a SET DEFAULT 7",
    ):  # fmt: skip
        answer = made.execute(sql)
        assert answer["status"]["state"] == "SUCCEEDED", (sql, answer["status"])
    rows = made.rows("SHOW TABLES IN CATALOG main SCHEMA LIKE 'described' LIKE 'changed'")
    assert rows[0][-1] == "new"
    assert made.rows(f"DESCRIBE {PLACE}.changed") == [("a", "int", "col")]
    assert made.rows(f"SHOW TBLPROPERTIES {PLACE}.changed") == [("z.z", "1")]
    assert made.rows("SHOW KEYS IN CATALOG main IN SCHEMA described IN TABLE changed") == []
    made.execute(f"INSERT INTO {PLACE}.changed VALUES (DEFAULT)")
    assert made.rows(f"SELECT a FROM {PLACE}.changed") == [(7,)]


def test_identity_columns(made):
    made.execute(f"CREATE OR REPLACE TABLE {PLACE}.numbered (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY -5), v STRING)")
    assert made.rows(f"INSERT INTO {PLACE}.numbered (v) VALUES ('a'), ('b')") == [(2, 2)]
    assert made.rows(f"SELECT id, v FROM {PLACE}.numbered ORDER BY v") == [(10, "a"), (5, "b")]
    assert "EXPLICIT_INSERT_NOT_SUPPORTED" in made.error(f"INSERT INTO {PLACE}.numbered (id, v) VALUES (1, 'x')")["error"]["message"]
    columns = made.rows("SHOW COLUMNS IN CATALOG main SCHEMA LIKE 'described' TABLE LIKE 'numbered'")
    assert [row[11] for row in columns] == ["true", "false"]


def test_more_forms_of_insert(made):
    table = f"{PLACE}.filled"
    made.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT id AS a FROM range(5)")
    assert made.rows(f"INSERT INTO {table} REPLACE WHERE a < 3 SELECT 0") == [(1, 1)]
    assert made.rows(f"SELECT a FROM {table} ORDER BY a") == [(0,), (3,), (4,)]
    assert made.rows(f"INSERT INTO {table} TABLE {table}") == [(3, 3)]
    assert "this form of INSERT" in made.error(f"INSERT INTO {table} REPLACE USING (a) SELECT 1")["error"]["message"]
    made.execute(f"CREATE OR REPLACE TABLE {table} (a VARCHAR(2))")
    assert "EXCEED_LIMIT_LENGTH" in made.error(f"INSERT INTO {table} SELECT 'abc'")["error"]["message"]
