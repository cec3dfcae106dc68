#include "unit.h"

DBK_TEST(buf_appends_everything) {
    dbk_error err = {0};
    dbk_buf b = {0};
    const char *text = NULL;
    CHECK_OK(dbk_buf_append(&b, "ab\0c", 4, &err), &err);
    CHECK_OK(dbk_buf_append(&b, NULL, 0, &err), &err);
    CHECK_OK(dbk_buf_puts(&b, "de", &err), &err);
    CHECK_OK(dbk_buf_put_slice(&b, DBK_SLICE("fg"), &err), &err);
    CHECK_OK(dbk_buf_put_slice(&b, (dbk_slice){0}, &err), &err);
    CHECK_OK(dbk_buf_putc(&b, 'h', &err), &err);
    CHECK_OK(dbk_buf_putf(&b, &err, "%d-%s", 42, "x"), &err);
    CHECK_EQ_SIZE(b.len, 13);
    CHECK_OK(dbk_buf_cstr(&b, &text, &err), &err);
    CHECK_MEM(text, "ab\0cdefgh42-x", 14);
    CHECK_EQ_SIZE(b.len, 13); /* the NUL is not content */
    dbk_buf_reset(&b);
    dbk_buf_reset(&b);
    CHECK(b.ptr == NULL && b.len == 0 && b.cap == 0);
}

DBK_TEST(buf_empty_is_a_valid_text) {
    dbk_error err = {0};
    dbk_buf b = {0};
    const char *text = NULL;
    CHECK_OK(dbk_buf_cstr(&b, &text, &err), &err);
    CHECK_STR(text, "");
    CHECK_OK(dbk_buf_putf(&b, &err, "%s", ""), &err);
    CHECK_EQ_SIZE(b.len, 0);
    dbk_buf_reset(&b);
}

DBK_TEST(buf_grows_by_half) {
    dbk_error err = {0};
    dbk_buf b = {0};
    size_t grown = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t before = b.cap;
        CHECK_OK(dbk_buf_putc(&b, (char)i, &err), &err);
        grown += b.cap != before ? 1 : 0;
    }
    CHECK(grown < 60);
    for (size_t i = 0; i < b.len; i++) {
        CHECK(b.ptr[i] == (char)i);
    }
    dbk_buf_clear(&b);
    CHECK(b.len == 0 && b.cap >= 100000);
    dbk_buf_reset(&b);
}

DBK_TEST(buf_take_moves) {
    dbk_error err = {0};
    dbk_buf a = {0};
    CHECK_OK(dbk_buf_puts(&a, "content", &err), &err);
    dbk_buf b = dbk_buf_take(&a);
    CHECK(a.ptr == NULL && a.len == 0 && a.cap == 0);
    CHECK_SLICE(dbk_buf_slice(&b), "content");
    dbk_buf_wipe(&b);
    dbk_buf_wipe(&b);
    CHECK(b.ptr == NULL);
}

DBK_TEST(buf_refuses_more_than_size_max) {
    dbk_error err = {0};
    dbk_buf b = {0};
    CHECK_OK(dbk_buf_puts(&b, "x", &err), &err);
    dbk_buf before = b;
    CHECK_FAILS(dbk_buf_reserve(&b, SIZE_MAX, &err), &err, DBK_RESOURCE_EXHAUSTED,
                "a buffer cannot grow by 18446744073709551615 bytes");
    CHECK_MEM(&b, &before, sizeof b);
    dbk_error_reset(&err);
    dbk_buf_reset(&b);
}

DBK_TEST(buf_without_memory_keeps_content) {
    dbk_error err = {0};
    dbk_buf b = {0};
    CHECK_OK(dbk_buf_puts(&b, "abc", &err), &err);
    dbk_alloc_fail_after(1);
    dbk_status st = dbk_buf_append(&b, "0123456789", 10, &err);
    dbk_status formatted = dbk_buf_putf(&b, &err, "%020d", 1);
    dbk_alloc_fail_after(0);
    CHECK_EQ_I64(st, DBK_RESOURCE_EXHAUSTED);
    CHECK_EQ_I64(formatted, DBK_RESOURCE_EXHAUSTED);
    CHECK_STR(dbk_error_message(&err), "out of memory: a buffer of 24 bytes");
    CHECK_SLICE(dbk_buf_slice(&b), "abc");
    dbk_error_reset(&err);
    dbk_buf_reset(&b);
}

DBK_OOM_TEST(buf_oom) {
    dbk_status st = DBK_OK;
    dbk_buf b = {0};
    const char *text = NULL;
    DBK_TRY(dbk_buf_puts(&b, "one", err));
    DBK_TRY(dbk_buf_putf(&b, err, "%s and a longer text %d", "two", 2));
    DBK_TRY(dbk_buf_append(&b, "0123456789012345678901234567890123456789", 40, err));
    DBK_TRY(dbk_buf_putc(&b, 'c', err));
    DBK_TRY(dbk_buf_cstr(&b, &text, err));
done:
    dbk_buf_reset(&b);
    return st;
}
