#include "odbc.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const text_style plain = {0};

static cell cell_of_int(int64_t i) {
    return (cell){.kind = CELL_INT, .i = i, .precision = 8};
}
static cell cell_of_double(double d) {
    return (cell){.kind = CELL_DOUBLE, .d = d};
}
static cell cell_of_text(const char *s) {
    return (cell){.kind = CELL_TEXT, .text = text_of(s)};
}
static cell cell_of_decimal(int64_t v, int precision, int scale) {
    return (cell){.kind = CELL_DECIMAL, .decimal = v, .precision = precision, .scale = scale};
}
static cell cell_of_moment(cell_kind kind, int year, int month, int day, int hour, int micros) {
    return (cell){.kind = kind,
                  .ts = {(SQLSMALLINT)year, (SQLUSMALLINT)month, (SQLUSMALLINT)day,
                         (SQLUSMALLINT)hour, 0, 0, (SQLUINTEGER)micros * 1000}};
}

/* ---- Which kind of value becomes which C type: contract 4.2 ------------------------------------------- */

DBK_TEST(the_matrix_of_conversions) {
    enum { Y = CONV_OK, N = CONV_TYPE, F = CONV_FRACTION, R = CONV_RANGE, P = CONV_MALFORMED };
    static const SQLSMALLINT c_types[] = {
        SQL_C_CHAR,   SQL_C_WCHAR,        SQL_C_BIT,       SQL_C_STINYINT,  SQL_C_SBIGINT,
        SQL_C_DOUBLE, SQL_C_NUMERIC,      SQL_C_TYPE_DATE, SQL_C_TYPE_TIME, SQL_C_TYPE_TIMESTAMP,
        SQL_C_BINARY, SQL_C_INTERVAL_DAY, SQL_C_GUID};
    const struct {
        const char *name;
        cell value;
        signed char want[COUNT_OF(c_types)];
    } rows[] = {
        {"bit", {.kind = CELL_BIT, .i = 1}, {Y, Y, Y, Y, Y, Y, Y, N, N, N, Y, N, N}},
        {"int", cell_of_int(1), {Y, Y, Y, Y, Y, Y, Y, N, N, N, Y, Y, N}},
        {"int 300", cell_of_int(300), {Y, Y, R, R, Y, Y, Y, N, N, N, Y, Y, N}},
        {"double", cell_of_double(1.5), {Y, Y, F, F, F, Y, Y, N, N, N, Y, N, N}},
        {"NaN", cell_of_double((double)NAN), {Y, Y, R, R, R, Y, R, N, N, N, Y, N, N}},
        {"decimal", cell_of_decimal(150, 10, 2), {Y, Y, F, F, F, Y, Y, N, N, N, Y, N, N}},
        {"text 12", cell_of_text(" 12 "), {Y, Y, R, Y, Y, Y, Y, P, P, P, Y, Y, P}},
        {"text x", cell_of_text("x"), {Y, Y, P, P, P, P, P, P, P, P, Y, P, P}},
        {"text date", cell_of_text("2024-02-29"), {Y, Y, P, P, P, P, P, Y, P, Y, Y, P, P}},
        {"bytes", {.kind = CELL_BYTES, .text = {"ab", 2}}, {Y, Y, N, N, N, N, N, N, N, N, Y, N, N}},
        {"date",
         cell_of_moment(CELL_DATE, 2024, 2, 29, 0, 0),
         {Y, Y, N, N, N, N, N, Y, N, Y, Y, N, N}},
        {"moment",
         cell_of_moment(CELL_TIMESTAMP, 2024, 2, 29, 1, 5),
         {Y, Y, N, N, N, N, N, F, F, Y, Y, N, N}},
        {"time of day", /* as a timestamp it is of today */
         cell_of_moment(CELL_TIME, 0, 0, 0, 1, 5),
         {Y, Y, N, N, N, N, N, N, F, Y, F, N, N}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(c_types); k++) {
            char out[256];
            SQLLEN length = -7;
            target t = {.c_type = c_types[k],
                        .data = out,
                        .cap = sizeof out,
                        .length = &length,
                        .indicator = &length,
                        .precision = -1,
                        .scale = -1,
                        .unit = 2};
            char name[64];
            (void)snprintf(name, sizeof name, "%s to %d", rows[i].name, c_types[k]);
            CHECK_CASE(name);
            conv got = cell_convert(&rows[i].value, &t, plain);
            CHECK_EQ_I64(got, rows[i].want[k]);
            CHECK(conv_is_error(got) ? length == -7 : length >= 0);
        }
    }
}

