/* base/error.h: what went wrong, carried up unchanged from where it was known. */
#ifndef DBK_BASE_ERROR_H
#define DBK_BASE_ERROR_H

#include "base/macros.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DBK_ERROR_INLINE  256
#define DBK_ERROR_MAX     (16 * 1024) /* a server's message is cut here */
#define DBK_ERROR_ID_SIZE 96          /* ids longer than this are cut */

/* Plain data; {0} is the empty error. Owns its heap parts; one thread at a time. */
typedef struct dbk_error {
    dbk_status code;
    char sqlstate[6]; /* "" when the server named none */
    int32_t vendor_code;
    uint16_t http_status; /* 0: no HTTP answer is part of this error */
    uint32_t attempts;    /* HTTP requests made, 0 when none */
    bool retryable;       /* the same call may succeed later and repeating it is safe */
    bool may_have_executed;
    char query_id[DBK_ERROR_ID_SIZE];
    char request_id[DBK_ERROR_ID_SIZE];
    char server_code[DBK_ERROR_ID_SIZE]; /* the server's error_code word */
    char *display_message;               /* these three: server diagnostics, heap or NULL */
    char *diagnostic_info;
    char *details_json;
    char text[DBK_ERROR_INLINE];
    char *long_text; /* the message when it does not fit into text */
} dbk_error;

/* Replaces the whole error. Never fails: without memory the message is cut at a UTF-8 boundary.
 * Returns code, so that `return dbk_error_set(...)` reads well. */
dbk_status dbk_error_set(dbk_error *err, dbk_status code, const char *fmt, ...) DBK_PRINTF(3, 4);

/* Puts "<clause>: " before the message, all other fields stay. Returns the error's code. */
dbk_status dbk_error_wrap(dbk_error *err, const char *fmt, ...) DBK_PRINTF(2, 3);

/* Out of memory while doing `what`. */
dbk_status dbk_error_oom(dbk_error *err, const char *what);

const char *dbk_error_message(const dbk_error *err); /* never NULL; lives as long as err */

/* Bytes of the message before "; error_code=<server_code>", which messages of the server end in. */
size_t dbk_error_bare_length(const dbk_error *err);

void dbk_error_set_query_id(dbk_error *err, const char *query_id); /* NULL clears */
void dbk_error_set_sqlstate(dbk_error *err, const char *sqlstate); /* keeps it only if 5 letters */

void dbk_error_move(dbk_error *dst, dbk_error *src);       /* dst's old content is freed */
void dbk_error_copy(dbk_error *dst, const dbk_error *src); /* long parts are cut without memory */
void dbk_error_reset(dbk_error *err);

#endif
