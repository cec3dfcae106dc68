#include "parquet.h"

#include <stdlib.h>
#include <string.h>

/* The format's numbers: parquet.thrift of the Apache Parquet format, version 2. */
typedef enum physical {
    BOOLEAN = 0,
    INT32 = 1,
    INT64 = 2,
    FLOAT = 4,
    DOUBLE = 5,
    BYTE_ARRAY = 6,
    FIXED_LEN_BYTE_ARRAY = 7
} physical;
enum { PLAIN = 0, RLE = 3, OPTIONAL = 1, DECIMAL_BYTES = 16 };

typedef struct lane { /* one column's values */
    const column *from;
    physical type;
    text levels; /* a bit a row: is there a value? */
    text values;
    int64_t present; /* values that are there */
} lane;

struct parquet {
    lane *lanes;
    size_t count;
    int64_t rows;
};

/* ---- Thrift's compact protocol, as far as it is needed ---- */

enum {
    T_TRUE = 1,
    T_FALSE = 2,
    T_BYTE = 3,
    T_I32 = 5,
    T_I64 = 6,
    T_BINARY = 8,
    T_LIST = 9,
    T_STRUCT = 12
};

typedef struct writer {
    text *out;
    int last[12]; /* the last field's number, of each struct that is open */
    int depth;
} writer;

static void put_byte(text *out, unsigned value) {
    char byte = (char)(unsigned char)value;
    text_add_n(out, &byte, 1);
}

static void put_varint(text *out, uint64_t value) {
    while (value >= 0x80) {
        put_byte(out, (unsigned)(value & 0x7f) | 0x80u);
        value >>= 7;
    }
    put_byte(out, (unsigned)value);
}

static void put_zigzag(text *out, int64_t value) {
    put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static void begin_field(writer *w, int number, unsigned type) {
    put_byte(w->out, (unsigned)(number - w->last[w->depth]) << 4 | type); /* steps are below 16 */
    w->last[w->depth] = number;
}

static void put_int(writer *w, int number, unsigned type, int64_t value) {
    begin_field(w, number, type);
    put_zigzag(w->out, value);
}

static void put_string(text *out, const char *s) {
    put_varint(out, strlen(s));
    text_add(out, s);
}

static void open_struct(writer *w) {
    w->last[++w->depth] = 0;
}

static void close_struct(writer *w) {
    put_byte(w->out, 0);
    w->depth--;
}

static void open_field(writer *w, int number) {
    begin_field(w, number, T_STRUCT);
    open_struct(w);
}

static void put_empty(writer *w, int number) {
    open_field(w, number);
    close_struct(w);
}

static void put_list(writer *w, int number, unsigned type, size_t count) {
    begin_field(w, number, T_LIST);
    if (count < 15) {
        put_byte(w->out, (unsigned)count << 4 | type);
    } else {
        put_byte(w->out, 0xf0u | type);
        put_varint(w->out, count);
    }
}

/* ---- columns ---- */

/* Kept as text in the file and turned back by SQL. */
static bool as_text(const column *c) {
    return c->kind == CELL_TEXT || c->kind == CELL_NULL || c->kind == CELL_TIME ||
           c->kind == CELL_LIST || c->kind == CELL_MAP || c->kind == CELL_STRUCT ||
           (c->kind == CELL_UINT && c->width == 8) ||
           (c->kind == CELL_DECIMAL && (c->scale < 0 || c->precision > 38));
}

static physical physical_of(const column *c) {
    if (as_text(c) || c->kind == CELL_BINARY) {
        return BYTE_ARRAY;
    }
    if (c->kind == CELL_BOOL) {
        return BOOLEAN;
    }
    if (c->kind == CELL_FLOAT) {
        return c->width < 8 ? FLOAT : DOUBLE;
    }
    if (c->kind == CELL_DECIMAL) {
        return FIXED_LEN_BYTE_ARRAY;
    }
    bool small = (c->kind == CELL_INT && c->width <= 4) ||
                 (c->kind == CELL_UINT && c->width <= 2) || c->kind == CELL_DATE;
    return small ? INT32 : INT64;
}

parquet *parquet_new(const column *columns, size_t count) {
    parquet *f = calloc(1, sizeof *f);
    lane *lanes = calloc(count + 1, sizeof *lanes);
    if (f == NULL || lanes == NULL) {
        free(f);
        free(lanes);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        lanes[i].from = &columns[i];
        lanes[i].type = physical_of(&columns[i]);
    }
    f->lanes = lanes;
    f->count = count;
    return f;
}

void parquet_free(parquet *f) {
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        text_reset(&f->lanes[i].levels);
        text_reset(&f->lanes[i].values);
    }
    free(f->lanes);
    free(f);
}

