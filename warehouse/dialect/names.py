"""Output column names as Spark makes them: ``count(1)``, ``CAST(1 AS TINYINT)``, ``(a + b)``."""

from __future__ import annotations

import re
from decimal import Decimal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from warehouse.dialect.literals import canonical_date, canonical_timestamp
from warehouse.dialect.types import parse_type
from warehouse.faults import split_outside

_BINARY = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "div", exp.EQ: "=",
    exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.And: "AND", exp.Or: "OR",
    exp.NullSafeEQ: "<=>", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^",
}  # fmt: skip
# sqlglot's class name where it is not Spark's function name and the source gives none
_FUNCTIONS = {
    "DPipe": "concat", "TsOrDsAdd": "date_add", "TsOrDsDiff": "datediff", "ArrayAgg": "collect_list",
    "ArrayUniqueAgg": "collect_set", "Struct": "struct", "StarMap": "map", "Map": "map", "Array": "array",
    "CurrentTimestamp": "current_timestamp", "CurrentDate": "current_date", "Uuid": "uuid", "Rand": "rand",
    "CurrentCatalog": "current_catalog", "CurrentDatabase": "current_database", "Typeof": "typeof",
    "CurrentSchema": "current_schema", "Quantile": "percentile", "ArgMax": "max_by",
    "ArgMin": "min_by", "GroupConcat": "listagg", "CurrentUser": "current_user", "Substring": "substring",
}  # fmt: skip


