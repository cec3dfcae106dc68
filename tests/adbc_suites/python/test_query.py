from adbc_drivers_validation.tests import query
from quirks_databricks import Databricks


def pytest_generate_tests(metafunc) -> None:
    query.generate_tests([Databricks()], metafunc)


class TestQuery(query.TestQuery):
    pass