int64_t parquet_rows(const parquet *f) {
    return f->rows;
}

size_t parquet_size(const parquet *f) {
    size_t size = 0;
    for (size_t i = 0; i < f->count; i++) {
        size += f->lanes[i].levels.len + f->lanes[i].values.len;
    }
    return size;
}

/* ---- values ---- */

static void add_bit(text *bits, int64_t at, bool value) {
    if (at % 8 == 0) {
        put_byte(bits, 0);
    }
    if (value && !bits->failed) {
        bits->ptr[at / 8] = (char)(bits->ptr[at / 8] | 1 << (at % 8));
    }
}

static void add_bytes(text *out, const char *bytes, size_t len) {
    uint32_t count = (uint32_t)len;
    out->failed |= len > INT32_MAX;
    text_add_n(out, (const char *)&count, sizeof count);
    text_add_n(out, bytes, len);
}

static int64_t floor_div(int64_t n, int64_t d) {
    int64_t q = n / d;
    return q * d > n ? q - 1 : q;
}

/* Days for dates, microseconds for timestamps; false: the number does not fit. */
static bool scaled(const column *c, int64_t *n) {
    if (c->kind == CELL_DATE && c->width == 8) {
        *n = floor_div(*n, 86400000);
    } else if (c->kind == CELL_TIMESTAMP && c->per_second > 1000000) {
        *n = floor_div(*n, c->per_second / 1000000);
    } else if (c->kind == CELL_TIMESTAMP) {
        return !__builtin_mul_overflow(*n, 1000000 / c->per_second, n);
    }
    return true;
}

static bool add_integer(lane *l, int64_t row) {
    int64_t n = 0;
    if (!cell_int(l->from, row, &n) || !scaled(l->from, &n)) {
        return false;
    }
    if (l->type == BOOLEAN) {
        add_bit(&l->values, l->present, n != 0);
    } else { /* little-endian: the low bytes come first */
        text_add_n(&l->values, (const char *)&n, l->type == INT32 ? 4 : 8);
    }
    return true;
}

/* Sixteen bytes, the highest first. */
static void add_decimal(lane *l, int64_t row) {
    column raw = *l->from;
    const char *bytes = NULL;
    size_t len = 0;
    raw.kind = CELL_BINARY;
    cell_bytes(&raw, row, &bytes, &len);
    bool negative = ((unsigned char)bytes[len - 1] & 0x80u) != 0;
    for (size_t i = DECIMAL_BYTES; i-- > 0;) {
        put_byte(&l->values, i < len ? (unsigned char)bytes[i] : negative ? 0xffu : 0);
    }
}

static bool add_value(lane *l, int64_t row) {
    const column *c = l->from;
    const char *bytes = NULL;
    size_t len = 0;
    double d = 0;
    float f = 0;
    if (c->kind == CELL_FLOAT) {
        d = cell_double(c, row);
        f = (float)d;
        text_add_n(&l->values, l->type == FLOAT ? (const char *)&f : (const char *)&d,
                   l->type == FLOAT ? sizeof f : sizeof d);
    } else if (c->kind == CELL_TEXT || c->kind == CELL_BINARY) {
        cell_bytes(c, row, &bytes, &len);
        add_bytes(&l->values, bytes, len);
    } else if (as_text(c)) {
        text t = {0};
        bool known = cell_write(c, row, &t);
        add_bytes(&l->values, text_str(&t), t.len);
        l->values.failed |= t.failed;
        text_reset(&t);
        return known;
    } else if (l->type == FIXED_LEN_BYTE_ARRAY) {
        add_decimal(l, row);
    } else {
        return add_integer(l, row);
    }
    return true;
}

