#include "auth/auth.h"

#include "unit.h"

static dbk_auth *new_pat(const char *token) {
    dbk_auth *auth = NULL;
    dbk_error err = {0};
    CHECK_OK(dbk_auth_new_pat(dbk_slice_of(token), &auth, &err), &err);
    return auth;
}

DBK_TEST(pat_header) {
    dbk_auth *auth = new_pat("dapi0123");
    dbk_error err = {0};
    dbk_buf line = {0};
    CHECK_OK(dbk_auth_put_header(auth, &line, &err), &err);
    CHECK_SLICE(line, "authorization: Bearer dapi0123");
    dbk_buf_wipe(&line);
    dbk_auth_unref(auth);
}

DBK_TEST(pat_header_appends_and_repeats) {
    dbk_auth *auth = new_pat("t");
    dbk_error err = {0};
    dbk_buf line = {0};
    CHECK_OK(dbk_buf_puts(&line, "before|", &err), &err);
    CHECK_OK(dbk_auth_put_header(auth, &line, &err), &err);
    CHECK_OK(dbk_auth_put_header(auth, &line, &err), &err);
    CHECK_SLICE(line, "before|authorization: Bearer tauthorization: Bearer t");
    dbk_buf_wipe(&line);
    dbk_auth_unref(auth);
}

/* The closing NUL must not move the token to a new block: the old one would keep it. */
DBK_TEST(pat_header_has_room_for_its_end) {
    char token[512];
    dbk_error err = {0};
    for (size_t len = 1; len < sizeof token; len++) {
        memset(token, 'x', len);
        token[len] = '\0';
        dbk_auth *auth = new_pat(token);
        dbk_buf line = {0};
        CHECK_OK(dbk_auth_put_header(auth, &line, &err), &err);
        const char *before = line.ptr;
        const char *text = NULL;
        CHECK_OK(dbk_buf_cstr(&line, &text, &err), &err);
        CHECK(text == before);
        dbk_buf_wipe(&line);
        dbk_auth_unref(auth);
    }
}

DBK_TEST(pat_never_waits) {
    dbk_auth *auth = new_pat("dapi0123");
    CHECK(dbk_auth_refresh(auth, NULL) == NULL);
    dbk_auth_unref(auth);
}

DBK_TEST(pat_refused_tokens) {
    static const struct {
        const char *name;
        dbk_slice token;
        const char *text;
    } rows[] = {
        {"empty", {"", 0}, "PAT auth requires a non-empty access token"},
        {"no pointer", {NULL, 0}, "PAT auth requires a non-empty access token"},
        {"line feed at the end", {"dapi\n", 5}, "holds a control character"},
        {"header injection", {"a\r\nx: y", 7}, "holds a control character"},
        {"NUL inside", {"a\0b", 3}, "holds a control character"},
        {"delete", {"a\x7f", 2}, "holds a control character"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_auth *auth = NULL;
        dbk_error err = {0};
        CHECK_CASE(rows[i].name);
        CHECK_FAILS(dbk_auth_new_pat(rows[i].token, &auth, &err), &err, DBK_INVALID_ARGUMENT,
                    rows[i].text);
        CHECK(auth == NULL);
        CHECK(strstr(dbk_error_message(&err), "dapi") == NULL);
        dbk_error_reset(&err);
    }
}

DBK_TEST(pat_references) {
    dbk_auth *auth = new_pat("t");
    dbk_auth *again = dbk_auth_ref(auth);
    CHECK(again == auth);
    dbk_auth_unref(again);
    dbk_error err = {0};
    dbk_buf line = {0};
    CHECK_OK(dbk_auth_put_header(auth, &line, &err), &err); /* still alive */
    dbk_buf_wipe(&line);
    dbk_auth_unref(auth);
    dbk_auth_unref(NULL);
}

DBK_OOM_TEST(pat_out_of_memory) {
    dbk_auth *auth = NULL;
    dbk_buf line = {0};
    dbk_status st = dbk_auth_new_pat(DBK_SLICE("dapi0123"), &auth, err);
    if (st == DBK_OK) {
        st = dbk_auth_put_header(auth, &line, err);
    }
    dbk_buf_wipe(&line);
    dbk_auth_unref(auth);
    return st;
}
