"""pytest -p force_kernel: every connection of the connector's tests goes through the kernel module."""

import functools
import os
import sys

from databricks import sql

connect = sql.connect


@functools.wraps(connect)
def through_kernel(*args, **kwargs):
    kwargs.pop("use_sea", None)
    return connect(*args, **{**kwargs, "use_kernel": True})


sql.connect = through_kernel


def equal(self, actual, expected) -> None:
    assert actual == expected


def pytest_collection_modifyitems(items) -> None:
    """fetch_rows counts what it read with unittest's assertEqual, which the classes have not: its tests would pass
    only where reading takes longer than their 5 minutes."""
    for cls in {item.cls for item in items if getattr(item, "cls", None)}:
        if not hasattr(cls, "assertEqual"):
            cls.assertEqual = equal


def pytest_unconfigure() -> None:
    """A thread of test_cancel_during_execute may wait for ever: connector 4.2.7 has no way to cancel what a kernel runs."""
    sys.stdout.flush()
    os._exit(0)  # suites.py reads the report
