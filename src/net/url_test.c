#include "net/url.h"

#include "unit.h"

DBK_TEST(url_origin) {
    static const struct {
        const char *host, *want; /* NULL: refused */
        const char *message;
    } rows[] = {
        {"h", "https://h", NULL},
        {"adb-1.2.azuredatabricks.net", "https://adb-1.2.azuredatabricks.net", NULL},
        {"h:443", "https://h:443", NULL},
        {"https://h", "https://h", NULL},
        {"https://h/", "https://h", NULL},
        {"HTTPS://h:1/", "https://h:1", NULL},
        {"http://h:8080", "http://h:8080", NULL},
        {"Http://localhost/", "http://localhost", NULL},
        {"  h  ", "https://h", NULL},
        {"my_host-1", "https://my_host-1", NULL},
        {"127.0.0.1:65535", "https://127.0.0.1:65535", NULL},
        {"[::1]", "https://[::1]", NULL},
        {"http://[::1]:80/", "http://[::1]:80", NULL},
        {"[fe80::1%eth0]", "https://[fe80::1%eth0]", NULL},
        {"", NULL, "host must not be empty"},
        {"  ", NULL, "host must not be empty"},
        {"https://", NULL, "host must not be empty"},
        {"/", NULL, "host must not be empty"},
        {"ftp://h", NULL, "host 'ftp://h' is not a host name"},
        {"http:///h", NULL, "is not a host name"},
        {"https://https://h", NULL, "is not a host name"},
        {"h/path", NULL, "is not a host name"},
        {"h//", NULL, "is not a host name"},
        {"h?o=1", NULL, "is not a host name"},
        {"h#f", NULL, "is not a host name"},
        {"user:secret@h/x", NULL, "host 'h/x' is not"},
        {"h h", NULL, "is not a host name"},
        {"h\r\nx: y", NULL, "host 'h??x: y' is not"},
        {"h\x7f", NULL, "host 'h?' is not"},
        {"h:", NULL, "is not a host name"},
        {":443", NULL, "is not a host name"},
        {"h:0", NULL, "is not a host name"},
        {"h:65536", NULL, "is not a host name"},
        {"h:44a", NULL, "is not a host name"},
        {"h:-1", NULL, "is not a host name"},
        {"h:1:2", NULL, "is not a host name"},
        {"::1", NULL, "is not a host name"},
        {"[]", NULL, "is not a host name"},
        {"[::1", NULL, "is not a host name"},
        {"[::1]x", NULL, "is not a host name"},
        {"[::1]:", NULL, "is not a host name"},
        {"[::1%]", NULL, "is not a host name"},
        {"[a/b]", NULL, "is not a host name"},
        {"h%41", NULL, "is not a host name"},
        {"m\xc3\xbcller.de", NULL, "host 'm??ller.de' is not"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_str out = {0};
        CHECK_CASE(rows[i].host);
        if (rows[i].want != NULL) {
            CHECK_OK(dbk_url_origin(dbk_slice_of(rows[i].host), &out, &err), &err);
            CHECK_STR(out.ptr, rows[i].want);
        } else {
            CHECK_FAILS(dbk_url_origin(dbk_slice_of(rows[i].host), &out, &err), &err,
                        DBK_INVALID_ARGUMENT, rows[i].message);
            CHECK(out.ptr == NULL);
            CHECK(strstr(dbk_error_message(&err), "secret") == NULL);
        }
        dbk_str_reset(&out);
        dbk_error_reset(&err);
    }
}

DBK_TEST(url_origin_of_odd_lengths) {
    static char long_host[4000];
    dbk_error err = {0};
    dbk_str out = {0};
    memset(long_host, 'a', sizeof long_host);
    CHECK_OK(dbk_url_origin(dbk_slice_n(long_host, 1024), &out, &err), &err);
    CHECK_EQ_SIZE(out.len, 8 + 1024);
    CHECK_FAILS(dbk_url_origin(dbk_slice_n(long_host, 1025), &out, &err), &err,
                DBK_INVALID_ARGUMENT, "aaa' is not a host name");
    CHECK_EQ_SIZE(out.len, 8 + 1024);
    CHECK_FAILS(dbk_url_origin(dbk_slice_n("h\0h", 3), &out, &err), &err, DBK_INVALID_ARGUMENT,
                "host 'h?h' is not");
    dbk_str_reset(&out);
    dbk_error_reset(&err);
}

DBK_OOM_TEST(url_origin_out_of_memory) {
    dbk_str out = {0};
    dbk_status st = dbk_url_origin(DBK_SLICE("h"), &out, err);
    dbk_str_reset(&out);
    return st;
}

DBK_TEST(url_authority) {
    static const struct {
        const char *url, *want;
    } rows[] = {
        {"https://h/p", "h"},
        {"https://h:1/p?q=1", "h:1"},
        {"https://h", "h"},
        {"https://h?x=https://y", "h"},
        {"https://h#f", "h"},
        {"https://u:p@h:1/", "h:1"},
        {"https://u:p@evil@h/", "h"},
        {"https://h/p@q", "h"},
        {"https://[::1]:8/", "[::1]:8"},
        {"https://h\r\nx", "h"},
        {"https:///p", ""},
        {"https://", ""},
        {"https:/h", ""},
        {"h/p", ""},
        {"/p?u=https://h", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].url);
        CHECK_SLICE(dbk_url_authority(dbk_slice_of(rows[i].url)), rows[i].want);
    }
    CHECK_EQ_SIZE(dbk_url_authority(dbk_slice_n(NULL, 0)).len, 0);
}

DBK_TEST(header_lines) {
    static const struct {
        const char *text;
        bool name, value;
    } rows[] = {
        {"x-a", true, true},
        {"", false, true},
        {"a b", false, true},
        {"a:b", false, true},
        {"a\r\nb", false, false},
        {"a\nb", false, false},
        {"a\tb", false, true},
        {"a\x7f", false, false},
        {"\x1b", false, false},
        {"\xc3\xbc", false, true},
        {"!#$%&'*+-.^_`|~09azAZ", true, true},
        {"a,b", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        CHECK_EQ_I64(dbk_header_name_valid(dbk_slice_of(rows[i].text)), rows[i].name);
        CHECK_EQ_I64(dbk_header_value_valid(dbk_slice_of(rows[i].text)), rows[i].value);
    }
    CHECK(!dbk_header_name_valid(dbk_slice_n("a\0b", 3)));
    CHECK(!dbk_header_value_valid(dbk_slice_n("a\0b", 3)));
}

DBK_TEST(url_decoding) {
    static const struct {
        const char *text, *decoded;
    } rows[] = {
        {"", ""},        {"ab", "ab"}, {"a+b", "a b"}, {"%41%6a%6B", "Ajk"}, {"%c3%a9", "\xc3\xa9"},
        {"%", "%"},      {"%4", "%4"}, {"%zz", "%zz"}, {"%%41", "%A"},       {"1%2", "1%2"},
        {"%2541", "%41"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_slice text = dbk_slice_of(rows[i].text);
        char out[32] = "";
        for (size_t n = 0; text.len > 0; n++) {
            out[n] = dbk_url_decode_next(&text);
        }
        CHECK_STR(out, rows[i].decoded);
    }
}
