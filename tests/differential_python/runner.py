"""Asks one module every question of cases.py and prints what it saw as JSON: {case id: observation}.

    python runner.py URL HTTP_PATH [case id]        with the module on PYTHONPATH
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import databricks_sql_kernel as kernel
from cases import all_cases
from databricks import sql

ATTRIBUTES = ("code", "sql_state", "error_code", "vendor_code", "http_status", "retryable", "query_id",
              "display_message", "diagnostic_info", "error_details_json")  # fmt: skip


# ---- what is shown ----


def plain(text: str) -> str:
    """Without what must differ from run to run."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "<host>", text)
    return re.sub(r"0x[0-9a-f]{6,}", "<address>", text)


def shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {plain(str(k)): shown(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(v) for v in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return plain(value if isinstance(value, str) else repr(value))


def of_error(error: BaseException) -> dict:
    seen = {"class": type(error).__name__, "bases": [base.__name__ for base in type(error).__mro__[1:-2]]}
    if isinstance(error, (TypeError, ValueError)):
        return seen  # Python's own texts differ from version to version
    seen["message"] = str(error)
    seen["attributes"] = {name: getattr(error, name, "absent") for name in ATTRIBUTES}
    seen["context"] = getattr(error, "context", "absent")
    return seen


def of_schema(schema) -> list:
    return [
        [f.name, str(f.type), f.nullable, sorted((k.decode(), v.decode()) for k, v in (f.metadata or {}).items())]
        for f in schema
    ]


def of_table(table) -> dict:
    # Schema and values, not how they are cut into batches.
    return {"schema": of_schema(table.schema), "rows": repr([c.to_pylist() for c in table.columns])}


# ---- kinds ----


class Asker:
    def __init__(self, url: str, path: str) -> None:
        self.where = {"server_hostname": url, "http_path": path, "access_token": "token", "use_kernel": True}
        self.raw = {"host": url, "http_path": path, "access_token": "token", "auth_type": "pat"}
        self.connection = sql.connect(**self.where)
        self.native = sql.connect(**self.where, _use_arrow_native_complex_types=True)
        self.plain_session = kernel.Session(**self.raw)
        self.converting = kernel.Session(**self.raw, complex_types_as_json=True, intervals_as_string=True)

    def close(self) -> None:
        for opened in (self.connection, self.native, self.plain_session, self.converting):
            opened.close()

    def _rows(self, connection, *args) -> dict:
        with connection.cursor() as cursor:
            cursor.execute(*args)
            seen = {"description": cursor.description, "rowcount": cursor.rowcount}
            if cursor.description:
                seen["rows"] = [repr(tuple(row)) for row in cursor.fetchall()]
            return seen

    def rows(self, *args) -> dict:
        return self._rows(self.connection, *args)

    def native_rows(self, *args) -> dict:
        return self._rows(self.native, *args)

    def arrow(self, statement: str) -> dict:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return of_table(cursor.fetchall_arrow())

    def catalog(self, method: str, *args) -> dict:
        with self.connection.cursor() as cursor:
            getattr(cursor, method)(*args)
            return {"description": cursor.description, "rows": [repr(tuple(row)) for row in cursor.fetchall()]}

    def connect(self, kwargs: dict) -> dict:
        with sql.connect(**{**self.where, **kwargs}) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_catalog(), current_schema()")
            return {"rows": [tuple(row) for row in cursor.fetchall()]}

    # ---- the connector's cursor ----

    def row_limit(self) -> list:
        seen = []
        for limit in (None, 0, 1, 5, 10**6):
            with self.connection.cursor(row_limit=limit) as cursor:
                cursor.execute("SELECT id FROM range(10) ORDER BY id")
                seen.append([tuple(row) for row in cursor.fetchall()])
        return seen

    def query_tags(self) -> list:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT 1", query_tags={"team": "peco", "bare": None})
            return [tuple(row) for row in cursor.fetchall()]

    def submitted(self) -> list:
        with self.connection.cursor() as cursor:
            cursor.execute_async("SELECT 7 AS n")
            seen = []
            for _ in range(2):
                cursor.get_async_execution_result()
                seen.append([cursor.description, [tuple(row) for row in cursor.fetchall()]])
            return [*seen, cursor.get_query_state()]

    def submitted_failure(self) -> list:
        with self.connection.cursor() as cursor:
            cursor.execute_async("SELECT * FROM no_such_table")
            cursor.get_async_execution_result()
            return cursor.description

    def fetch_sizes(self) -> list:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(50)")
            seen = [cursor.fetchone(), len(cursor.fetchmany(7)), len(cursor.fetchmany(0)), cursor.fetchmany_arrow(5).num_rows]
            return [*seen, len(cursor.fetchall()), cursor.fetchone(), cursor.fetchall(), cursor.rownumber]

    def closed_cursor(self) -> None:
        cursor = self.connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
        cursor.fetchall()

    def many_cursors(self) -> list:
        cursors = [self.connection.cursor() for _ in range(5)]
        for number, cursor in enumerate(cursors):
            cursor.execute(f"SELECT {number}")
        return [cursor.fetchall()[0][0] for cursor in reversed(cursors)]

    def description_before_rows(self) -> list:
        with self.connection.cursor() as cursor:
            before = cursor.description
            cursor.execute("SELECT 1 AS a")
            return [before, cursor.description, cursor.description]

    def cancel_of_nothing(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.cancel()
            cursor.execute("SELECT 1")
            cursor.cancel()
            return [tuple(row) for row in cursor.fetchall()]

    def executemany(self) -> list:
        with self.connection.cursor() as cursor:
            cursor.executemany("SELECT ? AS a", [[1], [2], [3]])
            return [tuple(row) for row in cursor.fetchall()]

    def iteration(self) -> list:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(5)")
            return [row.id for row in cursor]

    # ---- the module ----

    def statement(self, text: str, session=None):
        statement = (session or self.plain_session).statement()
        statement.set_sql(text)
        return statement

    def bind(self, type_text: str, value: str | None) -> dict:
        statement = self.statement("SELECT ? AS v")
        statement.bind_param(1, value, type_text)
        return of_table(statement.execute().fetch_all_arrow())

    def session(self, kwargs: dict) -> dict:
        session = kernel.Session(**{**self.raw, **kwargs})
        try:
            return of_table(self.statement("SELECT 1 AS a", session).execute().fetch_all_arrow())
        finally:
            session.close()

    def schema(self, text: str, converted: bool = False) -> dict:
        executed = self.statement(text, self.converting if converted else self.plain_session).execute()
        first = of_schema(executed.arrow_schema())
        table = executed.fetch_all_arrow()
        return {"first": first, "same": of_schema(table.schema) == first, "rows": table.num_rows}

    def surface(self) -> dict:
        """What the real module has; more is no difference."""
        members = {
            "Session": "attach_async_statement close metadata session_id statement",
            "Statement": "bind_named_param bind_param canceller close execute set_query_tags set_row_limit set_sql submit",
            "ExecutedStatement": "arrow_schema cancel close fetch_all_arrow fetch_next_batch num_modified_rows statement_id",
            "ExecutedAsyncStatement": "await_result cancel close fetch_result statement_id status",
            "ResultStream": "arrow_schema close fetch_all_arrow fetch_next_batch",
            "StatementCanceller": "cancel statement_id",
            "Metadata": "foreign_keys functions list_catalogs list_columns list_schemas list_tables primary_keys "
            "procedures table_types type_info",
        }
        return {
            name: [[member, hasattr(getattr(kernel, name), member)] for member in text.split()]
            for name, text in members.items()
        }

    def kernel_error(self) -> list:
        error = kernel.KernelError("text")
        error.more = 1
        return [str(error), error.args, isinstance(error, Exception), [b.__name__ for b in type(error).__mro__]]

    def rows_to_the_end(self) -> list:
        executed = self.statement("SELECT id FROM range(10)").execute()
        count, seen = 0, []
        while (batch := executed.fetch_next_batch()) is not None:
            count += batch.num_rows
        seen += [count, executed.fetch_next_batch(), executed.fetch_next_batch(), executed.arrow_schema().names]
        executed.cancel()
        executed.close()
        executed.close()
        return [*seen, len(executed.statement_id), executed.num_modified_rows]

    def all_rows(self) -> list:
        executed = self.statement("/*lw: chunk_rows=100, disposition=external*/ SELECT id FROM range(1000) ORDER BY id").execute()
        first = executed.fetch_next_batch().num_rows > 0
        rest = executed.fetch_all_arrow()
        return [first, rest.num_rows > 0, rest.column(0)[-1].as_py(), executed.fetch_next_batch()]

    def closed_handles(self) -> list:
        catalogs = self.plain_session.metadata().list_catalogs
        statement, ran, stream = self.statement("SELECT 1"), self.statement("SELECT 1").execute(), catalogs()
        submitted = self.statement("SELECT 1").submit()
        ran.arrow_schema()
        for handle in (statement, ran, submitted, stream):
            handle.close()
        return self._each([
            statement.execute, statement.submit, lambda: statement.set_sql("x"), statement.canceller,
            lambda: statement.bind_param(1, "1", "INT"), ran.fetch_next_batch, ran.fetch_all_arrow,
            lambda: of_schema(ran.arrow_schema()), submitted.status, submitted.await_result, submitted.cancel,
            stream.fetch_next_batch, stream.fetch_all_arrow,
        ])  # fmt: skip

    def close_twice(self) -> list:
        statement = self.statement("SELECT 1")
        return [statement.close(), statement.close()]

    def statement_closed_first(self) -> dict:
        statement = self.statement("SELECT id FROM range(10)")
        executed = statement.execute()
        statement.close()
        return of_table(executed.fetch_all_arrow())

    def changed_rows(self) -> list:
        seen = []
        for text in ("CREATE OR REPLACE TABLE main.default.raw_t (n INT)", "INSERT INTO main.default.raw_t VALUES (1), (2)",
                     "UPDATE main.default.raw_t SET n = 3", "DELETE FROM main.default.raw_t WHERE n = 9",
                     "SELECT * FROM main.default.raw_t", "DROP TABLE main.default.raw_t"):  # fmt: skip
            executed = self.statement(text).execute()
            seen.append([text, executed.num_modified_rows, of_table(executed.fetch_all_arrow())])
        return seen

    def reused_statement(self) -> list:
        statement = self.statement("SELECT ? AS a")
        seen = []
        for value in ("1", "2"):
            statement.bind_param(1, value, "INT")
            seen.append(of_table(statement.execute().fetch_all_arrow()))
        return seen

    def limit_of_rows(self) -> list:
        seen = []
        for limit in (0, 3, None):
            statement = self.statement("SELECT id FROM range(5)")
            statement.set_row_limit(limit)
            seen.append(statement.execute().fetch_all_arrow().num_rows)
        return seen

    def tags(self) -> dict:
        statement = self.statement("SELECT 1 AS a")
        statement.set_query_tags({"b": "1", "a": None})
        return of_table(statement.execute().fetch_all_arrow())

    def mixed_parameters(self) -> dict:
        statement = self.statement("SELECT ?, :a")
        statement.bind_param(1, "1", "INT")
        statement.bind_named_param("a", "1", "INT")
        return of_table(statement.execute().fetch_all_arrow())

    def submitted_module(self) -> list:
        submitted = self.statement("SELECT 5 AS n").submit()
        table = of_table(submitted.await_result().fetch_all_arrow())
        again = of_table(submitted.await_result().fetch_all_arrow())
        return [table, again, submitted.status(), submitted.close(), submitted.close()]

    def attached(self) -> list:
        submitted = self.statement("SELECT 5 AS n").submit()
        submitted.await_result()
        other = self.plain_session.attach_async_statement(submitted.statement_id)
        return [other.statement_id == submitted.statement_id, other.status(), of_table(other.await_result().fetch_all_arrow())]

    def attached_nonsense(self) -> None:
        self.plain_session.attach_async_statement("00000000-0000-0000-0000-000000000000")

    def closed_session(self) -> None:
        session = kernel.Session(**self.raw)
        session.close()
        session.close()
        session.statement()

    def session_id_after_close(self) -> list:
        session = kernel.Session(**self.raw)
        before = session.session_id
        session.close()
        return [before == session.session_id, len(before)]

    def canceller(self) -> list:
        statement = self.statement("SELECT 1 AS a")
        canceller = statement.canceller()
        before = canceller.statement_id()
        executed = statement.execute()
        after = canceller.statement_id() == executed.statement_id
        executed.fetch_all_arrow()
        return [before, after, canceller.cancel()]

    def metadata_module(self) -> dict:
        metadata = self.plain_session.metadata()
        calls = {
            "list_catalogs": {}, "table_types": {}, "type_info": {}, "list_schemas": {"catalog": "main"},
            "list_tables": {"catalog": "samples", "schema_pattern": "tpch"},
            "list_columns": {"catalog": "samples", "schema_pattern": "tpch", "table_pattern": "nation"},
            "primary_keys": {"catalog": "samples", "schema": "tpch", "table": "nation"},
        }  # fmt: skip
        return {name: of_table(getattr(metadata, name)(**kwargs).fetch_all_arrow()) for name, kwargs in calls.items()}

    def _each(self, calls: list) -> list:
        seen = []
        for call in calls:
            try:
                seen.append(["returned", call()])
            except Exception as error:
                seen.append(of_error(error))
        return seen

    def wrong_arguments(self) -> list:
        s, st = self.plain_session, self.plain_session.statement()
        return self._each([
            lambda: st.bind_param("1", "1", "INT"), lambda: st.bind_param(1, 1, "INT"), lambda: st.bind_param(1, "1"),
            lambda: st.bind_named_param(1, "1", "INT"), lambda: st.set_query_tags([1]), lambda: st.set_query_tags({"a": 1}),
            lambda: st.set_row_limit("x"), lambda: s.attach_async_statement(1), lambda: s.metadata().list_tables(wrong=1),
            lambda: s.metadata().list_tables(table_types=[1]), lambda: kernel.Session(), lambda: kernel.Session("h"),
        ])  # fmt: skip

    def sql_of_wrong_type(self) -> None:
        self.plain_session.statement().set_sql(1)

    def no_sql(self) -> None:
        self.plain_session.statement().execute()

    def failed_statement(self) -> list:
        statement = self.statement("SELECT * FROM no_such_table")
        canceller = statement.canceller()
        try:
            statement.execute()
        except kernel.KernelError as error:
            return [of_error(error), canceller.statement_id() == error.query_id]
        return ["did not fail"]

    def not_constructible(self) -> list:
        return self._each([kernel.Statement, kernel.ExecutedStatement, kernel.ResultStream, kernel.Metadata])


def main() -> None:
    url, path, *chosen = sys.argv[1:]
    asker = Asker(url, path)
    seen = {}
    for case in all_cases():
        if chosen and case.id not in chosen:
            continue
        try:
            seen[case.id] = {"answer": shown(getattr(asker, case.kind)(*case.args))}
        except Exception as error:
            seen[case.id] = {"error": shown(of_error(error))}
    asker.close()
    gc.collect()
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(seen))


if __name__ == "__main__":
    main()