DBK_TEST(integers_at_their_edges) {
    static const struct {
        const char *name;
        int64_t value;
        SQLSMALLINT c_type;
        bool fits;
    } rows[] = {
        {"127", 127, SQL_C_STINYINT, true},       {"128", 128, SQL_C_STINYINT, false},
        {"-128", -128, SQL_C_STINYINT, true},     {"-129", -129, SQL_C_STINYINT, false},
        {"255", 255, SQL_C_UTINYINT, true},       {"-1", -1, SQL_C_UTINYINT, false},
        {"32768", 32768, SQL_C_SSHORT, false},    {"65535", 65535, SQL_C_USHORT, true},
        {"2^31", 2147483648, SQL_C_SLONG, false}, {"2^32-1", 4294967295, SQL_C_ULONG, true},
        {"min", INT64_MIN, SQL_C_SBIGINT, true},  {"-1 to u64", -1, SQL_C_UBIGINT, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t out = 0;
        SQLLEN size = 0;
        cell c = cell_of_int(rows[i].value);
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(cell_fixed(&c, rows[i].c_type, -1, -1, &out, &size),
                     rows[i].fits ? CONV_OK : CONV_RANGE);
        if (rows[i].fits) {
            CHECK(memcmp(&out, &rows[i].value, (size_t)size) == 0);
        }
    }
}

/* ---- Buffers of every size: contract 4.3 ----------------------------------------------------------------- */

/* No terminator beyond the buffer, no cut without a word, the full length always. */
static void check_sizes(const cell *c, SQLSMALLINT c_type, unsigned unit, const char *full,
                        bool may_lose_end) {
    char whole[256], out[300];
    size_t units = wide_write(full, strlen(full), unit, whole, sizeof whole / unit);
    for (size_t cap = 0; cap <= (units + 2) * unit; cap++) {
        memset(out, 0x55, sizeof out);
        SQLLEN length = -7;
        target t = {.c_type = c_type,
                    .data = out,
                    .cap = (SQLLEN)cap,
                    .length = &length,
                    .indicator = &length,
                    .precision = -1,
                    .scale = -1,
                    .unit = unit};
        conv got = cell_convert(c, &t, plain);
        size_t room = cap / unit;
        for (size_t i = room * unit; i < sizeof out; i++) {
            CHECK(out[i] == 0x55);
        }
        if (got == CONV_RANGE) {
            CHECK(!may_lose_end || room <= units);
            CHECK_EQ_I64(length, -7);
            continue;
        }
        CHECK_EQ_I64(length, (int64_t)(units * unit));
        CHECK_EQ_I64(got, room > units ? CONV_OK : CONV_CUT);
        if (room > 0) {
            size_t written = wide_length(out, unit);
            CHECK(written < room && written <= units);
            CHECK(memcmp(out, whole, written * unit) == 0);
            CHECK(got == CONV_CUT || written == units);
        }
    }
}

DBK_TEST(text_is_never_cut_silently) {
    static const char *const texts[] = {"",
                                        "a",
                                        "hello",
                                        "h\xc3\xa9llo",
                                        "\xe6\x97\xa5\xe6\x9c\xac",
                                        "\xf0\x9f\x98\x80\xf0\x9f\x98\x80z"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        cell c = cell_of_text(texts[i]);
        CHECK_CASE(texts[i]);
        check_sizes(&c, SQL_C_CHAR, 1, texts[i], true);
        check_sizes(&c, SQL_C_WCHAR, 2, texts[i], true);
        check_sizes(&c, SQL_C_WCHAR, 4, texts[i], true);
    }
}

DBK_TEST(numbers_never_lose_what_stands_before_the_point) {
    const struct {
        cell value;
        const char *text;
        int needs; /* units without terminator that may not be left off */
    } rows[] = {
        {cell_of_int(-12345), "-12345", 6},
        {cell_of_decimal(-1234567, 10, 3), "-1234.567", 5},
        {cell_of_decimal(5, 10, 3), "0.005", 1},
        {cell_of_double(1.25), "1.25", 1},
        {cell_of_double(1e300), "1e+300", 6},
        {cell_of_moment(CELL_DATE, 2024, 2, 29, 0, 0), "2024-02-29", 10},
        {cell_of_moment(CELL_TIMESTAMP, 2024, 2, 29, 13, 500000), "2024-02-29 13:00:00.500000", 19},
        {cell_of_moment(CELL_TIMESTAMP, 1, 1, 1, 0, 0), "0001-01-01 00:00:00", 19},
        {cell_of_moment(CELL_TIME, 0, 0, 0, 13, 0), "13:00:00", 8},
        {cell_of_moment(CELL_TIME, 0, 0, 0, 13, 500000), "13:00:00.500000", 8},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        check_sizes(&rows[i].value, SQL_C_CHAR, 1, rows[i].text, false);
        check_sizes(&rows[i].value, SQL_C_WCHAR, 2, rows[i].text, false);
        char out[64];
        SQLLEN length;
        target t = {.c_type = SQL_C_CHAR,
                    .data = out,
                    .cap = rows[i].needs + 1,
                    .length = &length,
                    .indicator = &length};
        CHECK(!conv_is_error(cell_convert(&rows[i].value, &t, plain)));
        t.cap = rows[i].needs;
        CHECK_EQ_I64(cell_convert(&rows[i].value, &t, plain), CONV_RANGE);
    }
}

DBK_TEST(binary_as_bytes_and_as_hex) {
    const cell c = {.kind = CELL_BYTES, .text = {"\x00\xff\x1a", 3}};
    char out[16] = "";
    SQLLEN length = 0;
    target t = {.c_type = SQL_C_CHAR,
                .data = out,
                .cap = sizeof out,
                .length = &length,
                .indicator = &length};
    CHECK_EQ_I64(cell_convert(&c, &t, plain), CONV_OK);
    CHECK_STR(out, "00FF1A");
    t.cap = 6; /* two whole bytes and the terminator */
    CHECK_EQ_I64(cell_convert(&c, &t, plain), CONV_CUT);
    CHECK_STR(out, "00FF");
    CHECK_EQ_I64(length, 6);
    t.c_type = SQL_C_BINARY;
    t.cap = 2;
    CHECK_EQ_I64(cell_convert(&c, &t, plain), CONV_CUT);
    CHECK_EQ_I64(length, 3);
    CHECK_MEM(out, "\x00\xff", 2);
}

DBK_TEST(null_needs_an_indicator) {
    const cell c = {.kind = CELL_NULL};
    char out[4] = "xyz";
    SQLLEN length = 0;
    target t = {.c_type = SQL_C_CHAR, .data = out, .cap = 4, .indicator = &length};
    CHECK_EQ_I64(cell_convert(&c, &t, plain), CONV_OK);
    CHECK_EQ_I64(length, SQL_NULL_DATA);
    CHECK_STR(out, "xyz");
    t.indicator = NULL;
    CHECK_EQ_I64(cell_convert(&c, &t, plain), CONV_NULL);
}

/* ---- Decimals, doubles, dates -------------------------------------------------------------------------------- */

DBK_TEST(numeric_structs) {
    static const struct {
        const char *name;
        int64_t value;
        int scale, to_precision, to_scale;
        conv want;
        int64_t digits;
        int sign;
    } rows[] = {
        {"as it is", 12345, 2, -1, -1, CONV_OK, 12345, 1},
        {"negative", -12345, 2, -1, -1, CONV_OK, 12345, 0},
        {"more digits", 12345, 2, 10, 4, CONV_OK, 1234500, 1},
        {"fewer digits", 12345, 2, 10, 1, CONV_FRACTION, 1234, 1},
        {"only zeros lost", 12300, 2, 10, 0, CONV_OK, 123, 1},
        {"too large", 12345, 2, 3, 1, CONV_RANGE, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SQL_NUMERIC_STRUCT n;
        SQLLEN size = 0;
        cell c = cell_of_decimal(rows[i].value, 10, rows[i].scale);
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(
            cell_fixed(&c, SQL_C_NUMERIC, rows[i].to_precision, rows[i].to_scale, &n, &size),
            rows[i].want);
        if (!conv_is_error(rows[i].want)) {
            CHECK_EQ_I64(n.sign, rows[i].sign);
            n.sign = 1;
            CHECK(numeric_to_decimal(&n) == rows[i].digits);
        }
    }
}

DBK_TEST(decimal_text_of_38_digits) {
    char out[48];
    i128 v = 0;
    int scale = 0;
    const char *text38 = "-99999999999999999999999999999999999.999";
    CHECK_EQ_I64(parse_decimal(text_of(text38), &v, &scale), CONV_OK);
    CHECK_EQ_I64(scale, 3);
    out[put_decimal(out, v, scale)] = '\0';
    CHECK_STR(out, text38);
    CHECK_EQ_I64(parse_decimal(text_of("100000000000000000000000000000000000000"), &v, &scale),
                 CONV_RANGE);
}

DBK_TEST(numbers_as_text_and_back) {
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"0.1", 0.1},       {"1e+300", 1e300},       {"-0", -0.0},
                {"5e-324", 5e-324}, {"123456", 123456},      {"0.30000000000000004", 0.1 + 0.2},
                {"NaN", NAN},       {"-Infinity", -INFINITY}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[32];
        double back = 0;
        CHECK_CASE(rows[i].text);
        out[put_double(out, rows[i].value, false)] = '\0';
        CHECK_STR(out, rows[i].text);
        CHECK_EQ_I64(parse_double(text_of(out), &back), CONV_OK);
        CHECK(isnan(back) || memcmp(&back, &rows[i].value, sizeof back) == 0);
    }
}

