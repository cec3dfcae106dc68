#include "unit.h"

#include "metadata/parts.h"

DBK_TEST(patterns_for_show) {
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"sys_x", "'sys.x'"}, /* spec 8 (d) */
        {"sys\\_x", "'sys_x'"},
        {"sys\\\\x", "'sys\\\\\\\\x'"}, /* the peer sends two backslashes and never finds it */
        {"it's", "'it''s'"},
        {"x\\", "'x'"},
        {"", "''"},
        {"%", "'*'"},
        {"*", "'*'"},
        {"\\%", "'%'"},
        {"\\x", "'x'"},
        {"a.b|c\"`", "'a.b|c\"`'"},
        {"\\'", "''''"}, /* the peer's injection hole */
        {"\\'; DROP TABLE t --", "'''; DROP TABLE t --'"},
        {"\\\\'", "'\\\\\\\\'''"},
        {"\\\\%", "'\\\\\\\\*'"},
        {"\\\\\\%", "'\\\\\\\\%'"},
        {"\\\\\\", "'\\\\\\\\'"},
        {"\xc3\xa9_", "'\xc3\xa9.'"},
        {"\n;--", "'\n;--'"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf out = {0};
        CHECK_CASE(rows[i].in);
        CHECK_OK(dbk_put_show_pattern(&out, dbk_slice_of(rows[i].in), &err), &err);
        CHECK_SLICE(out, rows[i].want);
        dbk_buf_reset(&out);
    }
}

DBK_TEST(patterns_for_queries) {
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"a%b_c", "'a%b_c'"}, {"a\\_b", "'a\\\\_b'"}, {"it's", "'it''s'"}, {"\\'", "'\\\\'''"},
        {"x\\", "'x\\\\'"},   {"\\\\", "'\\\\\\\\'"}, {"", "''"},          {"*.|", "'*.|'"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf out = {0};
        CHECK_CASE(rows[i].in);
        CHECK_OK(dbk_put_like_pattern(&out, dbk_slice_of(rows[i].in), &err), &err);
        CHECK_SLICE(out, rows[i].want);
        dbk_buf_reset(&out);
    }
}

DBK_TEST(quoted_names) {
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"main", "`main`"},       {"a`b", "`a``b`"}, {"``", "``````"},
        {"a'b\\\"", "`a'b\\\"`"}, {"", "``"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf out = {0};
        CHECK_CASE(rows[i].in);
        CHECK_OK(dbk_put_identifier(&out, dbk_slice_of(rows[i].in), &err), &err);
        CHECK_SLICE(out, rows[i].want);
        dbk_buf_reset(&out);
    }
}

DBK_TEST(what_a_pattern_is) {
    static const struct {
        const char *in;
        bool all, wild;
        const char *name;
    } rows[] = {
        {"", false, false, ""},           {"%", true, true, "%"},
        {"%%%", true, true, "%%%"},       {"%a", false, true, "%a"},
        {"main", false, false, "main"},   {"ma\\_n", false, false, "ma_n"},
        {"ma\\%", false, false, "ma%"},   {"a\\\\_", false, true, "a\\_"},
        {"a\\\\b", false, false, "a\\b"}, {"\\x", false, false, "x"},
        {"x\\", false, false, "x\\"},     {"a*b", false, false, "a*b"},
        {"a_b", false, true, "a_b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_str name = {0};
        dbk_slice in = dbk_slice_of(rows[i].in);
        CHECK_CASE(rows[i].in);
        CHECK_EQ_I64(dbk_pattern_is_all(in), rows[i].all);
        CHECK_EQ_I64(dbk_pattern_has_wildcard(in), rows[i].wild);
        CHECK_OK(dbk_pattern_name(in, &name, &err), &err);
        CHECK_SLICE(name, rows[i].name);
        dbk_str_reset(&name);
    }
}

DBK_TEST(names_that_match) {
    static const struct {
        const char *pattern, *name;
        bool match;
    } rows[] = {
        {"C_", "c1", true},
        {"C_", "c", false},
        {"C_", "c12", false},
        {"ma%", "main", true},
        {"ma%", "Main2", true},
        {"ma%", "other", false},
        {"ma%", "ma", true},
        {"%", "", true},
        {"%%", "x", true},
        {"%a%b%c", "xxaxxbxxc", true},
        {"%a%b%c", "xxaxxcxxb", false},
        {"%aab", "aaab", true},
        {"%ab%ab", "abab", true},
        {"%ab%ab", "ab", false},
        {"*", "*", true},
        {"*", "a", false},
        {"a\\_b", "a_b", true},
        {"a\\_b", "axb", false},
        {"a\\%%", "a%x", true},
        {"a\\%%", "ax", false},
        {"a\\\\%", "a\\x", true},
        {"a%\\", "ab\\", true},
        {"_", "\xc3\x89", true}, /* one character of two bytes */
        {"__", "\xc3\x89", false},
        {"\xc3\xa9%", "\xc3\x89\x31", true},            /* e with acute */
        {"\xce\xa9", "\xcf\x89", true},                 /* omega */
        {"\xd0\x96\xd0\x81", "\xd0\xb6\xd1\x91", true}, /* two of Cyrillic */
        {"\xc4\xb9\xc5\xb8", "\xc4\xba\xc3\xbf", true}, /* two of Latin Extended-A */
        {"\xc3\x97", "\xc3\xb7", false},                /* times is no capital of division */
        {"%%%%%%%%%%%%%%%%%%%%%%%%%b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"", "", true},
        {"", "a", false},
        {"\xff_", "\xff\x61", true},                      /* not UTF-8: bytes */
        {"\xf4\xff\\\x01\xfa", "\xf4\xff\x01\xfa", true}, /* found by fuzz_like_pattern */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].pattern);
        CHECK_EQ_I64(dbk_pattern_matches(dbk_slice_of(rows[i].pattern), dbk_slice_of(rows[i].name)),
                     rows[i].match);
    }
}
