"""What an expression can see, and the type that is written in a statement."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from warehouse.dialect.types import SparkType, parse_type
from warehouse.errors import SqlError

Typed = tuple[exp.Expression, SparkType | None]


@dataclass
class Scope:
    """The columns that an expression can see: sources by alias, then the enclosing query's."""

    sources: list[tuple[str, dict[str, SparkType | None] | None]] = field(default_factory=list)
    aliases: dict[str, SparkType | None] = field(default_factory=dict)
    outer: "Scope | None" = None

    def find(self, table: str, name: str) -> SparkType | None:
        name, table = name.lower(), table.lower()
        for alias, columns in self.sources:
            if columns is not None and (not table or alias == table) and name in columns:
                return columns[name]
        if not table and name in self.aliases:
            return self.aliases[name]
        return self.outer.find(table, name) if self.outer else None

    def has_source(self, table: str) -> bool:
        table = table.lower()
        return any(a == table for a, _ in self.sources) or (self.outer is not None and self.outer.has_source(table))


def spark_type(node: exp.DataType) -> SparkType:
    known = node.meta.get("lw_type")
    if known is not None:
        return known
    source = node.sql(dialect="databricks")
    if node.this == exp.DataType.Type.TIME:  # which sqlglot writes as TIMESTAMP
        source = "TIME" + "".join(f"({p.name})" for p in node.expressions)
    try:
        return parse_type(source)
    except ValueError as error:
        raise SqlError("UNSUPPORTED_DATATYPE", f'Unsupported data type "{source}"', "0A000") from error
