#include "sea/client.h"

#include <stdio.h>

#include "unit.h"

typedef struct parts { /* what a client needs besides its settings */
    dbk_http_config *http;
    dbk_auth *auth;
} parts;

static parts parts_new(void) {
    parts p = {0};
    dbk_error err = {0};
    CHECK_OK(dbk_http_config_new(&(dbk_http_settings){0}, &p.http, &err), &err);
    CHECK_OK(dbk_auth_new_pat(&(dbk_auth_settings){0}, DBK_SLICE("t"), 0, &p.auth, &err), &err);
    return p;
}

static void parts_reset(parts *p) {
    dbk_http_config_unref(p->http);
    dbk_auth_unref(p->auth);
}

static dbk_sea_settings settings_of(const parts *p) {
    return (dbk_sea_settings){.origin = DBK_SLICE("https://h"),
                              .warehouse_id = DBK_SLICE("w"),
                              .http = p->http,
                              .auth = p->auth,
                              .retry = dbk_retry_default};
}

static dbk_sea *client_of(const dbk_sea_settings *settings) {
    dbk_sea *sea = NULL;
    dbk_error err = {0};
    CHECK_OK(dbk_sea_new(settings, &sea, &err), &err);
    return sea;
}

DBK_TEST(client_getters) {
    parts p = parts_new();
    dbk_sea_settings s = settings_of(&p);
    dbk_sea *sea = client_of(&s);
    CHECK(dbk_sea_http(sea) == p.http);
    CHECK_STR(dbk_sea_origin(sea), "https://h");
    CHECK_STR(dbk_sea_warehouse_id(sea), "w");
    CHECK(dbk_sea_ref(sea) == sea);
    dbk_sea_unref(sea);
    dbk_sea_unref(sea);
    dbk_sea_unref(NULL);
    parts_reset(&p);
}

/* ---- header lines ---- */

typedef struct seen_log {
    size_t count;
    char last[400];
} seen_log;

static void on_log(const char *level, const char *target, const char *message, void *user) {
    (void)target;
    seen_log *seen = user;
    if (strcmp(level, "warn") == 0) {
        seen->count++;
        (void)snprintf(seen->last, sizeof seen->last, "%s", message);
    }
}

DBK_TEST(client_header_lines) {
    static const dbk_sea_header headers[] = {
        {{"X-B", 3}, {"2", 1}},
        {{"Authorization", 13}, {"Bearer stolen", 13}},
        {{"User-Agent", 10}, {"Mine/1", 6}},
        {{"X-Databricks-Org-Id", 19}, {"99", 2}},
        {{"X-B", 3}, {"1", 1}},
        {{"content-LENGTH", 14}, {"5", 1}},
        {{"Transfer-Encoding", 17}, {"chunked", 7}},
        {{"HOST", 4}, {"evil", 4}},
        {{"Connection", 10}, {"close", 5}},
        {{"upgrade", 7}, {"h2c", 3}},
        {{"TE", 2}, {"trailers", 8}},
        {{"trailer", 7}, {"x", 1}},
        {{"Expect", 6}, {"100-continue", 12}},
        {{"Proxy-Authorization", 19}, {"Basic stolen", 12}},
        {{"proxy-", 6}, {"x", 1}},
        {{"Content-Type", 12}, {"text/html", 9}},
        {{"Accept-Encoding", 15}, {"br", 2}},
        {{"X-Databricks-Azure-SP-Management-Token", 38}, {"stolen", 6}},
        {{"prox", 4}, {"sent", 4}},
        {{"x-empty", 7}, {"", 0}},
    };
    parts p = parts_new();
    dbk_error err = {0};
    seen_log seen = {0};
    dbk_log_reset_for_tests();
    CHECK_OK(dbk_log_init_callback("warn", on_log, &seen, &err), &err);
    dbk_sea_settings s = settings_of(&p);
    s.headers = headers;
    s.header_count = COUNT_OF(headers);
    s.org_id = DBK_SLICE("64");
    dbk_sea *sea = client_of(&s);
    static const char *const want[] = {"X-B: 2", "X-B: 1", "prox: sent",
                                       "x-empty: ", "x-databricks-org-id: 64"};
    CHECK_EQ_SIZE(sea->line_count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK_STR(sea->lines[i].ptr, want[i]);
    }
    CHECK_EQ_SIZE(seen.count, 1); /* for all of them */
    CHECK_CONTAINS(seen.last, "ignoring caller-supplied custom header");
    CHECK(strstr(seen.last, "stolen") == NULL);
    dbk_sea_unref(sea);

    s.headers = &headers[2]; /* a User-Agent alone is no reason to warn */
    s.header_count = 1;
    sea = client_of(&s);
    CHECK_EQ_SIZE(seen.count, 1);
    dbk_sea_unref(sea);
    dbk_log_reset_for_tests();
    parts_reset(&p);
}

