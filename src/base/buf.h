/* base/buf.h: owned, growable bytes. */
#ifndef DBK_BASE_BUF_H
#define DBK_BASE_BUF_H

#include "base/error.h"
#include "base/text.h"

/* {0} is the empty buffer. ptr[len] is not part of the content; dbk_buf_cstr terminates it. What is
 * appended must not point into the buffer itself. Growing leaves the old bytes in freed memory:
 * reserve all room for a secret before it is put in. */
typedef struct dbk_buf {
    char *ptr;
    size_t len;
    size_t cap;
} dbk_buf;

DBK_MUST_USE dbk_status dbk_buf_reserve(dbk_buf *b, size_t more,
                                        dbk_error *err); /* room for more */
DBK_MUST_USE dbk_status dbk_buf_append(dbk_buf *b, const void *p, size_t n, dbk_error *err);
DBK_MUST_USE dbk_status dbk_buf_puts(dbk_buf *b, const char *s, dbk_error *err);
DBK_MUST_USE dbk_status dbk_buf_put_slice(dbk_buf *b, dbk_slice s, dbk_error *err);
DBK_MUST_USE dbk_status dbk_buf_putc(dbk_buf *b, char c, dbk_error *err);
DBK_MUST_USE dbk_status dbk_buf_putf(dbk_buf *b, dbk_error *err, const char *fmt, ...)
    DBK_PRINTF(3, 4);
DBK_MUST_USE dbk_status dbk_buf_cstr(dbk_buf *b, const char **out, dbk_error *err); /* borrows b */

static inline dbk_slice dbk_buf_slice(const dbk_buf *b) {
    return (dbk_slice){b->ptr, b->len};
}
dbk_buf dbk_buf_take(dbk_buf *b); /* moves the content out, b is empty after */
void dbk_buf_reset(dbk_buf *b);   /* frees */
void dbk_buf_wipe(dbk_buf *b);    /* overwrites, then frees: for content that held a secret */
static inline void dbk_buf_clear(dbk_buf *b) {
    b->len = 0;
} /* keeps the memory */

#endif
