from adbc_drivers_validation.tests import ingest
from quirks_databricks import Databricks


def pytest_generate_tests(metafunc) -> None:
    ingest.generate_tests([Databricks()], metafunc)


class TestIngest(ingest.TestIngest):
    pass
