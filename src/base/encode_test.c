#include "unit.h"

#include <string.h>

/* Decodes text in pieces cut at `first` and `second`. */
static dbk_status decode(const char *text, size_t first, size_t second, dbk_buf *out,
                         dbk_error *err) {
    dbk_base64 d = {0};
    dbk_status st = DBK_OK;
    DBK_TRY(dbk_base64_feed(&d, dbk_slice_n(text, first), out, err));
    DBK_TRY(dbk_base64_feed(&d, dbk_slice_n(text + first, second - first), out, err));
    DBK_TRY(dbk_base64_feed(&d, dbk_slice_n(text + second, strlen(text) - second), out, err));
    DBK_TRY(dbk_base64_end(&d, err));
done:
    return st;
}

DBK_TEST(base64_split_at_every_byte) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/AAAA", "\xfb\xff\xbf\0\0\0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t n = strlen(rows[i].text);
        size_t pad = n > 0 && rows[i].text[n - 1] == '=' ? (rows[i].text[n - 2] == '=' ? 2 : 1) : 0;
        CHECK_CASE(rows[i].text);
        for (size_t first = 0; first <= n; first++) {
            for (size_t second = first; second <= n; second++) {
                dbk_error err = {0};
                dbk_buf out = {0};
                CHECK_OK(decode(rows[i].text, first, second, &out, &err), &err);
                CHECK_EQ_SIZE(out.len, n / 4 * 3 - pad);
                CHECK_MEM(out.ptr, rows[i].want, out.len);
                dbk_buf_reset(&out);
            }
        }
    }
}

DBK_TEST(base64_refuses_at_every_split) {
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"Z", "base64 text ends inside a group"},   {"Zg", "base64 text ends inside a group"},
        {"Zg=", "base64 text ends inside a group"}, {"Zm9vY", "base64 text ends inside a group"},
        {"=", "byte 0x3d is not base64"},           {"Z===", "byte 0x3d is not base64"},
        {"====", "byte 0x3d is not base64"},        {"Zg==Zg==", "byte 0x5a is not base64"},
        {"Zm8=A", "byte 0x41 is not base64"},       {"Zg===", "byte 0x3d is not base64"},
        {"Zg=v", "byte 0x76 is not base64"},        {"Zm9v\nYmFy", "byte 0x0a is not base64"},
        {"Zm-_", "byte 0x2d is not base64"},        {"Zm9v Ym", "byte 0x20 is not base64"},
        {"Zm9\x80", "byte 0x80 is not base64"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t n = strlen(rows[i].text);
        CHECK_CASE(rows[i].text);
        for (size_t first = 0; first <= n; first++) {
            dbk_error err = {0};
            dbk_buf out = {0};
            CHECK_FAILS(decode(rows[i].text, first, n, &out, &err), &err, DBK_DATA_LOSS,
                        rows[i].message);
            dbk_error_reset(&err);
            dbk_buf_reset(&out);
        }
    }
}

DBK_TEST(base64_failed_piece_appends_nothing) {
    dbk_error err = {0};
    dbk_buf out = {0};
    dbk_base64 d = {0};
    CHECK_OK(dbk_base64_feed(&d, DBK_SLICE("Zm9v"), &out, &err), &err);
    CHECK_EQ_I64(dbk_base64_feed(&d, DBK_SLICE("YmFy!"), &out, &err), DBK_DATA_LOSS);
    CHECK_SLICE(dbk_buf_slice(&out), "foo");
    dbk_error_reset(&err);
    dbk_buf_reset(&out);
}

DBK_OOM_TEST(base64_oom) {
    dbk_buf out = {0};
    dbk_status st = decode("Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy", 3, 19, &out, err);
    dbk_buf_reset(&out);
    return st;
}

DBK_TEST(url_encode_every_byte) {
    dbk_error err = {0};
    for (int c = 0; c < 256; c++) {
        dbk_buf out = {0};
        const char *text = NULL;
        char byte = (char)c;
        CHECK_OK(dbk_url_encode(dbk_slice_n(&byte, 1), &out, &err), &err);
        CHECK_OK(dbk_buf_cstr(&out, &text, &err), &err);
        bool plain = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_.~",
                                      c) != NULL;
        CHECK_EQ_SIZE(out.len, plain ? 1 : 3);
        CHECK(text[0] == (plain ? byte : '%'));
        dbk_buf_reset(&out);
    }
    dbk_buf out = {0};
    CHECK_OK(dbk_url_encode(DBK_SLICE("a b/\xC3\xA9?"), &out, &err), &err);
    CHECK_SLICE(dbk_buf_slice(&out), "a%20b%2F%C3%A9%3F");
    dbk_buf_reset(&out);
}

DBK_OOM_TEST(url_encode_oom) {
    dbk_buf out = {0};
    dbk_status st = dbk_url_encode(DBK_SLICE("a b c d e f"), &out, err);
    dbk_buf_reset(&out);
    return st;
}

