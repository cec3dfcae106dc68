#include "unit.h"

#include <string.h>

DBK_TEST(slice_compare) {
    static const struct {
        const char *name, *a, *b;
        bool eq, nocase, prefix, suffix;
    } rows[] = {
        {"same", "abc", "abc", true, true, true, true},
        {"case", "aBc", "Abc", false, true, false, false},
        {"prefix", "abc", "ab", false, false, true, false},
        {"suffix", "abc", "bc", false, false, false, true},
        {"longer", "ab", "abc", false, false, false, false},
        {"empty", "abc", "", false, false, true, true},
        {"both empty", "", "", true, true, true, true},
        {"null is empty", NULL, NULL, true, true, true, true},
        {"null against text", NULL, "a", false, false, false, false},
        {"only ASCII letters fold", "\xC3\x84[", "\xC3\xA4{", false, false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_slice a = dbk_slice_of(rows[i].a);
        dbk_slice b = dbk_slice_of(rows[i].b);
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(dbk_slice_eq(a, b), rows[i].eq);
        CHECK_EQ_I64(dbk_slice_eq_nocase(a, b), rows[i].nocase);
        CHECK_EQ_I64(dbk_slice_has_prefix(a, b), rows[i].prefix);
        CHECK_EQ_I64(dbk_slice_has_suffix(a, b), rows[i].suffix);
    }
}

DBK_TEST(slice_hash) { /* the published values of FNV-1a, 64 bits */
    uint64_t half = dbk_slice_hash(DBK_SLICE("foo"), DBK_HASH_INIT);
    CHECK(dbk_slice_hash(DBK_SLICE(""), DBK_HASH_INIT) == UINT64_C(0xcbf29ce484222325));
    CHECK(dbk_slice_hash(DBK_SLICE("a"), DBK_HASH_INIT) == UINT64_C(0xaf63dc4c8601ec8c));
    CHECK(dbk_slice_hash(DBK_SLICE("bar"), half) == UINT64_C(0x85944171f73967e8));
}

DBK_TEST(slice_trim) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""}, {" ", ""}, {" \t\r\n", ""}, {"a", "a"}, {"  a b\t", "a b"}, {"\n\fa", "\fa"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        CHECK_SLICE(dbk_slice_trim(dbk_slice_of(rows[i].text)), rows[i].want);
    }
    CHECK_EQ_SIZE(dbk_slice_trim((dbk_slice){0}).len, 0);
}

DBK_TEST(slice_split) {
    dbk_slice rest = dbk_slice_of("a,,b");
    dbk_slice head = {0};
    CHECK(dbk_slice_split(&rest, ',', &head));
    CHECK_SLICE(head, "a");
    CHECK(dbk_slice_split(&rest, ',', &head));
    CHECK_SLICE(head, "");
    CHECK(!dbk_slice_split(&rest, ',', &head));
    CHECK_SLICE(rest, "b");
    CHECK_SLICE(head, ""); /* untouched */
    rest = dbk_slice_of("x,");
    CHECK(dbk_slice_split(&rest, ',', &head));
    CHECK_EQ_SIZE(rest.len, 0);
    CHECK(!dbk_slice_split(&rest, ',', &head));
    rest = (dbk_slice){0};
    CHECK(!dbk_slice_split(&rest, ',', &head));
}

DBK_TEST(str_life) {
    dbk_error err = {0};
    dbk_str a = {0};
    dbk_str b = {0};
    CHECK_STR(dbk_str_or(&a, "fallback"), "fallback");
    CHECK_OK(dbk_str_set(&a, dbk_slice_n("x\0y", 3), &err), &err);
    CHECK_EQ_SIZE(a.len, 3);
    CHECK_MEM(a.ptr, "x\0y", 4);
    CHECK_OK(dbk_str_set(&a, dbk_slice_n(a.ptr + 2, 1), &err), &err); /* from itself */
    CHECK_STR(a.ptr, "y");
    CHECK_OK(dbk_str_setf(&a, &err, "%s-%d", a.ptr, 7), &err);
    CHECK_STR(dbk_str_or(&a, "fallback"), "y-7");
    CHECK_SLICE(dbk_str_slice(&a), "y-7");
    dbk_str_move(&b, &a);
    dbk_str_move(&b, &b);
    CHECK(a.ptr == NULL && a.len == 0);
    CHECK_STR(b.ptr, "y-7");
    CHECK_OK(dbk_str_set(&b, (dbk_slice){0}, &err), &err);
    CHECK_STR(b.ptr, ""); /* empty is not absent */
    dbk_str_reset(&b);
    dbk_str_reset(&b);
    CHECK(b.ptr == NULL);
}

