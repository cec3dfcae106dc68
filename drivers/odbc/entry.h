/* entry.h: what the exported functions share. Every function with texts has an A entry point (UTF-8) and a W
 * one (the driver manager's wide text); both call one core with the unit of the text. */
#ifndef DBK_ODBC_ENTRY_H
#define DBK_ODBC_ENTRY_H

#include "odbc.h"

/* A text of the application as UTF-8. length: units, SQL_NTS, or for attributes bytes / unit. */
typedef struct arg {
    buf converted; /* of a wide one */
    text text;     /* absent for NULL */
    bool bad;      /* a negative length that is not SQL_NTS */
} arg;

static inline void arg_take(arg *a, const void *p, SQLLEN length, unsigned unit) {
    *a = (arg){0};
    if (p == NULL) {
        return;
    }
    if (length < 0 && length != SQL_NTS) {
        a->bad = true;
        return;
    }
    size_t units = length == SQL_NTS ? wide_length(p, unit) : (size_t)length;
    if (unit == 1) {
        a->text = (text){p, units};
    } else {
        wide_to_utf8(p, units, unit, &a->converted);
        a->text = (text){buf_text(&a->converted), a->converted.len};
    }
    while (a->text.len > 0 && a->text.ptr[a->text.len - 1] == '\0') {
        a->text.len--; /* Qt 6 counts the terminator */
    }
}

static inline SQLRETURN arg_check(handle *h, const arg *a) {
    if (a->bad) {
        return fail(h, "HY090", "A text's length is negative.");
    }
    return a->converted.failed ? fail_memory(h) : SQL_SUCCESS;
}

static inline void arg_end(arg *a) {
    buf_wipe(&a->converted);
}

/* 1 for A; for W the unit of the handle's environment (2 for a bad handle: it is refused anyway). */
static inline unsigned unit_of(SQLHANDLE p, SQLSMALLINT type, bool wide) {
    return !wide ? 1 : handle_check(p, type) ? ((handle *)p)->env->unit : 2;
}

#endif
