#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* Connection attributes: contract 9.2. */

enum {
    ATTR_CREDENTIALS = 122,
    ATTR_REFRESH = 123,
    ATTR_ASYNC_DBC = 117,
    ATTR_ASYNC_EVENT = 119,
    ATTR_IODBC_APPLICATION = 1051,
    ATTR_RESET = 116,
    ATTR_ANSI_APP = 115
};

static SQLRETURN set_autocommit(dbc *d, SQLUINTEGER mode) {
    if (mode != SQL_AUTOCOMMIT_ON && mode != SQL_AUTOCOMMIT_OFF) {
        return fail(&d->h, "HY024", "Autocommit is on (1) or off (0).");
    }
    if (d->session != NULL && mode == SQL_AUTOCOMMIT_ON && d->autocommit == SQL_AUTOCOMMIT_OFF) {
        SQLRETURN rc = dbc_end_tran(d, SQL_COMMIT); /* ODBC: switching on commits what is open */
        if (!SQL_SUCCEEDED(rc)) {
            return rc;
        }
    }
    if (d->session != NULL && mode != d->autocommit && !d->set.ignore_transactions &&
        kernel_session_set_autocommit(d->session, mode == SQL_AUTOCOMMIT_ON) !=
            KernelStatusCode_Success) {
        return fail_kernel(&d->h, AT_STATEMENT);
    }
    d->autocommit = mode;
    return SQL_SUCCESS;
}

static SQLRETURN set_catalog(dbc *d, char *name) {
    if (d->session == NULL) {
        free(d->asked_catalog);
        d->asked_catalog = name;
        return SQL_SUCCESS;
    }
    SQLRETURN rc = dbc_use(d, "CATALOG", name);
    free(name);
    return rc;
}

static SQLRETURN set_credentials(dbc *d, char *token) {
    SQLRETURN rc = SQL_SUCCESS;
    if (d->session == NULL) {
        text_wipe(d->asked_token);
        d->asked_token = token;
        return SQL_SUCCESS;
    }
    if (dbk_session_set_token(d->session, token, 0) != KernelStatusCode_Success) {
        rc = fail_kernel(&d->h, AT_STATEMENT);
    } else {
        atomic_store(&d->dead, false);
        atomic_store(&d->own_state, true); /* the keys have the old token */
    }
    text_wipe(token);
    return rc;
}

/* For a pool: as the connection was when it was opened. */
static SQLRETURN reset(dbc *d) {
    for (stmt *s = d->stmts; s != NULL; s = s->next) {
        pthread_mutex_lock(&s->h.lock);
        stmt_close_cursor(s);
        pthread_mutex_unlock(&s->h.lock);
    }
    if (d->autocommit == SQL_AUTOCOMMIT_OFF && !d->set.ignore_transactions) {
        (void)dbc_end_tran(d, SQL_ROLLBACK); /* what the last user left open is not committed */
    }
    SQLRETURN rc = set_autocommit(d, SQL_AUTOCOMMIT_ON);
    if (rc == SQL_SUCCESS && atomic_load(&d->moves) != d->home_moves) {
        if (d->start_catalog != NULL) {
            rc = dbc_use(d, "CATALOG", d->start_catalog);
        }
        if (rc == SQL_SUCCESS) {
            rc = dbc_use(d, "SCHEMA", d->start_schema == NULL ? "default" : d->start_schema);
        }
        d->home_moves = atomic_load(&d->moves);
    }
    return rc;
}

static SQLRETURN set_text(dbc *d, SQLINTEGER attr, const void *value, SQLINTEGER length,
                          unsigned unit) {
    char *given = NULL;
    SQLRETURN rc = value_take_text(&d->h, value, length, unit, &given);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (attr == SQL_ATTR_CURRENT_CATALOG) {
        return set_catalog(d, given);
    }
    if (attr == ATTR_CREDENTIALS) {
        return set_credentials(d, given);
    }
    free(d->application_name);
    d->application_name = given;
    return SQL_SUCCESS;
}

static SQLUINTEGER *number_of(dbc *d, SQLINTEGER attr) {
    switch (attr) {
    case SQL_ATTR_ACCESS_MODE:
        return &d->access_mode;
    case SQL_ATTR_LOGIN_TIMEOUT:
        return &d->login_timeout;
    case SQL_ATTR_CONNECTION_TIMEOUT:
        return &d->connection_timeout;
    case SQL_ATTR_METADATA_ID:
        return &d->metadata_id;
    case SQL_ATTR_ASYNC_ENABLE:
        return &d->async_enable;
    case SQL_ATTR_PACKET_SIZE:
        return &d->packet_size;
    default:
        return NULL;
    }
}