DBK_TEST(client_refused_settings) {
    static const struct {
        const char *name;
        dbk_sea_header header;
        const char *org_id, *text;
    } rows[] = {
        {"no name", {{"", 0}, {"v", 1}}, "", "custom HTTP header 1 of 1 has an invalid name"},
        {"blank in the name", {{"a b", 3}, {"v", 1}}, "", "has an invalid name"},
        {"colon in the name", {{"a:", 2}, {"v", 1}}, "", "has an invalid name"},
        {"line break",
         {{"a", 1}, {"secret\r\nx: y", 12}},
         "",
         "custom HTTP header \"a\" has a control character in its value"},
        {"NUL", {{"a", 1}, {"secret\0", 7}}, "", "has a control character in its value"},
        {"workspace id", {{"a", 1}, {"v", 1}}, "64\r\n", "the workspace id is not a number"},
    };
    parts p = parts_new();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_sea *sea = NULL;
        dbk_error err = {0};
        dbk_sea_settings s = settings_of(&p);
        CHECK_CASE(rows[i].name);
        s.headers = &rows[i].header;
        s.header_count = 1;
        s.org_id = dbk_slice_of(rows[i].org_id);
        CHECK_FAILS(dbk_sea_new(&s, &sea, &err), &err, DBK_INVALID_ARGUMENT, rows[i].text);
        CHECK(strstr(dbk_error_message(&err), "secret") == NULL);
        CHECK(sea == NULL);
        dbk_error_reset(&err);
    }
    parts_reset(&p);
}

/* ---- URLs ---- */

DBK_TEST(client_urls) {
    static const struct {
        dbk_sea_path path;
        const char *want;
    } rows[] = {
        {{"sessions", {NULL, 0}, NULL}, "https://h/api/2.0/sql/sessions"},
        {{"sessions", {"s-1", 3}, "?warehouse_id=w"},
         "https://h/api/2.0/sql/sessions/s-1?warehouse_id=w"},
        {{"statements", {"01ef-\xC3\xA4", 7}, "/cancel"},
         "https://h/api/2.0/sql/statements/01ef-%C3%A4/cancel"},
        {{"statements", {"../x?y#z\n", 9}, NULL},
         "https://h/api/2.0/sql/statements/..%2Fx%3Fy%23z%0A"},
        {{"statements", {"...", 3}, NULL}, "https://h/api/2.0/sql/statements/..."},
    };
    parts p = parts_new();
    dbk_sea_settings s = settings_of(&p);
    dbk_sea *sea = client_of(&s);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_str url = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].want);
        CHECK_OK(dbk_sea_url(sea, &rows[i].path, &url, &err), &err);
        CHECK_STR(url.ptr, rows[i].want);
        dbk_str_reset(&url);
    }
    static const char *const bad_ids[] = {"", ".", ".."};
    for (size_t i = 0; i < COUNT_OF(bad_ids); i++) {
        dbk_str url = {0};
        dbk_error err = {0};
        CHECK_CASE(bad_ids[i]);
        CHECK_FAILS(dbk_sea_url(sea, &(dbk_sea_path){"statements", dbk_slice_of(bad_ids[i]), NULL},
                                &url, &err),
                    &err, DBK_INVALID_ARGUMENT, "' is not an id of statements");
        CHECK(url.ptr == NULL);
        dbk_error_reset(&err);
    }
    dbk_sea_unref(sea);
    parts_reset(&p);
}

