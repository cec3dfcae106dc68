#include "unit.h"

#include <stdio.h>
#include <string.h>

static void fill(char *text, size_t n, char c) {
    memset(text, c, n);
    text[n] = '\0';
}

DBK_TEST(status_names) {
    CHECK_STR(dbk_status_name(DBK_OK), "Success");
    CHECK_STR(dbk_status_name(DBK_TIMEOUT), "Timeout");
    CHECK_STR(dbk_status_name(DBK_INVALID_HANDLE), "InvalidStatementHandle");
    CHECK_STR(dbk_status_name(DBK_SQL), "SqlError");
    CHECK_STR(dbk_status_name((dbk_status)99), "Unknown");
    CHECK_EQ_I64(DBK_SQL, 13); /* KernelStatusCode */
}

DBK_TEST(error_empty) {
    dbk_error err = {0};
    CHECK_STR(dbk_error_message(&err), "");
    dbk_error_reset(&err);
}

DBK_TEST(error_message_lengths) {
    static const size_t rows[] = {0,
                                  1,
                                  DBK_ERROR_INLINE - 1,
                                  DBK_ERROR_INLINE,
                                  DBK_ERROR_INLINE + 1,
                                  DBK_ERROR_MAX - 1,
                                  DBK_ERROR_MAX,
                                  DBK_ERROR_MAX + 1,
                                  3 * DBK_ERROR_MAX};
    static char text[3 * DBK_ERROR_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        fill(text, rows[i], 'x');
        CHECK_EQ_I64(dbk_error_set(&err, DBK_NETWORK, "%s", text), DBK_NETWORK);
        CHECK_EQ_SIZE(strlen(dbk_error_message(&err)), dbk_min_size(rows[i], DBK_ERROR_MAX - 1));
        CHECK(err.long_text == NULL || rows[i] >= DBK_ERROR_INLINE);
        dbk_error_reset(&err);
        CHECK_EQ_I64(err.code, DBK_OK);
    }
}

DBK_TEST(error_set_replaces_everything) {
    dbk_error err = {0};
    (void)dbk_error_set(&err, DBK_SQL, "first");
    dbk_error_set_query_id(&err, "q-1");
    dbk_error_set_sqlstate(&err, "42P01");
    err.http_status = 400;
    err.may_have_executed = true;
    err.details_json = dbk_strdup_or_null("{}");
    (void)dbk_error_set(&err, DBK_TIMEOUT, "second %d", 2);
    CHECK_STR(dbk_error_message(&err), "second 2");
    CHECK_STR(err.query_id, "");
    CHECK_STR(err.sqlstate, "");
    CHECK_EQ_U64(err.http_status, 0);
    CHECK(!err.may_have_executed && err.details_json == NULL);
    dbk_error_reset(&err);
}

DBK_TEST(error_arguments_may_point_into_the_error) {
    static char text[2 * DBK_ERROR_INLINE + 1];
    static const size_t rows[] = {5, DBK_ERROR_INLINE - 4, 2 * DBK_ERROR_INLINE};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        char want[3 * DBK_ERROR_INLINE];
        fill(text, rows[i], 'm');
        (void)dbk_error_set(&err, DBK_SQL, "%s", text);
        (void)dbk_error_set(&err, DBK_SQL, "again: %s", dbk_error_message(&err));
        (void)snprintf(want, sizeof want, "again: %s", text);
        CHECK_STR(dbk_error_message(&err), want);
        (void)dbk_error_wrap(&err, "%.5s", dbk_error_message(&err));
        (void)snprintf(want, sizeof want, "again: again: %s", text);
        CHECK_STR(dbk_error_message(&err), want);
        dbk_error_reset(&err);
    }
}

DBK_TEST(error_wrap_keeps_fields) {
    dbk_error err = {0};
    (void)dbk_error_set(&err, DBK_DATA_LOSS, "frame holds 3 bytes");
    dbk_error_set_query_id(&err, "q-1");
    err.attempts = 4;
    CHECK_EQ_I64(dbk_error_wrap(&err, "chunk %d of %d", 7, 12), DBK_DATA_LOSS);
    CHECK_EQ_I64(dbk_error_wrap(&err, "reading"), DBK_DATA_LOSS);
    CHECK_STR(dbk_error_message(&err), "reading: chunk 7 of 12: frame holds 3 bytes");
    CHECK_STR(err.query_id, "q-1");
    CHECK_EQ_U64(err.attempts, 4);
    dbk_error_reset(&err);
}

DBK_TEST(error_wrap_lengths) {
    /* Around the inline size: clause "c: " is 3 bytes. */
    for (size_t n = DBK_ERROR_INLINE - 8; n < DBK_ERROR_INLINE + 4; n++) {
        dbk_error err = {0};
        char text[DBK_ERROR_INLINE + 8];
        char want[DBK_ERROR_INLINE + 16];
        fill(text, n, 'x');
        (void)dbk_error_set(&err, DBK_SQL, "%s", text);
        (void)dbk_error_wrap(&err, "c");
        (void)snprintf(want, sizeof want, "c: %s", text);
        CHECK_STR(dbk_error_message(&err), want);
        dbk_error_reset(&err);
    }
    dbk_error err = {0};
    (void)dbk_error_set(&err, DBK_SQL, "end");
    for (int i = 0; i < 2000; i++) {
        (void)dbk_error_wrap(&err, "a clause");
    }
    CHECK_EQ_SIZE(strlen(dbk_error_message(&err)), DBK_ERROR_MAX - 1);
    dbk_error_reset(&err);
}

