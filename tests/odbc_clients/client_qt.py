"""QODBC of Qt 5 or 6: client_qt.py PyQt5|PyQt6 DATA_SOURCE"""

import importlib
import sys

qt, core = (importlib.import_module(f"{sys.argv[1]}.{part}") for part in ("QtSql", "QtCore"))
application = core.QCoreApplication(sys.argv)
kind = getattr(qt.QSqlDriver, "DriverFeature", qt.QSqlDriver)
database = qt.QSqlDatabase.addDatabase("QODBC")
database.setDatabaseName(sys.argv[2])
assert database.open(), database.lastError().text()
assert database.driver().hasFeature(kind.PreparedQueries) and database.driver().hasFeature(kind.Unicode)


def query(sql, *values):
    q = qt.QSqlQuery(database)
    assert q.prepare(sql), q.lastError().text()
    for value in values:
        q.addBindValue(value)
    assert q.exec(), q.lastError().text()
    return q


query("CREATE OR REPLACE TABLE qt_items (id INT, name STRING, price DOUBLE, day DATE)")
# Qt 6 counts the terminator of a text parameter as part of it, and a NUL is refused; its bytes are right.
name = core.QByteArray("café 😀".encode()) if sys.argv[1] == "PyQt6" else "café 😀"
query("INSERT INTO qt_items VALUES (?, CAST(? AS STRING), ?, ?)", 1, name, 12.5, core.QDate(2024, 2, 29))
query("INSERT INTO qt_items VALUES (?, ?, ?, ?)", 2, None, None, None)
rows = query("SELECT * FROM qt_items WHERE id < ? ORDER BY id", 10)
while rows.next():
    id, name, price, day = (None if rows.isNull(i) else rows.value(i) for i in range(4))
    print(id, name, price, day and day.toString("yyyy-MM-dd"), sep="|")
print(",".join(rows.record().fieldName(i) for i in range(rows.record().count())))
failing = qt.QSqlQuery(database)
assert not failing.exec("SELECT * FROM no_such_table")
print("error", "no_such_table" in failing.lastError().text())
print("tables", *(t for t in database.tables() if t.lower().endswith("qt_items")))
print("columns", *(database.record("qt_items").fieldName(i) for i in range(database.record("qt_items").count())))