class Namer:
    def __init__(self, sql: str) -> None:
        self._sql = sql

    def top(self, node: exp.Expression) -> str:
        """The name of a projection without an alias."""
        if isinstance(node, exp.Column):
            return node.name
        if isinstance(node, exp.Dot) and isinstance(node.this, (exp.Column, exp.Dot, exp.Bracket)):
            return node.expression.name
        if isinstance(node, exp.Paren):
            return self.top(node.this)
        if isinstance(node, exp.Explode):
            return "col"
        if type(node) is exp.Cast and isinstance(node.this, exp.Column):
            return self.top(node.this)
        if isinstance(node, exp.JSONExtract) and node.args.get("variant_extract"):
            return _variant_path(node).rsplit(".", 1)[-1].strip("'\"[]")
        return self.text(node)

    def text(self, node: exp.Expression | None) -> str:
        if node is None:
            return ""
        if "lw_name" in node.meta:
            return node.meta["lw_name"]
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is not None:
            return method(node)
        if type(node) in _BINARY:
            return f"({self.text(node.this)} {_BINARY[type(node)]} {self.text(node.expression)})"
        if isinstance(node, exp.Func):
            return self._function(node)
        return node.sql(dialect="databricks")

    # -- leaves ------------------------------------------------------------------------------
    def _column(self, node: exp.Column) -> str:
        return node.name

    def _identifier(self, node: exp.Identifier) -> str:
        return node.this

    def _literal(self, node: exp.Literal) -> str:
        if node.is_string or not node.this or "e" not in node.this.lower():
            return node.this
        number = float(node.this)
        if 1e-3 <= abs(number) < 1e7 or number == 0:
            text = format(Decimal(repr(number)), "f")
            return text if "." in text else text + ".0"
        digits, _, exponent = f"{Decimal(repr(number)).normalize():E}".partition("E")
        return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"

    def _null(self, node: exp.Null) -> str:
        return "NULL"

    def _boolean(self, node: exp.Boolean) -> str:
        return "true" if node.this else "false"

    def _hexstring(self, node: exp.HexString) -> str:
        return f"X'{node.this.upper()}'"

    def _star(self, node: exp.Star) -> str:
        return "1"

    # -- operators ---------------------------------------------------------------------------
    def _paren(self, node: exp.Paren) -> str:
        return self.text(node.this)

    def _neg(self, node: exp.Neg) -> str:
        if isinstance(node.this, exp.Literal):
            return "-" + self.text(node.this)
        return f"(- {self.text(node.this)})"

    def _not(self, node: exp.Not) -> str:
        if isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Null):
            return f"({self.text(node.this.this)} IS NOT NULL)"
        return f"(NOT {self.text(node.this)})"

    def _is(self, node: exp.Is) -> str:
        return f"({self.text(node.this)} IS {self.text(node.expression).upper()})"

    def _in(self, node: exp.In) -> str:
        if node.args.get("query"):
            return f"({self.text(node.this)} IN (listquery()))"
        return f"({self.text(node.this)} IN ({self._list(node.expressions)}))"

    def _like(self, node: exp.Like) -> str:
        return f"{self.text(node.this)} LIKE {self.text(node.expression)}"

    def _between(self, node: exp.Between) -> str:
        parts = (node.this, node.args["low"], node.args["high"])
        return f"between({self._list(parts)})"

    def _dot(self, node: exp.Dot) -> str:
        return f"{self.text(node.this)}.{node.expression.name}"

    def _bracket(self, node: exp.Bracket) -> str:
        if node.args.get("offset") == 1:
            word = "try_element_at" if node.args.get("safe") else "element_at"
            return f"{word}({self.text(node.this)}, {self._list(node.expressions)})"
        return f"{self.text(node.this)}[{self._list(node.expressions)}]"

    def _jsonextract(self, node: exp.JSONExtract) -> str:
        if not node.args.get("variant_extract"):
            return self._function(node)
        return f"{self.text(node.this)}:{_variant_path(node)}"

    def _dpipe(self, node: exp.DPipe) -> str:
        parts, left = [node.expression], node.this
        while isinstance(left, exp.DPipe):
            parts.insert(0, left.expression)
            left = left.this
        return f"concat({self._list([left, *parts])})"

    def _subquery(self, node: exp.Subquery) -> str:
        return "scalarsubquery()"

    def _exists(self, node: exp.Exists) -> str:
        return "exists()"

    def _if(self, node: exp.If) -> str:
        return f"(IF({self._list([node.this, node.args['true'], node.args.get('false') or exp.Null()])}))"

    def _extract(self, node: exp.Extract) -> str:
        return f"extract({node.this.name.upper()} FROM {self.text(node.expression)})"

    def _rawstring(self, node: exp.RawString) -> str:
        return node.this

    def _concat(self, node: exp.Concat) -> str:
        """Neighbouring literals are one: 'a' 'b'."""
        if node.meta.get("start") is None and all(isinstance(e, exp.Literal) for e in node.expressions):
            return "".join(e.this for e in node.expressions)
        return self._function(node)

    def _case(self, node: exp.Case) -> str:
        parts = ["CASE"]
        if node.this:
            parts.append(self.text(node.this))
        for branch in node.args["ifs"]:
            parts.append(f"WHEN {self.text(branch.this)} THEN {self.text(branch.args['true'])}")
        if node.args.get("default") is not None:
            parts.append(f"ELSE {self.text(node.args['default'])}")
        return " ".join([*parts, "END"])

    def _cast(self, node: exp.Cast, word: str = "CAST") -> str:
        target = node.to.sql(dialect="databricks")
        if node.to.this == exp.DataType.Type.TIME:
            literal = node.this if isinstance(node.this, exp.Literal) else None
            return f"TIME '{literal.this}'" if literal is not None else f"{word}({self.text(node.this)} AS TIME(6))"
        try:
            target = parse_type(target).sql()
        except ValueError:
            pass
        start = node.meta.get("start")
        if start is not None and self._sql[start : start + 4].lower() in ("date", "time"):
            return f"{self._sql[start : node.meta['end'] + 1].lower()}({self.text(node.this)})"
        if isinstance(node.this, exp.Literal):
            literal = re.escape(node.this.this)
            # sqlglot makes casts of typed literals (DATE '...') and of suffixed numbers (1L).
            if node.this.is_string and re.search(rf"\b{target}\s*'{literal}'", self._sql, re.IGNORECASE):
                return f"{target} '{self._canonical(target, node.this.this)}'"
            if literal[:1].isdigit() and re.search(rf"(?<![\w.]){literal}(L|S|Y|F|D|BD)\b", self._sql, re.IGNORECASE):
                if target.startswith("DECIMAL"):
                    return format(Decimal(node.this.this), "f")
                whole = target in ("FLOAT", "DOUBLE") and node.this.this.isdigit()
                return node.this.this + (".0" if whole else "")
        return f"{word}({self.text(node.this)} AS {target})"

    @staticmethod
    def _canonical(target: str, literal: str) -> str:
        """Typed literals are named by their value: DATE '2020' is DATE '2020-01-01'."""
        value = canonical_date(literal) if target == "DATE" else canonical_timestamp(literal, False)
        if value is None or target == "DATE":
            return value or literal
        zoned = re.search(r"[Z]|\d[+-]\d\d?:|[A-Za-z]{2}", literal[10:])
        return literal if zoned else re.sub(r"\.?0+$", "", value) if "." in value else value

    def _trycast(self, node: exp.TryCast) -> str:
        return self._cast(node, "TRY_CAST")

    def _interval(self, node: exp.Interval) -> str:
        unit = node.args["unit"].sql(dialect="databricks").upper() if node.args.get("unit") else ""
        value = self.text(node.this)
        return f"INTERVAL '{value}' {unit}".strip()

    # -- functions ---------------------------------------------------------------------------
    def _count(self, node: exp.Count) -> str:
        inner = node.this
        if isinstance(inner, exp.Distinct):
            return f"count(DISTINCT {self._list(inner.expressions)})"
        return f"count({self._list([inner, *node.expressions])})"

    def _distinct(self, node: exp.Distinct) -> str:
        return f"DISTINCT {self._list(node.expressions)}"

    def _struct(self, node: exp.Struct) -> str:
        first = node.expressions[0] if node.expressions else None
        written = (
            rf"named_struct\s*\(\s*['\"]{re.escape(first.name)}['\"]" if isinstance(first, exp.PropertyEQ) else None
        )
        if written and re.search(written, self._sql, re.IGNORECASE):
            pairs = [x for item in node.expressions for x in (item.this, item.expression)]
            return f"named_struct({self._list(pairs)})"
        return f"struct({self._list(node.expressions)})"

    def _propertyeq(self, node: exp.PropertyEQ) -> str:
        return f"{self.text(node.expression)} AS {node.this.name}"

    def _anonymous(self, node: exp.Anonymous) -> str:
        return f"{str(node.this).lower()}({self._list(node.expressions)})"

    def _window(self, node: exp.Window) -> str:
        parts = []
        if node.args.get("partition_by"):
            parts.append(f"PARTITION BY {self._list(node.args['partition_by'])}")
        order = node.args.get("order")
        if order is not None:
            parts.append("ORDER BY " + ", ".join(self._ordered(o) for o in order.expressions))
        if order is not None and node.args.get("spec") is None:
            parts.append("ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW" if _ranks(node.this) else
                         "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW")  # fmt: skip
        elif node.args.get("spec") is not None:
            parts.append(node.args["spec"].sql(dialect="databricks"))
        return f"{self.text(node.this)} OVER ({' '.join(parts)})"

    def _filter(self, node: exp.Filter) -> str:
        return f"{self.text(node.this)} FILTER (WHERE {self.text(node.expression.this)})"

    def _ordered(self, node: exp.Ordered) -> str:
        down = bool(node.args.get("desc"))
        return f"{self.text(node.this)} {'DESC NULLS LAST' if down else 'ASC NULLS FIRST'}"

    def _function(self, node: exp.Func) -> str:
        start, end = node.meta.get("start"), node.meta.get("end")
        if start is not None and end is not None:
            name = self._sql[start : end + 1].strip("`").lower()
            written = self._arguments(end + 1)
            if written is not None:
                return f"{name}({', '.join(written)})"
        else:
            name = _FUNCTIONS.get(type(node).__name__, node.sql_name().lower())
        values = []
        for key in node.arg_types:
            value = node.args.get(key)
            if isinstance(value, exp.Expression):
                values.append(value)
            elif isinstance(value, list):
                values.extend(v for v in value if isinstance(v, exp.Expression))
        return f"{name}({self._list(values)})"

    def _arguments(self, at: int) -> list[str] | None:
        """The arguments as written: sqlglot's tree has formats translated and defaults filled in."""
        body = _parenthesised(self._sql, at)
        if body is None:
            return None
        names = []
        for argument in split_outside(body):
            try:
                tree = sqlglot.parse_one(argument, read="databricks")
            except SqlglotError:
                return None
            if tree.find(exp.Placeholder, exp.Parameter, exp.Query):
                return None  # values and subqueries are only in the whole tree
            names.append(Namer(argument).text(tree))
        return names

    def _map(self, node: exp.Map) -> str:
        keys, values = node.args.get("keys"), node.args.get("values")
        if isinstance(keys, exp.Array) and isinstance(values, exp.Array):
            pairs = [x for pair in zip(keys.expressions, values.expressions) for x in pair]
            return f"map({self._list(pairs)})"
        return self._function(node)

    _varmap = _map

    def _list(self, nodes) -> str:
        return ", ".join(self.text(n) for n in nodes)


def _variant_path(node: exp.JSONExtract) -> str:
    return node.expression.sql(dialect="databricks").strip("'").lstrip("$.")


def _parenthesised(sql: str, at: int) -> str | None:
    """The text between the parenthesis that opens at ``at`` and its partner."""
    depth = 0
    for match in re.finditer(r"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"|[()]", sql[at:]):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if depth == 0:
                text = sql[at : at + match.end()].strip()
                return text[1:-1] if text.startswith("(") else None
    return None


def _ranks(node: exp.Expression) -> bool:
    return type(node).__name__ in ("RowNumber", "Rank", "DenseRank", "Ntile", "PercentRank", "CumeDist")
