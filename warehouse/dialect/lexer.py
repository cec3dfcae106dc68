"""A small lexer: enough to classify a statement and to read the commands that have no grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from warehouse.errors import SqlError

WORD, QUOTED, STRING, NUMBER, PUNCT = "word", "quoted", "string", "number", "punct"


@dataclass(frozen=True)
class Token:
    kind: str
    text: str  # value of strings and quoted names, unescaped; source text otherwise
    start: int
    end: int  # exclusive

    def upper(self) -> str:
        return self.text.upper() if self.kind == WORD else ""


_PATTERN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<raw>[rR](?:'[^']*'|"[^"]*"))
  | (?P<string>'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|"[^"\\]*(?:(?:\\.|"")[^"\\]*)*")
  | (?P<quoted>`[^`]*(?:``[^`]*)*`)
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<punct>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}


def syntax_error(near: str, sql: str, position: int) -> SqlError:
    line = sql.count("\n", 0, position) + 1
    column = position - (sql.rfind("\n", 0, position) + 1)
    where = "end of input" if not near else f"'{near[:60]}'"
    shown = sql if len(sql) <= 2000 else sql[:2000] + "..."
    return SqlError(
        "PARSE_SYNTAX_ERROR",
        f"Syntax error at or near {where}",
        "42601",
        context=f" (line {line}, pos {column})\n\n== SQL ==\n{shown}\n{'-' * min(column, 200)}^^^\n",
    )


def unescape(body: str) -> str:
    """Backslash escapes of a Spark string literal; ``\\%`` and ``\\_`` stay as they are."""

    def one(match: re.Match) -> str:
        text = match[1]
        if text[0] in "uU" and len(text) > 1:
            return chr(int(text[1:], 16))
        if text[0] in "01" and len(text) == 3:
            return chr(int(text, 8))
        if text in ("%", "_"):
            return "\\" + text
        return _ESCAPES.get(text, text)

    pattern = r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[01][0-7]{2}|.)"
    return re.sub(pattern, one, body, flags=re.DOTALL)


def lex(sql: str) -> list[Token]:
    """All tokens without comments and blanks. Unterminated strings and comments are syntax errors."""
    tokens: list[Token] = []
    at = 0
    while at < len(sql):
        match = _PATTERN.match(sql, at)
        kind, text = match.lastgroup, match[0]
        if kind == "comment":
            at = _comment_end(sql, at)
            continue
        if kind == "punct" and text in "'\"`":
            raise syntax_error(text, sql, at)
        if kind == "raw":
            tokens.append(Token(STRING, text[2:-1], at, match.end()))
        elif kind == "string":
            tokens.append(Token(STRING, unescape(text[1:-1].replace(text[0] * 2, text[0])), at, match.end()))
        elif kind == "quoted":
            tokens.append(Token(QUOTED, text[1:-1].replace("``", "`"), at, match.end()))
        elif kind != "space":
            tokens.append(Token(kind, text, at, match.end()))
        at = match.end()
    return tokens


def _comment_end(sql: str, start: int) -> int:
    """Bracketed comments nest in Spark."""
    depth, at = 0, start
    while True:
        opened, closed = sql.find("/*", at), sql.find("*/", at)
        if closed < 0:
            raise syntax_error("/*", sql, start)
        if 0 <= opened < closed:
            depth, at = depth + 1, opened + 2
        else:
            depth, at = depth - 1, closed + 2
        if depth == 0:
            return at


def _plain_quotes(sql: str) -> str:
    """A doubled quote inside of a string as \\', which means the same to Spark and is one string to sqlglot."""
    if "''" not in sql and '""' not in sql:
        return sql
    for token in reversed(lex(sql)):
        quote = sql[token.start]
        if token.kind == STRING and quote in "'\"" and quote * 2 in sql[token.start + 1 : token.end - 1]:
            body = sql[token.start + 1 : token.end - 1].replace(quote * 2, "\\" + quote)
            sql = f"{sql[: token.start + 1]}{body}{sql[token.end - 1 :]}"
    return sql


def single_statement(sql: str) -> tuple[str, list[Token]]:
    """The text and tokens of the only statement; a second one after ``;`` is refused."""
    sql = _plain_quotes(sql)
    tokens = lex(sql)
    if [t.upper() for t in tokens[:1]] == ["BEGIN"] and tokens[1:] and tokens[1].upper() not in ("", "TRANSACTION"):
        raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse runs no SQL scripts (BEGIN ... END)", "0A000")
    for i, token in enumerate(tokens):
        if token.kind == PUNCT and token.text == ";":
            rest = next((t for t in tokens[i:] if t.text != ";" or t.kind != PUNCT), None)
            if rest is not None:
                raise syntax_error(rest.text, sql, rest.start)
            sql, tokens = sql[: token.start], tokens[:i]
            break
    if not tokens:
        raise syntax_error("", sql, len(sql))
    return sql, tokens


class Cursor:
    """Walks over tokens; what the readers of commands use."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self.sql = sql
        self.tokens = tokens
        self.at = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def word(self) -> str:
        token = self.peek()
        return token.upper() if token else ""

    def accept(self, *words: str) -> bool:
        """Takes the words if they all come next."""
        ahead = self.tokens[self.at : self.at + len(words)]
        if len(ahead) == len(words) and all(
            (t.upper() or t.text if t.kind in (WORD, PUNCT) else None) == w for t, w in zip(ahead, words)
        ):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.error()

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise self.error()
        self.at += 1
        return token

    def name(self) -> str:
        token = self.next()
        if token.kind not in (WORD, QUOTED, NUMBER) or not token.text:
            self.at -= 1
            raise self.error()
        return token.text

    def qualified_name(self) -> list[str]:
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name())
        return parts

    def string(self) -> str:
        token = self.next()
        if token.kind != STRING:
            self.at -= 1
            raise self.error()
        return token.text

    def rest(self) -> str:
        token = self.peek()
        return self.sql[token.start :] if token else ""

    def done(self) -> bool:
        return self.at >= len(self.tokens)

    def end(self) -> None:
        if not self.done():
            raise self.error()

    def error(self) -> SqlError:
        token = self.peek()
        if token is None:
            return syntax_error("", self.sql, len(self.sql))
        return syntax_error(self.sql[token.start : token.end], self.sql, token.start)
