#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* SQLFetch: rowsets, converted column by column straight from Arrow into the application's memory. */

text_style style_of(const stmt *s) {
    return (text_style){s->h.dbc->set.bools_as_text, s->h.dbc->set.six_digits};
}

/* ---- Plans: one per bound column ------------------------------------------------------------------------ */

static bool plan_make(stmt *s) {
    const desc *ard = s->ard;
    if (s->plan_desc == ard && s->plan_stamp == ard->changes && s->plans != NULL) {
        return true;
    }
    bound_plan *plans = calloc(ard->count + 1, sizeof *plans);
    if (plans == NULL) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < ard->count && i < s->res.column_count; i++) {
        const desc_record *rec = &ard->records[i];
        if (rec->data == NULL && rec->length == NULL && rec->indicator == NULL) {
            continue;
        }
        const column *c = &s->res.columns[i];
        bound_plan *p = &plans[n++];
        *p = (bound_plan){.column = c, .record = rec, .index = i};
        p->c_type = type_odbc3(rec->c_type == SQL_C_DEFAULT ? c->c_type : rec->c_type);
        bool one_length = rec->length == rec->indicator && rec->data != NULL;
        p->fast = one_length && s->max_length == 0 ? column_converter_find(c, p->c_type) : NULL;
    }
    free(s->plans);
    s->plans = plans;
    s->plan_count = n;
    s->plan_desc = ard;
    s->plan_stamp = ard->changes;
    return true;
}

/* ---- Rows with a remark ---------------------------------------------------------------------------------- */

enum { CUT_RECORDS_MAX = 100 };

static void note(stmt *s, conv c, SQLULEN row_in_set, size_t index) {
    fetch_state *f = &s->fetching;
    if (c == CONV_OK) {
        return;
    }
    bool error = conv_is_error(c);
    if (error || s->h.diag.cut_columns < CUT_RECORDS_MAX) {
        diag_at(&s->h, error, conv_state(c), (SQLLEN)row_in_set + 1, (SQLINTEGER)index + 1,
                conv_message(c));
    } else if (s->h.diag.cut_columns == CUT_RECORDS_MAX) {
        (void)warn(&s->h, conv_state(c), "More values were cut; they are not listed one by one.");
    }
    s->h.diag.cut_columns += !error;
    f->info = true;
    if (f->status != NULL) {
        SQLUSMALLINT *at = &f->status[row_in_set];
        if (error && *at != SQL_ROW_ERROR) {
            f->bad_rows++;
        }
        *at = *at == SQL_ROW_ERROR || error ? SQL_ROW_ERROR : SQL_ROW_SUCCESS_WITH_INFO;
    } else {
        f->bad_rows += error;
    }
    f->bad = f->bad || error;
}

/* ---- Columns ------------------------------------------------------------------------------------------------ */

static char *shift(void *base, SQLLEN offset, SQLLEN stride, SQLULEN row) {
    return base == NULL ? NULL : (char *)base + offset + stride * (SQLLEN)row;
}

static void one_cell(stmt *s, const bound_plan *p, const batch_column *b, int64_t row,
                     const slots *to, SQLULEN row_in_set) {
    const desc *ard = s->ard;
    SQLLEN offset = ard->bind_offset == NULL ? 0 : *ard->bind_offset;
    target t = {.c_type = p->c_type,
                .data = to->data == NULL
                            ? NULL
                            : to->data + to->stride * (SQLLEN)(row_in_set - s->fetching.got),
                .cap = p->record->octet_length,
                .precision = p->record->precision > 0 ? p->record->precision : -1,
                .scale = p->record->precision > 0 ? p->record->scale : -1,
                .unit = s->h.env->unit,
                .max_length = s->max_length};
    t.length = (SQLLEN *)(void *)shift(p->record->length, offset, to->length_stride, row_in_set);
    t.indicator =
        (SQLLEN *)(void *)shift(p->record->indicator, offset, to->length_stride, row_in_set);
    cell c = {0};
    conv r = cell_read(b, row, &c);
    if (r == CONV_OK) {
        r = cell_convert(&c, &t, style_of(s));
    }
    note(s, r, row_in_set, p->index);
}

/* n rows of one column, into the rowset from row fetching.got on. */
static void one_column(stmt *s, const bound_plan *p, const batch_column *b, int64_t row,
                       int64_t n) {
    const desc *ard = s->ard;
    const desc_record *rec = p->record;
    SQLLEN offset = ard->bind_offset == NULL ? 0 : *ard->bind_offset;
    SQLLEN size = c_type_size(p->c_type);
    bool by_row = ard->bind_type != SQL_BIND_BY_COLUMN;
    slots to = {.c_type = p->c_type, .cap = rec->octet_length, .unit = s->h.env->unit};
    to.stride = by_row ? (SQLLEN)ard->bind_type : size > 0 ? size : rec->octet_length;
    to.length_stride = by_row ? (SQLLEN)ard->bind_type : (SQLLEN)sizeof(SQLLEN);
    to.data = shift(rec->data, offset, to.stride, s->fetching.got);
    to.length = shift(rec->length, offset, to.length_stride, s->fetching.got);
    for (int64_t done = 0; done < n;) {
        slots rest = to;
        rest.data = to.data == NULL ? NULL : to.data + to.stride * done;
        rest.length = to.length == NULL ? NULL : to.length + to.length_stride * done;
        if (p->fast != NULL) {
            done += p->fast(b, row + done, n - done, &rest);
        }
        if (done < n) {
            one_cell(s, p, b, row + done, &to, s->fetching.got + (SQLULEN)done);
            done++;
        }
    }
}