DBK_TEST(dates_of_all_years) {
    for (int64_t day = -719162; day <= 2932896; day += 97) {
        SQL_TIMESTAMP_STRUCT ts = {0};
        civil_from_days(day, &ts);
        CHECK(civil_valid(&ts));
        CHECK_EQ_I64(days_from_civil(ts.year, ts.month, ts.day), day);
    }
}

DBK_TEST(moments_from_text) {
    static const struct {
        const char *text;
        conv want;
        const char *back;
    } rows[] = {
        {"2024-02-29", CONV_OK, "2024-02-29 00:00:00"},
        {"2024-2-3 4:05:06.7", CONV_OK, "2024-02-03 04:05:06.700000"},
        {"{ts '2024-01-01 00:00:00'}", CONV_OK, "2024-01-01 00:00:00"},
        {"2023-02-29", CONV_DATE, NULL},
        {"2024-13-01", CONV_DATE, NULL},
        {"2024-01-01 25:00:00", CONV_DATE, NULL},
        {"2024-01-01 00:00:00 x", CONV_MALFORMED, NULL},
        {"", CONV_MALFORMED, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SQL_TIMESTAMP_STRUCT ts = {0};
        SQLLEN size;
        cell c = cell_of_text(rows[i].text);
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(cell_fixed(&c, SQL_C_TYPE_TIMESTAMP, -1, -1, &ts, &size), rows[i].want);
        if (rows[i].back != NULL) {
            char out[32];
            out[put_timestamp(out, &ts, false)] = '\0';
            CHECK_STR(out, rows[i].back);
        }
    }
}

DBK_TEST(intervals_from_text) {
    static const struct {
        const char *text;
        SQLSMALLINT c_type;
        conv want;
        unsigned a, b; /* years and months, or days and seconds */
        int sign;
    } rows[] = {
        {"3-2", SQL_C_INTERVAL_YEAR_TO_MONTH, CONV_OK, 3, 2, 0},
        {"-3-2", SQL_C_INTERVAL_MONTH, CONV_OK, 0, 38, 1},
        {"3-2", SQL_C_INTERVAL_YEAR, CONV_FRACTION, 3, 0, 0},
        {"1 00:00:05.000000000", SQL_C_INTERVAL_DAY_TO_SECOND, CONV_OK, 1, 5, 0},
        {"-1 00:00:00", SQL_C_INTERVAL_SECOND, CONV_OK, 0, 86400, 1},
        {"INTERVAL '2-1' YEAR TO MONTH", SQL_C_INTERVAL_YEAR_TO_MONTH, CONV_OK, 2, 1, 0},
        {"7", SQL_C_INTERVAL_DAY, CONV_OK, 7, 0, 0},
        {"x", SQL_C_INTERVAL_DAY, CONV_MALFORMED, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SQL_INTERVAL_STRUCT v;
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(parse_interval(text_of(rows[i].text), rows[i].c_type, &v), rows[i].want);
        if (!conv_is_error(rows[i].want)) {
            bool months = rows[i].c_type == SQL_C_INTERVAL_YEAR ||
                          rows[i].c_type == SQL_C_INTERVAL_MONTH ||
                          rows[i].c_type == SQL_C_INTERVAL_YEAR_TO_MONTH;
            CHECK_EQ_I64(months ? v.intval.year_month.year : v.intval.day_second.day, rows[i].a);
            CHECK_EQ_I64(months ? v.intval.year_month.month : v.intval.day_second.second,
                         rows[i].b);
            CHECK_EQ_I64(v.interval_sign, rows[i].sign);
        }
    }
}

/* ---- Whole columns give what single cells give --------------------------------------------------------------- */

static void check_column(const column *col, const struct ArrowArray *array, SQLSMALLINT c_type,
                         SQLLEN cap, unsigned unit) {
    enum { SLOT = 64 };
    char fast[8 * SLOT] = "", slow[8 * SLOT] = "";
    SQLLEN fast_len[8] = {0}, slow_len[8] = {0};
    column_converter *convert = column_converter_find(col, c_type);
    CHECK(convert != NULL);
    batch_column b;
    batch_column_set(&b, col, array);
    for (int64_t from = 0; from < array->length; from++) {
        slots to = {.data = fast + from * SLOT,
                    .stride = SLOT,
                    .length = (char *)&fast_len[from],
                    .length_stride = sizeof(SQLLEN),
                    .c_type = c_type,
                    .cap = cap,
                    .unit = unit};
        int64_t done = convert(&b, from, 1, &to);
        cell c;
        CHECK_EQ_I64(cell_read(&b, from, &c), CONV_OK);
        target t = {.c_type = c_type,
                    .data = slow + from * SLOT,
                    .cap = cap,
                    .length = &slow_len[from],
                    .indicator = &slow_len[from],
                    .precision = -1,
                    .scale = -1,
                    .unit = unit};
        conv want = cell_convert(&c, &t, plain);
        CHECK(done == 1 ? want == CONV_OK : done == 0);
        if (done == 1) {
            CHECK_EQ_I64(fast_len[from], slow_len[from]);
            CHECK_MEM(fast + from * SLOT, slow + from * SLOT,
                      slow_len[from] < 0 ? 0 : (size_t)slow_len[from]);
        }
    }
}

DBK_TEST(columns_agree_with_cells) {
    static const uint8_t validity[] = {
        0x2E}; /* rows 0 and 4 are NULL; with offset 1 rows 3 and 5.. */
    static const int64_t numbers[] = {1, -2, INT64_MAX, 400, 5, -6};
    static const int32_t offsets[] = {0, 1, 1, 8, 12, 12, 15};
    static const char bytes[] = "ahello\xc3\xa9\xf0\x9f\x98\x80xyz";
    static const int32_t days[] = {0, -719162, 2932896, 19000, 1, 2};
    static const SQLSMALLINT int_types[] = {SQL_C_SBIGINT, SQL_C_SLONG, SQL_C_DOUBLE, SQL_C_CHAR};
    const void *int_buffers[] = {validity, numbers}, *text_buffers[] = {validity, offsets, bytes},
               *day_buffers[] = {validity, days};
    for (int64_t offset = 0; offset < 2; offset++) {
        struct ArrowArray a = {.length = 5,
                               .null_count = -1,
                               .offset = offset,
                               .n_buffers = 2,
                               .buffers = int_buffers};
        column c = {.source = SRC_I64};
        for (size_t i = 0; i < COUNT_OF(int_types); i++) {
            check_column(&c, &a, int_types[i], 30, 2);
        }
        c.source = SRC_TEXT;
        a.buffers = text_buffers;
        for (SQLLEN cap = 1; cap < 40; cap++) {
            check_column(&c, &a, SQL_C_CHAR, cap, 2);
            check_column(&c, &a, SQL_C_WCHAR, cap, 2);
            check_column(&c, &a, SQL_C_WCHAR, cap, 4);
        }
        c.source = SRC_DATE32;
        a.buffers = day_buffers;
        check_column(&c, &a, SQL_C_TYPE_DATE, 6, 2);
    }
}

DBK_TEST(times_of_day_in_every_unit) {
    static const struct {
        const char *format;
        int32_t narrow;
        int64_t wide;
        const char *want; /* NULL: not a time of day */
    } rows[] = {
        {"tts", 86399, 0, "23:59:59"},
        {"ttm", 1500, 0, "00:00:01.500000"},
        {"ttu", 0, 3600000001, "01:00:00.000001"},
        {"ttn", 0, 86399999999999, "23:59:59.999999"},
        {"tts", 86400, 0, NULL},
        {"ttm", -1, 0, NULL},
        {"ttu", 0, 86400000000, NULL},
        {"ttn", 0, -1, NULL},
    };
    settings set = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].format);
        struct ArrowSchema field = {.format = rows[i].format, .name = "t"};
        column c;
        CHECK(column_from_arrow(&set, &field, &c));
        CHECK_EQ_I64(c.sql_type, SQL_TYPE_TIME);
        const void *buffers[] = {NULL, c.unit <= 1000 ? (const void *)&rows[i].narrow
                                                      : (const void *)&rows[i].wide};
        struct ArrowArray a = {.length = 1, .n_buffers = 2, .buffers = buffers};
        batch_column b;
        cell v = {0};
        char scratch[CELL_TEXT_MAX];
        batch_column_set(&b, &c, &a);
        CHECK_EQ_I64(cell_read(&b, 0, &v), rows[i].want == NULL ? CONV_DATE : CONV_OK);
        if (rows[i].want != NULL) {
            text t = cell_text(&v, (text_style){0}, scratch);
            CHECK_EQ_SIZE(t.len, strlen(rows[i].want));
            CHECK(memcmp(t.ptr, rows[i].want, t.len) == 0);
        }
        free(c.name);
        free(c.type_text);
    }
}

