from adbc_drivers_validation.tests import statement
from quirks_databricks import Databricks


def pytest_generate_tests(metafunc) -> None:
    statement.generate_tests([Databricks()], metafunc)


class TestStatement(statement.TestStatement):
    pass
