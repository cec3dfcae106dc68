"""SQL functions of the user: CREATE FUNCTION ... RETURN, DROP FUNCTION, and the call put in line.

A call becomes the function's body with the arguments, cast to the declared types, in the place of the
parameters; the result is cast to the declared return type.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from warehouse.catalog import Catalogs
from warehouse.dialect.lexer import Cursor
from warehouse.dialect.queries import parse
from warehouse.dialect.types import SparkType, parse_type
from warehouse.engine.base import Engine, Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

_OPTIONS = ("LANGUAGE", "SQL", "DETERMINISTIC", "NOT", "CONTAINS", "READS", "DATA", "COMMENT", "INVOKER", "SECURITY", "DEFINER")


@dataclass
class Routine:
    name: str
    parameters: list[tuple[str, SparkType, str | None]] = field(default_factory=list)  # name, type, default's text
    returns: SparkType | None = None
    body: str = ""

    def call(self, arguments: list[exp.Expression]) -> exp.Expression:
        """The body with these arguments; wrong counts fail as in Spark."""
        required = sum(1 for _, _, default in self.parameters if default is None)
        if not required <= len(arguments) <= len(self.parameters):
            raise SqlError(
                "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                f"The `{self.name}` requires {len(self.parameters)} parameters but the actual number is {len(arguments)}",
                "42605",
            )
        given = {}
        for at, (name, kind, default) in enumerate(self.parameters):
            value = arguments[at] if at < len(arguments) else _expression(default)
            given[name.lower()] = _cast(value, kind)

        def put(node: exp.Expression) -> exp.Expression:
            own = isinstance(node, exp.Column) and (not node.table or node.table.lower() == self.name.lower())
            return given[node.name.lower()].copy() if own and node.name.lower() in given else node

        body = _expression(self.body).transform(put)
        return _cast(body, self.returns) if self.returns is not None else exp.Paren(this=body)


def _expression(text: str) -> exp.Expression:
    return parse(f"SELECT {text}").expressions[0].unalias()


def _cast(node: exp.Expression, kind: SparkType) -> exp.Expression:
    return exp.Cast(this=exp.Paren(this=node.copy()), to=exp.DataType.build(kind.sql(), dialect="databricks"))


def find(catalogs: Catalogs, session: Session, parts: list[str]) -> Routine | None:
    if len(parts) == 1 and parts[0].lower() in session.temp_functions:
        return session.temp_functions[parts[0].lower()]
    if len(parts) > 3:
        return None
    catalog, schema, name = [*(session.catalog, session.schema)[: 3 - len(parts)], *parts]
    found = catalogs.find_schema(catalog, schema)
    return found.functions.get(name.lower()) if found else None


# -- commands -------------------------------------------------------------------------------------
def run(engine: Engine, session: Session, at: Cursor) -> Outcome | None:
    """CREATE FUNCTION and DROP FUNCTION; None for every other statement."""
    start = at.at
    create = at.next().upper() == "CREATE"
    replace = create and at.accept("OR", "REPLACE")
    temporary = at.accept("TEMPORARY")
    if not at.accept("FUNCTION"):
        at.at = start
        return None
    tolerate = at.accept("IF", "NOT", "EXISTS") if create else at.accept("IF", "EXISTS")
    parts = at.qualified_name()
    home = _home(engine, session, parts, temporary or (not create and parts[-1].lower() in session.temp_functions))
    name = parts[-1].lower()
    if not create:
        at.end()
        if home.pop(name, None) is None and not tolerate:
            raise SqlError("ROUTINE_NOT_FOUND", f"The routine `{parts[-1]}` cannot be found", "42883")
        return Outcome(has_rows=False)
    if name in home and not replace:
        if tolerate:
            return Outcome(has_rows=False)
        raise SqlError("ROUTINE_ALREADY_EXISTS", f"Cannot create the routine `{parts[-1]}` because it already exists", "42723")
    home[name] = _read(parts[-1], at)
    return Outcome(has_rows=False)


def _home(engine: Engine, session: Session, parts: list[str], temporary: bool) -> dict[str, Routine]:
    if temporary:
        return session.temp_functions
    catalog, schema, _ = [*(session.catalog, session.schema)[: 3 - len(parts)], *parts][-3:]
    return engine.catalogs.schema(catalog, schema).functions


def _read(name: str, at: Cursor) -> Routine:
    routine = Routine(name)
    at.expect("(")
    while not at.accept(")"):
        parameter = at.name()
        kind = _type(_text_until(at, (",", ")", "DEFAULT", "COMMENT")))
        default = _text_until(at, (",", ")", "COMMENT")) if at.accept("DEFAULT") else None
        if at.accept("COMMENT"):
            at.string()
        routine.parameters.append((parameter, kind, default))
        at.accept(",")
    if at.accept("RETURNS"):
        if at.word() == "TABLE":
            raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse has no table functions of the user", "0A000")
        routine.returns = _type(_text_until(at, ("RETURN", *_OPTIONS)))
    while not at.done() and at.word() != "RETURN":
        language = at.accept("LANGUAGE", "PYTHON")
        if language:
            raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse runs functions in SQL only", "0A000")
        at.next()
    at.expect("RETURN")
    routine.body = at.rest()
    _expression(routine.body)  # a syntax error is told now
    return routine


def _text_until(at: Cursor, stops: tuple[str, ...]) -> str:
    """The source up to one of the words outside of brackets, which is not taken."""
    depth, first, last = 0, at.peek(), None
    while not at.done():
        token = at.peek()
        if depth == 0 and (token.upper() in stops or (token.kind == "punct" and token.text in stops)):
            break
        depth += {"(": 1, "<": 1, ")": -1, ">": -1}.get(token.text, 0) if token.kind == "punct" else 0
        last = at.next()
    if last is None:
        raise at.error()
    return at.sql[first.start : last.end]


def _type(text: str) -> SparkType:
    try:
        return parse_type(text)
    except ValueError as error:
        raise SqlError("UNSUPPORTED_DATATYPE", f'Unsupported data type "{text}"', "0A000") from error
