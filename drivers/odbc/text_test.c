#include "odbc.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* ---- Wide text --------------------------------------------------------------------------------------------- */

DBK_TEST(every_character_of_every_plane_goes_both_ways) {
    for (unsigned unit = 2; unit <= 4; unit += 2) {
        for (uint32_t p = 1; p <= 0x10FFFF; p += p < 0x800 ? 1 : 37) {
            if (p >= 0xD800 && p <= 0xDFFF) {
                continue;
            }
            uint32_t wide[3] = {0};
            size_t units = 1;
            if (unit == 2) {
                uint16_t pair[2] = {(uint16_t)p, 0};
                if (p > 0xFFFF) {
                    pair[0] = (uint16_t)(0xD800 + ((p - 0x10000) >> 10));
                    pair[1] = (uint16_t)(0xDC00 + ((p - 0x10000) & 0x3FF));
                    units = 2;
                }
                memcpy(wide, pair, sizeof pair);
            } else {
                wide[0] = p;
            }
            buf utf8 = {0};
            wide_to_utf8(wide, units, unit, &utf8);
            uint32_t back[3] = {0};
            CHECK_EQ_SIZE(wide_units(utf8.ptr, utf8.len, unit), units);
            CHECK_EQ_SIZE(wide_write(utf8.ptr, utf8.len, unit, back, units), units);
            CHECK_MEM(back, wide, units * unit);
            CHECK_EQ_SIZE(utf8_whole(utf8.ptr, utf8.len), utf8.len);
            CHECK(utf8.len == 1 || utf8_whole(utf8.ptr, utf8.len - 1) == 0);
            buf_free(&utf8);
        }
    }
}

DBK_TEST(what_is_no_text_becomes_the_replacement_character) {
    static const struct {
        const char *name, *bytes;
        size_t units;
    } rows[] = {{"lone continuation", "a\x80z", 3},
                {"cut sequence", "\xe6\x97", 2},
                {"overlong", "\xc0\xaf", 2},
                {"surrogate", "\xed\xa0\x80", 3},
                {"beyond", "\xf4\x90\x80\x80", 4}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint16_t out[8] = {0};
        size_t len = strlen(rows[i].bytes);
        CHECK_CASE(rows[i].name);
        CHECK_EQ_SIZE(wide_units(rows[i].bytes, len, 2), rows[i].units);
        CHECK_EQ_SIZE(wide_write(rows[i].bytes, len, 2, out, 8), rows[i].units);
        CHECK(memchr(out, 0xFD, sizeof out) != NULL);
    }
    const uint16_t lone[] = {0xD83D, 'x'};
    buf utf8 = {0};
    wide_to_utf8(lone, 2, 2, &utf8);
    CHECK_STR(utf8.ptr, "\xef\xbf\xbdx");
    buf_free(&utf8);
}

DBK_TEST(a_character_is_never_split) {
    uint16_t out[8];
    CHECK_EQ_SIZE(wide_write("a\xf0\x9f\x98\x80", 5, 2, out, 2), 1); /* the pair does not fit */
    char narrow[8];
    CHECK_EQ_SIZE(wide_write("a\xf0\x9f\x98\x80", 5, 1, narrow, 4), 1);
}

/* ---- Connection strings --------------------------------------------------------------------------------------- */