DBK_TEST(rfc3339_table) {
    static const struct {
        const char *text;
        bool ok;
        int64_t want_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"1970-01-01t00:00:00z", true, 0},
        {"1970-01-01 00:00:01Z", true, 1000},
        {"2026-11-21T10:00:00.5+02:00", true, 1795248000500},
        {"2026-11-21T08:00:00.500-00:00", true, 1795248000500},
        {"2026-11-21T00:30:00-07:30", true, 1795248000000},
        {"2026-11-21T08:00:00.1239999999999999999999Z", true, 1795248000123},
        {"1969-12-31T23:59:59Z", true, -1000},
        {"0000-01-01T00:00:00Z", true, -62167219200000},
        {"9999-12-31T23:59:59.999Z", true, 253402300799999},
        {"2024-02-29T00:00:00Z", true, 1709164800000},
        {"2000-02-29T00:00:00Z", true, 951782400000},
        {"2016-12-31T23:59:60Z", true, 1483228800000}, /* leap second */
        {"2023-02-29T00:00:00Z", false, -9},
        {"1900-02-29T00:00:00Z", false, -9},
        {"2023-04-31T00:00:00Z", false, -9},
        {"2023-00-01T00:00:00Z", false, -9},
        {"2023-13-01T00:00:00Z", false, -9},
        {"2023-01-00T00:00:00Z", false, -9},
        {"2023-01-32T00:00:00Z", false, -9},
        {"2023-01-01T24:00:00Z", false, -9},
        {"2023-01-01T00:60:00Z", false, -9},
        {"2023-01-01T00:00:61Z", false, -9},
        {"2023-01-01T00:00:00", false, -9},
        {"2023-01-01T00:00:00.Z", false, -9},
        {"2023-01-01T00:00:00Zx", false, -9},
        {"2023-01-01T00:00:00+24:00", false, -9},
        {"2023-01-01T00:00:00+01:60", false, -9},
        {"2023-01-01T00:00:00+0100", false, -9},
        {"2023-01-01", false, -9},
        {"23-01-01T00:00:00Z", false, -9},
        {"2023-1-01T00:00:00Z", false, -9},
        {"+023-01-01T00:00:00Z", false, -9},
        {"", false, -9},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -9;
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(dbk_parse_rfc3339(dbk_slice_of(rows[i].text), &ms), rows[i].ok);
        CHECK_EQ_I64(ms, rows[i].want_ms);
    }
}

DBK_TEST(rfc3339_cut_anywhere_is_refused) {
    static const char text[] = "2026-11-21T10:00:00.5+02:00";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        int64_t ms = -9;
        CHECK(!dbk_parse_rfc3339(dbk_slice_n(text, n), &ms));
        CHECK_EQ_I64(ms, -9);
    }
}

DBK_TEST(http_date_table) {
    static const struct {
        const char *text;
        bool ok;
        int64_t want_s;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", true, 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", true, 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", true, 253402300799},
        {"Sun, 31 Feb 1994 08:49:37 GMT", false, -9},
        {"Sun, 06 nov 1994 08:49:37 GMT", false, -9},
        {"Sun, 06 Nov 94 08:49:37 GMT", false, -9},
        {"Sunday, 06-Nov-94 08:49:37 GMT", false, -9}, /* RFC 850 */
        {"Sun Nov  6 08:49:37 1994", false, -9},       /* asctime */
        {"Sun, 06 Nov 1994 08:49:37 UTC", false, -9},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", false, -9},
        {"Sun, 06 Nov 1994 24:49:37 GMT", false, -9},
        {"Sun, 6 Nov 1994 08:49:37 GMT", false, -9},
        {"", false, -9},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t s = -9;
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(dbk_parse_http_date(dbk_slice_of(rows[i].text), &s), rows[i].ok);
        CHECK_EQ_I64(s, rows[i].want_s);
    }
    for (size_t n = 0; n < strlen(rows[0].text); n++) {
        int64_t s = -9;
        CHECK(!dbk_parse_http_date(dbk_slice_n(rows[0].text, n), &s));
    }
}

DBK_TEST(format_utc_us_table) {
    static const struct {
        int64_t us;
        const char *want;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {INT64_C(1795220244425497), "2026-11-21T00:17:24.425497Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782399999999), "2000-02-28T23:59:59.999999Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
    };
    char out[DBK_UTC_US_SIZE];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_format_utc_us(rows[i].us, out);
        CHECK_STR(out, rows[i].want);
    }
    dbk_format_utc_us(INT64_MAX, out); /* the year is cut: still 27 characters */
    CHECK_EQ_SIZE(strlen(out), DBK_UTC_US_SIZE - 1);
    dbk_format_utc_us(INT64_MIN, out);
    CHECK_EQ_SIZE(strlen(out), DBK_UTC_US_SIZE - 1);
}

DBK_TEST(format_utc_us_is_the_inverse_of_parsing) {
    for (int64_t day = -719528; day < 2932896; day += 97) { /* years 0 to 9999 */
        char out[DBK_UTC_US_SIZE];
        int64_t ms = 0;
        int64_t want = day * 86400000 + (day * 7919) % 86400000;
        if (want < INT64_C(-62167219200000)) {
            continue;
        }
        dbk_format_utc_us(want * 1000, out);
        CHECK_CASE(out);
        CHECK(dbk_parse_rfc3339(dbk_slice_of(out), &ms));
        CHECK_EQ_I64(ms, want);
    }
}

DBK_TEST(days_from_civil) {
    CHECK_EQ_I64(dbk_days_from_civil(1970, 1, 1), 0);
    CHECK_EQ_I64(dbk_days_from_civil(2000, 3, 1), 11017);
    CHECK_EQ_I64(dbk_days_from_civil(0, 1, 1), -719528);
    CHECK_EQ_I64(dbk_days_from_civil(-400, 1, 1), -719528 - 146097);
}