/* ---- Where an error would not be seen --------------------------------------------------------------- */

DBK_TEST(rescaling_never_leaves_38_digits) {
    i128 out = 0, nines = pow10_i128(38) - 1;
    CHECK_EQ_I64(rescale(nines, 0, 0, &out), CONV_OK);
    CHECK_EQ_I64(rescale(nines, 0, 1, &out), CONV_RANGE); /* would not fit into 128 bits */
    CHECK_EQ_I64(rescale(-nines, 0, 1, &out), CONV_RANGE);
    CHECK_EQ_I64(rescale(nines / 10, 0, 1, &out), CONV_OK);
    CHECK(out == nines - 9);
    cell c = {.kind = CELL_DECIMAL, .decimal = 0, .precision = 5, .scale = 0};
    SQL_NUMERIC_STRUCT n;
    SQLLEN size;
    CHECK_EQ_I64(cell_fixed(&c, SQL_C_NUMERIC, 10, 300, &n, &size), CONV_RANGE);
}

DBK_TEST(numbers_in_texts_without_an_end_mark) {
    char *digits = malloc(3); /* exactly: a sanitizer sees a look behind it */
    memcpy(digits, "1.5", 3);
    double d = 0;
    CHECK_EQ_I64(parse_double((text){digits, 3}, &d), CONV_OK);
    CHECK(d == 1.5);
    free(digits);
}

