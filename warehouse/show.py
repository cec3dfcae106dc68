"""SHOW: the forms that clients send (spec metadata 3) and those that people type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from warehouse import infoschema
from warehouse.catalog import INFORMATION_SCHEMA, Catalogs, ColumnDef, Table, table_not_found
from warehouse.dialect import types as T
from warehouse.dialect.lexer import Cursor
from warehouse.dialect.types import SparkType
from warehouse.engine.base import Engine, Outcome, rows_outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

Rows = tuple[list[tuple[str, SparkType]], list[tuple]]


def pattern(text: str) -> re.Pattern:
    """A SHOW pattern: ``*`` any run, ``.`` one character, ``|`` alternatives; case does not matter."""
    options = []
    for option in text.split("|"):
        parts, at = [], 0
        option = option.strip()
        while at < len(option):
            char = option[at]
            if char == "\\" and at + 1 < len(option):
                at += 1
                parts.append(re.escape(option[at]))
            else:
                parts.append({"*": ".*", ".": "."}.get(char) or re.escape(char))
            at += 1
        options.append("".join(parts))
    return re.compile("(?:" + "|".join(options) + r")\Z", re.IGNORECASE | re.DOTALL)


_ALL = pattern("*")


def show(engine: Engine, session: Session, cursor: Cursor) -> Rows:
    return _Show(engine, session, cursor).run()


class _Show:
    def __init__(self, engine: Engine, session: Session, cursor: Cursor) -> None:
        self.catalogs: Catalogs = engine.catalogs
        self.session = session
        self.at = cursor

    def run(self) -> Rows:
        at = self.at
        if at.accept("CATALOGS"):
            return self._catalogs()
        if at.accept("SCHEMAS") or at.accept("DATABASES"):
            return self._schemas()
        if at.accept("TABLES"):
            return self._tables(("TABLE", "VIEW"))
        if at.accept("VIEWS"):
            return self._views()
        if at.accept("COLUMNS"):
            return self._columns()
        if at.accept("KEYS") or at.accept("PRIMARY", "KEYS"):
            return self._keys()
        if at.accept("FOREIGN", "KEYS"):
            return self._foreign_keys()
        for scope in ("", "USER", "SYSTEM", "ALL"):
            if at.accept(*([scope] if scope else []), "FUNCTIONS"):
                return self._functions()
        if at.accept("VOLUMES"):
            return self._volumes()
        if at.accept("PROCEDURES"):
            return self._functions()
        if at.accept("TABLE", "EXTENDED"):
            return self._tables_extended()
        if at.accept("PARTITIONS"):
            return self._partitions()
        if at.accept("GRANTS") or at.accept("GRANT"):
            return self._grants()
        if at.accept("TBLPROPERTIES"):
            return self._properties()
        if at.accept("CREATE", "TABLE"):
            return self._create_table()
        if at.accept("CURRENT", "SCHEMA") or at.accept("CURRENT", "DATABASE"):
            return [("catalog", T.STRING), ("namespace", T.STRING)], [(self.session.catalog, self.session.schema)]
        raise at.error()

    # -- clauses -------------------------------------------------------------------------------
    def _like(self, *words: str) -> re.Pattern:
        if not self.at.accept(*words, "LIKE"):
            if words or self.at.done() or self.at.peek().kind != "string":
                return _ALL
        return pattern(self.at.string())

    def _in_catalogs(self) -> list[str] | None:
        """``IN ALL CATALOGS`` or ``IN CATALOG c``; None when neither comes next."""
        if self.at.accept("IN", "ALL", "CATALOGS"):
            return self.catalogs.catalogs()
        if self.at.accept("IN", "CATALOG"):
            return [self._catalog(self.at.name())]
        return None

    def _catalog(self, name: str) -> str:
        self.catalogs.schemas(name)  # raises when it does not exist
        return name.lower()

    def _schemas_of(self, catalog: str) -> list[str]:
        return sorted([*(s.name for s in self.catalogs.schemas(catalog)), INFORMATION_SCHEMA])

    def _tables_of(self, catalog: str, schema: str) -> list[Table]:
        if schema == INFORMATION_SCHEMA:
            return infoschema.system_tables(catalog)
        return self.catalogs.tables(catalog, schema)

    def _matching(self, catalogs: Iterable[str], schema: re.Pattern, table: re.Pattern) -> Iterable[Table]:
        for catalog in catalogs:
            for name in self._schemas_of(catalog):
                if schema.match(name):
                    yield from (t for t in self._tables_of(catalog, name) if table.match(t.name))

    # -- commands ------------------------------------------------------------------------------
    def _catalogs(self) -> Rows:
        like = self._like()
        self.at.end()
        return [("catalog", T.STRING)], [(c,) for c in self.catalogs.catalogs() if like.match(c)]

    def _schemas(self) -> Rows:
        if self.at.accept("IN", "ALL", "CATALOGS"):
            like = self._like()
            self.at.end()
            rows = [(s, c) for c in self.catalogs.catalogs() for s in self._schemas_of(c) if like.match(s)]
            return [("databaseName", T.STRING), ("catalog", T.STRING)], rows
        catalog = self.session.catalog
        if self.at.accept("IN") or self.at.accept("FROM"):
            self.at.accept("CATALOG")
            catalog = self.at.name()
        catalog = self._catalog(catalog)
        like = self._like()
        self.at.end()
        return [("databaseName", T.STRING)], [(s,) for s in self._schemas_of(catalog) if like.match(s)]

    def _tables(self, kinds) -> Rows:
        catalogs = self._in_catalogs()
        if catalogs is None:
            return self._tables_short()
        schema, table = self._like("SCHEMA"), self._like()
        self.at.end()
        rows = [
            (t.schema, t.name, False, "", t.catalog, t.kind, t.comment or "")
            for t in self._matching(catalogs, schema, table)
        ]
        names = ["namespace", "tableName", "isTemporary", "information", "catalogName", "tableType", "remarks"]
        return [(n, T.BOOLEAN if n == "isTemporary" else T.STRING) for n in names], rows

    def _schema_argument(self) -> tuple[str, str]:
        catalog, schema = self.session.catalog, self.session.schema
        if self.at.accept("IN") or self.at.accept("FROM"):
            parts = self.at.qualified_name()
            schema = parts[-1]
            catalog = parts[-2] if len(parts) > 1 else catalog
        if schema.lower() != INFORMATION_SCHEMA:
            self.catalogs.schema(catalog, schema)
        return catalog.lower(), schema.lower()

    def _tables_short(self) -> Rows:
        catalog, schema = self._schema_argument()
        like = self._like()
        self.at.end()
        rows = [(schema, t.name, False) for t in self._tables_of(catalog, schema) if like.match(t.name)]
        rows += [("", n, True) for n in sorted(self.session.temporary) if like.match(n)]
        return [("database", T.STRING), ("tableName", T.STRING), ("isTemporary", T.BOOLEAN)], rows

    def _volumes(self) -> Rows:
        catalog, schema = self._schema_argument()
        like = self._like()
        self.at.end()
        found = self.catalogs.find_schema(catalog, schema)
        rows = [(schema, name) for name in sorted(found.volumes if found else ()) if like.match(name)]
        return [("database", T.STRING), ("volume_name", T.STRING)], rows

    def _views(self) -> Rows:
        catalog, schema = self._schema_argument()
        like = self._like()
        self.at.end()
        found = [t for t in self._tables_of(catalog, schema) if t.kind == "VIEW" and like.match(t.name)]
        rows = [(schema, t.name, False, False) for t in found]
        rows += [("", n, True, False) for n in sorted(self.session.temporary) if like.match(n)]
        names = [
            ("namespace", T.STRING),
            ("viewName", T.STRING),
            ("isTemporary", T.BOOLEAN),
            ("isMaterialized", T.BOOLEAN),
        ]
        return names, rows

    def _columns(self) -> Rows:
        catalogs = self._in_catalogs()
        if catalogs is None:
            return self._columns_short()
        schema, table, column = self._like("SCHEMA"), self._like("TABLE"), self._like()
        self.at.end()
        rows = []
        for t in self._matching(catalogs, schema, table):
            for position, c in enumerate(t.columns):
                if column.match(c.name):
                    size, digits, radix = column_size(c.type)
                    rows.append(
                        (c.name, t.catalog, t.schema, t.name, c.type.sql(), size, digits, radix,
                         "true" if c.nullable else "false", c.comment or "", position, "true" if c.identity else "false",
                         "true" if c.generated else "false")
                    )  # fmt: skip
        names = [
            ("col_name", T.STRING), ("catalogName", T.STRING), ("namespace", T.STRING), ("tableName", T.STRING),
            ("columnType", T.STRING), ("columnSize", T.INT), ("decimalDigits", T.INT), ("radix", T.INT),
            ("isNullable", T.STRING), ("remarks", T.STRING), ("ordinalPosition", T.INT),
            ("isAutoIncrement", T.STRING), ("isGenerated", T.STRING),
        ]  # fmt: skip
        return names, rows

    def _table_argument(self) -> Table:
        if not (self.at.accept("IN") or self.at.accept("FROM")):
            raise self.at.error()
        parts = self.at.qualified_name()
        if self.at.accept("IN") or self.at.accept("FROM"):
            parts = [*self.at.qualified_name(), parts[-1]]
        return find(self.catalogs, self.session, parts)

    def _columns_short(self) -> Rows:
        table = self._table_argument()
        self.at.end()
        return [("col_name", T.STRING)], [(c.name,) for c in table.columns]

    def _key_argument(self) -> Table | None:
        """``IN CATALOG c IN SCHEMA s IN TABLE t``"""
        self.at.expect("IN", "CATALOG")
        catalog = self._catalog(self.at.name())
        self.at.expect("IN", "SCHEMA")
        schema = self.at.name().lower()
        self.at.expect("IN", "TABLE")
        name = self.at.name().lower()
        self.at.end()
        if schema == INFORMATION_SCHEMA:
            return None
        self.catalogs.schema(catalog, schema)
        table = self.catalogs.find_table(catalog, schema, name)
        if table is None:
            raise table_not_found([catalog, schema, name])
        return table

    def _keys(self) -> Rows:
        table = self._key_argument()
        names = ["catalogName", "namespace", "tableName", "col_name", "keySeq", "constraintName"]
        rows = []
        if table is not None and table.primary_key is not None:
            name, members = table.primary_key
            rows = [(table.catalog, table.schema, table.name, m, i, name) for i, m in enumerate(members, start=1)]
        return [(n, T.INT if n == "keySeq" else T.STRING) for n in names], rows

    def _foreign_keys(self) -> Rows:
        table = self._key_argument()
        rows = []
        for key in table.foreign_keys if table is not None else ():
            pairs = zip(key.columns, key.parent_columns or [None] * len(key.columns))
            for position, (child, parent) in enumerate(pairs, start=1):
                rows.append(
                    (table.catalog, table.schema, table.name, child, position, key.name, *key.parent, parent, 3, 3, 7)
                )
        names = [
            "catalogName", "namespace", "tableName", "col_name", "keySeq", "constraintName", "parentCatalogName",
            "parentNamespace", "parentTableName", "parentColName", "updateRule", "deleteRule", "deferrability",
        ]  # fmt: skip
        numbers = {"keySeq", "updateRule", "deleteRule", "deferrability"}
        return [(n, T.INT if n in numbers else T.STRING) for n in names], rows

    def _functions(self) -> Rows:
        catalogs = self._in_catalogs()
        if catalogs is not None:
            schema, function = self._like("SCHEMA"), self._like()
            self.at.end()
            names = ["functionName", "functionType", "specificName", "catalogName", "namespace", "remarks"]
            rows = [
                (name, "SCALAR", name, s.catalog, s.name, "")
                for catalog in catalogs
                for s in self.catalogs.schemas(catalog)
                if schema.match(s.name)
                for name in sorted(s.functions)
                if function.match(name)
            ]
            return [(n, T.STRING) for n in names], rows
        catalog, schema = self._schema_argument()
        like = self._like()
        self.at.end()
        found = self.catalogs.find_schema(catalog, schema)
        full = [f"{catalog}.{schema}.{name}" for name in (found.functions if found else ()) if like.match(name)]
        own = [name for name in self.session.temp_functions if like.match(name)]
        return [("function", T.STRING)], [(name,) for name in sorted([*full, *own])]

    def _tables_extended(self) -> Rows:
        catalog, schema = self._schema_argument()
        self.at.expect("LIKE")
        like = pattern(self.at.string())
        self.at.end()
        names = [("database", T.STRING), ("tableName", T.STRING), ("isTemporary", T.BOOLEAN), ("information", T.STRING)]
        found = [t for t in self._tables_of(catalog, schema) if like.match(t.name)]
        return names, [(schema, t.name, False, _information(t)) for t in found]

    def _partitions(self) -> Rows:
        table = find(self.catalogs, self.session, self.at.qualified_name())
        raise SqlError(
            "INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY", f"Table {table.full_name} is not partitioned", "42601"
        )

    def _grants(self) -> Rows:
        """Nobody is granted anything here, and everybody may do everything."""
        while not self.at.done():
            self.at.next()
        return [(n, T.STRING) for n in ("principal", "actionType", "objectType", "objectKey")], []

    def _properties(self) -> Rows:
        table = find(self.catalogs, self.session, self.at.qualified_name())
        rows = sorted(table.properties.items())
        if self.at.accept("("):
            key = self.at.next().text
            self.at.expect(")")
            rows = [(key, table.properties.get(key, f"Table {table.full_name} does not have property: {key}"))]
        self.at.end()
        return [("key", T.STRING), ("value", T.STRING)], rows

    def _create_table(self) -> Rows:
        table = find(self.catalogs, self.session, self.at.qualified_name())
        self.at.end()
        if table.kind == "VIEW":
            text = f"CREATE VIEW {table.full_name} AS {table.view_sql}"
        else:
            body = ",\n  ".join(_declared(c) for c in table.columns)
            text = f"CREATE TABLE {table.full_name} (\n  {body})\nUSING delta\n"
        return [("createtab_stmt", T.STRING)], [(text,)]


def _declared(column: ColumnDef) -> str:
    generated = f" GENERATED ALWAYS AS ({column.generated})" if column.generated is not None else ""
    return f"{column.name} {column.type.sql()}{'' if column.nullable else ' NOT NULL'}{generated}"


# -- sizes (spec metadata 5.1, C# column: what the SEA driver family computes) ----------------------
_SIZES = {
    "BOOLEAN": 1, "TINYINT": 1, "SMALLINT": 2, "INT": 4, "BIGINT": 8, "FLOAT": 4, "DOUBLE": 8, "DATE": 4,
    "TIMESTAMP": 8, "TIMESTAMP_NTZ": 8, "STRING": 2147483647, "BINARY": 0,
}  # fmt: skip
_DECIMAL_DIGITS = {"FLOAT": 7, "DOUBLE": 15, "TIMESTAMP": 6, "TIMESTAMP_NTZ": 6}


def column_size(kind: SparkType) -> tuple[int, int, int | None]:
    """(columnSize, decimalDigits, radix)"""
    if kind.kind == "DECIMAL":
        return kind.precision, kind.scale, 10
    if kind.kind in ("CHAR", "VARCHAR"):
        return kind.length, 0, None
    if kind.kind == "INTERVAL":
        return 4 if kind.is_year_month() else 8, 0, None
    radix = 10 if kind.is_numeric() else None
    return _SIZES.get(kind.kind, 0), _DECIMAL_DIGITS.get(kind.kind, 0), radix


def _information(table: Table) -> str:
    lines = [
        f"Catalog: {table.catalog}", f"Database: {table.schema}", f"Table: {table.name}", "Owner: local",
        f"Type: {'VIEW' if table.kind == 'VIEW' else 'MANAGED'}",
        *([f"Comment: {table.comment}"] if table.comment else []),
        "Schema: root", *(f" |-- {c.name}: {c.type.simple()} (nullable = {str(c.nullable).lower()})" for c in table.columns),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def find(catalogs: Catalogs, session: Session, parts: list[str]) -> Table:
    if len(parts) == 1 and parts[0].lower() in session.temporary:
        return session.temporary[parts[0].lower()]
    if len(parts) > 3:
        raise table_not_found(parts)
    catalog, schema, name = [*(session.catalog, session.schema)[: 3 - len(parts)], *parts]
    if schema.lower() == INFORMATION_SCHEMA and catalogs.has_catalog(catalog):
        found = next((t for t in infoschema.system_tables(catalog.lower()) if t.name == name.lower()), None)
    else:
        found = catalogs.find_table(catalog, schema, name)
    if found is None:
        raise table_not_found(parts)
    return found


def outcome(rows: Rows) -> Outcome:
    return rows_outcome(*rows)
