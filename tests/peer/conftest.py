"""One local warehouse for the module; see ``warehouse/testing.py``."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from warehouse.testing import local_warehouse  # noqa: E402


@pytest.fixture(scope="session")
def warehouse():
    with local_warehouse() as server:
        yield server