DBK_TEST(connection_strings) {
    static const struct {
        const char *string, *key, *want;
    } rows[] = {
        {"Host=h;PWD=x", "Host", "h"},
        {"SERVER=h;", "Host", "h"},
        {"host = h ; pwd = {a;b}}c} ", "PWD", "a;b}c"},
        {"PWD={ x };", "PWD", " x "},
        {"PWD=a=b", "PWD", "a=b"},
        {"Token=1;PWD=2", "PWD", "1"}, /* the first one wins, also under another name */
        {"SSP_ansi_mode=true", "ssp_ANSI_MODE", "true"},
        {"Host=", "Host", NULL},
        {"", "Host", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        keys k = {0};
        CHECK_CASE(rows[i].string);
        CHECK(keys_parse(&k, text_of(rows[i].string)) == NULL);
        CHECK_STR(keys_get(&k, rows[i].key), rows[i].want);
        keys_free(&k);
    }
}

DBK_TEST(a_connection_string_ends_at_its_terminator) {
    static const char counted[] = "Host=h;PWD=x\0Port=1";
    keys k = {0};
    CHECK(keys_parse(&k, (text){counted, sizeof counted}) == NULL);
    CHECK_STR(keys_get(&k, "PWD"), "x");
    CHECK_EQ_SIZE(k.count, 2);
    keys_free(&k);
}

DBK_TEST(malformed_connection_strings_say_why) {
    static const struct {
        const char *string, *want;
    } rows[] = {{"Host", "a word without '='"},
                {"PWD={x", "a value in braces without its closing brace"},
                {"PWD={", "a value in braces without its closing brace"},
                {"PWD={x}}", "a value in braces without its closing brace"},
                {"=x", "a value without a name"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        keys k = {0};
        CHECK_CASE(rows[i].string);
        CHECK_STR(keys_parse(&k, text_of(rows[i].string)), rows[i].want);
        keys_free(&k);
    }
}

DBK_TEST(a_written_string_is_read_as_the_same) {
    keys k = {0}, again = {0};
    buf out = {0};
    CHECK(keys_add(&k, text_of("Driver"), text_of("/lib/x.so")));
    CHECK(keys_add(&k, text_of("PWD"), text_of("a;{b}}=")));
    CHECK(keys_add(&k, text_of("Other"), text_of("")));
    CHECK(keys_add(&k, text_of("Tab"), text_of("\tx"))); /* found by fuzzing */
    keys_write(&k, &out);
    CHECK(keys_parse(&again, (text){out.ptr, out.len}) == NULL);
    CHECK_STR(keys_get(&again, "PWD"), "a;{b}}=");
    CHECK_STR(keys_get(&again, "Driver"), "/lib/x.so");
    CHECK(keys_has(&again, "Other"));
    CHECK_STR(keys_get(&again, "Tab"), "\tx");
    buf_free(&out);
    keys_free(&k);
    keys_free(&again);
}

/* ---- SQL ----------------------------------------------------------------------------------------------------------- */

DBK_TEST(markers) {
    static const struct {
        const char *sql;
        size_t count;
    } rows[] = {{"SELECT ?", 1},
                {"SELECT '?', \"?\", `?`, ? -- ?\n, ? /* ? /* ? */ ? */", 2},
                {"SELECT 'it''s ?', 'a\\'?', r'\\', ?", 1},
                {"SELECT $$ ? $$, ?", 1},
                {"SELECT '", 0},
                {"", 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sql_text t = {0};
        CHECK_CASE(rows[i].sql);
        CHECK(sql_prepare(&t, text_of(rows[i].sql), true, false));
        CHECK_EQ_SIZE(t.marker_count, rows[i].count);
        sql_text_free(&t);
    }
}

DBK_TEST(kinds_and_tuples) {
    static const struct {
        const char *sql;
        sql_kind kind;
        const char *tuple;
    } rows[] = {
        {"SELECT 1", SQL_KIND_QUERY, NULL},
        {" -- x\n (WITH a AS (SELECT 1) SELECT * FROM a)", SQL_KIND_QUERY, NULL},
        {"update t set a = ?", SQL_KIND_SEARCHED, NULL},
        {"USE CATALOG x", SQL_KIND_SESSION, NULL},
        {"CREATE TABLE t (a INT)", SQL_KIND_OTHER, NULL},
        {"create or replace global temporary view v AS SELECT 1", SQL_KIND_SESSION, NULL},
        {"CREATE TABLE t AS SELECT 1 AS temp", SQL_KIND_OTHER, NULL},
        {"DECLARE x INT", SQL_KIND_SESSION, NULL},
        {"INSERT INTO t VALUES (?, 'x)', ?) ; ", SQL_KIND_CHANGE, "(?, 'x)', ?)"},
        {"INSERT INTO t (a, b) VALUES (?, f(?))", SQL_KIND_CHANGE, "(?, f(?))"},
        {"INSERT INTO t VALUES (?), (?)", SQL_KIND_CHANGE, NULL},
        {"INSERT INTO t VALUES (1)", SQL_KIND_CHANGE, NULL},
        {"INSERT INTO t SELECT ?", SQL_KIND_CHANGE, NULL},
        {"INSERT INTO t VALUES ((SELECT ?))", SQL_KIND_CHANGE, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sql_text t = {0};
        CHECK_CASE(rows[i].sql);
        CHECK(sql_prepare(&t, text_of(rows[i].sql), true, false));
        CHECK_EQ_I64(t.kind, rows[i].kind);
        CHECK_EQ_SIZE(t.tuple_end - t.tuple_start,
                      rows[i].tuple == NULL ? 0 : strlen(rows[i].tuple));
        if (rows[i].tuple != NULL) {
            CHECK_MEM(t.sql.ptr + t.tuple_start, rows[i].tuple, strlen(rows[i].tuple));
        }
        sql_text_free(&t);
    }
}

DBK_TEST(escapes) {
    static const struct {
        const char *odbc, *native;
    } rows[] = {
        {"SELECT {d '2024-01-01'}", "SELECT DATE'2024-01-01'"},
        {"{ts'2024-01-01 00:00:00'}", "TIMESTAMP'2024-01-01 00:00:00'"},
        {"{t '01:02:03'}", "'01:02:03'"},
        {"x LIKE 'a' {escape '!'}", "x LIKE 'a' ESCAPE '!'"},
        {"FROM {oj a LEFT OUTER JOIN b ON a.x = b.x}", "FROM a LEFT OUTER JOIN b ON a.x = b.x"},
        {"{call p(1, {d '2024-01-01'})}", "CALL p(1, DATE'2024-01-01')"},
        {"{?=call f(1)}", "SELECT f(1)"},
        {"{ ? = call f(1)}", "SELECT f(1)"},
        {"{fn UCASE({fn LCASE('X}')})}", "upper(lower('X}'))"},
        {"{fn CURDATE()}", "current_date()"},
        {"{fn CONVERT(a, SQL_VARCHAR)}", "CAST(a AS STRING)"},
        {"{fn TIMESTAMPADD(SQL_TSI_DAY, 1, t)}", "TIMESTAMPADD(DAY, 1, t)"},
        {"{fn TIMESTAMPADD(SQL_TSI_FRAC_SECOND, n, t)}",
         "TIMESTAMPADD(MICROSECOND, CAST((n) / 1000 AS INT), t)"},
        {"{fn TIMESTAMPDIFF(SQL_TSI_FRAC_SECOND, a, b)}",
         "(TIMESTAMPDIFF(MICROSECOND, a, b) * 1000)"},
        {"{fn INSERT('abc', 1, 2, 'x')}", "overlay('abc' PLACING 'x' FROM 1 FOR 2)"},
        {"{fn INSERT(?, 1, 2, ?)}", "INSERT(?, 1, 2, ?)"},
        {"{fn TRUNCATE(f(x), 2)}", "CAST(f(x) AS DECIMAL(38, 2))"},
        {"'{d ''x''}' -- {d '1'}", "'{d ''x''}' -- {d '1'}"},
        {"{unknown x}", "{unknown x}"},
        {"{d '1'", "{d '1'"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf out = {0};
        CHECK_CASE(rows[i].odbc);
        sql_translate(text_of(rows[i].odbc), false, &out);
        CHECK_STR(buf_text(&out), rows[i].native);
        buf_free(&out);
    }
}

/* ---- Zones --------------------------------------------------------------------------------------------------------- */

DBK_TEST(zones) {
    static const struct {
        const char *zone;
        int64_t utc, offset;
    } rows[] = {
        {"UTC", 0, 0},
        {"+05:30", 0, 19800},
        {"-08:00", 0, -28800},
        {"Europe/Berlin", 1704067200, 3600}, /* 2024-01-01 */
        {"Europe/Berlin", 1719792000, 7200}, /* 2024-07-01 */
        {"Europe/Berlin", 1711846799, 3600}, /* the second before summer time */
        {"Europe/Berlin", 1711846800, 7200},
        {"Europe/Berlin", 4086979200, 7200},      /* 2099-07-05: by the rule behind the table */
        {"America/New_York", 4102444800, -18000}, /* 2100-01-01 */
        {"Australia/Sydney", 4102444800, 39600},
        {"Asia/Kolkata", 1704067200, 19800},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct zone *z = zone_open(rows[i].zone);
        CHECK_CASE(rows[i].zone);
        CHECK(z != NULL);
        CHECK_EQ_I64(zone_offset(z, rows[i].utc), rows[i].offset);
        CHECK_EQ_I64(zone_offset(z, rows[i].utc), rows[i].offset); /* from its memory */
        zone_close(z);
    }
    CHECK(zone_open("No/Such") == NULL);
    CHECK(zone_open("../../etc/passwd") == NULL);
}
