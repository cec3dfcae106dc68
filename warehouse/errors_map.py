"""DuckDB's errors as Spark error conditions with their SQLSTATE (spec local-warehouse 4.2)."""

from __future__ import annotations

import re

import duckdb

from warehouse.errors import SqlError

_OURS = re.compile(r"\[(?P<condition>[A-Z][A-Z0-9_.]*)\] (?P<text>.*?)\.? SQLSTATE: (?P<state>\w{5})", re.DOTALL)

# (pattern in the engine's text, condition, sqlstate, text with the pattern's groups)
_RULES: list[tuple[re.Pattern, str, str, str]] = [
    (re.compile(pattern, re.DOTALL), condition, state, text)
    for pattern, condition, state, text in [
        (r"Date out of range: \d+-\d+-\d+$", "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION", "22023", "{0}"),
        (r"to type DECIMAL\(\d+,\d+\) failed|Overflow in \w+ of DECIMAL",
         "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003", "{0}"),
        (r"Overflow in \w+ of INT(?:8|16) ", "BINARY_ARITHMETIC_OVERFLOW", "22003", "{0}"),
        (r"Recursion level in ArrowSchema", "UNSUPPORTED_DATATYPE", "0A000", "The type of a column is nested too deeply"),
        (r"Map keys must be unique", "DUPLICATED_MAP_KEY", "23505", "Duplicate map key was found"),
        (r"WHERE clause cannot contain aggregates", "INVALID_WHERE_CONDITION", "42903",
         "The WHERE condition contains an aggregate function"),
        (r"aggregate function calls cannot be nested", "NESTED_AGGREGATE_FUNCTION", "42607",
         "It is not allowed to use an aggregate function in the argument of another aggregate function"),
        (r"Window functions are not supported here", "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", "42601",
         "A window function requires an OVER clause"),
        (r"ORDER term out of range", "ORDER_BY_POS_OUT_OF_RANGE", "42805", "{0}"),
        (r"GROUP BY term out of range", "GROUP_BY_POS_OUT_OF_RANGE", "42805", "{0}"),
        (r"LIMIT/OFFSET cannot be negative", "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", "42K0E", "{0}"),
        (r"Could not find key \"(?P<name>[^\"]+)\" in struct", "FIELD_NOT_FOUND", "42704", "No such struct field `{name}`"),
        (r"Cannot extract field '(?P<name>[^']+)' from expression", "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000",
         "Can't extract the value `{name}`: a complex type is needed"),
        (r'Referenced column "\d+\.\w+"', "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000", "{0}"),
        (r"Cannot deduce template type 'T' in function: 'list_value", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "42K09", "{0}"),
        (r"Cannot deduce template type 'K' in function: 'map_extract", "DATATYPE_MISMATCH.MAP_FUNCTION_DIFF_TYPES",
         "42K09", "{0}"),
        (r"UNNEST\(\) can only be applied|argument types '[-+*/]\((?:DATE, BOOLEAN|BOOLEAN, DATE)\)'",
         "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", "{0}"),
        (r"VALUES lists must all be the same length|has \d+ columns available but \d+ columns specified",
         "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", "42000", "{0}"),
        (r"Could not parse string \"(?P<value>[^\"]*)\" according to format", "CANNOT_PARSE_TIMESTAMP", "22007",
         "Text '{value}' could not be parsed"),
        (r"casting from source column", "INCOMPATIBLE_COLUMN_TYPE", "42825", "{0}"),
        (r"Subquery returns \d+ columns - expected 1",
         "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN", "42823",
         "Scalar subquery must return only one column"),
        (
            r'Table with name "?(?P<name>[^"\n]+?)"? does not exist',
            "TABLE_OR_VIEW_NOT_FOUND", "42P01",
            "The table or view `{name}` cannot be found. Verify the spelling and correctness of the schema and catalog",
        ),
        (
            r'Referenced column "(?P<name>[^"]+)" (?:was )?not found.*?Candidate bindings: (?P<near>[^\n]+)',
            "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
            "A column, variable, or function parameter with name `{name}` cannot be resolved. "
            "Did you mean one of the following? [{near}]",
        ),
        (
            r'Referenced (?:column|table) "(?P<name>[^"]+)" (?:was )?not found',
            "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703",
            "A column, variable, or function parameter with name `{name}` cannot be resolved",
        ),
        (
            r'(?:does not have a column named|column named) "(?P<name>[^"]+)"',
            "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
            "A column, variable, or function parameter with name `{name}` cannot be resolved",
        ),
        (
            r'Ambiguous reference to column name "(?P<name>[^"]+)"',
            "AMBIGUOUS_REFERENCE", "42704", "Reference `{name}` is ambiguous",
        ),
        (
            r'(?:Scalar|Aggregate|Table|Macro|Window|Scalar Macro)? ?Function with name "?(?P<name>[\w.]+)"? (?:does not exist|is not in the catalog)',
            "UNRESOLVED_ROUTINE", "42883", "Cannot resolve routine `{name}` on search path",
        ),
        (
            r"No function matches the given name and argument types '(?P<name>\w+)\((?P<args>.*?)\)'",
            "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
            'Cannot resolve "{name}({args})" due to data type mismatch',
        ),
        (
            r'Could not choose a best candidate function for the function call "(?P<call>[^"]+)"',
            "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09",
            'Cannot resolve "{call}" due to data type mismatch',
        ),
        (
            r"Cannot compare values of type|Cannot combine types|Unimplemented type for cast|"
            r"Set operations can only apply|Cannot mix values of type|not compatible",
            "DATATYPE_MISMATCH.INCOMPATIBLE_TYPES", "42K09", "{0}",
        ),
        (r"[Dd]ivision by zero|divide by zero", "DIVIDE_BY_ZERO", "22012",
         "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead"),
        (
            r"Could not convert string '(?P<value>.*?)' to (?P<type>\w+)",
            "CAST_INVALID_INPUT", "22018",
            "The value '{value}' of the type \"STRING\" cannot be cast to \"{type}\" because it is malformed. "
            "Correct the value as per the syntax, or change its target type",
        ),
        (
            r"invalid (?:timestamp|date|timestamptz) field format: \"(?P<value>[^\"]*)\"",
            "CAST_INVALID_INPUT", "22018",
            "The value '{value}' of the type \"STRING\" cannot be cast to \"TIMESTAMP\" because it is malformed",
        ),
        (
            r"(?:date|timestamp) field value out of range: \"(?P<value>[^\"]*)\"", "CAST_INVALID_INPUT", "22018", "{0}",
        ),
        (
            r"(?:date|timestamp)[^\n]*?out of range|Could not parse string",
            "CAST_INVALID_INPUT", "22018", "{0}",
        ),
        (r"Casting value|out of range for the destination type", "CAST_OVERFLOW", "22003", "{0}"),
        (r"Conversion Error", "CAST_INVALID_INPUT", "22018", "{0}"),
        (r"Overflow in|Out of Range", "ARITHMETIC_OVERFLOW", "22003", "{0}"),
        (r"More than one row returned by a subquery", "SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000",
         "More than one row returned by a subquery used as an expression"),
        (r"must appear in the GROUP BY clause", "MISSING_AGGREGATION", "42803",
         "The non-aggregating expression is based on columns which are not participating in the GROUP BY clause: {0}"),
        (r"aggregates? (?:function calls )?cannot|cannot contain aggregates|cannot contain window",
         "INVALID_AGGREGATE_USE", "42903", "{0}"),
        (
            r'(?:table|Table) "?(?P<name>[^" ]+)"? has (?P<have>\d+) columns? but (?P<gave>\d+) values? were supplied',
            "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS", "21S01",
            "Cannot write to `{name}`, the reason is that the table has {have} columns but {gave} values were supplied",
        ),
        (
            r"NOT NULL constraint failed: (?P<name>\S+)",
            "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502",
            "NOT NULL constraint violated for column: {name}",
        ),
        (r"NOT NULL constraint", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502", "{0}"),
        (r'(?:Table|View) with name "?(?P<name>[^"\n]+?)"? already exists', "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07",
         "Cannot create table or view `{name}` because it already exists"),
        (r"Constraint Error", "CHECK_CONSTRAINT_VIOLATION", "23001", "{0}"),
        (r"Malformed JSON", "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023", "{0}"),
        (r"Parser Error", "PARSE_SYNTAX_ERROR", "42601", "{0}"),
        (r"Out of Memory", "INSUFFICIENT_RESOURCES", "53200", "{0}"),
        (r"already modified database", "TRANSACTION_NOT_SUPPORTED.MULTIPLE_CATALOGS", "0A000",
         "A transaction of the local warehouse can change tables of one catalog only"),
        (r"TransactionContext Error|Conflict on", "DELTA_CONCURRENT_WRITE", "40000", "{0}"),
        (r"Permission Error", "INSUFFICIENT_PERMISSIONS", "42501", "{0}"),
        (r"Binder Error", "ANALYSIS_ERROR", "42000", "{0}"),
        (r"Invalid Input Error", "INVALID_PARAMETER_VALUE", "22023", "{0}"),
        (r"Not implemented|Catalog Error", "UNSUPPORTED_FEATURE", "0A000", "{0}"),
    ]
]  # fmt: skip
_ENGINE_NAMES = {
    "INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT", "INT128": "BIGINT",
    "VARCHAR": "STRING", "BOOL": "BOOLEAN", "BLOB": "BINARY",
}  # fmt: skip


def _in_context(condition: str, state: str, match: re.Match, sql: str) -> tuple[str, str]:
    """The same failure has another name in a typed literal and in an INSERT."""
    if condition == "CAST_INVALID_INPUT":
        value = re.escape((match.groupdict().get("value") or "")[:10])
        if value and re.search(rf"\b(DATE|TIMESTAMP|TIMESTAMP_NTZ)\s*'{value}", sql, re.IGNORECASE):
            return "INVALID_TYPED_LITERAL", "42604"
    if condition == "CAST_OVERFLOW" and sql.lstrip()[:6].upper() == "INSERT":
        return "CAST_OVERFLOW_IN_TABLE_INSERT", state
    return condition, state


_NOT_GROUPED = "must appear in the GROUP BY clause"


def sql_error(error: duckdb.Error | Exception, sql: str) -> SqlError:
    """Every failure of the engine as a SqlError; the statement's text is quoted as Spark does."""
    text = str(error)
    ours = _OURS.search(text)
    if ours is not None:  # raised by error() in rewritten SQL
        return SqlError(ours["condition"], ours["text"], ours["state"])
    first_line = text.split("\n", 1)[0]
    if _NOT_GROUPED in text and not re.search(r"\bGROUP\s+BY\b", sql, re.IGNORECASE):
        return SqlError("MISSING_GROUP_BY", "The query does not include a GROUP BY clause", "42803", context=_quote(sql))
    if "Subquery returns" in text and re.search(r"\bIN\s*\(\s*(SELECT|WITH)\b", sql, re.IGNORECASE):
        return SqlError("DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH", first_line, "42K09", context=_quote(sql))
    for pattern, condition, state, template in _RULES:
        match = pattern.search(text)
        if match is None:
            continue
        condition, state = _in_context(condition, state, match, sql)
        groups = {k: _ENGINE_NAMES.get(v, v) for k, v in match.groupdict(default="").items()}
        return SqlError(condition, template.format(first_line, **groups), state, context=_quote(sql))
    return SqlError("INTERNAL_ERROR", first_line, "XX000")


def _quote(sql: str) -> str:
    shown = sql.strip()
    if len(shown) > 2000:
        shown = shown[:2000] + "..."
    return f"\n== SQL ==\n{shown}\n"
