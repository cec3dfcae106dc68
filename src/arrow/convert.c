#include "arrow/builder.h"
#include "arrow/nested_json.h"
#include "arrow/scalar_text.h"

#include <string.h>

/* What a column becomes. */
typedef enum conversion { CONVERT_NOT, CONVERT_NULLS, CONVERT_INTERVAL, CONVERT_JSON } conversion;

static conversion conversion_of(const dbk_field *f, const dbk_convert_options *options) {
    bool interval = f->type >= DBK_TYPE_DURATION && f->type <= DBK_TYPE_INTERVAL_MONTH_DAY_NANO;
    bool complex = f->type >= DBK_TYPE_LIST && f->type <= DBK_TYPE_MAP;
    if (f->type == DBK_TYPE_NULL && f->dictionary == NULL) {
        return CONVERT_NULLS;
    }
    if (interval && options->intervals_as_string) {
        return CONVERT_INTERVAL;
    }
    return complex && options->complex_as_json ? CONVERT_JSON : CONVERT_NOT;
}

_Static_assert(DBK_TYPE_INTERVAL_MONTHS == DBK_TYPE_DURATION + 1 &&
                   DBK_TYPE_INTERVAL_DAY_TIME == DBK_TYPE_DURATION + 2 &&
                   DBK_TYPE_INTERVAL_MONTH_DAY_NANO == DBK_TYPE_DURATION + 3,
               "conversion_of takes the interval types for neighbours");
_Static_assert(DBK_TYPE_LARGE_LIST == DBK_TYPE_LIST + 1 && DBK_TYPE_MAP == DBK_TYPE_LIST + 6,
               "conversion_of takes the nested types for neighbours");

static size_t conversion_count(const dbk_schema *s, const dbk_convert_options *options) {
    size_t n = 0;
    for (size_t i = 0; i < s->column_count; i++) {
        n += conversion_of(&s->columns[i], options) != CONVERT_NOT ? 1 : 0;
    }
    return n;
}

/* ---- schemas ---------------------------------------------------------------------------------- */

/* Decimal texts have room for scales of DBK_DECIMAL_SCALE_MAX. */
static dbk_status check_scales(const dbk_field *f, dbk_error *err) {
    dbk_status st = DBK_OK;
    bool decimal = f->type >= DBK_TYPE_DECIMAL32 && f->type <= DBK_TYPE_DECIMAL256;
    if (decimal && (f->scale > DBK_DECIMAL_SCALE_MAX || f->scale < -DBK_DECIMAL_SCALE_MAX)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "a decimal scale of %d is not possible", f->scale);
    }
    for (size_t i = 0; i < f->child_count && st == DBK_OK; i++) {
        st = check_scales(&f->children[i], err);
    }
    return st;
}

static dbk_status convert_field(dbk_schema *s, dbk_field *dst, const dbk_field *src, conversion how,
                                dbk_error *err) {
    dbk_status st = DBK_OK;
    if (how == CONVERT_NOT) {
        return dbk_field_copy(s, dst, src, err);
    }
    DBK_TRY(check_scales(src, err));
    DBK_TRY(dbk_schema_text(s, src->name, &dst->name, err));
    DBK_TRY(dbk_metadata_copy(s, &dst->metadata, &src->metadata, err));
    dst->type = DBK_TYPE_UTF8;
    dst->nullable = src->nullable || how == CONVERT_NULLS;

done:
    return st;
}

dbk_status dbk_convert_schema(dbk_schema *in, const dbk_convert_options *options, dbk_schema **out,
                              dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_schema *s = NULL;
    if (conversion_count(in, options) == 0) {
        *out = dbk_schema_ref(in);
        return DBK_OK;
    }
    DBK_TRY(dbk_schema_new(in->column_count, &s, err));
    DBK_TRY(dbk_metadata_copy(s, &s->metadata, &in->metadata, err));
    for (size_t i = 0; i < in->column_count; i++) {
        conversion how = conversion_of(&in->columns[i], options);
        DBK_TRY(convert_field(s, &s->columns[i], &in->columns[i], how, err));
    }
    *out = s;
    s = NULL;

done:
    dbk_schema_unref(s);
    return st;
}

/* ---- columns ---------------------------------------------------------------------------------- */

static dbk_status put_interval(const dbk_field *f, const dbk_array *a, int64_t row, dbk_buf *out,
                               dbk_error *err) {
    dbk_status st = dbk_buf_reserve(out, DBK_SCALAR_TEXT_MAX, err);
    if (st == DBK_OK) {
        out->len += dbk_scalar_text(f, a, row, out->ptr + out->len);
    }
    return st;
}

/* Every row of a to a text row of c. */
static dbk_status convert_column(const dbk_field *f, const dbk_array *a, conversion how,
                                 dbk_column *c, dbk_error *err) {
    dbk_status st = DBK_OK;
    for (int64_t row = 0; row < a->length; row++) {
        const dbk_array *values = a;
        int64_t at = row;
        bool is_null = false;
        DBK_TRY(dbk_array_look_through(f, a, row, &values, &at, &is_null, err));
        if (is_null) {
            DBK_TRY(dbk_column_put_null(c, err));
            continue;
        }
        if (how == CONVERT_INTERVAL) {
            DBK_TRY(put_interval(f, values, at, &c->data, err));
        } else {
            DBK_TRY(dbk_json_write_value(f, a, row, &c->data, err));
        }
        DBK_TRY(dbk_column_end_bytes(c, err));
    }

done:
    return st == DBK_OK ? st
                        : dbk_error_wrap(err, "converting column \"%s\" to text",
                                         f->name.ptr != NULL ? f->name.ptr : "");
}