AdbcStatusCode parquet_add(parquet *f, int64_t row, struct AdbcError *error) {
    for (size_t i = 0; i < f->count; i++) {
        lane *l = &f->lanes[i];
        bool there = !cell_is_null(l->from, row);
        add_bit(&l->levels, f->rows, there);
        if (there && !add_value(l, row)) {
            return fail(error, ADBC_STATUS_INVALID_DATA,
                        "column %s: a value of Arrow type '%s' does not fit its SQL type",
                        l->from->name, l->from->schema->format);
        }
        l->present += there ? 1 : 0;
        if (l->values.failed || l->levels.failed) {
            return fail_memory(error);
        }
    }
    f->rows++;
    return ADBC_STATUS_OK;
}

/* ---- the file ---- */

static void put_levels(const lane *l, text *page) {
    text run = {0};
    put_varint(&run, (uint64_t)l->levels.len << 1 | 1); /* one bit-packed run of groups of eight */
    uint32_t len = (uint32_t)(run.len + l->levels.len);
    text_add_n(page, (const char *)&len, sizeof len);
    text_add_n(page, text_str(&run), run.len);
    text_add_n(page, text_str(&l->levels), l->levels.len);
    page->failed |= run.failed;
    text_reset(&run);
}

static void put_page_header(int64_t rows, size_t size, text *out) {
    writer w = {.out = out};
    put_int(&w, 1, T_I32, 0); /* a data page */
    put_int(&w, 2, T_I32, (int64_t)size);
    put_int(&w, 3, T_I32, (int64_t)size);
    open_field(&w, 5);
    put_int(&w, 1, T_I32, rows);
    put_int(&w, 2, T_I32, PLAIN);
    put_int(&w, 3, T_I32, RLE);
    put_int(&w, 4, T_I32, RLE);
    close_struct(&w);
    put_byte(out, 0);
}

static void put_logical(writer *w, const column *c) {
    if (as_text(c)) {
        open_field(w, 10);
        put_empty(w, 1); /* STRING */
        close_struct(w);
    } else if (c->kind == CELL_DECIMAL) {
        open_field(w, 10);
        open_field(w, 5);
        put_int(w, 1, T_I32, c->scale);
        put_int(w, 2, T_I32, c->precision);
        close_struct(w);
        close_struct(w);
    } else if (c->kind == CELL_DATE) {
        open_field(w, 10);
        put_empty(w, 6);
        close_struct(w);
    } else if (c->kind == CELL_TIMESTAMP) {
        open_field(w, 10);
        open_field(w, 8);
        begin_field(w, 1, c->zoned ? T_TRUE : T_FALSE);
        open_field(w, 2);
        put_empty(w, 2); /* microseconds */
        close_struct(w);
        close_struct(w);
        close_struct(w);
    } else if (c->kind == CELL_INT && c->width < 4) {
        open_field(w, 10);
        open_field(w, 10);
        begin_field(w, 1, T_BYTE);
        put_byte(w->out, (unsigned)c->width * 8);
        begin_field(w, 2, T_TRUE);
        close_struct(w);
        close_struct(w);
    }
}

/* The older way to say the same, for readers that know only it; -1: it cannot be said there. */
static int converted_type(const column *c) {
    if (as_text(c)) {
        return 0;
    }
    if (c->kind == CELL_DECIMAL) {
        return 5;
    }
    if (c->kind == CELL_DATE) {
        return 6;
    }
    if (c->kind == CELL_TIMESTAMP) {
        return c->zoned ? 10 : -1;
    }
    if (c->kind == CELL_INT && c->width < 4) {
        return c->width == 1 ? 15 : 16;
    }
    return -1;
}

static void put_schema(writer *w, const parquet *f) {
    put_list(w, 2, T_STRUCT, f->count + 1);
    open_struct(w);
    begin_field(w, 4, T_BINARY);
    put_string(w->out, "rows");
    put_int(w, 5, T_I32, (int64_t)f->count);
    close_struct(w);
    for (size_t i = 0; i < f->count; i++) {
        const column *c = f->lanes[i].from;
        text name = {0};
        text_addf(&name, "c%zu", i);
        open_struct(w);
        put_int(w, 1, T_I32, f->lanes[i].type);
        if (f->lanes[i].type == FIXED_LEN_BYTE_ARRAY) {
            put_int(w, 2, T_I32, DECIMAL_BYTES);
        }
        put_int(w, 3, T_I32, OPTIONAL);
        begin_field(w, 4, T_BINARY);
        put_string(w->out, text_str(&name));
        if (converted_type(c) >= 0) {
            put_int(w, 6, T_I32, converted_type(c));
        }
        if (f->lanes[i].type == FIXED_LEN_BYTE_ARRAY) {
            put_int(w, 7, T_I32, c->scale);
            put_int(w, 8, T_I32, c->precision);
        }
        put_logical(w, c);
        close_struct(w);
        text_reset(&name);
    }
}

