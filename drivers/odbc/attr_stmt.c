#include "odbc.h"

#include <stdlib.h>
#include <string.h>

enum { ATTR_QUERY_ID = 20101, ATTR_QUERY_TAGS = 20102 };

/* Plain numbers that are only kept, or read by other files; contract 9.1. */
static SQLULEN *number_of(stmt *s, SQLINTEGER attr) {
    switch (attr) {
    case SQL_ATTR_QUERY_TIMEOUT:
        return &s->query_timeout;
    case SQL_ATTR_MAX_ROWS:
        return &s->max_rows;
    case SQL_ATTR_MAX_LENGTH:
        return &s->max_length;
    case SQL_ATTR_NOSCAN:
        return &s->noscan;
    case SQL_ATTR_ASYNC_ENABLE:
        return &s->async_enable;
    case SQL_ATTR_CURSOR_TYPE:
        return &s->cursor_type;
    case SQL_ATTR_CONCURRENCY:
        return &s->concurrency;
    case SQL_ATTR_CURSOR_SCROLLABLE:
        return &s->cursor_scrollable;
    case SQL_ATTR_CURSOR_SENSITIVITY:
        return &s->cursor_sensitivity;
    case SQL_ATTR_RETRIEVE_DATA:
        return &s->retrieve_data;
    case SQL_ATTR_USE_BOOKMARKS:
        return &s->use_bookmarks;
    case SQL_ATTR_KEYSET_SIZE:
        return &s->keyset_size;
    case SQL_ATTR_SIMULATE_CURSOR:
        return &s->simulate_cursor;
    case SQL_ATTR_ENABLE_AUTO_IPD:
        return &s->auto_ipd;
    case SQL_ATTR_METADATA_ID:
        return &s->metadata_id;
    case SQL_ROWSET_SIZE:
        return &s->rowset_size;
    default:
        return NULL;
    }
}

/* What the driver does not do is refused, or answered with what it does instead (01S02). */
static const struct {
    SQLINTEGER attr;
    SQLULEN only;
    bool refuse; /* HYC00 instead of 01S02 */
} fixed[] = {
    {SQL_ATTR_CURSOR_TYPE, SQL_CURSOR_FORWARD_ONLY, false},
    {SQL_ATTR_CONCURRENCY, SQL_CONCUR_READ_ONLY, false},
    {SQL_ATTR_CURSOR_SCROLLABLE, SQL_NONSCROLLABLE, true},
    {SQL_ATTR_CURSOR_SENSITIVITY, SQL_UNSPECIFIED, false},
    {SQL_ATTR_USE_BOOKMARKS, SQL_UB_OFF, false},
    {SQL_ATTR_ENABLE_AUTO_IPD, SQL_FALSE, true},
};

static SQLRETURN set_number(stmt *s, SQLINTEGER attr, SQLULEN *place, SQLULEN number) {
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (fixed[i].attr == attr && number != fixed[i].only) {
            return fixed[i].refuse
                       ? fail(&s->h, "HYC00", "Attribute %d has only one value here.", (int)attr)
                       : warn(&s->h, "01S02", "Attribute %d was set to %lu instead.", (int)attr,
                              (unsigned long)fixed[i].only);
        }
    }
    if (attr == SQL_ROWSET_SIZE && number == 0) {
        return fail(&s->h, "HY024", "A rowset has at least one row.");
    }
    *place = number;
    return SQL_SUCCESS;
}

typedef struct pointer_attr {
    SQLINTEGER attr;
    enum { OF_ARD, OF_APD, OF_IRD, OF_IPD } desc;
    enum { SIZE, TYPE, OFFSET, STATUS, PROCESSED } field;
} pointer_attr;

/* Statement attributes that are fields of a descriptor. */
static const pointer_attr pointers[] = {
    {SQL_ATTR_ROW_ARRAY_SIZE, OF_ARD, SIZE},
    {SQL_ATTR_ROW_BIND_TYPE, OF_ARD, TYPE},
    {SQL_ATTR_ROW_BIND_OFFSET_PTR, OF_ARD, OFFSET},
    {SQL_ATTR_ROW_OPERATION_PTR, OF_ARD, STATUS},
    {SQL_ATTR_ROW_STATUS_PTR, OF_IRD, STATUS},
    {SQL_ATTR_ROWS_FETCHED_PTR, OF_IRD, PROCESSED},
    {SQL_ATTR_PARAMSET_SIZE, OF_APD, SIZE},
    {SQL_ATTR_PARAM_BIND_TYPE, OF_APD, TYPE},
    {SQL_ATTR_PARAM_BIND_OFFSET_PTR, OF_APD, OFFSET},
    {SQL_ATTR_PARAM_OPERATION_PTR, OF_APD, STATUS},
    {SQL_ATTR_PARAM_STATUS_PTR, OF_IPD, STATUS},
    {SQL_ATTR_PARAMS_PROCESSED_PTR, OF_IPD, PROCESSED},
};

static const pointer_attr *find_pointer(SQLINTEGER attr) {
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        if (pointers[i].attr == attr) {
            return &pointers[i];
        }
    }
    return NULL;
}

static desc *desc_of(stmt *s, const pointer_attr *p) {
    desc *const descs[] = {s->ard, s->apd, &s->ird, &s->ipd};
    return descs[p->desc];
}

