#include "odbc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Order of the records: by row (none first), errors before warnings. */
static bool goes_before(const diag_record *a, const diag_record *b) {
    SQLLEN row_a = a->row < 0 ? 0 : a->row, row_b = b->row < 0 ? 0 : b->row;
    return row_a != row_b ? row_a < row_b : a->error && !b->error;
}

static void add(diag *d, diag_record r) {
    if (d->count == d->cap) {
        size_t cap = d->cap == 0 ? 4 : d->cap * 2;
        diag_record *grown = realloc(d->records, cap * sizeof *grown);
        if (grown == NULL) {
            free(r.message);
            return; /* the return code still says that something failed */
        }
        d->records = grown;
        d->cap = cap;
    }
    size_t at = d->count++;
    for (; at > 0 && goes_before(&r, &d->records[at - 1]); at--) {
        d->records[at] = d->records[at - 1];
    }
    d->records[at] = r;
}

static diag_record record(bool error, const char *state) {
    diag_record r = {.row = SQL_NO_ROW_NUMBER, .column = SQL_NO_COLUMN_NUMBER, .error = error};
    (void)snprintf(r.state, sizeof r.state, "%s", state);
    return r;
}

__attribute__((format(printf, 5, 0))) static void add_formatted(handle *h, bool error,
                                                                const char *state,
                                                                SQLINTEGER native, const char *fmt,
                                                                va_list args) {
    diag_record r = record(error, state);
    r.native = native;
    if (vasprintf(&r.message, fmt, args) < 0) {
        r.message = NULL;
    }
    add(&h->diag, r);
}

SQLRETURN fail(handle *h, const char *state, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_formatted(h, true, state, 0, fmt, args);
    va_end(args);
    return SQL_ERROR;
}

SQLRETURN fail_native(handle *h, const char *state, SQLINTEGER native, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_formatted(h, true, state, native, fmt, args);
    va_end(args);
    return SQL_ERROR;
}

SQLRETURN fail_memory(handle *h) {
    return fail(h, "HY001", "Out of memory.");
}

SQLRETURN warn(handle *h, const char *state, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_formatted(h, false, state, 0, fmt, args);
    va_end(args);
    return SQL_SUCCESS_WITH_INFO;
}

void diag_at(handle *h, bool error, const char *state, SQLLEN row, SQLINTEGER index,
             const char *message) {
    diag_record r = record(error, state);
    r.row = row;
    r.column = index;
    r.message = strdup(message);
    add(&h->diag, r);
}

void diag_clear(diag *d) {
    for (size_t i = 0; i < d->count; i++) {
        free(d->records[i].message);
    }
    d->count = 0;
    d->cut_columns = 0;
    d->rc = SQL_SUCCESS;
    if (d->cap > 64) { /* one bad rowset should not keep its records' memory */
        free(d->records);
        d->records = NULL;
        d->cap = 0;
    }
}

/* ---- The kernel's errors: contract 8.2 and 8.3 --------------------------------------------------- */

typedef struct status_row {
    const char *connect;
    SQLINTEGER connect_native;
    const char *statement;
    SQLINTEGER native;
} status_row;

/* Natives are what existing tools test: 1020 unreachable, 1160 TLS, 28000 credentials. */
static const status_row by_status[] = {
    [KernelStatusCode_InvalidArgument] = {"08001", 10380, "HY000", 0},
    [KernelStatusCode_Unauthenticated] = {"28000", 401, "08006", 401},
    [KernelStatusCode_PermissionDenied] = {"28000", 403, "42000", 403},
    [KernelStatusCode_NotFound] = {"08001", 404, "HY000", 404},
    [KernelStatusCode_ResourceExhausted] = {"08004", 429, "HY000", 429},
    [KernelStatusCode_Unavailable] = {"08001", 1020, "08S01", 503},
    [KernelStatusCode_Timeout] = {"HYT00", 504, "HYT00", 504},
    [KernelStatusCode_Cancelled] = {"HY008", 0, "HY008", 0},
    [KernelStatusCode_DataLoss] = {"HY000", 9, "HY000", 9},
    [KernelStatusCode_Internal] = {"HY000", 10, "HY000", 10},
    [KernelStatusCode_InvalidStatementHandle] = {"08003", 11, "08S01", 11},
    [KernelStatusCode_NetworkError] = {"08001", 1020, "08S01", 12},
    [KernelStatusCode_SqlError] = {"HY000", 0, "HY000", 0},
};

static const struct {
    const char *prefix, *odbc;
} by_state[] = {
    {"42P01", "42S02"}, {"42704", "42S02"}, {"42703", "42S22"}, {"42710", "42S01"},
    {"42P07", "42S01"}, {"42711", "42S21"}, {"42S", NULL},      {"42", "42000"},
    {"22", NULL},       {"23", "23000"},    {"25", NULL},       {"40001", NULL},
    {"3D000", NULL},    {"3F000", NULL},    {"0A000", "HYC00"}, {"57014", "HY008"},
    {"08", "08S01"},    {"21", NULL},       {"28", NULL},
};

static const char *odbc_state(const char *raw) { /* NULL as target: the state itself */
    for (size_t i = 0; i < COUNT_OF(by_state); i++) {
        if (strncmp(raw, by_state[i].prefix, strlen(by_state[i].prefix)) == 0) {
            return by_state[i].odbc == NULL ? raw : by_state[i].odbc;
        }
    }
    return "HY000";
}

