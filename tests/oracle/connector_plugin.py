"""A pytest plugin for the connector's own tests, which are not ours.

DBK_ORACLE_LEAVE_OUT  a regular expression: cases with these names are not run
DBK_ORACLE_OPTION     an option of connect(), say use_sea: only cases with a parameter that sets it are run
DBK_ORACLE_ROOTS      a PEM file: those connections trust it, and their host and port come apart, as the SEA
                      backend wants them
"""

import os
import re
import urllib.parse

LEAVE_OUT = os.environ["DBK_ORACLE_LEAVE_OUT"]
OPTION = os.environ.get("DBK_ORACLE_OPTION")
ROOTS = os.environ.get("DBK_ORACLE_ROOTS")


def _wanted(item) -> bool:
    if re.fullmatch(LEAVE_OUT, item.name):
        return False
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return OPTION is None or any(isinstance(value, dict) and value.get(OPTION) for value in parameters)


def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=[item for item in items if not _wanted(item)])
    items[:] = [item for item in items if _wanted(item)]


def pytest_configure():
    if ROOTS is None:
        return
    import databricks.sql

    connect = databricks.sql.connect

    def to_the_warehouse(server_hostname, *rest, **options):
        url = urllib.parse.urlsplit(f"//{server_hostname}")
        return connect(url.hostname, *rest, _port=url.port, _tls_trusted_ca_file=ROOTS, **options)

    databricks.sql.connect = to_the_warehouse
