/* ground.h: what the driver stands on: growable bytes and texts, the driver manager's wide text, records of
 * errors, numbers and texts into the application's buffers, the words of connection strings and ini files.
 * Threads: no locks here; whoever has the handle's lock calls. */
#ifndef DBK_ODBC_GROUND_H
#define DBK_ODBC_GROUND_H

#define SQL_NOUNICODEMAP
#include <pthread.h>
#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dbkernel_async.h"

#ifndef SQL_API_SQLCANCELHANDLE
#    define SQL_API_SQLCANCELHANDLE 1550
#endif
#ifndef SQL_API_SQLCOMPLETEASYNC
#    define SQL_API_SQLCOMPLETEASYNC 1551 /* missing in the headers of unixODBC */
#endif
#ifndef SQL_API_SQLPRIVATEDRIVERS
#    define SQL_API_SQLPRIVATEDRIVERS 79
#endif
#define ODBC_EXPORT __attribute__((visibility("default")))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- buf.c: growable bytes; running out of memory sticks and is looked at once, at the end -------- */

typedef struct buf {
    char *ptr; /* NUL-terminated when it is not NULL */
    size_t len, cap;
    bool failed; /* an allocation failed: the content is not to be used */
} buf;

void buf_add(buf *b, const void *bytes, size_t len);
void buf_add_text(buf *b, const char *s);
void buf_add_char(buf *b, char c);
void buf_printf(buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *buf_room(buf *b, size_t len); /* at least len bytes behind the content; NULL: no memory */
void buf_clear(buf *b);             /* empty, keeps the memory */
void buf_free(buf *b);
void buf_wipe(buf *b);  /* overwrites first: for secrets */
char *buf_take(buf *b); /* the text, the caller frees it; NULL: no memory; b is empty after it */
const char *buf_text(buf *b); /* "" for an empty one */

typedef struct text { /* borrowed */
    const char *ptr;  /* NULL: absent, which is not "" */
    size_t len;
} text;
text text_of(const char *s); /* of NULL: absent */
text text_trim(text t);
bool text_is(text t, const char *word); /* in any case */
char *text_copy(text t);                /* NULL for an absent one and without memory */
void text_wipe(char *t);                /* frees a secret; NULL is fine */

/* ---- wide.c: UTF-8 and the wide text of the driver manager; unit is 1 (UTF-8), 2 or 4 bytes -------- */

/* Units that len bytes of UTF-8 become. Malformed bytes count and become U+FFFD. */
size_t wide_units(const char *s, size_t len, unsigned unit);
/* Writes whole characters into at most cap units, without a terminator; returns the units written. */
size_t wide_write(const char *s, size_t len, unsigned unit, void *out, size_t cap);
/* Appends units of wide text as UTF-8; lone surrogates become U+FFFD. */
void wide_to_utf8(const void *w, size_t units, unsigned unit, buf *out);
size_t wide_length(const void *w, unsigned unit); /* units before the terminator */
size_t utf8_whole(const char *s, size_t len);     /* the longest prefix that cuts no character */

/* ---- diag.c -------------------------------------------------------------------------------------- */

typedef struct diag_record {
    char state[6]; /* ODBC 3 */
    SQLINTEGER native;
    char *message; /* without the prefix */
    SQLLEN row;    /* SQL_NO_ROW_NUMBER, or from 1 */
    SQLINTEGER column;
    bool error;
    char raw_state[6]; /* as the server said it */
    uint16_t http_status;
    bool may_have_executed;
    char query_id[72];
} diag_record;

typedef struct diag {
    diag_record *records;
    size_t count, cap;
    size_t cut_columns; /* 01004 of bound columns so far: only the first are told one by one */
    SQLRETURN rc;
    SQLLEN row_count;
} diag;

typedef struct handle {
    uint64_t magic; /* says that this is a live handle of ours: handle.c */
    SQLSMALLINT type;
    pthread_mutex_t lock;
    diag diag;
    struct env *env;
    struct dbc *dbc; /* NULL for an environment */
} handle;

/* Adds an error and returns SQL_ERROR. state is the ODBC 3 one. */
SQLRETURN fail(handle *h, const char *state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
SQLRETURN fail_native(handle *h, const char *state, SQLINTEGER native, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
SQLRETURN fail_memory(handle *h); /* HY001 */
/* Adds a warning and returns SQL_SUCCESS_WITH_INFO. */
SQLRETURN warn(handle *h, const char *state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A record of a row and column of a rowset or a parameter set. */
void diag_at(handle *h, bool error, const char *state, SQLLEN row, SQLINTEGER column,
             const char *message);
typedef enum kernel_place { AT_CONNECT, AT_NAMESPACE, AT_STATEMENT } kernel_place;
/* The kernel's last error of this thread as a record; SQL_ERROR. */
SQLRETURN fail_kernel(handle *h, kernel_place place);
void diag_clear(diag *d);
/* The text of a record as the application sees it. */
void diag_message(const handle *h, const diag_record *r, buf *out);
const char *diag_state(const handle *h, const diag_record *r); /* the ODBC 2 one for such an app */

/* ---- value.c: numbers and texts into the application's buffers ------------------------------------ */

typedef struct text_out { /* where a text goes */
    void *data;           /* NULL: only the length is wanted */
    SQLLEN cap;           /* units */
    unsigned unit;        /* bytes: 1, 2, 4 */
    bool length_in_bytes; /* what is written to the length: bytes or units */
    SQLSMALLINT *length16;
    SQLINTEGER *length32;
} text_out;
/* Writes text with its terminator, whole characters only, and the full length. False: it was cut. */
bool text_out_put(const text_out *o, text t);
SQLRETURN text_out_give(handle *h, const text_out *o, text t); /* 01004 when cut */

typedef enum value_kind { V_TEXT, V_I16, V_U16, V_I32, V_U32, V_LEN, V_ULEN, V_PTR } value_kind;
typedef struct attr_value {
    value_kind kind;
    text text;
    int64_t number;
    void *pointer;
} attr_value;
attr_value value_text(const char *s);
attr_value value_number(value_kind kind, int64_t number);
attr_value value_pointer(void *p);
/* Where an attribute goes: cap and the length are bytes, also for wide text. */
/* A length or indicator of the application: rows of any size may lay it at an odd address. */
static inline SQLLEN length_get(const SQLLEN *at) {
    SQLLEN length;
    memcpy(&length, (const void *)at, sizeof length);
    return length;
}
static inline void length_set(SQLLEN *at, SQLLEN length) {
    memcpy((void *)at, &length, sizeof length);
}
typedef struct value_out {
    void *data;
    SQLLEN cap;
    unsigned unit;
    SQLSMALLINT *length16;
    SQLINTEGER *length32;
} value_out;
SQLRETURN value_give(handle *h, const value_out *o, attr_value v);
/* The text of an attribute that is being set: length bytes or SQL_NTS; NULL is "". The caller frees *out. */
SQLRETURN value_take_text(handle *h, const void *value, SQLINTEGER length, unsigned unit,
                          char **out);

/* ---- keys.c: the words of connection strings ------------------------------------------------------ */

typedef struct key_pair {
    const char *name; /* canonical (static) or as given (in text) */
    char *given;      /* the name as it was written */
    char *value;      /* owned, wiped */
    bool known;
} key_pair;
typedef struct keys {
    key_pair *pairs;
    size_t count, cap;
} keys;
/* Adds the pairs of a connection string; a name that is there already keeps its value. NULL: fine,
 * else what is wrong with the text. */
const char *keys_parse(keys *k, text connection_string);
bool keys_add(keys *k, text name, text value);         /* false: no memory */
const char *keys_get(const keys *k, const char *name); /* NULL: absent or empty */
bool keys_has(const keys *k, const char *name);        /* given, even if empty */
bool keys_flag(const keys *k, const char *name, bool otherwise);
int64_t keys_number(const keys *k, const char *name, int64_t otherwise);
void keys_write(const keys *k, buf *out); /* as a connection string */
void keys_free(keys *k);
const char *key_canonical(text name); /* NULL: not a key we know */

/* ---- ini.c: odbc.ini and odbcinst.ini -------------------------------------------------------------- */

/* Adds all pairs of a section of odbc.ini (or the named file); nothing when there is none. */
void ini_add_section(keys *k, const char *section, const char *file);

#endif
