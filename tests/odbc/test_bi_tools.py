"""Power BI's connection keys and its way from catalogs to columns (docs/odbc-tools.md); the tool itself does not run here."""

from __future__ import annotations

import pyodbc
import pytest

POWER_BI = {
    "ThriftTransport": "2", "SparkServerType": "3", "UseNativeQuery": "2", "UserAgentEntry": "PowerBI", "UseSystemTrustStore": "1",
    "RowsFetchedPerBlock": "200000", "LCaseSspKeyName": "0", "ApplySSPWithQueries": "0", "DefaultStringColumnLength": "65535",
    "DecimalColumnScale": "10", "UseUnicodeSqlCharacterTypes": "1", "AllowMissingCRLDistributionPoints": "1", "TokenRenewLimit": "10",
    "EnableMultipleCatalogsSupport": "1",
}


@pytest.fixture
def power_bi(source):
    token = {"AuthMech": "11", "Auth_Flow": "0", "Auth_AccessToken": source.keys["PWD"], "UID": None, "PWD": None}
    opened = source.connect(**POWER_BI, **token)
    yield opened
    opened.close()


def test_power_bi_connects_with_its_keys_and_reads_a_table(power_bi):
    cursor = power_bi.cursor()
    cursor.execute("SELECT c_custkey, c_name FROM samples.tpch.customer ORDER BY c_custkey LIMIT 2")
    assert [column[1] for column in cursor.description] == [int, str]
    assert len(cursor.fetchall()) == 2


def test_power_bi_navigates_from_catalogs_to_columns(power_bi):
    cursor = power_bi.cursor()
    assert "samples" in [row.table_cat for row in cursor.tables(catalog="%", schema="", table="")]
    assert "customer" in [row.table_name for row in cursor.tables(catalog="samples", schema="tpch", table="%", tableType="TABLE")]
    columns = cursor.columns(catalog="samples", schema="tpch", table="customer").fetchall()
    assert [row.data_type for row in columns if row.column_name == "c_name"] == [pyodbc.SQL_WVARCHAR]