DBK_TEST(error_without_memory_is_cut_at_a_character) {
    static char text[2 * DBK_ERROR_INLINE + 1];
    for (size_t shift = 0; shift < 4; shift++) {
        dbk_error err = {0};
        fill(text, shift, 'a');
        while (strlen(text) + 3 < sizeof text) {
            strcat(text, "\xE2\x82\xAC"); /* euro sign */
        }
        dbk_alloc_fail_after(1);
        (void)dbk_error_set(&err, DBK_SQL, "%s", text);
        (void)dbk_error_wrap(&err, "lost");
        dbk_alloc_fail_after(0);
        const char *got = dbk_error_message(&err);
        CHECK_EQ_I64(err.code, DBK_SQL);
        CHECK(strlen(got) > DBK_ERROR_INLINE - 5 && strlen(got) < DBK_ERROR_INLINE);
        CHECK(dbk_utf8_valid(dbk_slice_of(got)));
        CHECK_MEM(got, text, strlen(got));
        dbk_error_reset(&err);
    }
}

DBK_TEST(error_small_fields) {
    dbk_error err = {0};
    char id[2 * DBK_ERROR_ID_SIZE];
    fill(id, sizeof id - 1, 'i');
    dbk_error_set_query_id(&err, id);
    CHECK_EQ_SIZE(strlen(err.query_id), DBK_ERROR_ID_SIZE - 1);
    dbk_error_set_query_id(&err, NULL);
    CHECK_STR(err.query_id, "");

    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        {"five", "42000", "42000"}, {"four", "4200", ""}, {"six", "420000", ""},
        {"empty", "", ""},          {"null", NULL, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        dbk_error_set_sqlstate(&err, "99999");
        dbk_error_set_sqlstate(&err, rows[i].text);
        CHECK_STR(err.sqlstate, rows[i].want);
    }
}

DBK_TEST(error_oom_and_ensure) {
    dbk_error err = {0};
    CHECK_FAILS(dbk_error_oom(&err, "copying"), &err, DBK_RESOURCE_EXHAUSTED,
                "out of memory: copying");
    dbk_error_reset(&err);
    CHECK_OK(DBK_ENSURE(1 + 1 == 2, &err), &err);
    CHECK_FAILS(DBK_ENSURE(1 + 1 == 3, &err), &err, DBK_INTERNAL, "expected 1 + 1 == 3");
    CHECK_CONTAINS(dbk_error_message(&err), "error_test.c:");
    dbk_error_reset(&err);
}

DBK_TEST(error_copy_and_move) {
    dbk_error a = {0};
    dbk_error b = {0};
    char text[2 * DBK_ERROR_INLINE];
    fill(text, sizeof text - 1, 't');
    (void)dbk_error_set(&a, DBK_SQL, "%s", text);
    a.display_message = dbk_strdup_or_null("display");
    a.diagnostic_info = dbk_strdup_or_null("diagnostic");
    a.details_json = dbk_strdup_or_null("{}");
    dbk_error_copy(&b, &a);
    dbk_error_copy(&b, &b);
    CHECK_STR(dbk_error_message(&b), text);
    CHECK(b.long_text != a.long_text && b.display_message != a.display_message);
    CHECK_STR(b.display_message, "display");
    CHECK_STR(b.diagnostic_info, "diagnostic");
    CHECK_STR(b.details_json, "{}");
    dbk_error_move(&b, &a); /* b's old content is freed */
    dbk_error_move(&b, &b);
    CHECK_EQ_I64(a.code, DBK_OK);
    CHECK_STR(dbk_error_message(&a), "");
    CHECK_STR(dbk_error_message(&b), text);

    dbk_alloc_fail_after(1);
    dbk_error_copy(&a, &b);
    dbk_alloc_fail_after(0);
    CHECK_EQ_I64(a.code, DBK_SQL);
    CHECK_EQ_SIZE(strlen(dbk_error_message(&a)), DBK_ERROR_INLINE - 1);
    CHECK(a.display_message == NULL);
    dbk_error_reset(&a);
    dbk_error_reset(&b);
}

DBK_TEST(error_bare_length) {
    static const struct {
        const char *message, *code;
        size_t want;
    } rows[] = {
        {"no table; error_code=BAD", "BAD", 8},
        {"; error_code=BAD", "BAD", 0},
        {"no table; error_code=BAD", "", 24},
        {"no table; error_code=BAD", "OTHER", 24},
        {"no table: BAD", "BAD", 13},
        {"", "BAD", 0},
        {"a; error_code=X; error_code=X", "X", 15},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dbk_error err = {0};
        (void)dbk_error_set(&err, DBK_SQL, "%s", rows[i].message);
        (void)snprintf(err.server_code, sizeof err.server_code, "%s", rows[i].code);
        CHECK_EQ_SIZE(dbk_error_bare_length(&err), rows[i].want);
        dbk_error_reset(&err);
    }
}