DBK_TEST(str_without_memory_keeps_the_old_text) {
    dbk_error err = {0};
    dbk_str s = {0};
    CHECK_OK(dbk_str_set(&s, DBK_SLICE("old"), &err), &err);
    dbk_alloc_fail_after(1);
    dbk_status set = dbk_str_set(&s, DBK_SLICE("new"), &err);
    dbk_alloc_fail_after(1);
    dbk_status setf = dbk_str_setf(&s, &err, "%d", 1);
    dbk_alloc_fail_after(0);
    CHECK_EQ_I64(set, DBK_RESOURCE_EXHAUSTED);
    CHECK_FAILS(setf, &err, DBK_RESOURCE_EXHAUSTED, "out of memory: formatting a text");
    CHECK_STR(s.ptr, "old");
    dbk_str_reset(&s);
    dbk_error_reset(&err);
}

DBK_TEST(utf8_valid_table) {
    static const struct {
        const char *name, *text;
        bool ok;
    } rows[] = {
        {"empty", "", true},
        {"ascii", "az~\x7f", true},
        {"two bytes", "\xC2\x80\xDF\xBF", true},
        {"three bytes", "\xE0\xA0\x80\xEF\xBF\xBF", true},
        {"four bytes", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", true},
        {"last before surrogates", "\xED\x9F\xBF", true},
        {"lone continuation", "\x80", false},
        {"overlong two", "\xC0\x80", false},
        {"overlong two, C1", "\xC1\xBF", false},
        {"overlong three", "\xE0\x9F\xBF", false},
        {"surrogate", "\xED\xA0\x80", false},
        {"overlong four", "\xF0\x8F\xBF\xBF", false},
        {"beyond U+10FFFF", "\xF4\x90\x80\x80", false},
        {"F5", "\xF5\x80\x80\x80", false},
        {"FF", "\xFF", false},
        {"cut after 1 of 2", "a\xC3", false},
        {"cut after 2 of 3", "a\xE2\x82", false},
        {"cut after 3 of 4", "a\xF0\x9F\x98", false},
        {"third byte wrong", "\xE2\x82\x28", false},
        {"fourth byte wrong", "\xF0\x9F\x98\x28", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(dbk_utf8_valid(dbk_slice_of(rows[i].text)), rows[i].ok);
    }
    CHECK(dbk_utf8_valid(dbk_slice_n("a\0b", 3)));
    CHECK(dbk_utf8_valid((dbk_slice){0}));
}

DBK_TEST(utf8_trim_cuts_only_what_is_incomplete) {
    static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t n = 0; n < sizeof text; n++) {
        char cut[sizeof text];
        memcpy(cut, text, n);
        cut[n] = '\0';
        dbk_utf8_trim(cut);
        CHECK_EQ_SIZE(strlen(cut), want[n]);
        CHECK(dbk_utf8_valid(dbk_slice_of(cut)));
    }
    char garbage[] = "\x80\x80\x80\x80\x80";
    dbk_utf8_trim(garbage); /* nothing it could complete: stays, and no byte before it is read */
    CHECK_EQ_SIZE(strlen(garbage), 5);
}

DBK_TEST(parse_integers) {
    static const struct {
        const char *text;
        bool i64_ok, u64_ok;
        int64_t i64;
        uint64_t u64;
    } rows[] = {
        {"0", true, true, 0, 0},
        {"007", true, true, 7, 7},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", false, true, -5, UINT64_C(9223372036854775808)},
        {"18446744073709551615", false, true, -5, UINT64_MAX},
        {"18446744073709551616", false, false, -5, 5},
        {"99999999999999999999999", false, false, -5, 5},
        {"-1", true, false, -1, 5},
        {"-0", true, false, 0, 5},
        {"-9223372036854775808", true, false, INT64_MIN, 5},
        {"-9223372036854775809", false, false, -5, 5},
        {"", false, false, -5, 5},
        {"-", false, false, -5, 5},
        {"--1", false, false, -5, 5},
        {"+1", false, false, -5, 5},
        {" 1", false, false, -5, 5},
        {"1 ", false, false, -5, 5},
        {"0x1", false, false, -5, 5},
        {"1e3", false, false, -5, 5},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t v = -5;
        uint64_t u = 5;
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(dbk_parse_i64(dbk_slice_of(rows[i].text), &v), rows[i].i64_ok);
        CHECK_EQ_I64(v, rows[i].i64);
        CHECK_EQ_I64(dbk_parse_u64(dbk_slice_of(rows[i].text), &u), rows[i].u64_ok);
        CHECK_EQ_U64(u, rows[i].u64);
    }
    int64_t v = -5;
    CHECK(!dbk_parse_i64(dbk_slice_n("1\0", 2), &v));
    CHECK(!dbk_parse_i64((dbk_slice){0}, &v));
}

DBK_OOM_TEST(str_oom) {
    dbk_status st = DBK_OK;
    dbk_str s = {0};
    DBK_TRY(dbk_str_set(&s, DBK_SLICE("text"), err));
    DBK_TRY(dbk_str_setf(&s, err, "%s again", s.ptr));
done:
    dbk_str_reset(&s);
    return st;
}
