#include "unit.h"

#include <stdio.h>
#include <string.h>

/* Redacts a heap copy of exactly the right size, so that the address sanitizer sees an overrun. */
static char *redacted(const char *text) {
    char *copy = dbk_strdup_or_null(text);
    CHECK(copy != NULL);
    dbk_redact_line(copy);
    return copy;
}

DBK_TEST(redact_line_table) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        /* nothing to hide */
        {"", ""},
        {"GET /api/2.0/sql/statements/01f0 attempt 2",
         "GET /api/2.0/sql/statements/01f0 attempt 2"},
        {"state: PENDING, rows=12, token", "state: PENDING, rows=12, token"},
        {"https://host:443/a/b", "https://host:443/a/b"},
        {"http://[::1]:8080/a", "http://[::1]:8080/a"},
        {"what? no", "what? no"},
        {"n_tokens=5 primary_key=7 code=404", "n_tokens=5 primary_key=7 code=404"},
        {"dapi1234567 is short", "dapi1234567 is short"},
        {"a dose of eyJ", "a dose of eyJ"},
        /* schemes */
        {"Bearer abc", "Bearer ***"},
        {"bearer   abcdefghijkl x", "bearer   <REDACTED> x"},
        {"Basic dXNlcjpwYXNz", "Basic <REDACTED>"},
        {"Bearer \"abc def\" x", "Bearer \"***\" x"},
        {"aBearer abc", "aBearer abc"},
        {"Bearer", "Bearer"},
        {"Bearer ", "Bearer "},
        {"Bearer Bearer abc", "Bearer <REDACTED>"},
        /* tokens */
        {"x dapi12345678 y", "x <REDACTED> y"},
        {"(dkea0123456789abcdef-2)", "(<REDACTED>)"},
        {"dskeaABCDEFGH,dsapi12345678,dose12345678", "<REDACTED>,<REDACTED>,<REDACTED>"},
        {"token%3Ddapi12345678", "token%3D<REDACTED>"},
        {"jwt eyJhbGciOi.eyJzdWIiOi.c2ln end", "jwt <REDACTED> end"},
        {"eyJhbGciOiJSUzI1", "<REDACTED>"},
        {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nx", "<REDACTED>"},
        {"-----BEGIN https://averylongusername:pw@PRIVATE KEY", /* found by fuzz_redact */
         "-----BEGIN https://<REDACTED>@PRIVATE KEY"},
        {"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},
        /* URLs */
        {"https://user:pass@host/x", "https://***@host/x"},
        {"http://user:p/ss@proxy:8080", "http://***@proxy:8080"},
        {"http://user:p?s#s@proxy:8080", "http://<REDACTED>@proxy:8080"},
        {"http://user:12/34@proxy", "http://<REDACTED>@proxy"},
        {"http://a@b:c@host", "http://***@host"},
        {"socks5h://u:p@h x@y", "socks5h://***@h x@y"},
        {"https://s3/b?X-Amz-Signature=abcdef&x=1 next", "https://s3/b?<REDACTED> next"},
        {"https://h/p?a=b\" tail", "https://h/p?***\" tail"},
        {"https://h/p#access_token=abc", "https://h/p#<REDACTED>"},
        {"https://h/p?", "https://h/p?"},
        {"GET /x/y?page_token=abc HTTP", "GET /x/y?<REDACTED> HTTP"},
        {"://", "://"},
        {"a://:b/c|://:d?/4@ x", "a://<REDACTED>@ x"}, /* found by fuzz_redact */
        /* key=value */
        {"password=hunter2", "password=***"},
        {"PASSWORD = hunter2 user=bob", "PASSWORD = *** user=bob"},
        {"client_secret=abc&scope=all x", "client_secret=<REDACTED> x"},
        {"refresh_token: abcdefghijklmnop", "refresh_token: <REDACTED>"},
        {"clientSecret=>abc", "clientSecret=>***"},
        {"x-databricks-azure-sp-management-token: abc",
         "x-databricks-azure-sp-management-token: ***"},
        {"Authorization: Bearer abc def\nnext: 1", "Authorization: <REDACTED>\nnext: 1"},
        {"Set-Cookie: a=b; c=d", "Set-Cookie: ***"},
        {"token=Bearer abc rest", "token=<REDACTED> rest"},
        {"PWD={a}}b c};UID=me", "PWD={***};UID=me"},
        {"secret=", "secret="},
        {"secret=a", "secret=*"},
        {"api_key='a b' c", "api_key='***' c"},
        {"grant&code=abc", "grant&code=***"},
        {"password=\nplain", "password=\nplain"},
        /* JSON */
        {"{\"access_token\":\"abc\",\"x\":1}", "{\"access_token\":\"***\",\"x\":1}"},
        {"{\"password\" : \"a\\\"b c\", \"y\":2}", "{\"password\" : \"***\", \"y\":2}"},
        {"{\"token\":\"\"}", "{\"token\":\"\"}"},
        {"{\"token\":\"cut of", "{\"token\":\"***"},
        {"{'secret': 'it is', 'n': 1}", "{'secret': '***', 'n': 1}"},
        {"\"{\\\"id_token\\\":\\\"a\\\\\\\"b\\\",\\\"k\\\":1}\"",
         "\"{\\\"id_token\\\":\\\"***\\\",\\\"k\\\":1}\""},
        {"\"tokens\":[1]", "\"tokens\":[1]"},
        {"\"secret\":[\"a\",\"b\"] x", "\"secret\":[***] x"},
        /* people */
        {"/home/bob/x.py", "/home/***/x.py"},
        {"open /Users/alexandria/lib: no", "open /Users/<REDACTED>/lib: no"},
        {"C:\\Users\\bob\\x", "C:\\Users\\***\\x"},
        {"\"C:\\\\Users\\\\bob\\\\x\"", "\"C:\\\\Users\\\\***\\\\x\""},
        {"/home/", "/home/"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        char *once = redacted(rows[i].text);
        CHECK_STR(once, rows[i].want);
        char *twice = redacted(once);
        CHECK_STR(twice, once);
        dbk_free(once);
        dbk_free(twice);
    }
}

/* Every piece behind every piece: nothing leaks by combination and a second pass changes nothing. */
DBK_TEST(redact_line_pairs) {
    static const char *const pieces[] = {
        "Bearer ",     "Basic",     "token=", "\"secret\":", "password: ",
        "://",         "http://u:", "@",      "?",           "?a=",
        "#",           "'",         "\"",     "\\\"",        "{",
        "}}",          "]",         "[",      "dapi",        "12345678",
        "eyJ",         "abcde.f",   " ",      "\n",          "/home/",
        "C:\\Users\\", "Cookie:",   ":80/",   "\\",          "-----BEGIN PRIVATE KEY",
        "<REDACTED>",  "***",       "&code",  "=",           "x",
    };
    for (size_t a = 0; a < COUNT_OF(pieces); a++) {
        for (size_t b = 0; b < COUNT_OF(pieces); b++) {
            for (size_t c = 0; c < COUNT_OF(pieces); c++) {
                char text[256];
                char once[256];
                (void)snprintf(text, sizeof text, "%s%s%s%s@c d", pieces[a], pieces[b], pieces[c],
                               pieces[a]);
                memcpy(once, text, sizeof once);
                dbk_redact_line(once);
                CHECK_CASE(text);
                CHECK(strlen(once) <= strlen(text));
                char twice[256];
                memcpy(twice, once, sizeof twice);
                dbk_redact_line(twice);
                CHECK_STR(twice, once);
            }
        }
    }
}

/* Lines that make a careless scanner quadratic: it would run into the test's time limit, a linear one
 * needs milliseconds. */
DBK_TEST(redact_line_is_linear) {
    static const char *const pieces[] = {
        "://a:b/", "://",  "=",       " ",      "token=\"", "dapi1234567",
        "eyJ",     "?a?",  "Bearer ", "{",      "@",        "-----BEGIN ",
        "token _", "\\\"", "/home",   "secret", "://h:1/"};
    enum { SIZE = 300000 };
    char *text = dbk_alloc(SIZE + 1);
    CHECK(text != NULL);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t n = strlen(pieces[i]);
        for (size_t at = 0; at < SIZE; at++) {
            text[at] = pieces[i][at % n];
        }
        text[SIZE] = '\0';
        CHECK_CASE(pieces[i]);
        dbk_redact_line(text);
        CHECK(strlen(text) <= SIZE);
    }
    dbk_free(text);
}

