"""CREATE, DROP, ALTER, TRUNCATE: the rows' home in DuckDB and the registry change together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from warehouse import versions
from warehouse.catalog import ColumnDef, ForeignKey, Table, quote
from warehouse.dialect import types as T
from warehouse.dialect.lexer import lex
from warehouse.dialect.nodes import duck_sql
from warehouse.dialect.queries import Translation
from warehouse.dialect.scope import Scope, spark_type
from warehouse.engine import constraints, dml
from warehouse.engine.base import CancelToken, Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

NOTHING = Outcome(has_rows=False)


def run(engine: "DuckEngine", session: Session, sql: str, tree: exp.Expression, cancel: CancelToken) -> Outcome | None:
    change = Change(engine, session, sql, cancel)
    if isinstance(tree, exp.Create):
        return change.create(tree)
    if isinstance(tree, exp.Drop):
        return change.drop(tree)
    if isinstance(tree, exp.Alter):
        return change.alter(tree)
    if isinstance(tree, exp.TruncateTable):
        return change.truncate(tree)
    return None


class Change:
    def __init__(self, engine: "DuckEngine", session: Session, sql: str, cancel: CancelToken) -> None:
        self.engine = engine
        self.session = session
        self.sql = sql
        self.cancel = cancel
        self.past: list = []  # the versions of the table that CREATE OR REPLACE takes away

    def _name(self, node: exp.Expression) -> tuple[str, str, str]:
        parts = [p.name for p in node.parts]
        catalog, schema, name = self.engine.translator(self.session, self.sql).full_name(parts)
        self.engine.catalogs.schema(catalog, schema)  # raises when one of them does not exist
        return catalog.lower(), schema.lower(), name.lower()

    def _write(self, statements: list[str], translation: Translation | None = None) -> None:
        empty = Translation("", None)
        dml.write(self.engine, self.session, statements, translation or empty, self.cancel, self.sql)

    # -- CREATE ------------------------------------------------------------------------------
    def create(self, tree: exp.Create) -> Outcome | None:
        kind = (tree.args.get("kind") or "").upper()
        node = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if kind not in ("TABLE", "VIEW") or not isinstance(node, exp.Table):
            return None
        properties = tree.args.get("properties")
        listed = properties.expressions if properties is not None else []
        temporary = any(isinstance(p, exp.TemporaryProperty) for p in listed)
        if temporary and kind == "VIEW":
            return self._create_view(tree, ("", "", node.name.lower()), listed, temporary=True)
        name = self._temporary_place(node) if temporary else self._name(node)
        existing = self.session.temporary.get(name[2]) if temporary else self.engine.catalogs.find_table(*name)
        if existing is not None and not tree.args.get("replace"):
            if tree.args.get("exists"):
                return NOTHING
            raise SqlError(
                "TABLE_OR_VIEW_ALREADY_EXISTS",
                f"Cannot create table or view `{name[1]}`.`{name[2]}` because it already exists. Choose a different name, "
                "drop or replace the existing object, or add the IF NOT EXISTS clause to tolerate pre-existing objects",
                "42P07",
            )
        if kind == "VIEW":
            return self._create_view(tree, name, listed, temporary=False)
        if existing is not None:
            self._drop_table(existing)
            self.past = existing.history
        if tree.expression is not None:
            return self._create_as(tree, name, listed, temporary)
        return self._create_table(tree, name, listed, temporary)

    def _temporary_place(self, node: exp.Table) -> tuple[str, str, str]:
        """Where the rows of a session's temporary table are: a schema that no catalog lists."""
        if len(node.parts) > 1:
            raise SqlError(
                "INVALID_TEMP_OBJ_QUALIFIER", f"A temporary table has no schema: {node.sql(dialect='databricks')}", "42602"
            )
        if not self.session.id:
            raise SqlError("UNSUPPORTED_FEATURE", "A temporary table needs a session", "0A000")
        return *self.engine.temporary_schema(self.session), node.name.lower()

    def _register(self, table: Table, operation: str = "") -> None:
        if operation:
            table.history = self.past
            verb = "" if operation == "CLONE" else "CREATE OR REPLACE " if self.past else "CREATE "
            versions.record(self.session, table, verb + operation)
        if table.temporary:
            self.session.temporary[table.name] = table
        else:
            self.engine.catalogs.add_table(table)

    def _create_view(self, tree: exp.Create, name, listed, temporary: bool) -> Outcome:
        body = tree.expression
        if body is None:
            raise SqlError("PARSE_SYNTAX_ERROR", "A view needs a query", "42601")
        source = self._source_text(body)
        translation = self.engine.translate(self.session, self.sql, body.copy())
        columns = self.engine.result_columns(self.session, translation, self.sql, self.cancel)
        given = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
        names = [c.name for c in given] or [c.name for c in columns]
        comments = [_column_comment(c) for c in given] or [None] * len(columns)
        view = Table(
            *name,
            columns=[ColumnDef(n, c.type, comment=k) for n, c, k in zip(names, columns, comments)],
            kind="VIEW",
            comment=_comment(listed),
            view_sql=source,
            view_context=(self.session.catalog, self.session.schema),
            temporary=temporary,
        )
        if temporary:
            if view.name in self.session.temporary and not tree.args.get("replace"):
                raise SqlError(
                    "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS", f"Cannot create the temporary view `{view.name}` because it already exists",
                    "42P07",
                )  # fmt: skip
            self.session.temporary[view.name] = view
        else:
            self.engine.catalogs.add_table(view)
        return NOTHING

    def _source_text(self, body: exp.Expression) -> str:
        return body.sql(dialect="databricks")

    def _create_as(self, tree: exp.Create, name, listed, temporary: bool) -> Outcome:
        translation = self.engine.translate(self.session, self.sql, tree.expression)
        columns = self.engine.result_columns(self.session, translation, self.sql, self.cancel)
        given = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
        names = [c.name for c in given] or [c.name for c in columns]
        defs = [ColumnDef(n, _storable(c.type)) for n, c in zip(names, columns)]
        table = Table(
            *name, columns=defs, comment=_comment(listed), properties=_properties(listed), temporary=temporary
        )
        place = _place(table)
        body = ", ".join(f"{quote(c.name)} {c.type.duck()}" for c in defs)
        statements = [f"CREATE TABLE {place} ({body})", f"INSERT INTO {place} {translation.sql}"]
        self._write(statements, translation)
        self._register(table, "TABLE AS SELECT")
        return NOTHING

    def _create_table(self, tree: exp.Create, name, listed, temporary: bool) -> Outcome:
        like = next((p for p in listed if isinstance(p, exp.LikeProperty)), None)
        if like is not None:
            return self._create_like(name, like, temporary)
        if tree.args.get("clone") is not None:
            return self._clone(tree, name, listed)
        table = Table(
            *name, columns=[], comment=_comment(listed), properties=_properties(listed), temporary=temporary
        )
        for item in tree.this.expressions if isinstance(tree.this, exp.Schema) else ():
            if isinstance(item, exp.ColumnDef):
                table.columns.append(self._column(item, table))
            else:
                self._constraint(item, table)
        if table.columns:  # else its first column makes it
            make = f"CREATE TABLE {_place(table)} ({', '.join(_declared(c) for c in table.columns)})"
            self._write([make, *self._after_change(table)])  # which refuses rules that cannot be read
        self._register(table, "TABLE")
        return NOTHING

    def _after_change(self, table: Table) -> list[str]:
        return constraints.after_change(self.engine, self.engine.translator(self.session, self.sql), table)

    def _create_like(self, name, like: exp.LikeProperty, temporary: bool) -> Outcome:
        source = self._existing(like.this)
        table = Table(*name, columns=[replace(c, default=None, engine_default=None, identity="") for c in source.columns], temporary=temporary)
        body = ", ".join(f"{quote(c.name)} {c.type.duck()}" for c in table.columns)
        self._write([f"CREATE TABLE {_place(table)} ({body})"])
        self._register(table, "TABLE")
        return NOTHING

    def _clone(self, tree: exp.Create, name, listed) -> Outcome:
        """SHALLOW CLONE: a copy of the rows, the rules and the properties."""
        source = self._existing(tree.args["clone"].this)
        table = replace(
            source, catalog=name[0], schema=name[1], name=name[2], history=[], statistics=None, loader=None, loaded_files=set(),
            columns=[replace(c) for c in source.columns], checks=dict(source.checks), foreign_keys=list(source.foreign_keys),
            properties=source.properties | _properties(listed),
        )  # fmt: skip
        body = ", ".join(_declared(c) for c in table.columns)
        self._write([f"CREATE TABLE {_place(table)} ({body})", f"INSERT INTO {_place(table)} FROM {_place(source)}"])
        self._register(table, "CLONE")
        return NOTHING

    def _column(self, item: exp.ColumnDef, table: Table) -> ColumnDef:
        column = ColumnDef(item.name, self._column_type(item))
        for constraint in item.args.get("constraints") or []:
            kind = constraint.kind
            if isinstance(kind, exp.NotNullColumnConstraint):
                column.nullable = bool(kind.args.get("allow_null"))
            elif isinstance(kind, exp.CommentColumnConstraint):
                column.comment = kind.this.name
            elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
                table.primary_key = (f"{table.name}_pk", [column.name])
            elif isinstance(kind, exp.CheckColumnConstraint):
                table.checks[f"{table.name}_{column.name}_check"] = kind.this.sql(dialect="databricks")
            elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint):
                column.engine_default = self._sequence(table, column, kind)
                column.identity = "ALWAYS" if kind.this else "BY DEFAULT"
            elif isinstance(kind, exp.ComputedColumnConstraint):
                column.generated = kind.this.sql(dialect="databricks")
            elif isinstance(kind, exp.DefaultColumnConstraint):
                self._set_default(column, kind.this)
        return column

    def _set_default(self, column: ColumnDef, value: exp.Expression) -> None:
        column.default = value.sql(dialect="databricks")
        translated, _ = self.engine.translator(self.session, self.sql).expressions.visit(value.copy(), Scope())
        column.engine_default = duck_sql(translated)

    def _sequence(self, table: Table, column: ColumnDef, kind: exp.Expression) -> str:
        """Makes the sequence of an identity column; returns the default that draws from it."""
        catalog, schema, name = table.physical()
        place = ".".join(quote(p) for p in (catalog, schema, f"{name}_{column.name}_identity"))
        numbers = [int(kind.args[k].sql().replace(" ", "")) if kind.args.get(k) is not None else 1 for k in ("start", "increment")]
        ends = "MINVALUE -9223372036854775808 MAXVALUE 9223372036854775807"
        self._write([f"CREATE OR REPLACE SEQUENCE {place} INCREMENT {numbers[1]} {ends} START {numbers[0]}"])
        return f"nextval('{place}')"

    def _column_type(self, item: exp.ColumnDef) -> T.SparkType:
        if item.kind is None:
            raise SqlError("PARSE_SYNTAX_ERROR", f"Column {item.name} has no type", "42601")
        if (
            item.kind.this in (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR, exp.DataType.Type.CHAR)
            and item.kind.expressions
        ):
            return self._text_type(item)
        return spark_type(item.kind)

    def _text_type(self, item: exp.ColumnDef) -> T.SparkType:
        """sqlglot turns VARCHAR(n) and CHAR(n) into one type; the source knows which it was."""
        length = int(item.kind.expressions[0].this.this)
        tokens = lex(self.sql)
        for i, token in enumerate(tokens[:-1]):
            if token.text.lower() == item.name.lower() and tokens[i + 1].upper() in ("CHAR", "CHARACTER"):
                return T.SparkType("CHAR", length=length)
        return T.SparkType("VARCHAR", length=length)

    def _constraint(self, item: exp.Expression, table: Table) -> None:
        """PRIMARY KEY and FOREIGN KEY are informational, as on the service: kept, not enforced. CHECK is enforced."""
        name = item.name if isinstance(item, exp.Constraint) else ""
        parts = item.expressions if isinstance(item, exp.Constraint) else [item]
        for part in parts:
            if isinstance(part, exp.PrimaryKey):
                columns = [_plain_name(c) for c in part.expressions]
                table.primary_key = (name or f"{table.name}_pk", columns)
            elif isinstance(part, exp.CheckColumnConstraint):
                table.checks[name or f"{table.name}_check"] = part.this.sql(dialect="databricks")
            elif isinstance(part, exp.ForeignKey):
                table.foreign_keys.append(self._foreign_key(part, name, table))

    def _foreign_key(self, part: exp.ForeignKey, name: str, table: Table) -> ForeignKey:
        columns = [_plain_name(c) for c in part.expressions]
        target = part.args["reference"].this
        node = target.this if isinstance(target, exp.Schema) else target
        parent = self._name(node)
        parent_columns = [_plain_name(c) for c in target.expressions] if isinstance(target, exp.Schema) else []
        found = self.engine.catalogs.find_table(*parent)
        if not parent_columns and found is not None and found.primary_key is not None:
            parent_columns = found.primary_key[1]
        return ForeignKey(name or f"{table.name}_{node.name}_fk", columns, parent, parent_columns)

    # -- DROP --------------------------------------------------------------------------------
    def drop(self, tree: exp.Drop) -> Outcome | None:
        kind = (tree.args.get("kind") or "").upper()
        if kind not in ("TABLE", "VIEW"):
            return None
        node = tree.args["tables"][0]
        try:
            table = self._find(node)
        except SqlError:
            if tree.args.get("exists"):
                return NOTHING
            raise
        if table.kind == "VIEW":
            if kind == "TABLE":
                raise SqlError(
                    "WRONG_COMMAND_FOR_OBJECT_TYPE",
                    f"The operation DROP TABLE requires a table, but `{table.name}` is a VIEW",
                    "42809",
                )
            self._forget(table)
        else:
            if kind == "VIEW":
                raise SqlError(
                    "EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE",
                    f"The table `{table.name}` does not support DROP VIEW",
                    "42809",
                )
            self._drop_table(table)
        return NOTHING

    def _drop_table(self, table: Table) -> None:
        if table.kind == "TABLE":
            self._write([f"DROP TABLE IF EXISTS {_place(table)}"])
        self._forget(table)

    def _forget(self, table: Table) -> None:
        if table.temporary:
            self.session.temporary.pop(table.name, None)
        else:
            self.engine.catalogs.drop_table(table)

    def truncate(self, tree: exp.TruncateTable) -> Outcome:
        for node in tree.expressions:
            table = self._existing(node)
            self._write([f"DELETE FROM {_place(table)}"])
            versions.record(self.session, table, "TRUNCATE")
        return NOTHING

    def _find(self, node: exp.Expression) -> Table:
        parts = [p.name for p in node.parts]
        if len(parts) > 1 or parts[0].lower() not in self.session.temporary:
            self._name(node)  # raises when the catalog or the schema does not exist
        return self.engine.translator(self.session, self.sql).find(parts)

    def _existing(self, node: exp.Expression) -> Table:
        table = self._find(node)
        self.engine.load(table)
        return table

    # -- ALTER -------------------------------------------------------------------------------
    def alter(self, tree: exp.Alter) -> Outcome | None:
        table = self._existing(tree.this)
        for action in tree.args.get("actions") or []:
            method = getattr(self, "_alter_" + type(action).__name__.lower(), None)
            if method is None:
                return None
            method(table, action)
            versions.record(self.session, table, _ALTERED[type(action)])
        return NOTHING

    def _alter_columndef(self, table: Table, action: exp.ColumnDef) -> None:
        column = self._column(action, table)
        if table.column(column.name) is not None:
            raise SqlError(
                "FIELD_ALREADY_EXISTS", f"Cannot add column, because `{column.name}` already exists", "42710"
            )
        if column.generated is not None:
            raise SqlError("UNSUPPORTED_FEATURE", "A generated column cannot be added to a table that exists", "0A000")
        self.add_column(table, column)

    def add_column(self, table: Table, column: ColumnDef) -> None:
        make = f"ALTER TABLE {_place(table)} ADD COLUMN" if table.columns else f"CREATE TABLE {_place(table)}"
        declared = f"{quote(column.name)} {column.type.duck()}"
        self._write([f"{make} {declared}" if table.columns else f"{make} ({declared})"])
        table.columns.append(column)

    def _alter_schema(self, table: Table, action: exp.Schema) -> None:
        for item in action.expressions:
            self._alter_columndef(table, item)

    def _alter_drop(self, table: Table, action: exp.Drop) -> None:
        listed = action.args["tables"]
        nodes = listed[0].expressions if isinstance(listed[0], exp.Schema) else listed
        for node in nodes:
            column = self._known(table, _plain_name(node))
            self._free(table, column)
            self._write([f"ALTER TABLE {_place(table)} DROP COLUMN {quote(column.name)}"])
            table.columns.remove(column)

    def _alter_renamecolumn(self, table: Table, action: exp.RenameColumn) -> None:
        column = self._known(table, _plain_name(action.this))
        new = _plain_name(action.args["to"])
        self._free(table, column)
        self._write([f"ALTER TABLE {_place(table)} RENAME COLUMN {quote(column.name)} TO {quote(new)}"])
        column.name = new

    def _alter_alterrename(self, table: Table, action: exp.AlterRename) -> None:
        catalog, schema, name = self._name(action.this)
        if (catalog, schema) != (table.catalog, table.schema) and not table.temporary:
            raise SqlError("UNSUPPORTED_FEATURE", "A table cannot be renamed into another schema", "0A000")
        self._write([f"ALTER TABLE {_place(table)} RENAME TO {quote(name)}"])
        self._forget(table)
        table.name = name
        self._register(table)

    def _alter_altercolumn(self, table: Table, action: exp.AlterColumn) -> None:
        column = self._known(table, _plain_name(action.this))
        place = f"ALTER TABLE {_place(table)} ALTER COLUMN {quote(column.name)}"
        if action.args.get("allow_null") is not None:
            column.nullable = bool(action.args["allow_null"])
            self._write([f"{place} {'DROP' if column.nullable else 'SET'} NOT NULL"])
        if isinstance(action.args.get("dtype"), exp.DataType):
            kind = spark_type(action.args["dtype"])
            self._write([f"{place} TYPE {kind.duck()}"])
            column.type = kind
        if action.args.get("comment") is not None:
            column.comment = action.args["comment"].name
        if action.args.get("default") is not None:
            self._set_default(column, action.args["default"])
            self._write([f"{place} SET DEFAULT {column.engine_default}"])
        elif action.args.get("drop"):
            column.default = column.engine_default = None
            self._write([f"{place} DROP DEFAULT"])

    def _alter_addconstraint(self, table: Table, action: exp.Expression) -> None:
        known = dict(table.checks)
        for item in action.expressions:
            self._constraint(item, table)
        fresh = {name: text for name, text in table.checks.items() if known.get(name) is not text}
        try:
            self._check_rows(table, known, fresh)
        except Exception:
            table.checks = known
            raise

    def _check_rows(self, table: Table, known: dict[str, str], fresh: dict[str, str]) -> None:
        """New conditions hold for the rows that are there."""
        for name in fresh:
            if name in known:
                raise SqlError(
                    "DELTA_CONSTRAINT_ALREADY_EXISTS", f"Constraint '{name}' already exists. Delete the old one first", "42710"
                )
        if not fresh:
            return
        translator = self.engine.translator(self.session, self.sql)
        self._write([constraints.on_new_check(self.engine, translator, table, text) for text in fresh.values()])

    @staticmethod
    def _free(table: Table, column: ColumnDef) -> None:
        """Raises when a check or a generated column reads this one."""
        found = constraints.depending(table, column.name)
        if found:
            raise SqlError(
                "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
                f"Cannot alter column {column.name}: it is read by {', '.join(found)}", "42K09",
            )  # fmt: skip

    @staticmethod
    def _known(table: Table, name: str) -> ColumnDef:
        column = table.column(name)
        if column is None:
            raise SqlError("FIELD_NOT_FOUND", f"No such struct field `{name}` in `{table.name}`", "42704")
        return column


