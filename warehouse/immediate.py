"""EXECUTE IMMEDIATE: a statement whose text is computed, with values for its markers and variables for its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from warehouse import variables
from warehouse.dialect import lexer
from warehouse.dialect import types as T
from warehouse.dialect.lexer import PUNCT, Cursor
from warehouse.dialect.queries import parse
from warehouse.engine.base import CancelToken, Outcome, Parameter
from warehouse.errors import SqlError
from warehouse.sessions import Session
from warehouse.wire import Converter, value_text

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine


_QUERIES = ("SELECT", "WITH", "VALUES", "FROM", "TABLE", "(")


def run(engine: "DuckEngine", session: Session, at: Cursor, cancel: CancelToken) -> Outcome:
    """``text [INTO variable, ...] [USING value [AS name], ...]``, behind EXECUTE IMMEDIATE."""
    text = _piece(at, "INTO", "USING")
    targets = _targets(session, at) if at.accept("INTO") else []
    parameters = _parameters(engine, session, at, cancel) if at.accept("USING") else []
    at.end()
    _, sql = variables.evaluate(engine, session, text, T.STRING, cancel)
    if sql is None:
        raise SqlError("NULL_QUERY_STRING_EXECUTE_IMMEDIATE", f"Execute immediate requires a query text, {text} is NULL", "22004")
    body, tokens = lexer.single_statement(sql)
    _check_names(parameters, body)
    if tokens[0].upper() == "EXECUTE":
        raise SqlError("NESTED_EXECUTE_IMMEDIATE", f"Nested EXECUTE IMMEDIATE commands are not allowed: {body}", "07501")
    if targets and (tokens[0].upper() or tokens[0].text) not in _QUERIES:
        raise SqlError("INVALID_STATEMENT_FOR_EXECUTE_INTO", f"The INTO clause is only valid for queries: {body}", "07501")
    outcome = engine.run(session, sql, body, tokens, parameters, cancel)
    return _into(engine, session, targets, outcome, cancel) if targets else outcome


def _piece(at: Cursor, *ends: str) -> str:
    """The text up to one of the words, outside parentheses."""
    start, depth = at.at, 0
    while not at.done() and (depth or at.word() not in ends and at.peek().text not in ends):
        token = at.next()
        if token.kind == PUNCT and token.text in "()[]":
            depth += 1 if token.text in "([" else -1
    if at.at == start or depth < 0:
        raise at.error()
    return at.sql[at.tokens[start].start : at.tokens[at.at - 1].end]


def _targets(session: Session, at: Cursor) -> list[str]:
    found = [variables.name_of(at)]
    while at.accept(","):
        found.append(variables.name_of(at))
    lost = next((name for name in found if name not in session.variables), None)
    if lost is not None:
        raise SqlError(
            "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
            f"A column, variable, or function parameter with name `{lost}` cannot be resolved", "42703",
        )  # fmt: skip
    return found


def _parameters(engine: "DuckEngine", session: Session, at: Cursor, cancel: CancelToken) -> list[Parameter]:
    wrapped, found = at.accept("("), []
    while True:
        kind, value = variables.evaluate(engine, session, _piece(at, ",", "AS", ")"), None, cancel)
        if at.accept("AS"):
            found.append(Parameter(kind.sql(), value, name=at.name()))
        else:
            found.append(Parameter(kind.sql(), value, ordinal=len(found) + 1))
        if not at.accept(","):
            break
    if wrapped:
        at.expect(")")
    return found


def _check_names(parameters: list[Parameter], body: str) -> None:
    """All values have names or none has; a statement that itself mixes its markers is told so when they are bound."""
    if len({p.name is None for p in parameters}) < 2:
        return
    markers = parse(body).find_all(exp.Placeholder, exp.Parameter)
    if len({bool(marker.text("this")) for marker in markers}) < 2:
        raise SqlError(
            "ALL_PARAMETERS_MUST_BE_NAMED", "Using name parameterized queries requires all parameters to be named", "07001"
        )


def _into(
    engine: "DuckEngine", session: Session, targets: list[str], outcome: Outcome, cancel: CancelToken
) -> Outcome:
    """The only row of a query goes to the variables; no row makes them NULL."""
    try:
        if len(outcome.columns) != len(targets):
            raise SqlError(
                "ASSIGNMENT_ARITY_MISMATCH",
                f"The number of columns or variables assigned or aliased: {len(targets)} does not match the number of "
                f"source expressions: {len(outcome.columns)}", "42802",
            )  # fmt: skip
        converter, rows = Converter(outcome.columns, session.zone), []
        for batch in outcome.batches:
            rows += zip(*(column.to_pylist() for column in converter.convert(batch).columns))
            if len(rows) > 1:
                raise SqlError("ROW_SUBQUERY_TOO_MANY_ROWS", "More than one row returned by a subquery used as a row", "21000")
    finally:
        outcome.close()
    for name, column, value in zip(targets, outcome.columns, rows[0] if rows else [None] * len(targets)):
        text = None if value is None else value_text(value, column.type)
        variables.store(engine, session, name, Parameter(column.type.sql(), text, name="v"), cancel)
    return Outcome(has_rows=False)