/* ---- batches ---------------------------------------------------------------------------------- */

/* The converted columns while they are made. */
typedef struct converter {
    size_t count; /* of the batch's columns; those that stay are empty here */
    dbk_column *columns;
    conversion *how;
    size_t null_count; /* columns of CONVERT_NULLS: they share one piece of zeros */
    size_t kept_count;
} converter;

static void converter_reset(converter *v) {
    for (size_t i = 0; v->columns != NULL && i < v->count; i++) {
        dbk_column_reset(&v->columns[i]);
    }
    dbk_free(v->columns);
    dbk_free(v->how);
    *v = (converter){0};
}

static dbk_status converter_init(converter *v, const dbk_batch *b,
                                 const dbk_convert_options *options, dbk_error *err) {
    v->count = b->column_count;
    v->columns = dbk_alloc_array(v->count, sizeof *v->columns);
    v->how = dbk_alloc_array(v->count, sizeof *v->how);
    if (v->columns == NULL || v->how == NULL) {
        return dbk_error_oom(err, "converting columns");
    }
    for (size_t i = 0; i < v->count; i++) {
        v->how[i] = conversion_of(&b->schema->columns[i], options);
        v->null_count += v->how[i] == CONVERT_NULLS ? 1 : 0;
        v->kept_count += v->how[i] == CONVERT_NOT ? 1 : 0;
    }
    return DBK_OK;
}

/* The bytes of a block for everything that was converted. zeros: of one all-null column. */
static size_t converter_bytes(const converter *v, int64_t row_count, size_t *zeros) {
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) {
        n += dbk_column_bytes(&v->columns[i]);
    }
    *zeros = v->null_count > 0 ? ((size_t)row_count + 1) * sizeof(int32_t) : 0;
    return n + *zeros;
}

/* An all-null utf8 column: validity and offsets are the same zeros. */
static dbk_status set_nulls(dbk_batch *b, dbk_array *a, const uint8_t *zeros, size_t zeros_size,
                            dbk_error *err) {
    *a = (dbk_array){.length = b->row_count, .null_count = b->row_count};
    dbk_status st = dbk_array_add_buffers(b, a, 3, err);
    if (st == DBK_OK) {
        a->buffers[0] = (dbk_buffer){zeros, dbk_bits_bytes(b->row_count)};
        a->buffers[1] = (dbk_buffer){zeros, zeros_size};
        a->buffers[2] = (dbk_buffer){dbk_zeros, sizeof dbk_zeros};
    }
    return st;
}

/* Puts the columns together: converted ones from v, the others as b has them. */
static dbk_status assemble(const converter *v, const dbk_batch *b, dbk_block *block,
                           size_t zeros_size, dbk_batch *made, dbk_error *err) {
    dbk_status st = DBK_OK;
    uint8_t *zeros = NULL;
    if (zeros_size > 0) {
        zeros = dbk_block_alloc(block, zeros_size);
        DBK_TRY(DBK_ENSURE(zeros != NULL, err));
        memset(zeros, 0, zeros_size);
    }
    for (size_t i = 0; i < v->count; i++) {
        switch (v->how[i]) {
        case CONVERT_NOT:
            made->columns[i] = b->columns[i]; /* made holds b */
            break;
        case CONVERT_NULLS:
            DBK_TRY(set_nulls(made, &made->columns[i], zeros, zeros_size, err));
            break;
        case CONVERT_INTERVAL:
        case CONVERT_JSON:
            DBK_TRY(dbk_column_place(&v->columns[i], made, block, &made->columns[i], err));
            break;
        }
    }

done:
    return st;
}

static dbk_status convert_columns(converter *v, const dbk_batch *b, const dbk_schema *schema,
                                  dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < v->count; i++) {
        if (v->how[i] == CONVERT_INTERVAL || v->how[i] == CONVERT_JSON) {
            DBK_TRY(dbk_column_init(&v->columns[i], &schema->columns[i], NULL, err));
            DBK_TRY(convert_column(&b->schema->columns[i], &b->columns[i], v->how[i],
                                   &v->columns[i], err));
        }
    }

done:
    return st;
}

dbk_status dbk_convert_batch(dbk_batch *b, dbk_schema *schema, const dbk_convert_options *options,
                             dbk_block_owner owner, dbk_batch **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    converter v = {0};
    dbk_batch *made = NULL;
    dbk_block *block = NULL;
    size_t zeros_size = 0;

    DBK_TRY(DBK_ENSURE(schema->column_count == b->column_count, err));
    if (conversion_count(b->schema, options) == 0) {
        *out = dbk_batch_ref(b);
        return DBK_OK;
    }
    DBK_TRY(converter_init(&v, b, options, err));
    DBK_TRY(convert_columns(&v, b, schema, err));
    DBK_TRY(dbk_batch_new(schema, b->row_count, &made, err));
    DBK_TRY(dbk_block_new(converter_bytes(&v, b->row_count, &zeros_size), owner, &block, err));
    DBK_TRY(dbk_batch_hold_block(made, block, err));
    if (v.kept_count > 0) {
        DBK_TRY(dbk_batch_hold_batch(made, b, err));
    }
    DBK_TRY(assemble(&v, b, block, zeros_size, made, err));
    *out = made;
    made = NULL;

done:
    dbk_batch_unref(made);
    dbk_block_unref(block);
    converter_reset(&v);
    return st;
}
