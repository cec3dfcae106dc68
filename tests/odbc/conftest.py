"""Fixtures of the ODBC tests; see odbc_env.py."""

from odbc_env import connection, cursor, source, warehouse  # noqa: F401