DBK_TEST(redact_url_table) {
    static const struct {
        const char *url, *want;
    } rows[] = {
        {"https://host/path", "https://host/path"},
        {"https://host", "https://host"},
        {"HTTPS://Host:443/a/b?x=1#f", "HTTPS://Host:443/a/b"},
        {"https://host?x=1", "https://host"},
        {"https://host#f?x", "https://host"},
        {"http://user:pass@host:80/p", "http://host:80/p"},
        {"http://user@host", "http://host"},
        {"http://a@b@host/p", "http://host/p"},
        {"http://user:p/ss@host/x", "http://host/x"},
        {"http://user:p?s#s@host/x?q", "http://host/x"},
        {"http://user:12/34@host", "http://host"},
        {"http://host:80/p?mail=a@b", "http://host:80/p"},
        {"http://u:p@host/Users/a@b.c/x", "http://host/Users/a@b.c/x"},
        {"https://host/Users/a@b.c", "https://host/Users/a@b.c"},
        {"http://u:p@[::1]:8080/x?y", "http://[::1]:8080/x"},
        {"socks5h://u:p@h", "socks5h://h"},
        {"", "<url>"},
        {"host/path?x", "<url>"},
        {"://host", "<url>"},
        {"https://", "<url>"},
        {"https:///path", "<url>"},
        {"https://?token=abc", "<url>"},
        {"https://user:pass@", "<url>"},
        {"https://host/a b?secret", "<url>"},
        {"https://host/a\nb", "<url>"},
        {"user:pass@host", "<url>"},
    };
    char out[128];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].url);
        dbk_redact_url(dbk_slice_of(rows[i].url), out, sizeof out);
        CHECK_STR(out, rows[i].want);
    }
    dbk_redact_url((dbk_slice){0}, out, sizeof out);
    CHECK_STR(out, "<url>");
    dbk_redact_url(dbk_slice_n("https://h\0@x", 12), out, sizeof out);
    CHECK_STR(out, "<url>");
}

DBK_TEST(redact_url_is_cut_to_any_size) {
    static const char url[] = "https://u:p@h\xC3\xA9/p?q";
    static const char want[] = "https://h\xC3\xA9/p";
    for (size_t size = 0; size < sizeof want + 2; size++) {
        char *out = dbk_alloc(size); /* exact: an overrun is seen */
        CHECK(out != NULL);
        dbk_redact_url(DBK_SLICE(url), out, size);
        if (size > 0) {
            CHECK(strlen(out) < size);
            CHECK(dbk_utf8_valid(dbk_slice_of(out)));
            CHECK_MEM(out, want, strlen(out));
            CHECK(strlen(out) + 2 >= dbk_min_size(size, sizeof want));
        }
        dbk_free(out);
    }
}
