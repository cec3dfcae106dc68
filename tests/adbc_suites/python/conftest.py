from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from adbc_drivers_validation.tests.conftest import (  # noqa: E402, F401
    conn,
    conn_factory,
    db_kwargs,
    manual_test,
    noci,
    pytest_addoption,
    pytest_collection_modifyitems,
)
from quirks_databricks import Databricks  # noqa: E402


@pytest.fixture(scope="session")
def driver(request) -> Databricks:
    return Databricks()


@pytest.fixture(scope="session")
def driver_path() -> str:
    return os.environ["DBK_ADBC_DRIVER"]
