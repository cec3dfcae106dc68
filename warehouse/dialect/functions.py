"""What is known of functions: result types, and the ones that exist only as macros in the engine."""

from __future__ import annotations

from warehouse.dialect import types as T

# Keyed by sqlglot's class name (known functions) or by the lower-case SQL name (others).
# Where the engine returns a wider integer than Spark, a cast to the type here is added.
CAST_TO = {
    **dict.fromkeys(
        ["Year", "Month", "Day", "DayOfWeek", "DayOfMonth", "DayOfYear", "WeekOfYear", "Quarter", "Hour", "Minute",
         "Second", "Length", "ArraySize", "DateDiff", "TsOrDsDiff", "StrPosition", "Ascii", "Unicode", "RowNumber",
         "Rank", "DenseRank", "Ntile", "BitLength", "Levenshtein", "ByteLength", "row_number", "rank", "dense_rank",
         "ntile", "char_length", "locate", "instr", "weekday", "Extract", "octet_length"],
        T.INT,
    ),
    **dict.fromkeys(
        ["Count", "CountIf", "ApproxDistinct", "UnixSeconds", "UnixMillis", "UnixMicros", "unix_timestamp",
         "StrToUnix", "TimeToUnix", "IntDiv", "TimestampDiff"],
        T.BIGINT,
    ),
    **dict.fromkeys(["TsOrDsAdd", "DateAdd_date", "LastDay", "AddMonths", "DateFromParts", "TsOrDsToDate"], T.DATE),
    "Uuid": T.STRING,
}  # fmt: skip
RETURNS = {
    **dict.fromkeys(
        ["Upper", "Lower", "Trim", "Concat", "ConcatWs", "Substring", "Replace", "Pad", "Repeat", "Reverse", "Left",
         "Right", "Initcap", "Hex", "LowerHex", "MD5", "SHA", "SHA2", "ToBase64", "TimeToStr", "UnixToTimeStr", "DPipe",
         "JSONExtractScalar", "RegexpExtract", "RegexpReplace", "Chr", "Translate", "JSONFormat", "UnixToStr",
         "SubstringIndex", "SplitPart", "Space", "DateFormat", "Soundex", "Format", "Overlay", "ltrim", "rtrim",
         "format_string", "format_number", "decode", "GroupConcat", "ArrayToString", "ToChar"],
        T.STRING,
    ),
    **dict.fromkeys(
        ["EQ", "NEQ", "GT", "GTE", "LT", "LTE", "NullSafeEQ", "NullSafeNEQ", "And", "Or", "Not", "Is", "In", "Like",
         "ILike", "RegexpLike", "StartsWith", "EndsWith", "Contains", "Exists", "ArrayContains", "IsNan", "Between",
         "Any", "All", "ArrayContainsAll", "LogicalAnd", "LogicalOr", "ArrayOverlaps", "isnull", "isnotnull", "Xor"],
        T.BOOLEAN,
    ),
    **dict.fromkeys(
        ["Pow", "Sqrt", "Exp", "Ln", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Atan2", "Rand", "Stddev",
         "StddevPop", "StddevSamp", "Variance", "VariancePop", "Corr", "CovarPop", "CovarSamp", "Sign", "Cbrt", "Degrees",
         "Radians", "PercentRank", "CumeDist", "Pi", "randn", "Quantile", "ApproxQuantile", "log10", "log2"],
        T.DOUBLE,
    ),
    **dict.fromkeys(["CurrentDate", "Date"], T.DATE),
    **dict.fromkeys(
        ["CurrentTimestamp", "TimestampTrunc", "UnixToTime", "StrToTime", "to_timestamp", "TsOrDsToTimestamp"],
        T.TIMESTAMP,
    ),
    **dict.fromkeys(["Unhex", "FromBase64", "Encode", "encode", "unbase64", "HexString"], T.BINARY),
    **dict.fromkeys(["ParseJSON", "parse_json", "try_parse_json"], T.VARIANT),
    "Split": T.array(T.STRING),
    "RegexpSplit": T.array(T.STRING),
}  # fmt: skip
# The type of their first argument.
SAME_AS_FIRST = {
    "Max", "Min", "First", "Last", "AnyValue", "Nullif", "Abs", "Lag", "Lead", "FirstValue", "LastValue", "NthValue",
    "Neg", "Paren", "BitwiseNot", "Mode", "Median_", "SortArray", "ArrayDistinct", "ArrayFilter", "ArrayReverse",
    "ArgMax", "ArgMin", "Distinct",
}  # fmt: skip
WIDEST = {"Coalesce", "Greatest", "Least"}
VOLATILE = {"Rand", "Randn", "Uuid", "randn", "random", "shuffle", "randstr", "uniform", "monotonically_increasing_id"}