/* ---- Layouts of Arrow that servers seldom send ------------------------------------------------------------- */

static const char *text_of_row(const batch_column *b, int64_t row) {
    static char copy[64];
    cell c = {0};
    CHECK_EQ_I64(cell_read(b, row, &c), CONV_OK);
    if (c.kind == CELL_NULL) {
        return "NULL";
    }
    CHECK(c.kind == CELL_TEXT);
    (void)snprintf(copy, sizeof copy, "%.*s", (int)c.text.len, c.text.ptr);
    return copy;
}

static column column_of(const char *format, struct ArrowSchema *dictionary) {
    const settings set = {.string_length = 100};
    struct ArrowSchema field = {.format = format, .name = "c", .dictionary = dictionary};
    column c;
    CHECK(column_from_arrow(&set, &field, &c));
    return c;
}

DBK_TEST(columns_of_views) {
    static const struct {
        int32_t length;
        char start[4];
        int32_t piece, offset;
    } views[] = {{0, "", 0, 0}, {3, "abc", 0, 0}, {20, "a te", 1, 2}};
    static const uint8_t valid = 0x0D; /* rows 0, 2 and 3 of 4; row 1 is NULL */
    char rows[4 * 16];
    memcpy(rows, &views[0], 16);
    memcpy(rows + 16, &views[1], 16);
    memcpy(rows + 32, &views[1], 16);
    memcpy(rows + 48, &views[2], 16);
    const void *buffers[] = {&valid, rows, "first", "..a text of 20 letters"};
    struct ArrowArray array = {.length = 4, .null_count = 1, .n_buffers = 4, .buffers = buffers};
    column c = column_of("vu", NULL);
    CHECK_STR(c.type_name, "STRING");
    batch_column b;
    batch_column_set(&b, &c, &array);
    CHECK_STR(text_of_row(&b, 0), "");
    CHECK_STR(text_of_row(&b, 1), "NULL");
    CHECK_STR(text_of_row(&b, 2), "abc");
    CHECK_STR(text_of_row(&b, 3), "a text of 20 letters");
    CHECK(column_converter_find(&c, SQL_C_CHAR) == NULL);
    free(c.name);
    free(c.type_text);
}