static void put_chunk(writer *w, const parquet *f, size_t at, size_t offset, size_t size) {
    text name = {0};
    text_addf(&name, "c%zu", at);
    open_struct(w);
    put_int(w, 2, T_I64, (int64_t)offset);
    open_field(w, 3);
    put_int(w, 1, T_I32, f->lanes[at].type);
    put_list(w, 2, T_I32, 2);
    put_zigzag(w->out, PLAIN);
    put_zigzag(w->out, RLE);
    put_list(w, 3, T_BINARY, 1);
    put_string(w->out, text_str(&name));
    put_int(w, 4, T_I32, 0); /* not compressed */
    put_int(w, 5, T_I64, f->rows);
    put_int(w, 6, T_I64, (int64_t)size);
    put_int(w, 7, T_I64, (int64_t)size);
    put_int(w, 9, T_I64, (int64_t)offset);
    close_struct(w);
    close_struct(w);
    text_reset(&name);
}

static void put_footer(const parquet *f, const size_t *offsets, text *out) {
    size_t begin = out->len;
    writer w = {.out = out};
    put_int(&w, 1, T_I32, 2);
    put_schema(&w, f);
    put_int(&w, 3, T_I64, f->rows);
    put_list(&w, 4, T_STRUCT, 1);
    open_struct(&w);
    put_list(&w, 1, T_STRUCT, f->count);
    for (size_t i = 0; i < f->count; i++) {
        put_chunk(&w, f, i, offsets[i], offsets[i + 1] - offsets[i]);
    }
    put_int(&w, 2, T_I64, (int64_t)(offsets[f->count] - offsets[0]));
    put_int(&w, 3, T_I64, f->rows);
    close_struct(&w);
    begin_field(&w, 6, T_BINARY);
    put_string(out, "dbkernel");
    put_byte(out, 0);
    uint32_t len = (uint32_t)(out->len - begin);
    text_add_n(out, (const char *)&len, sizeof len);
    text_add(out, "PAR1");
}

static void put_column(const lane *l, int64_t rows, text *out) {
    text page = {0};
    put_levels(l, &page);
    text_add_n(&page, text_str(&l->values), l->values.len);
    put_page_header(rows, page.len, out);
    text_add_n(out, text_str(&page), page.len);
    out->failed |= page.failed;
    text_reset(&page);
}

void parquet_take(parquet *f, text *out) {
    size_t *offsets = calloc(f->count + 1, sizeof *offsets);
    if (offsets == NULL) {
        out->failed = true;
        return;
    }
    text_add(out, "PAR1");
    for (size_t i = 0; i < f->count; i++) {
        offsets[i] = out->len;
        put_column(&f->lanes[i], f->rows, out);
        text_clear(&f->lanes[i].levels);
        text_clear(&f->lanes[i].values);
        f->lanes[i].present = 0;
    }
    offsets[f->count] = out->len;
    put_footer(f, offsets, out);
    f->rows = 0;
    free(offsets);
}

/* ---- back in SQL ---- */

void parquet_expression(const column *c, size_t at, text *sql) {
    text type = {0};
    (void)column_sql_type(c, &type);
    bool nested = c->kind == CELL_LIST || c->kind == CELL_MAP || c->kind == CELL_STRUCT;
    if (nested) {
        text_addf(sql, "from_json(c%zu, '%s')", at, text_str(&type));
    } else if (c->kind == CELL_TEXT || c->kind == CELL_TIME || c->kind == CELL_NULL) {
        text_addf(sql, "c%zu", at);
    } else {
        text_addf(sql, "CAST(c%zu AS %s)", at, text_str(&type));
    }
    text_reset(&type);
}