static bool is_tls(const char *message) {
    return message != NULL &&
           (strcasestr(message, "certificate") != NULL || strcasestr(message, "TLS") != NULL ||
            strcasestr(message, "SSL") != NULL);
}

/* A request was refused, before anything was done, because its session is no more. */
static bool session_gone(const KernelError *e) {
    static const char *const words[] = {"does not exist", "closed", "expired", "not found",
                                        "invalid session"};
    bool refused = e->http_status == 400 || e->http_status == 404;
    if (!refused || e->code == KernelStatusCode_SqlError || e->message == NULL ||
        strcasestr(e->message, "session") == NULL) {
        return false;
    }
    size_t i = 0;
    while (i < COUNT_OF(words) && strcasestr(e->message, words[i]) == NULL) {
        i++;
    }
    return i < COUNT_OF(words);
}

static void pick_state(diag_record *r, const handle *h, const KernelError *e, kernel_place place) {
    size_t code = (size_t)e->code < COUNT_OF(by_status) && e->code > 0
                      ? (size_t)e->code
                      : (size_t)KernelStatusCode_Internal;
    const status_row *row = &by_status[code];
    const char *state = place == AT_STATEMENT ? row->statement : row->connect;
    r->native = place == AT_STATEMENT ? row->native : row->connect_native;
    if (place == AT_STATEMENT && session_gone(e)) {
        state = "08S01";
    }
    if (e->code == KernelStatusCode_NetworkError && place != AT_STATEMENT && is_tls(e->message)) {
        r->native = 1160;
    }
    if (e->code == KernelStatusCode_SqlError) {
        bool map = h->dbc == NULL || h->dbc->set.map_states;
        const char *raw = e->sql_state == NULL ? "HY000" : e->sql_state;
        state = map ? odbc_state(raw) : raw;
        if (place == AT_NAMESPACE && strncmp(state, "3", 1) != 0) {
            state = "3D000";
        }
        r->native = e->vendor_code;
    }
    (void)snprintf(r->state, sizeof r->state, "%s", state);
    if (e->sql_state != NULL) {
        (void)snprintf(r->raw_state, sizeof r->raw_state, "%s", e->sql_state);
    }
}

SQLRETURN fail_kernel(handle *h, kernel_place place) {
    KernelError e = {0};
    if (!kernel_get_last_error(&e)) {
        return fail(h, "HY000", "The kernel failed without saying why.");
    }
    diag_record r = record(true, "HY000");
    pick_state(&r, h, &e, place);
    r.http_status = e.http_status;
    dbk_error_info info = {.struct_size = sizeof info};
    if (dbk_get_last_error_info(&info)) {
        r.may_have_executed = info.may_have_executed;
    }
    buf message = {0};
    buf_add_text(&message, e.message == NULL ? "" : e.message);
    if (e.query_id != NULL) {
        (void)snprintf(r.query_id, sizeof r.query_id, "%s", e.query_id);
        if (strstr(buf_text(&message), e.query_id) == NULL) {
            buf_printf(&message, " [query-id: %s]", e.query_id);
        }
    }
    r.message = buf_take(&message);
    bool gone = place == AT_STATEMENT && session_gone(&e);
    bool fatal = gone || e.code == KernelStatusCode_Unauthenticated ||
                 e.code == KernelStatusCode_InvalidStatementHandle;
    if (h->dbc != NULL && place == AT_STATEMENT && fatal) {
        atomic_store(&h->dbc->dead, true);
    }
    if (h->type == SQL_HANDLE_STMT) {
        ((stmt *)h)->lost = gone;
    }
    add(&h->diag, r);
    return SQL_ERROR;
}

/* ---- What the application sees --------------------------------------------------------------------- */

static const struct {
    const char *odbc3, *odbc2;
} old_states[] = {
    {"42S02", "S0002"}, {"42S01", "S0001"}, {"42S22", "S0022"}, {"42S21", "S0021"},
    {"HY000", "S1000"}, {"HY001", "S1001"}, {"HY003", "S1003"}, {"HY008", "S1008"},
    {"HY009", "S1009"}, {"HY010", "S1010"}, {"HY011", "S1011"}, {"HY024", "S1009"},
    {"HY090", "S1090"}, {"HY092", "S1092"}, {"HY096", "S1096"}, {"HY106", "S1106"},
    {"HYC00", "S1C00"}, {"HYT00", "S1T00"}, {"42000", "37000"}, {"07005", "24000"},
    {"07009", "S1002"}, {"22018", "22005"}, {"22007", "22008"}, {"HY105", "S1105"},
};

const char *diag_state(const handle *h, const diag_record *r) {
    if (h->env != NULL && h->env->version == SQL_OV_ODBC2) {
        for (size_t i = 0; i < COUNT_OF(old_states); i++) {
            if (strcmp(old_states[i].odbc3, r->state) == 0) {
                return old_states[i].odbc2;
            }
        }
    }
    return r->state;
}

void diag_message(const handle *h, const diag_record *r, buf *out) {
    buf_printf(out, "[Databricks][ODBC] (%d) ", (int)r->native);
    buf_add_text(out, r->message == NULL ? "Out of memory." : r->message);
    size_t max = h->dbc == NULL || h->dbc->set.message_max == 0 ? 16384 : h->dbc->set.message_max;
    if (out->len > max && !out->failed) {
        out->len = utf8_whole(out->ptr, max);
        out->ptr[out->len] = '\0';
    }
}
