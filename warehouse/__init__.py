"""A local SQL warehouse: a real SQL server on 127.0.0.1 that speaks the Databricks SQL Statement
Execution API, with DuckDB as its engine.

Start it with ``python -m warehouse --port 0``; use it in tests through ``warehouse.testing``.
"""

__version__ = "0.1.0"
