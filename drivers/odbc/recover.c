#include "odbc.h"

#include <stdlib.h>

/* An expired session is opened again (InvalidSessionAutoRecover) when the server refused a statement because of it: then
 * nothing was done. Not when the old session held what a new one does not know: variables, temporary views, another
 * catalog, a transaction. */

static bool may_recover(dbc *d) {
    bool transaction = !d->set.ignore_transactions && d->autocommit == SQL_AUTOCOMMIT_OFF;
    return d->set.recover && !transaction && !atomic_load(&d->own_state);
}

/* Statements still hold parts of the old one: it goes with the connection. */
static bool keep_past(dbc *d) {
    past_session *past = malloc(sizeof *past);
    if (past != NULL) {
        *past = (past_session){.next = d->past, .session = d->session};
        d->past = past;
    }
    return past != NULL;
}

/* The reopen_lock is held; a failure becomes a record of the statement, behind the one that told of the loss. */
static bool reopen(stmt *s) {
    dbc *d = s->h.dbc;
    KernelSessionConfig *config = NULL;
    dbk_future *future = NULL;
    kernel_session_t *fresh = NULL;
    dbk_loop *loop = op_loop(&s->op);
    if (config_make(d, &s->h, &config) != SQL_SUCCESS) {
        return false;
    }
    if (loop == NULL) {
        kernel_session_config_free(config);
        (void)fail_kernel(&s->h, AT_CONNECT);
        return false;
    }
    if (dbk_session_open_start(loop, config, NULL, NULL, &future) != KernelStatusCode_Success) {
        (void)fail_kernel(&s->h, AT_CONNECT);
        return false;
    }
    op_wait(&s->op, future, (uint64_t)d->login_timeout * 1000);
    bool ok = dbk_future_take_session(future, &fresh) == KernelStatusCode_Success;
    if (!ok) {
        (void)fail_kernel(&s->h, AT_CONNECT);
    } else if (!keep_past(d)) {
        (void)fail_memory(&s->h);
        (void)dbk_session_release(fresh);
        ok = false;
    } else {
        d->session = fresh;
        atomic_store(&d->dead, false);
    }
    dbk_future_free(future);
    return ok;
}

bool stmt_recover(stmt *s) {
    dbc *d = s->h.dbc;
    if (!s->lost || s->recovered || s->h.diag.count != 1 || !may_recover(d)) {
        return false;
    }
    s->recovered = true;
    bool held = shared_let_go(s);
    pthread_mutex_lock(&d->reopen_lock);
    bool ok = d->session != s->session || reopen(s); /* another statement may have done it */
    pthread_mutex_unlock(&d->reopen_lock);
    shared_take_back(s, held);
    if (ok) {
        s->lost = false;
        diag_clear(&s->h.diag);
    }
    return ok;
}

void dbc_drop_past(dbc *d) {
    while (d->past != NULL) {
        past_session *past = d->past;
        d->past = past->next;
        (void)dbk_session_release(past->session);
        free(past);
    }
}
