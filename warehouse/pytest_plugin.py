"""Fixtures for projects that have installed the warehouse: pytest finds this by itself.

``local_warehouse``: one server for the whole run, ``warehouse.testing.Server``. Another
``local_warehouse_options`` in a ``conftest.py`` starts it with other options.
"""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def local_warehouse_options() -> list[str]:
    return []


@pytest.fixture(scope="session")
def local_warehouse(local_warehouse_options):
    from warehouse import testing  # only when a test asks: it loads Arrow

    with testing.local_warehouse(*local_warehouse_options) as server:
        yield server
