#include "odbc.h"

#include <string.h>

/* SQLGetData: one value, in as many pieces as the application likes. A value is turned into the bytes of
 * its C type once; the pieces are cut from those. Contract 4.4. */

static SQLRETURN tell(stmt *s, conv c, SQLUSMALLINT number) {
    if (c == CONV_END) {
        return SQL_NO_DATA;
    }
    if (c == CONV_OK) {
        return SQL_SUCCESS;
    }
    diag_at(&s->h, conv_is_error(c), conv_state(c), (SQLLEN)s->res.row, number, conv_message(c));
    return conv_is_error(c) ? SQL_ERROR : SQL_SUCCESS_WITH_INFO;
}

/* Value to bytes in the encoding of the C type: in the batch itself, or in get.buffer. */
static conv value_bytes(stmt *s, const cell *c, SQLSMALLINT c_type) {
    getdata *g = &s->get;
    unsigned unit = c_type == SQL_C_WCHAR ? s->h.env->unit : 1;
    if ((c->kind == CELL_TEXT && unit == 1) || (c->kind == CELL_BYTES && c_type == SQL_C_BINARY)) {
        g->rest = c->text.ptr;
        g->left = c->text.len;
        return CONV_OK;
    }
    size_t room = c->kind == CELL_TEXT    ? (wide_units(c->text.ptr, c->text.len, unit) + 1) * unit
                  : c->kind == CELL_BYTES ? (c->text.len * 2 + 1) * unit
                                          : (size_t)CELL_TEXT_MAX * 4;
    buf_clear(&g->buffer);
    if (buf_room(&g->buffer, room) == NULL) {
        return CONV_MEMORY;
    }
    SQLLEN length = 0;
    target t = {.c_type = c_type,
                .data = g->buffer.ptr,
                .cap = (SQLLEN)room,
                .length = &length,
                .indicator = &length,
                .precision = -1,
                .scale = -1,
                .unit = unit};
    conv r = cell_convert(c, &t, style_of(s));
    g->rest = g->buffer.ptr;
    g->left = (size_t)length;
    return r;
}

static void cut_to_max_length(stmt *s, const cell *c, SQLSMALLINT c_type) {
    unsigned unit = c_type == SQL_C_WCHAR ? s->h.env->unit : 1;
    size_t max = s->max_length * unit;
    if (s->max_length > 0 && s->get.left > max && (c->kind == CELL_TEXT || c->kind == CELL_BYTES)) {
        s->get.left = c_type == SQL_C_CHAR ? utf8_whole(s->get.rest, max) : max;
    }
}

/* The next piece: text fills the buffer but for one terminator, even if that splits a character, because
 * applications take "01004" to mean exactly that; the pieces join again. */
static conv give_piece(stmt *s, SQLSMALLINT c_type, char *data, SQLLEN cap, SQLLEN *length) {
    getdata *g = &s->get;
    size_t unit = c_type == SQL_C_WCHAR ? s->h.env->unit : 1;
    size_t end = c_type == SQL_C_BINARY ? 0 : unit;
    if (g->done) {
        return CONV_END;
    }
    if (length != NULL) {
        *length = (SQLLEN)g->left;
    }
    size_t usable = data == NULL ? 0 : (size_t)cap / unit * unit;
    if (usable < end || usable == 0) { /* only the length was wanted */
        g->done = g->left == 0;
        return g->left > 0 ? CONV_CUT : CONV_OK;
    }
    g->begun = true;
    size_t room = usable - end;
    size_t n = g->left < room ? g->left : room;
    if (n > 0) {
        memcpy(data, g->rest, n);
    }
    memset(data + n, 0, end);
    g->rest += n;
    g->left -= n;
    g->done = g->left == 0;
    return g->left > 0 ? CONV_CUT : CONV_OK;
}

/* Numbers and dates must not lose what stands before the point. */
static conv check_cut(const stmt *s, const cell *c, SQLSMALLINT c_type, const char *data,
                      SQLLEN cap) {
    size_t unit = c_type == SQL_C_WCHAR ? s->h.env->unit : 1;
    size_t room = data == NULL ? 0 : (size_t)cap / unit;
    if (c->kind == CELL_TEXT || c->kind == CELL_BYTES || room == 0 || s->get.left / unit < room) {
        return CONV_OK;
    }
    if (c_type == SQL_C_BINARY) {
        return s->get.left > (size_t)cap ? CONV_RANGE : CONV_OK;
    }
    char scratch[CELL_TEXT_MAX];
    conv r = cell_cut(c, cell_text(c, style_of(s), scratch), room - 1);
    return r == CONV_CUT ? CONV_OK : r;
}