static void convert_batch(stmt *s, const held_batch *h, int64_t row, int64_t n) {
    if (s->retrieve_data == SQL_RD_OFF) {
        return;
    }
    for (size_t i = 0; i < s->plan_count; i++) {
        one_column(s, &s->plans[i], &h->columns[s->plans[i].index], row, n);
    }
}

/* ---- The rowset ---------------------------------------------------------------------------------------------- */

static SQLRETURN finish(stmt *s) {
    fetch_state *f = &s->fetching;
    result *r = &s->res;
    r->rowset_first = r->next_row;
    r->rowset_count = (int64_t)f->got;
    r->next_row += (int64_t)f->got;
    r->row = 1;
    if (f->fetched != NULL) {
        *f->fetched = f->got;
    }
    if (f->got == 0) {
        return SQL_NO_DATA;
    }
    if (f->bad && (f->got == 1 || f->bad_rows >= f->got)) {
        return SQL_ERROR;
    }
    return f->info ? SQL_SUCCESS_WITH_INFO : SQL_SUCCESS;
}

/* A batch failed behind rows that are good: they are given now, and the failure with the next call. */
static SQLRETURN finish_and_keep_error(stmt *s) {
    result *r = &s->res;
    diag *d = &s->h.diag;
    for (size_t i = 0; i < d->count; i++) {
        if (d->records[i].error && d->records[i].row == SQL_NO_ROW_NUMBER) {
            r->late = d->records[i];
            r->late_error = true;
            memmove(&d->records[i], &d->records[i + 1], (d->count - i - 1) * sizeof *d->records);
            d->count--;
            break;
        }
    }
    return finish(s);
}

static SQLRETURN fetch_step(stmt *s);

static SQLRETURN fetch_taken(stmt *s) {
    SQLRETURN rc = result_taken(s);
    if (rc == SQL_ERROR) {
        return s->fetching.got > 0 ? finish_and_keep_error(s) : rc;
    }
    if (!plan_make(s)) { /* bindings may have changed while the fetch was pending */
        return fail_memory(&s->h);
    }
    return fetch_step(s);
}

static SQLRETURN fetch_step(stmt *s) {
    fetch_state *f = &s->fetching;
    result *r = &s->res;
    while (f->got < f->want) {
        int64_t row = r->next_row + (int64_t)f->got;
        const held_batch *h = r->batch_count == 0 ? NULL : &r->batches[r->batch_count - 1];
        if (h == NULL || row >= h->first_row + h->array.length) {
            if (f->got == 0) { /* nothing of the last rowset is needed any more */
                result_drop_before(r, row);
            }
            SQLRETURN rc = result_more(s, fetch_taken);
            if (rc == SQL_NO_DATA) {
                break;
            }
            if (rc == SQL_ERROR && f->got > 0) {
                return finish_and_keep_error(s);
            }
            if (rc != SQL_SUCCESS) {
                return rc;
            }
            continue;
        }
        h = result_batch_of(r, row);
        int64_t at = row - h->first_row, n = h->array.length - at;
        n = n < (int64_t)(f->want - f->got) ? n : (int64_t)(f->want - f->got);
        convert_batch(s, h, at, n);
        f->got += (SQLULEN)n;
    }
    if (f->status != NULL) {
        for (SQLULEN i = f->got; i < f->want; i++) {
            f->status[i] = SQL_ROW_NOROW;
        }
    }
    return finish(s);
}

static SQLRETURN give_late_error(stmt *s) {
    diag_record late = s->res.late;
    s->res.late_error = false;
    s->res.late = (diag_record){0};
    (void)fail_native(&s->h, late.state, late.native, "%s",
                      late.message == NULL ? "" : late.message);
    free(late.message);
    s->res.rowset_count = 0;
    return SQL_ERROR;
}

SQLRETURN fetch_rowset(stmt *s, SQLULEN want, SQLULEN *fetched, SQLUSMALLINT *status) {
    SQLRETURN rc = stmt_need_cursor(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->res.late_error) {
        return give_late_error(s);
    }
    if (!plan_make(s)) {
        return fail_memory(&s->h);
    }
    if (s->max_rows > 0) {
        SQLULEN left =
            (SQLULEN)s->res.next_row >= s->max_rows ? 0 : s->max_rows - (SQLULEN)s->res.next_row;
        if (status != NULL && left < want) {
            for (SQLULEN i = left; i < want; i++) {
                status[i] = SQL_ROW_NOROW;
            }
        }
        want = left < want ? left : want;
    }
    s->get.column = 0;
    s->fetching = (fetch_state){.want = want, .fetched = fetched, .status = status};
    if (status != NULL) {
        memset(status, 0, want * sizeof *status); /* SQL_ROW_SUCCESS */
    }
    result_drop_before(&s->res, s->res.next_row);
    op_busy(&s->op, true);
    return fetch_step(s);
}

SQLRETURN set_pos(stmt *s, SQLULEN row, SQLUSMALLINT operation) {
    SQLRETURN rc = stmt_need_cursor(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->res.rowset_count == 0) {
        return fail(&s->h, "24000", "The cursor is not on a row.");
    }
    if (operation != SQL_POSITION) {
        return fail(&s->h, operation <= SQL_ADD ? "HYC00" : "HY092",
                    "Results are read-only: only SQL_POSITION is supported.");
    }
    if (row == 0 || row > (SQLULEN)s->res.rowset_count) {
        return fail(&s->h, "HY107", "Row %lu is not in the rowset of %ld rows.", (unsigned long)row,
                    (long)s->res.rowset_count);
    }
    s->res.row = row;
    s->get.column = 0;
    return SQL_SUCCESS;
}