static SQLRETURN set_pointer(stmt *s, const pointer_attr *p, SQLPOINTER value) {
    desc *d = desc_of(s, p);
    SQLULEN number = (SQLULEN)(uintptr_t)value;
    if (p->field == SIZE) {
        return desc_set_array_size(&s->h, d, number);
    }
    if (p->field == TYPE) {
        d->bind_type = number;
    } else if (p->field == OFFSET) {
        d->bind_offset = value;
    } else if (p->field == STATUS) {
        d->array_status = value;
    } else {
        d->rows_processed = value;
    }
    d->changes++;
    return SQL_SUCCESS;
}

static attr_value get_pointer(stmt *s, const pointer_attr *p) {
    const desc *d = desc_of(s, p);
    if (p->field == SIZE) {
        return value_number(V_ULEN, (int64_t)d->array_size);
    }
    if (p->field == TYPE) {
        return value_number(V_ULEN, (int64_t)d->bind_type);
    }
    return p->field == OFFSET   ? value_pointer(d->bind_offset)
           : p->field == STATUS ? value_pointer(d->array_status)
                                : value_pointer(d->rows_processed);
}

static SQLRETURN set_desc(stmt *s, SQLINTEGER attr, SQLPOINTER value) {
    desc **place = attr == SQL_ATTR_APP_ROW_DESC ? &s->ard : &s->apd;
    desc *own = attr == SQL_ATTR_APP_ROW_DESC ? &s->ard0 : &s->apd0;
    if (value == SQL_NULL_HDESC || value == own) {
        *place = own;
        s->plan_desc = NULL;
        return SQL_SUCCESS;
    }
    s->shares = true; /* from here on this call, and those to come, look at it under the lock */
    shared_hold(s);
    if (!handle_check(value, SQL_HANDLE_DESC) || ((desc *)value)->h.dbc != s->h.dbc) {
        return fail(&s->h, "HY024", "The value is no descriptor of this connection.");
    }
    if (((desc *)value)->role != ROLE_EXPLICIT) {
        return fail(&s->h, "HY017", "The descriptor belongs to a statement.");
    }
    *place = value;
    s->plan_desc = NULL;
    return SQL_SUCCESS;
}

static SQLRETURN set_tags(stmt *s, SQLPOINTER value, SQLINTEGER length, unsigned unit) {
    char *tags = NULL;
    SQLRETURN rc = value_take_text(&s->h, value, length, unit, &tags);
    if (rc == SQL_SUCCESS) {
        free(s->query_tags);
        s->query_tags = tags;
    }
    return rc;
}

SQLRETURN stmt_set_attr(stmt *s, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER length,
                        unsigned unit) {
    const pointer_attr *p = find_pointer(attr);
    if (p != NULL) {
        return set_pointer(s, p, value);
    }
    SQLULEN *place = number_of(s, attr);
    if (place != NULL) {
        return set_number(s, attr, place, (SQLULEN)(uintptr_t)value);
    }
    switch (attr) {
    case SQL_ATTR_APP_ROW_DESC:
    case SQL_ATTR_APP_PARAM_DESC:
        return set_desc(s, attr, value);
    case SQL_ATTR_IMP_ROW_DESC:
    case SQL_ATTR_IMP_PARAM_DESC:
        return fail(&s->h, "HY017", "This descriptor is the statement's own.");
    case SQL_ATTR_FETCH_BOOKMARK_PTR:
        s->bookmark_ptr = value;
        return SQL_SUCCESS;
    case ATTR_QUERY_TAGS:
        return set_tags(s, value, length, unit);
    default:
        return fail(&s->h, "HY092", "There is no statement attribute %d.", (int)attr);
    }
}

SQLRETURN stmt_get_attr(stmt *s, SQLINTEGER attr, const value_out *out) {
    const pointer_attr *p = find_pointer(attr);
    if (p != NULL) {
        return value_give(&s->h, out, get_pointer(s, p));
    }
    const SQLULEN *place = number_of(s, attr);
    if (place != NULL) {
        return value_give(&s->h, out, value_number(V_ULEN, (int64_t)*place));
    }
    switch (attr) {
    case SQL_ATTR_APP_ROW_DESC:
        return value_give(&s->h, out, value_pointer(s->ard));
    case SQL_ATTR_APP_PARAM_DESC:
        return value_give(&s->h, out, value_pointer(s->apd));
    case SQL_ATTR_IMP_ROW_DESC:
        return value_give(&s->h, out, value_pointer(&s->ird));
    case SQL_ATTR_IMP_PARAM_DESC:
        return value_give(&s->h, out, value_pointer(&s->ipd));
    case SQL_ATTR_FETCH_BOOKMARK_PTR:
        return value_give(&s->h, out, value_pointer(s->bookmark_ptr));
    case SQL_ATTR_ROW_NUMBER:
        return value_give(&s->h, out,
                          value_number(V_ULEN, s->res.rowset_count == 0
                                                   ? 0
                                                   : s->res.rowset_first + (int64_t)s->res.row));
    case ATTR_QUERY_ID:
        return value_give(&s->h, out, value_text(s->query_id));
    case ATTR_QUERY_TAGS:
        return value_give(&s->h, out, value_text(s->query_tags));
    default:
        return fail(&s->h, "HY092", "There is no statement attribute %d.", (int)attr);
    }
}
