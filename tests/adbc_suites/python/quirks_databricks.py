"""What the validation suite of the ADBC drivers project must know of this driver, and of the local warehouse."""

from __future__ import annotations

import os
import re
from pathlib import Path

from adbc_drivers_validation import model, quirks

# What a run asks for (suites.py): the other way to ingest, and transactions, which are opt-in.
VOLUME = os.environ.get("DBK_ADBC_VOLUME")
TRANSACTIONS = "DBK_ADBC_TRANSACTIONS" in os.environ


class Databricks(model.DriverQuirks):
    name = "databricks"
    driver = "adbc_driver_databricks"
    driver_name = "dbkernel ADBC Driver for Databricks"
    vendor_name = "Databricks"
    vendor_version = re.compile(r"17\.[0-9]+|2026\.[0-9]+")
    short_version = "17"
    features = model.DriverFeatures(
        connection_get_table_schema=True,
        connection_get_statistics=True,
        connection_set_current_catalog=True,
        connection_set_current_schema=True,
        connection_transactions=TRANSACTIONS,
        get_objects=True,
        get_objects_constraints_check=False,  # the server has no command that tells them
        get_objects_constraints_foreign=True,
        get_objects_constraints_primary=True,
        get_objects_constraints_unique=False,  # the server has none
        statement_bind=True,
        statement_bulk_ingest=True,
        statement_bulk_ingest_catalog=True,
        statement_bulk_ingest_schema=True,
        statement_bulk_ingest_temporary=True,
        statement_execute_schema=True,
        statement_get_parameter_schema=True,
        statement_prepare=True,
        statement_rows_affected=True,
        current_catalog="main",
        current_schema="adbc_testing",
        secondary_schema="adbc_second",
        secondary_catalog="adbc_other",
        secondary_catalog_schema="adbc_testing",
        supported_xdbc_fields=[
            "xdbc_data_type",
            "xdbc_type_name",
            "xdbc_nullable",
            "xdbc_sql_data_type",
            "xdbc_is_nullable",
            "xdbc_is_autoincrement",
            "xdbc_is_generatedcolumn",
        ],
    )
    setup = model.DriverSetup(
        database={
            "uri": model.FromEnv("DBK_ADBC_URI"),
            "databricks.access_token": model.FromEnv("DBK_ADBC_TOKEN"),
            "databricks.catalog": "main",
            "databricks.schema": "adbc_testing",
            **({"databricks.ingest.staging_volume": VOLUME} if VOLUME else {}),
            **({"databricks.transactions": "true"} if TRANSACTIONS else {}),
        },
    )

    @property
    def queries_paths(self) -> tuple[Path, ...]:
        return (Path(os.environ["DBK_ADBC_QUERIES"]),)  # dialect.py wrote them

    def is_table_not_found(self, table_name: str | None, error: Exception) -> bool:
        text = str(error).lower()
        return "cannot be found" in text and (table_name is None or table_name.lower() in text)

    def quote_one_identifier(self, identifier: str) -> str:
        return "`" + identifier.replace("`", "``") + "`"

    def split_statement(self, statement: str) -> list[str]:
        return quirks.split_statement(statement, dialect="databricks")

    def qualify_temp_table(self, cursor, name: str) -> str:
        return self.quote_one_identifier(name)

    def drop_table(self, *, table_name, schema_name=None, catalog_name=None, if_exists=True, temporary=False) -> str:
        return super().drop_table(
            table_name=table_name, schema_name=schema_name, catalog_name=catalog_name, if_exists=if_exists
        )

    @property
    def sample_ddl_constraints(self) -> list[str]:
        return [
            "CREATE TABLE constraint_primary (z INT, a INT, b STRING NOT NULL, PRIMARY KEY (a))",
            "CREATE TABLE constraint_primary_multi (z INT, a INT, b STRING NOT NULL, PRIMARY KEY (b, a))",
            "CREATE TABLE constraint_primary_multi2 (z INT, a STRING NOT NULL, b INT, PRIMARY KEY (a, b))",
            "CREATE TABLE constraint_foreign (z INT, a INT, b INT, FOREIGN KEY (b) REFERENCES constraint_primary(a))",
            "CREATE TABLE constraint_foreign_multi (z INT, a INT, b INT, c STRING,"
            " FOREIGN KEY (c, b) REFERENCES constraint_primary_multi2(a, b))",
        ]