# -- helpers --------------------------------------------------------------------------------------
def _place(table: Table) -> str:
    return ".".join(quote(p) for p in table.physical())


_ALTERED = {
    exp.ColumnDef: "ADD COLUMNS", exp.Schema: "ADD COLUMNS", exp.Drop: "DROP COLUMNS", exp.RenameColumn: "RENAME COLUMN",
    exp.AlterRename: "RENAME", exp.AlterColumn: "CHANGE COLUMN", exp.AddConstraint: "ADD CONSTRAINT",
}  # fmt: skip


def _declared(column: ColumnDef) -> str:
    if column.generated is not None:  # filled behind every change
        return f"{quote(column.name)} {column.type.duck()}"
    default = f" DEFAULT {column.engine_default}" if column.engine_default is not None else ""
    return f"{quote(column.name)} {column.type.duck()}{default}{'' if column.nullable else ' NOT NULL'}"


def _storable(kind: T.SparkType) -> T.SparkType:
    return T.STRING if kind.kind in ("GEOMETRY", "GEOGRAPHY") else kind


def _plain_name(node: exp.Expression) -> str:
    while isinstance(node, (exp.Ordered, exp.Paren)):
        node = node.this
    return node.name


def _comment(listed: list[exp.Expression]) -> str | None:
    found = next((p for p in listed if isinstance(p, exp.SchemaCommentProperty)), None)
    return found.this.name if found is not None else None


def _column_comment(item: exp.Expression) -> str | None:
    for constraint in item.args.get("constraints") or []:
        if isinstance(constraint.kind, exp.CommentColumnConstraint):
            return constraint.kind.this.name
    return None


def _properties(listed: list[exp.Expression]) -> dict[str, str]:
    return {p.name: p.args["value"].name for p in listed if type(p) is exp.Property and p.args.get("value") is not None}
