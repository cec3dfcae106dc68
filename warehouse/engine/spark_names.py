"""Names between the warehouse and Spark.

A local Spark has one catalog. The schemas of the catalog ``main`` are its schemas; a schema of another
catalog is the schema ``<catalog>__<schema>``, and names in statements are rewritten token by token. A
Spark of the user's own (``--spark-remote``) keeps its catalogs and nothing is rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from warehouse.catalog import INFORMATION_SCHEMA, Catalogs, Schema, catalog_not_found, schema_not_found
from warehouse.dialect.lexer import PUNCT, QUOTED, WORD, Token
from warehouse.sessions import DEFAULT_CATALOG, Session

_ONLY_CATALOG = "spark_catalog"
_PHYSICAL = re.compile(r"(?P<q>`?)spark_catalog`?\.`?(?:(?P<catalog>\w+?)__)?(?P<schema>\w+)`?")


@dataclass
class Rewritten:
    sql: str
    tables: list[tuple[str, str, str]] = field(default_factory=list)  # full names that were met, if they are tables
    system_views: dict[str, tuple[str, str]] = field(default_factory=dict)  # relation: catalog, view


def quoted(*parts: str) -> str:
    """For Spark."""
    return ".".join("`" + p.replace("`", "``") + "`" for p in parts)


def chains(tokens: list[Token]) -> list[list[Token]]:
    """Runs of identifiers joined by dots, as ``a.b.c``."""
    found: list[list[Token]] = []
    dot = False
    for token in tokens:
        if token.kind in (WORD, QUOTED) and dot and found:
            found[-1].append(token)
        elif token.kind in (WORD, QUOTED):
            found.append([token])
        dot = token.kind == PUNCT and token.text == "."
    return found


class Names:
    """Which Spark object a name of the warehouse means. ``catalogs`` knows catalogs and schemas."""

    def __init__(self, catalogs: Catalogs, local: bool) -> None:
        self._catalogs = catalogs
        self._local = local

    def place(self, catalog: str, schema: str) -> str:
        """A schema in Spark's SQL."""
        if not self._local:
            return quoted(catalog, schema)
        return quoted(_ONLY_CATALOG, schema if catalog == DEFAULT_CATALOG else f"{catalog}__{schema}")

    def rewrite(self, session: Session, sql: str, tokens: list[Token]) -> Rewritten:
        out, edits = Rewritten(sql), []
        for chain in chains(tokens):
            if self._local and [t.upper() for t in chain] == ["CURRENT_CATALOG"]:
                edits += self._current_catalog(session, tokens, chain[0])
            found = self._schema_of(session, [t.text.lower() for t in chain])
            if found is None:
                if self._local and len(chain) == 1:
                    out.tables.append((session.catalog, session.schema, chain[0].text.lower()))
                continue
            length, catalog, schema = found
            rest = [t.text for t in chain[length : length + 1]]
            end = chain[length - 1].end
            if schema == INFORMATION_SCHEMA and rest:
                relation = f"__{catalog}_{rest[0].lower()}"
                out.system_views[relation] = (catalog, rest[0].lower())
                edits.append((chain[0].start, chain[length].end, quoted(relation)))
            elif self._local:
                out.tables += [(catalog, schema, name.lower()) for name in rest]
                edits.append((chain[0].start, end, self.place(catalog, schema)))
        for start, end, text in reversed(edits):
            out.sql = out.sql[:start] + text + out.sql[end:]
        return out

    @staticmethod
    def _current_catalog(session: Session, tokens: list[Token], word: Token) -> list[tuple[int, int, str]]:
        """The function tells the warehouse's catalog, not the only one of Spark."""
        after = tokens[tokens.index(word) + 1 :][:2]
        called = [t.text for t in after] == ["(", ")"]
        return [(word.start, after[1].end, f"'{session.catalog}'")] if called else []

    def _schema_of(self, session: Session, parts: list[str]) -> tuple[int, str, str] | None:
        """How many parts name a schema, and which one; None when the chain is no qualified name of ours."""
        if len(parts) >= 2 and self._catalogs.has_catalog(parts[0]):
            if parts[1] == INFORMATION_SCHEMA or self._catalogs.find_schema(parts[0], parts[1]) or len(parts) == 3:
                return 2, parts[0], parts[1]
        if len(parts) >= 2:
            if parts[0] == INFORMATION_SCHEMA or self._catalogs.find_schema(session.catalog, parts[0]):
                return 1, session.catalog, parts[0]
        return None

    def told(self, text: str) -> str:
        """A message of Spark with the warehouse's names."""
        if not self._local:
            return text

        def logical(match: re.Match) -> str:
            quote = match["q"]
            return f"{quote}.{quote}".join([match["catalog"] or DEFAULT_CATALOG, match["schema"]]).join([quote, quote])

        return _PHYSICAL.sub(logical, text)


class SparkCatalogs(Catalogs):
    """What SHOW and information_schema ask for, read from Spark when they ask.

    ``read_tables(catalog, schema)`` fills a schema; with a remote Spark ``list_schemas`` and
    ``list_catalogs`` come from there too.
    """

    def __init__(
        self,
        catalogs: Callable[[], list[str]],
        schemas: Callable[[str], list[Schema]],
        fill: Callable[[Schema], None],
    ) -> None:
        super().__init__()
        self._list_catalogs, self._list_schemas, self._fill = catalogs, schemas, fill
        self._filled: set[tuple[str, str]] = set()
        self._known: list[str] | None = None

    def catalogs(self) -> list[str]:
        if self._known is None:
            self._known = sorted(c.lower() for c in self._list_catalogs())
        return self._known

    def has_catalog(self, name: str) -> bool:
        return name.lower() in self.catalogs()

    def _of(self, catalog: str) -> dict[str, Schema]:
        name = catalog.lower()
        if name not in self._catalogs:
            if not self.has_catalog(name):
                raise catalog_not_found(catalog)
            self._catalogs[name] = {s.name: s for s in self._list_schemas(name)}
        return self._catalogs[name]

    def schemas(self, catalog: str) -> list[Schema]:
        found = self._of(catalog)
        return [found[n] for n in sorted(found)]

    def schema(self, catalog: str, name: str) -> Schema:
        found = self._of(catalog).get(name.lower())
        if found is None:
            raise schema_not_found(f"{catalog}`.`{name}")
        if (found.catalog, found.name) not in self._filled:
            self._filled.add((found.catalog, found.name))
            self._fill(found)
        return found

    def find_schema(self, catalog: str, name: str) -> Schema | None:
        return self._of(catalog).get(name.lower()) if self.has_catalog(catalog) else None

    def tables(self, catalog: str, schema: str):
        found = self.find_schema(catalog, schema)
        return [t for _, t in sorted(self.schema(catalog, schema).tables.items())] if found else []

    def find_table(self, catalog: str, schema: str, name: str):
        found = self.find_schema(catalog, schema)
        return self.schema(catalog, schema).tables.get(name.lower()) if found else None