static SQLRETURN set_isolation(dbc *d, SQLUINTEGER level) {
    if (level == SQL_TXN_REPEATABLE_READ) {
        d->txn_isolation = level;
        return SQL_SUCCESS;
    }
    return warn(&d->h, "01S02", "The isolation level stays what the warehouse gives.");
}

SQLRETURN dbc_set_attr(dbc *d, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length,
                       unsigned unit) {
    SQLUINTEGER number = (SQLUINTEGER)(uintptr_t)value;
    SQLUINTEGER *place = number_of(d, attr);
    if (place != NULL) {
        *place = number;
        return SQL_SUCCESS;
    }
    switch (attr) {
    case SQL_ATTR_AUTOCOMMIT:
        return set_autocommit(d, number);
    case SQL_ATTR_CURRENT_CATALOG:
    case ATTR_CREDENTIALS:
    case ATTR_IODBC_APPLICATION:
        return set_text(d, attr, value, length, unit);
    case SQL_ATTR_TXN_ISOLATION:
        return set_isolation(d, number);
    case ATTR_RESET:
        return d->session == NULL ? SQL_SUCCESS : reset(d);
    case ATTR_ANSI_APP:
        d->ansi_app = (SQLINTEGER)number;
        return SQL_SUCCESS;
    case SQL_ATTR_QUIET_MODE:
        d->quiet_mode = (SQLULEN)(uintptr_t)value;
        return SQL_SUCCESS;
    case SQL_ATTR_ODBC_CURSORS:
        d->odbc_cursors = (SQLULEN)(uintptr_t)value;
        return SQL_SUCCESS;
    case ATTR_ASYNC_DBC:
    case ATTR_ASYNC_EVENT:
        return number == 0 ? SQL_SUCCESS
                           : fail(&d->h, "HYC00", "Connections have no asynchronous functions.");
    case SQL_ATTR_TRANSLATE_LIB:
    case SQL_ATTR_TRANSLATE_OPTION:
        return fail(&d->h, "HYC00", "There are no translation libraries.");
    case ATTR_REFRESH:
    case SQL_ATTR_DISCONNECT_BEHAVIOR:
    case SQL_ATTR_TRACE:
    case SQL_ATTR_TRACEFILE:
        return SQL_SUCCESS;
    default:
        return fail(&d->h, "HY092", "There is no connection attribute %d.", (int)attr);
    }
}

static attr_value other_attr(dbc *d, SQLINTEGER attr, bool *known) {
    *known = true;
    switch (attr) {
    case SQL_ATTR_AUTOCOMMIT:
        return value_number(V_U32, d->autocommit);
    case SQL_ATTR_CURRENT_CATALOG:
        return value_text(d->session == NULL ? d->asked_catalog : dbc_catalog(d));
    case SQL_ATTR_CONNECTION_DEAD:
        return value_number(V_U32, atomic_load(&d->dead) || d->session == NULL ? SQL_CD_TRUE
                                                                               : SQL_CD_FALSE);
    case SQL_ATTR_TXN_ISOLATION:
        return value_number(V_U32, d->set.ignore_transactions ? 0 : SQL_TXN_REPEATABLE_READ);
    case SQL_ATTR_QUIET_MODE:
        return value_number(V_ULEN, (int64_t)d->quiet_mode);
    case SQL_ATTR_ODBC_CURSORS:
        return value_number(V_ULEN, (int64_t)d->odbc_cursors);
    case SQL_ATTR_AUTO_IPD:
    case SQL_ATTR_TRACE:
    case ATTR_ASYNC_DBC:
    case ATTR_REFRESH:
        return value_number(V_U32, 0);
    case ATTR_ANSI_APP:
        return value_number(V_U32, d->ansi_app);
    case ATTR_IODBC_APPLICATION:
        return value_text(d->application_name);
    case SQL_ATTR_DISCONNECT_BEHAVIOR:
        return value_number(V_U32, SQL_DB_DISCONNECT);
    default:
        *known = false;
        return value_number(V_U32, 0);
    }
}

SQLRETURN dbc_get_attr(dbc *d, SQLINTEGER attr, const value_out *out) {
    const SQLUINTEGER *place = number_of(d, attr);
    bool known = true;
    attr_value v = place != NULL ? value_number(V_U32, *place) : other_attr(d, attr, &known);
    if (!known) {
        return fail(&d->h, "HY092", "There is no connection attribute %d.", (int)attr);
    }
    return value_give(&d->h, out, v);
}
