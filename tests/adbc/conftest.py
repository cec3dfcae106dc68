"""Fixtures of the ADBC tests: the driver under the Python driver manager, a warehouse of their own."""

from __future__ import annotations

import adbc_driver_manager
import adbc_driver_manager.dbapi as dbapi
import pytest
from adbc_env import DRIVER, options

from warehouse.testing import local_warehouse


@pytest.fixture(scope="session")
def warehouse():
    with local_warehouse() as server:
        yield server


@pytest.fixture
def database(warehouse):
    with adbc_driver_manager.AdbcDatabase(driver=str(DRIVER), **options(warehouse)) as opened:
        yield opened


@pytest.fixture
def connection(database):
    with adbc_driver_manager.AdbcConnection(database) as opened:
        yield opened


@pytest.fixture
def statement(connection):
    with adbc_driver_manager.AdbcStatement(connection) as made:
        yield made


@pytest.fixture
def connect(warehouse):
    """dbapi connections with these options of the database; closed at the end."""
    opened = []

    def make(autocommit=True, **more):
        made = dbapi.connect(driver=str(DRIVER), db_kwargs=options(warehouse, **more), autocommit=autocommit)
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.close()


@pytest.fixture
def cursor(connect):
    with connect().cursor() as made:
        yield made


@pytest.fixture
def table(warehouse):
    """A name in the default catalog and schema that nobody else uses."""
    names = []

    def make(suffix: str = "t") -> str:
        names.append(f"adbc_{suffix}_{len(names)}")
        warehouse.execute(f"DROP TABLE IF EXISTS {names[-1]}")
        return names[-1]

    yield make
    for name in names:
        warehouse.execute(f"DROP TABLE IF EXISTS {name}")