DBK_TEST(client_link_urls) {
    static const struct {
        const char *link, *want; /* NULL: DataLoss */
    } rows[] = {
        {"/api/2.0/sql/statements/s/result/chunks/1?row_offset=5",
         "https://h/api/2.0/sql/statements/s/result/chunks/1?row_offset=5"},
        {"/x@y", "https://h/x@y"},
        {"/", NULL},
        {"", NULL},
        {"//evil.example/x", NULL},
        {"/\\evil.example", NULL},
        {"https://evil.example/x", NULL},
        {"x/y", NULL},
        {"@evil.example/", NULL},
        {"/a b", NULL},
        {"/a\r\nx: y", NULL},
        {"/a#b", NULL},
        {"/\xC3\xA4", NULL},
    };
    parts p = parts_new();
    dbk_sea_settings s = settings_of(&p);
    dbk_sea *sea = client_of(&s);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_str url = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].link);
        dbk_status st = dbk_sea_link_url(sea, dbk_slice_of(rows[i].link), &url, &err);
        if (rows[i].want != NULL) {
            CHECK_OK(st, &err);
            CHECK_STR(url.ptr, rows[i].want);
        } else {
            CHECK_FAILS(st, &err, DBK_DATA_LOSS,
                        "next_chunk_internal_link is not a path of the workspace");
            CHECK(url.ptr == NULL);
        }
        dbk_error_reset(&err);
        dbk_str_reset(&url);
    }
    char long_link[9000];
    dbk_str url = {0};
    dbk_error err = {0};
    memset(long_link, 'x', sizeof long_link);
    long_link[0] = '/';
    CHECK_EQ_I64(dbk_sea_link_url(sea, dbk_slice_n(long_link, 8193), &url, &err), DBK_DATA_LOSS);
    dbk_error_reset(&err);
    CHECK_OK(dbk_sea_link_url(sea, dbk_slice_n(long_link, 8192), &url, &err), &err);
    CHECK_EQ_SIZE(url.len, 8192 + strlen("https://h"));
    dbk_str_reset(&url);
    dbk_sea_unref(sea);
    parts_reset(&p);
}

DBK_OOM_TEST(client_out_of_memory) {
    static const dbk_sea_header header = {{"a", 1}, {"b", 1}};
    dbk_status st = DBK_OK;
    dbk_sea *sea = NULL;
    dbk_http_config *http = NULL;
    dbk_auth *auth = NULL;
    dbk_str url = {0};
    dbk_sea_settings s = {0};
    DBK_TRY(dbk_http_config_new(&(dbk_http_settings){0}, &http, err));
    DBK_TRY(dbk_auth_new_pat(&(dbk_auth_settings){0}, DBK_SLICE("t"), 0, &auth, err));
    s = settings_of(&(parts){http, auth});
    s.headers = &header;
    s.header_count = 1;
    s.org_id = DBK_SLICE("1");
    DBK_TRY(dbk_sea_new(&s, &sea, err));
    DBK_TRY(dbk_sea_url(sea, &(dbk_sea_path){"statements", {"i", 1}, NULL}, &url, err));
    DBK_TRY(dbk_sea_link_url(sea, DBK_SLICE("/x"), &url, err));
done:
    dbk_str_reset(&url);
    dbk_sea_unref(sea);
    dbk_auth_unref(auth);
    dbk_http_config_unref(http);
    return st;
}
