"""The libraries around the connector and around dbkernel, each on our module."""

CONNECTOR = """
import os
import databricks_sql_kernel
assert databricks_sql_kernel.__kernel_version__, "not our module"
from databricks import sql
where = {"server_hostname": os.environ["LW_URL"], "http_path": os.environ["LW_PATH"], "access_token": os.environ["LW_TOKEN"],
         "use_kernel": True, "enable_telemetry": False}
def engine():
    import sqlalchemy
    return sqlalchemy.create_engine("databricks://token:x@localhost?http_path=x&catalog=main&schema=default", creator=lambda: sql.connect(**where, catalog="main", schema="default"))
"""
DBKERNEL = """
import os
import dbkernel
connection = dbkernel.connect(os.environ["LW_URL"], os.environ["LW_PATH"], access_token=os.environ["LW_TOKEN"])
"""


def test_sqlalchemy(python):
    printed = python(
        CONNECTOR
        + """
import sqlalchemy as sa
e = engine()
metadata = sa.MetaData()
people = sa.Table("sa_people", metadata, sa.Column("id", sa.BigInteger), sa.Column("name", sa.String), sa.Column("born", sa.Date))
metadata.drop_all(e)
metadata.create_all(e)
import datetime
with e.begin() as c:
    c.execute(people.insert(), [{"id": 1, "name": "Ada", "born": datetime.date(1815, 12, 10)}, {"id": 2, "name": None, "born": None}])
with e.connect() as c:
    print(c.execute(sa.select(people).order_by(people.c.id)).fetchall())
    print(c.execute(sa.select(sa.func.count()).where(people.c.name == "Ada")).scalar())
inspector = sa.inspect(e)
print("sa_people" in inspector.get_table_names())
print([(c["name"], type(c["type"]).__name__) for c in inspector.get_columns("sa_people")])
print([c.name for c in sa.Table("sa_people", sa.MetaData(), autoload_with=e).columns])
"""
    )
    assert printed.splitlines() == [
        "[(1, 'Ada', datetime.date(1815, 12, 10)), (2, None, None)]",
        "1",
        "True",
        "[('id', 'BigInteger'), ('name', 'String'), ('born', 'Date')]",
        "['id', 'name', 'born']",
    ]


def test_pandas(python):
    printed = python(
        CONNECTOR
        + DBKERNEL
        + """
import warnings
import pandas
warnings.filterwarnings("ignore", message="pandas only supports SQLAlchemy")
query = "SELECT id, CAST(id AS STRING) AS s FROM range(5)"
for source in (engine(), connection):
    frame = pandas.read_sql(query, source)
    print(frame["id"].sum(), list(frame["s"]))
print(connection.execute(query).fetch_df().shape)
"""
    )
    assert printed.splitlines() == ["10 ['0', '1', '2', '3', '4']"] * 2 + ["(5, 2)"]


def test_polars(python):
    printed = python(
        DBKERNEL
        + """
import polars
query = "SELECT id, CAST(id AS STRING) AS s FROM range(5)"
print(polars.read_database(query, connection)["id"].sum())
cursor = connection.execute(query)
print(polars.DataFrame(cursor).shape, connection.execute(query).fetch_polars().shape)
"""
    )
    assert printed.splitlines() == ["10", "(5, 2) (5, 2)"]


def test_without_pyarrow(python):
    """Results are Arrow streams by themselves. pandas makes its frames of Arrow with pyarrow only: rows it takes."""
    printed = python(
        "import sys; sys.modules['pyarrow'] = None\n"
        + DBKERNEL
        + """
import databricks_sql_kernel
import duckdb
import nanoarrow
import pandas
import polars
session = databricks_sql_kernel.Session(os.environ["LW_URL"], os.environ["LW_PATH"], access_token=os.environ["LW_TOKEN"])
QUERY = "SELECT id, CAST(id AS STRING) AS s, CAST(id AS DECIMAL(10, 2)) AS d FROM range(1000)"
def run():
    statement = session.statement()
    statement.set_sql(QUERY)
    return statement.execute()
print(polars.DataFrame(run()).shape, connection.execute(QUERY).fetch_polars()["id"].sum())
decimal = nanoarrow.Schema(run()).field(2)
print(len(nanoarrow.Array(run())), decimal.name, decimal.precision, decimal.scale)
result = run()
print(duckdb.sql("SELECT sum(id), max(d) FROM result").fetchall())
print(pandas.read_sql(QUERY, connection)["id"].sum())
"""
    )
    assert printed.splitlines() == [
        "(1000, 3) 499500",
        "1000 d 10 2",
        "[(499500, Decimal('999.00'))]",
        "499500",
    ]


def test_duckdb(python):
    printed = python(
        DBKERNEL
        + """
import duckdb
reader = connection.execute("SELECT id FROM range(1000)").fetch_record_batch_reader()
print(duckdb.sql("SELECT sum(id) FROM reader").fetchall())
table = connection.execute("SELECT id FROM range(1000)").fetchall_arrow()
print(duckdb.from_arrow(table).aggregate("max(id)").fetchall())
"""
    )
    assert printed.splitlines() == ["[(499500,)]", "[(999,)]"]
