#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

const char *dbk_status_name(dbk_status st) {
    switch (st) {
#define DBK_STATUS_CASE(name, value, text) \
    case DBK_##name:                       \
        return text;
        DBK_STATUS_MAP(DBK_STATUS_CASE)
#undef DBK_STATUS_CASE
    }
    return "Unknown";
}

void dbk_assert_failed(const char *cond, const char *file, int line) {
    (void)fprintf(stderr, "dbkernel: %s:%d: assertion failed: %s\n", file, line, cond);
    abort();
}

/* Formats into inline text, or into the heap when longer; cut to DBK_ERROR_MAX. */
DBK_PRINTF(2, 0)
static void format_message(dbk_error *err, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(err->text, sizeof err->text, fmt, args);
    if (need < 0) {
        (void)snprintf(err->text, sizeof err->text, "%s", dbk_status_name(err->code));
    } else if ((size_t)need >= sizeof err->text) {
        size_t size = (size_t)need + 1 < DBK_ERROR_MAX ? (size_t)need + 1 : DBK_ERROR_MAX;
        err->long_text = dbk_alloc(size);
        if (err->long_text != NULL) {
            (void)vsnprintf(err->long_text, size, fmt, again);
            dbk_utf8_trim(err->long_text);
        }
        dbk_utf8_trim(err->text);
    }
    va_end(again);
}

dbk_status dbk_error_set(dbk_error *err, dbk_status code, const char *fmt, ...) {
    dbk_error fresh = {0}; /* an argument may point into the old message */
    fresh.code = code;
    va_list args;
    va_start(args, fmt);
    format_message(&fresh, fmt, args);
    va_end(args);
    dbk_error_move(err, &fresh);
    return code;
}

dbk_status dbk_error_wrap(dbk_error *err, const char *fmt, ...) {
    char clause[DBK_ERROR_INLINE];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(clause, sizeof clause, fmt, args);
    va_end(args);
    dbk_utf8_trim(clause);

    const char *old = dbk_error_message(err);
    size_t size = strlen(clause) + 2 + strlen(old) + 1;
    size = size < DBK_ERROR_MAX ? size : DBK_ERROR_MAX;
    if (size <= sizeof err->text && err->long_text == NULL) {
        memmove(err->text + strlen(clause) + 2, err->text, strlen(err->text) + 1);
        memcpy(err->text, clause, strlen(clause));
        memcpy(err->text + strlen(clause), ": ", 2);
        return err->code;
    }
    char *joined = dbk_alloc(size);
    if (joined == NULL) {
        return err->code; /* the inner message matters more than the clause */
    }
    (void)snprintf(joined, size, "%s: %s", clause, old);
    dbk_utf8_trim(joined);
    dbk_free(err->long_text);
    err->long_text = joined;
    return err->code;
}

dbk_status dbk_error_oom(dbk_error *err, const char *what) {
    return dbk_error_set(err, DBK_RESOURCE_EXHAUSTED, "out of memory: %s", what);
}

const char *dbk_error_message(const dbk_error *err) {
    return err->long_text != NULL ? err->long_text : err->text;
}

size_t dbk_error_bare_length(const dbk_error *err) {
    static const char mark[] = "; error_code=";
    const char *message = dbk_error_message(err);
    size_t len = strlen(message);
    size_t code = strlen(err->server_code);
    size_t tail = code + sizeof mark - 1;
    bool marked = code > 0 && len >= tail &&
                  strncmp(message + len - tail, mark, sizeof mark - 1) == 0 &&
                  strcmp(message + len - code, err->server_code) == 0;
    return marked ? len - tail : len;
}

void dbk_error_set_query_id(dbk_error *err, const char *query_id) {
    (void)snprintf(err->query_id, sizeof err->query_id, "%s", query_id != NULL ? query_id : "");
}

void dbk_error_set_sqlstate(dbk_error *err, const char *sqlstate) {
    bool fits = sqlstate != NULL && strlen(sqlstate) == 5;
    (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", fits ? sqlstate : "");
}

void dbk_error_move(dbk_error *dst, dbk_error *src) {
    if (dst == src) {
        return;
    }
    dbk_error_reset(dst);
    *dst = *src;
    memset(src, 0, sizeof *src);
}

void dbk_error_copy(dbk_error *dst, const dbk_error *src) {
    if (dst == src) {
        return;
    }
    dbk_error_reset(dst);
    *dst = *src;
    dst->long_text = dbk_strdup_or_null(src->long_text);
    dst->display_message = dbk_strdup_or_null(src->display_message);
    dst->diagnostic_info = dbk_strdup_or_null(src->diagnostic_info);
    dst->details_json = dbk_strdup_or_null(src->details_json);
}

void dbk_error_reset(dbk_error *err) {
    dbk_free(err->long_text);
    dbk_free(err->display_message);
    dbk_free(err->diagnostic_info);
    dbk_free(err->details_json);
    memset(err, 0, sizeof *err);
}