# Spark functions that sqlglot leaves alone and DuckDB does not have.
MACROS = [
    "lw_idiv(n, d) AS CASE WHEN d = 0 THEN NULL WHEN (n < 0) = (d < 0) THEN (2 * abs(n) + abs(d)) // (2 * abs(d)) "
    "ELSE -((2 * abs(n) + abs(d)) // (2 * abs(d))) END",
    "lw_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
    r"lw_time_text(s) AS CASE "
    r"WHEN regexp_full_match(s, '\s*\d{4}\s*') THEN trim(s) || '-01-01' "
    r"WHEN regexp_full_match(s, '\s*\d{4}-\d{1,2}\s*') THEN trim(s) || '-01' "
    r"WHEN regexp_full_match(s, '\s*\S+[ T]\d{1,2}\s*') THEN trim(s) || ':00' "
    r"ELSE regexp_replace(trim(s), ' ([+-]\d)', '\1') END",
    "isnull(x) AS x IS NULL",
    "isnotnull(x) AS x IS NOT NULL",
    "bigint(x) AS CAST(x AS BIGINT)",
    "int(x) AS CAST(x AS INTEGER)",
    "string(x) AS CAST(x AS VARCHAR)",
    "double(x) AS CAST(x AS DOUBLE)",
    "boolean(x) AS CAST(x AS BOOLEAN)",
    "nanvl(x, y) AS CASE WHEN isnan(x) THEN y ELSE x END",
    "nvl2(x, y, z) AS CASE WHEN x IS NOT NULL THEN y ELSE z END",
    "array_size(x) AS len(x)",
    "substring_index(s, d, n) AS CASE WHEN n >= 0 THEN array_to_string(list_slice(string_split(s, d), 1, n), d) "
    "ELSE array_to_string(list_slice(string_split(s, d), n, -1), d) END",
    "try_divide(a, b) AS CASE WHEN b = 0 THEN NULL ELSE a / b END",
    "named_map(k, v) AS map(k, v)",
    "unix_date(d) AS CAST(d - DATE '1970-01-01' AS INTEGER)",
    "date_from_unix_date(n) AS DATE '1970-01-01' + CAST(n AS INTEGER)",
    "positive(x) AS x",
    "negative(x) AS -x",
    "try_parse_json(x) AS TRY_CAST(x AS JSON)",
]
# Made when a statement first needs one of them: each costs the start a millisecond.
RARE_MACROS = [
    "lw_distinct(l) AS list_filter(l, LAMBDA x, i : len(list_filter(l[:i - 1], LAMBDA y : y IS NOT DISTINCT FROM x)) = 0)",
    "lw_i8(x) AS CAST((CAST(x AS HUGEINT) + 128) % 256 + CASE WHEN (CAST(x AS HUGEINT) + 128) % 256 < 0 "
    "THEN 128 ELSE -128 END AS TINYINT)",
    "lw_i16(x) AS CAST((CAST(x AS HUGEINT) + 32768) % 65536 + CASE WHEN (CAST(x AS HUGEINT) + 32768) % 65536 < 0 "
    "THEN 32768 ELSE -32768 END AS SMALLINT)",
    "lw_i32(x) AS CAST((CAST(x AS HUGEINT) + 2147483648) % 4294967296 + CASE WHEN (CAST(x AS HUGEINT) + 2147483648) % 4294967296 < 0 "
    "THEN 2147483648 ELSE -2147483648 END AS INTEGER)",
    "lw_i64(x) AS CAST((CAST(x AS HUGEINT) + 9223372036854775808) % 18446744073709551616 + CASE WHEN (CAST(x AS HUGEINT) + 9223372036854775808) % 18446744073709551616 < 0 "
    "THEN 9223372036854775808 ELSE -9223372036854775808 END AS BIGINT)",
    "lw_exponent(x) AS CAST(floor(log10(abs(x))) AS INTEGER)",
    "lw_exponent_text(x) AS CAST(x / pow(10, lw_exponent(x)) AS VARCHAR) || 'E' || lw_exponent(x)",
    "lw_double_text(x) AS CASE WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END "
    "WHEN isnan(x) THEN 'NaN' WHEN x = 0 OR (abs(x) >= 1e-3 AND abs(x) < 1e7) THEN CAST(x AS VARCHAR) ELSE lw_exponent_text(x) END",
    "lw_dt_text(i) AS CASE WHEN epoch_us(i) < 0 THEN '-' ELSE '' END || (abs(epoch_us(i)) // 86400000000) || ' ' || "
    "strftime(make_timestamp(abs(epoch_us(i)) % 86400000000), '%H:%M:%S') || CASE WHEN epoch_us(i) % 1000000 = 0 THEN '' "
    "ELSE '.' || rtrim(lpad(CAST(abs(epoch_us(i)) % 1000000 AS VARCHAR), 6, '0'), '0') END",
    "lw_ym_text(i) AS CASE WHEN datepart('year', i) * 12 + datepart('month', i) < 0 THEN '-' ELSE '' END || "
    "abs(datepart('year', i)) || '-' || abs(datepart('month', i))",
    "lw_sort_up(l) AS list_sort(l, 'ASC', 'NULLS FIRST')",
    "lw_sort_up_last(l) AS list_sort(l, 'ASC', 'NULLS LAST')",
    "lw_sort_down(l) AS list_sort(l, 'DESC', 'NULLS LAST')",
    "lw_shuffle(l) AS list_transform(list_sort(list_transform(l, LAMBDA x : {'r': random(), 'v': x})), LAMBDA x : x.v)",
    "lw_fit(x, n, pad, name) AS CASE WHEN length(rtrim(x)) > n THEN error('[EXCEED_LIMIT_LENGTH] Exceeds ' || name || "
    "' type length limitation: ' || n || '. SQLSTATE: 54006') WHEN pad THEN rpad(rtrim(x), n, ' ') ELSE x END",
]