static conv give_variable(stmt *s, const cell *c, SQLSMALLINT c_type, char *data, SQLLEN cap,
                          SQLLEN *length) {
    unsigned unit = s->h.env->unit;
    if (c->kind == CELL_TEXT && c_type == SQL_C_WCHAR && data != NULL && s->max_length == 0 &&
        (c->text.len + 1) * unit <= (size_t)cap) { /* what fits goes there directly */
        size_t units = wide_write(c->text.ptr, c->text.len, unit, data, c->text.len);
        memset(data + units * unit, 0, unit);
        if (length != NULL) {
            *length = (SQLLEN)(units * unit);
        }
        s->get.done = true;
        return CONV_OK;
    }
    conv r = value_bytes(s, c, c_type);
    if (conv_is_error(r)) {
        return r;
    }
    cut_to_max_length(s, c, c_type);
    r = check_cut(s, c, c_type, data, cap);
    return conv_is_error(r) ? r : give_piece(s, c_type, data, cap, length);
}

static conv give_first(stmt *s, const cell *c, SQLUSMALLINT number, SQLSMALLINT c_type, char *data,
                       SQLLEN cap, SQLLEN *length) {
    if (c->kind == CELL_NULL) {
        if (length == NULL) {
            return CONV_NULL;
        }
        *length = SQL_NULL_DATA;
        s->get.done = true;
        return CONV_OK;
    }
    if (c_type == SQL_C_CHAR || c_type == SQL_C_WCHAR || c_type == SQL_C_BINARY) {
        return give_variable(s, c, c_type, data, cap, length);
    }
    char fixed[64];
    SQLLEN size = 0;
    const desc_record *rec = number <= s->ard->count ? &s->ard->records[number - 1] : NULL;
    bool own = rec == NULL || rec->precision <= 0;
    conv r = cell_fixed(c, c_type, own ? -1 : rec->precision, own ? -1 : rec->scale, fixed, &size);
    if (!conv_is_error(r)) {
        if (data != NULL) {
            memcpy(data, fixed, (size_t)size);
        }
        if (length != NULL) {
            *length = size;
        }
        s->get.done = true;
    }
    return r;
}

static SQLSMALLINT real_c_type(const stmt *s, SQLUSMALLINT number, SQLSMALLINT c_type) {
    if (c_type == SQL_ARD_TYPE && number <= s->ard->count) {
        c_type = s->ard->records[number - 1].c_type;
    }
    if (c_type == SQL_C_DEFAULT || c_type == SQL_ARD_TYPE) {
        c_type = s->res.columns[number - 1].c_type;
    }
    return type_odbc3(c_type);
}

SQLRETURN get_data(stmt *s, SQLUSMALLINT number, SQLSMALLINT c_type, SQLPOINTER data, SQLLEN cap,
                   SQLLEN *length) {
    SQLRETURN rc = stmt_need_cursor(s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    result *r = &s->res;
    if (r->rowset_count == 0) {
        return fail(&s->h, "24000", "The cursor is not on a row.");
    }
    if (number == 0 || number > r->column_count) {
        return fail(&s->h, "07009", "There is no column %u; the result has %zu.", number,
                    r->column_count);
    }
    c_type = real_c_type(s, number, c_type);
    if (c_type_size(c_type) < 0) {
        return tell(s, CONV_UNKNOWN_C, number);
    }
    if (cap < 0 && c_type_size(c_type) == 0) {
        return tell(s, CONV_LENGTH, number);
    }
    if (s->get.column == number && s->get.c_type == c_type) {
        return tell(s, give_piece(s, c_type, data, cap, length), number);
    }
    buf kept = s->get.buffer;
    s->get = (getdata){.column = number, .c_type = c_type, .buffer = kept};
    int64_t row = r->rowset_first + (int64_t)r->row - 1;
    const held_batch *h = result_batch_of(r, row);
    if (h == NULL) {
        return fail(&s->h, "HY000", "The row is not held any more.");
    }
    cell c = {0};
    conv v = cell_read(&h->columns[number - 1], row - h->first_row, &c);
    if (!conv_is_error(v)) {
        v = give_first(s, &c, number, c_type, data, cap, length);
    }
    if (conv_is_error(v)) {
        s->get.column = 0; /* the next call begins again */
    }
    return tell(s, v, number);
}
