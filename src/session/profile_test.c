#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "session/session.h"
#include "unit.h"

#define FILE_TEXT                                               \
    "; a comment\n"                                             \
    "[DEFAULT]\r\n"                                             \
    "host = https://one.example/\r\n"                           \
    "token = dapi-one\r\n"                                      \
    "warehouse_id=w1\n"                                         \
    "[ m2m ]\n"                                                 \
    "HOST=two.example\n"                                        \
    "client_id = cid\n"                                         \
    "client_secret = s=cr#t ; kept\n"                           \
    "http_path = /sql/1.0/warehouses/w2\n"                      \
    "[azure]\nhost=h\nwarehouse_id=w\nazure_client_id=a\n"      \
    "azure_client_secret=b\nazure_tenant_id=t\n"                \
    "[cli]\nhost=h\nwarehouse_id=w\nauth_type=databricks-cli\n" \
    "[both]\nhost=h\nwarehouse_id=w\ntoken=t\nclient_id=c\n"    \
    "client_secret=s\nauth_type=oauth-m2m\n"                    \
    "[nobody]\nhost=h\nwarehouse_id=w\n"                        \
    "[other]\nhost=h\nwarehouse_id=w\nauth_type=azure-cli\n"    \
    "[nowhere]\ntoken=t\nwarehouse_id=w\n"                      \
    "[nothing]\nhost=h\ntoken=t\n"

static const struct {
    const char *name, *http_path;
    dbk_auth_mode mode; /* NONE: refused */
    const char *host, *path, *warehouse, *client, *secret, *text;
} rows[] = {
    {NULL, NULL, DBK_AUTH_PAT, "https://one.example/", NULL, "w1", NULL, "dapi-one", NULL},
    {"DEFAULT", "/p", DBK_AUTH_PAT, "https://one.example/", "/p", NULL, NULL, "dapi-one", NULL},
    {"m2m", NULL, DBK_AUTH_M2M, "two.example", "/sql/1.0/warehouses/w2", NULL, "cid",
     "s=cr#t ; kept", NULL},
    {"azure", NULL, DBK_AUTH_AZURE_SP, "h", NULL, "w", "a", "b", NULL},
    {"cli", NULL, DBK_AUTH_U2M, "h", NULL, "w", NULL, NULL, NULL},
    {"both", NULL, DBK_AUTH_M2M, "h", NULL, "w", "c", "s", NULL},
    {"nobody", NULL, DBK_AUTH_NONE, NULL, NULL, NULL, NULL, NULL,
     "profile 'nobody' holds no credentials"},
    {"other", NULL, DBK_AUTH_NONE, NULL, NULL, NULL, NULL, NULL,
     "has auth_type 'azure-cli'; known are"},
    {"nowhere", NULL, DBK_AUTH_NONE, NULL, NULL, NULL, NULL, NULL, "profile 'nowhere' has no host"},
    {"nothing", NULL, DBK_AUTH_NONE, NULL, NULL, NULL, NULL, NULL,
     "profile 'nothing' names no warehouse"},
    {"m3m", NULL, DBK_AUTH_NONE, NULL, NULL, NULL, NULL, NULL,
     "there is no profile 'm3m' in /tmp/"},
};

static void check_row(size_t i, const char *path) {
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    CHECK_CASE(rows[i].name);
    dbk_status st = dbk_config_set_profile(&c, path, rows[i].name, rows[i].http_path, &err);
    if (rows[i].mode == DBK_AUTH_NONE) {
        CHECK_FAILS(st, &err, DBK_INVALID_ARGUMENT, rows[i].text);
    } else {
        CHECK_OK(st, &err);
        CHECK_EQ_I64(c.auth_mode, rows[i].mode);
        CHECK_STR(c.host.ptr, rows[i].host);
        CHECK_STR(c.http_path.ptr, rows[i].path);
        CHECK_STR(c.warehouse_id.ptr, rows[i].warehouse);
        CHECK_STR(c.client_id.ptr, rows[i].client);
        CHECK_STR(rows[i].mode == DBK_AUTH_PAT ? c.token.ptr : c.client_secret.ptr, rows[i].secret);
    }
    dbk_error_reset(&err);
    dbk_config_reset(&c);
}

DBK_TEST(profiles) {
    char path[] = "/tmp/dbk_profile_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, FILE_TEXT, sizeof FILE_TEXT - 1) == (ssize_t)sizeof FILE_TEXT - 1);
    (void)close(fd);
    (void)unsetenv("DATABRICKS_CONFIG_PROFILE");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(i, path);
    }
    (void)unlink(path);
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    CHECK_FAILS(dbk_config_set_profile(&c, path, NULL, NULL, &err), &err, DBK_INVALID_ARGUMENT,
                "cannot be read: No such file");
    dbk_error_reset(&err);
    dbk_config_reset(&c);
}
