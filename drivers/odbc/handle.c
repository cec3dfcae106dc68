#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* A live handle holds this number, changed by its own address: a copied or freed one does not match. */
static const uint64_t MAGIC = 0x0DBC5EEDFACE0001U;

static uint64_t magic_of(const handle *h) {
    return MAGIC ^ (uint64_t)(uintptr_t)h;
}

void handle_init(handle *h, SQLSMALLINT type, env *e, dbc *d) {
    h->type = type;
    h->env = e;
    h->dbc = d;
    pthread_mutex_init(&h->lock, NULL);
    h->magic = magic_of(h);
}

void handle_end(handle *h) {
    h->magic = 0;
    diag_clear(&h->diag);
    free(h->diag.records);
    pthread_mutex_destroy(&h->lock);
}

bool handle_check(SQLHANDLE p, SQLSMALLINT type) {
    const handle *h = p;
    return h != NULL && ((uintptr_t)p & 7) == 0 && h->magic == magic_of(h) && h->type == type;
}

SQLRETURN handle_enter(SQLHANDLE p, SQLSMALLINT type, bool keep_records, handle **out) {
    if (!handle_check(p, type)) {
        return SQL_INVALID_HANDLE;
    }
    handle *h = p;
    pthread_mutex_lock(&h->lock);
    if (!keep_records) {
        diag_clear(&h->diag);
    }
    *out = h;
    return SQL_SUCCESS;
}

SQLRETURN handle_leave(handle *h, SQLRETURN rc) {
    h->diag.rc = rc;
    pthread_mutex_unlock(&h->lock);
    return rc;
}

static bool gives_data(SQLUSMALLINT fn) {
    return fn == SQL_API_SQLPARAMDATA || fn == SQL_API_SQLPUTDATA;
}

SQLRETURN stmt_enter(SQLHSTMT p, SQLUSMALLINT fn, stmt **out) {
    handle *h = NULL;
    SQLRETURN rc = handle_enter(p, SQL_HANDLE_STMT, false, &h);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    stmt *s = (stmt *)h;
    *out = s;
    if (s->async_fn == 0) {
        s->lost = s->recovered = false;
    }
    if (s->async_fn != 0 && s->async_fn != fn) {
        rc = fail(h, "HY010", "Another function of this statement is still executing.");
    } else if (s->dae.active && s->async_fn == 0 && !gives_data(fn)) {
        rc = fail(h, "HY010", "The statement waits for data of its parameters.");
    }
    if (rc == SQL_SUCCESS) {
        shared_hold(s);
        return rc;
    }
    return handle_leave(h, rc);
}

SQLRETURN stmt_leave(stmt *s, SQLRETURN rc) {
    (void)shared_let_go(s);
    s->h.diag.row_count = s->row_count;
    return handle_leave(&s->h, rc);
}

static SQLRETURN alloc_env(SQLHANDLE *output, void *caller) {
    env *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return SQL_ERROR;
    }
    handle_init(&e->h, SQL_HANDLE_ENV, e, NULL);
    e->unit = env_unit_of_caller(caller);
    *output = e;
    return SQL_SUCCESS;
}

static SQLRETURN alloc_dbc(handle *parent, SQLHANDLE *output) {
    dbc *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return fail_memory(parent);
    }
    dbc_init(d, (env *)parent);
    atomic_fetch_add(&((env *)parent)->dbc_count, 1);
    *output = d;
    return SQL_SUCCESS;
}

static SQLRETURN alloc_stmt(handle *parent, SQLHANDLE *output) {
    dbc *d = (dbc *)parent;
    if (d->session == NULL) {
        return fail(parent, "08003", "The connection is not open.");
    }
    stmt *s = stmt_new(d);
    if (s == NULL) {
        return fail_memory(parent);
    }
    *output = s;
    return SQL_SUCCESS;
}

static SQLRETURN alloc_desc(handle *parent, SQLHANDLE *output) {
    dbc *d = (dbc *)parent;
    if (d->session == NULL) {
        return fail(parent, "08003", "The connection is not open.");
    }
    desc *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail_memory(parent);
    }
    desc_init(made, d, ROLE_EXPLICIT, NULL);
    made->next = d->descs;
    d->descs = made;
    *output = made;
    return SQL_SUCCESS;
}

SQLRETURN handle_alloc(SQLSMALLINT type, SQLHANDLE input, SQLHANDLE *output, void *caller) {
    if (type == SQL_HANDLE_ENV) {
        return output == NULL ? SQL_ERROR : alloc_env(output, caller);
    }
    handle *parent = NULL;
    SQLRETURN rc = handle_enter(input, type == SQL_HANDLE_DBC ? SQL_HANDLE_ENV : SQL_HANDLE_DBC,
                                false, &parent);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (output == NULL) {
        return handle_leave(parent, fail(parent, "HY009", "The place for the handle is NULL."));
    }
    *output = SQL_NULL_HANDLE;
    if (type == SQL_HANDLE_DBC) {
        rc = alloc_dbc(parent, output);
    } else if (type == SQL_HANDLE_STMT) {
        rc = alloc_stmt(parent, output);
    } else if (type == SQL_HANDLE_DESC) {
        rc = alloc_desc(parent, output);
    } else {
        rc = fail(parent, "HY092", "There are no handles of type %d.", (int)type);
    }
    return handle_leave(parent, rc);
}

/* Out of the list of its connection; false: SQLDisconnect, or another thread's call, has it already. */
static bool unlink_stmt(dbc *d, const stmt *s) {
    pthread_mutex_lock(&d->h.lock);
    stmt **at = &d->stmts;
    while (*at != NULL && *at != s) {
        at = &(*at)->next;
    }
    bool found = *at != NULL;
    if (found) {
        *at = s->next;
    }
    pthread_mutex_unlock(&d->h.lock);
    return found;
}

static SQLRETURN free_stmt(stmt *s) {
    if (!unlink_stmt(s->h.dbc, s)) {
        return SQL_INVALID_HANDLE;
    }
    stmt_free(s);
    return SQL_SUCCESS;
}

SQLRETURN handle_free(SQLSMALLINT type, SQLHANDLE p) {
    if (!handle_check(p, type)) {
        return SQL_INVALID_HANDLE;
    }
    handle *h = p;
    if (type == SQL_HANDLE_STMT) {
        return free_stmt((stmt *)p);
    }
    pthread_mutex_lock(&h->lock);
    diag_clear(&h->diag);
    SQLRETURN rc = SQL_SUCCESS;
    if (type == SQL_HANDLE_ENV && atomic_load(&((env *)p)->dbc_count) > 0) {
        rc = fail(h, "HY010", "The environment still has connections.");
    } else if (type == SQL_HANDLE_DBC && ((dbc *)p)->session != NULL) {
        rc = fail(h, "HY010", "The connection is open: disconnect first.");
    } else if (type == SQL_HANDLE_DESC && ((desc *)p)->role != ROLE_EXPLICIT) {
        rc = fail(h, "HY017", "A statement's own descriptor cannot be freed.");
    }
    pthread_mutex_unlock(&h->lock);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (type == SQL_HANDLE_ENV) {
        handle_end(h);
        free(p);
    } else if (type == SQL_HANDLE_DBC) {
        atomic_fetch_sub(&h->env->dbc_count, 1);
        dbc_free((dbc *)p);
    } else {
        dbc *d = h->dbc;
        pthread_mutex_lock(&d->h.lock);
        desc_free_explicit((desc *)p);
        pthread_mutex_unlock(&d->h.lock);
    }
    return SQL_SUCCESS;
}
