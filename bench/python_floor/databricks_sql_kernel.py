"""Stands for a module that costs nothing: the batches of a case are there before the statement is executed.

What the connector, pyarrow and the table itself take is what no module can save: bench/python_modules.py prints it.
DBK_BENCH_CASE names the folder of the case (bench/chunks.py).
"""

import itertools
import json
import os
import pathlib

import pyarrow as pa


class KernelError(Exception):
    """Never raised; the connector asks for the class."""


def all_batches():
    folder = pathlib.Path(os.environ["DBK_BENCH_CASE"])
    manifest = json.loads((folder / "manifest.json").read_text())
    for chunk in range(manifest["total"]):
        name = f"chunk-{chunk % manifest['distinct']}.arrow"
        yield from pa.ipc.open_stream((folder / name).read_bytes())


class Rows:
    statement_id = "floor"
    num_modified_rows = display_message = diagnostic_info = error_details_json = None

    def __init__(self, batches):
        self._batches = iter(batches)

    def arrow_schema(self):
        first = next(self._batches)
        self._batches = itertools.chain([first], self._batches)
        return first.schema

    def fetch_next_batch(self):
        return next(self._batches, None)

    def close(self):
        pass


class Statement:
    def __init__(self, batches):
        self._batches = batches

    def set_sql(self, sql):
        pass

    def set_row_limit(self, limit):
        pass

    def canceller(self):
        return self

    def statement_id(self):
        return "floor"

    def execute(self):
        return Rows(self._batches)

    def close(self):
        pass


class Session:
    session_id = "floor"

    def __init__(self, host, http_path, **options):
        self._batches = list(all_batches())

    def statement(self):
        return Statement(self._batches)

    def close(self):
        pass
