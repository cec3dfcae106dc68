from adbc_drivers_validation.tests import connection
from quirks_databricks import Databricks


def pytest_generate_tests(metafunc) -> None:
    connection.generate_tests([Databricks()], metafunc)


class TestConnection(connection.TestConnection):
    pass