DBK_TEST(columns_with_a_dictionary) {
    static const int32_t offsets[] = {0, 3, 3, 8};
    static const uint8_t value_valid = 0x05;          /* the second value is NULL */
    static const int16_t indices[] = {9, 2, 0, 1, 0}; /* the first is cut off by the offset */
    static const uint8_t valid = 0x0F;                /* the last is NULL */
    const void *value_buffers[] = {&value_valid, offsets, "redgreen"};
    const void *index_buffers[] = {&valid, indices};
    struct ArrowArray values = {
        .length = 3, .null_count = 1, .n_buffers = 3, .buffers = value_buffers};
    struct ArrowArray array = {.length = 4,
                               .null_count = 1,
                               .offset = 1,
                               .n_buffers = 2,
                               .buffers = index_buffers,
                               .dictionary = &values};
    struct ArrowSchema value_field = {.format = "u"};
    column c = column_of("s", &value_field);
    CHECK_STR(c.type_name, "STRING"); /* not SMALLINT, as its indices are */
    batch_column b;
    batch_column_set(&b, &c, &array);
    static const char *const want[] = {"green", "red", "NULL", "NULL"};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK_STR(text_of_row(&b, (int64_t)i), want[i]);
    }
    CHECK(column_converter_find(&c, SQL_C_CHAR) == NULL);
    free(c.name);
    free(c.type_text);
}
