#include "cell.h"

#include "number.h"

#include <string.h>

/* Reads element `slot` of a buffer of fixed-size values; buffers need not be aligned. */
#define LOAD(type, buffer, slot) (load_##type((buffer), (slot)))
#define DEFINE_LOAD(type)                                                                 \
    static type load_##type(const void *buffer, int64_t slot) {                           \
        type value;                                                                       \
        memcpy(&value, (const char *)buffer + (size_t)slot * sizeof value, sizeof value); \
        return value;                                                                     \
    }
DEFINE_LOAD(int8_t)
DEFINE_LOAD(uint8_t)
DEFINE_LOAD(int16_t)
DEFINE_LOAD(uint16_t)
DEFINE_LOAD(int32_t)
DEFINE_LOAD(uint32_t)
DEFINE_LOAD(int64_t)
DEFINE_LOAD(uint64_t)
DEFINE_LOAD(float)
DEFINE_LOAD(double)

static bool bit_at(const uint8_t *bits, int64_t slot) {
    return (bits[slot >> 3] >> (slot & 7) & 1) != 0;
}

static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 0x1fu;
    uint32_t fraction = half & 0x3ffu;
    uint32_t bits = sign;
    float value = 0;
    if (exponent == 0x1f) {
        bits |= 0x7f800000u | fraction << 13;
    } else if (exponent != 0) {
        bits |= (exponent + 112) << 23 | fraction << 13;
    } else {
        float tiny = (float)fraction / 16777216.0f; /* a subnormal counts in units of 2^-24 */
        return sign != 0 ? -tiny : tiny;
    }
    memcpy(&value, &bits, 4);
    return value;
}

static cli_cell cell_of(cli_cell_kind kind, const char *ptr, size_t len) {
    return (cli_cell){.kind = kind, .ptr = ptr, .len = len};
}

/* A string view: int32 length, then 12 bytes of text, or 4 bytes of prefix, buffer number, offset. */
static cli_cell view_cell(const cli_column *c, int64_t slot, cli_cell_kind kind) {
    const char *view = (const char *)c->array->buffers[1] + (size_t)slot * 16;
    int32_t len = 0;
    int32_t where[2];
    memcpy(&len, view, 4);
    if (len <= 12) {
        return cell_of(kind, view + 4, (size_t)len);
    }
    memcpy(where, view + 8, 8);
    return cell_of(kind, (const char *)c->array->buffers[2 + where[0]] + where[1], (size_t)len);
}

static cli_cell string_cell(const cli_column *c, int64_t slot) {
    cli_cell_kind kind = c->is_binary ? CLI_CELL_BINARY
                         : c->is_json ? CLI_CELL_JSON
                                      : CLI_CELL_TEXT;
    if (c->view) {
        return view_cell(c, slot, kind);
    }
    const void *offsets = c->array->buffers[1];
    int64_t start = c->wide ? LOAD(int64_t, offsets, slot) : LOAD(int32_t, offsets, slot);
    int64_t end = c->wide ? LOAD(int64_t, offsets, slot + 1) : LOAD(int32_t, offsets, slot + 1);
    const char *data = c->array->buffers[2];
    return cell_of(kind, data == NULL ? "" : data + start, (size_t)(end - start));
}

static cli_cell float_cell(double value, bool single, char *out) {
    size_t len = single ? cli_put_float(out, (float)value) : cli_put_double(out, value);
    char last = out[len - 1]; /* NaN, Infinity: words, not numbers */
    return cell_of(last == 'N' || last == 'y' ? CLI_CELL_PLAIN : CLI_CELL_NUMBER, out, len);
}

static cli_cell number_cell(const cli_column *c, int64_t slot, char *out) {
    const void *values = c->array->buffers[1];
    int64_t value = 0;
    switch ((int)c->type) {
    case CLI_TYPE_INT8:
        value = (int64_t)LOAD(int8_t, values, slot);
        break;
    case CLI_TYPE_UINT8:
        value = LOAD(uint8_t, values, slot);
        break;
    case CLI_TYPE_INT16:
        value = LOAD(int16_t, values, slot);
        break;
    case CLI_TYPE_UINT16:
        value = LOAD(uint16_t, values, slot);
        break;
    case CLI_TYPE_INT32:
        value = LOAD(int32_t, values, slot);
        break;
    case CLI_TYPE_UINT32:
        value = LOAD(uint32_t, values, slot);
        break;
    case CLI_TYPE_UINT64:
        return cell_of(CLI_CELL_NUMBER, out, cli_put_u64(out, LOAD(uint64_t, values, slot)));
    case CLI_TYPE_FLOAT16:
        return float_cell((double)half_to_float(LOAD(uint16_t, values, slot)), true, out);
    case CLI_TYPE_FLOAT32:
        return float_cell((double)LOAD(float, values, slot), true, out);
    case CLI_TYPE_FLOAT64:
        return float_cell(LOAD(double, values, slot), false, out);
    case CLI_TYPE_DECIMAL:
        return cell_of(CLI_CELL_NUMBER, out,
                       cli_put_decimal(out, (const char *)values + slot * c->width,
                                       (size_t)c->width, c->scale));
    default:
        value = LOAD(int64_t, values, slot);
        break;
    }
    return cell_of(CLI_CELL_NUMBER, out, cli_put_i64(out, value));
}

static size_t put_zoned(const cli_column *c, int64_t ticks, char *out) {
    size_t len = cli_put_timestamp(out, ticks, c->unit, c->iso_times ? 'T' : ' ');
    if (c->has_zone && (c->iso_times || c->utc_mark)) {
        out[len++] = 'Z';
    }
    return len;
}

/* months, days and nanoseconds: "Y-M D HH:MM:SS", each part with its own sign. */
static size_t put_month_day_nano(const char *value, char *out) {
    int32_t part[2];
    int64_t nanos = 0;
    memcpy(part, value, 8);
    memcpy(&nanos, value + 8, 8);
    size_t n = cli_put_months(out, part[0]);
    out[n++] = ' ';
    n += cli_put_i64(out + n, part[1]);
    out[n++] = ' ';
    if (nanos < 0) {
        out[n++] = '-';
        nanos = nanos == INT64_MIN ? INT64_MAX : -nanos;
    }
    return n + cli_put_time(out + n, nanos, 1000000000);
}

static cli_cell time_cell(const cli_column *c, int64_t slot, char *out) {
    const void *values = c->array->buffers[1];
    size_t len = 0;
    switch ((int)c->type) {
    case CLI_TYPE_DATE32:
        len = cli_put_date(out, LOAD(int32_t, values, slot));
        break;
    case CLI_TYPE_DATE64: {
        int64_t ms = LOAD(int64_t, values, slot);
        len = cli_put_date(out, ms / 86400000 - (ms % 86400000 < 0 ? 1 : 0));
        break;
    }
    case CLI_TYPE_TIME32:
        len = cli_put_time(out, LOAD(int32_t, values, slot), c->unit);
        break;
    case CLI_TYPE_TIME64:
        len = cli_put_time(out, LOAD(int64_t, values, slot), c->unit);
        break;
    case CLI_TYPE_TIMESTAMP:
        len = put_zoned(c, LOAD(int64_t, values, slot), out);
        break;
    case CLI_TYPE_DURATION:
        len = cli_put_duration(out, LOAD(int64_t, values, slot), c->unit);
        break;
    case CLI_TYPE_MONTHS:
        len = cli_put_months(out, LOAD(int32_t, values, slot));
        break;
    case CLI_TYPE_DAY_TIME: { /* two int32: days and milliseconds */
        int64_t days = LOAD(int32_t, values, slot * 2);
        int64_t ms = LOAD(int32_t, values, slot * 2 + 1);
        len = cli_put_duration(out, days * 86400000 + ms, 1000);
        break;
    }
    default:
        len = put_month_day_nano((const char *)values + slot * 16, out);
        break;
    }
    return cell_of(CLI_CELL_PLAIN, out, len);
}

/* The index of the run that holds the logical position: run ends grow. */
static int64_t find_run(const cli_column *ends, int64_t position) {
    const void *values = ends->array->buffers[1];
    int64_t low = 0;
    int64_t high = ends->array->length;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int64_t slot = ends->array->offset + middle;
        int64_t end = ends->type == CLI_TYPE_INT16   ? LOAD(int16_t, values, slot)
                      : ends->type == CLI_TYPE_INT32 ? LOAD(int32_t, values, slot)
                                                     : LOAD(int64_t, values, slot);
        if (end <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The index that a dictionary-encoded slot holds. */
static int64_t dictionary_index(const cli_column *c, int64_t slot) {
    const void *values = c->array->buffers[1];
    switch ((int)c->type) {
    case CLI_TYPE_INT8:
        return LOAD(int8_t, values, slot);
    case CLI_TYPE_UINT8:
        return LOAD(uint8_t, values, slot);
    case CLI_TYPE_INT16:
        return LOAD(int16_t, values, slot);
    case CLI_TYPE_UINT16:
        return LOAD(uint16_t, values, slot);
    case CLI_TYPE_INT32:
        return LOAD(int32_t, values, slot);
    case CLI_TYPE_UINT32:
        return LOAD(uint32_t, values, slot);
    default:
        return LOAD(int64_t, values, slot);
    }
}

bool cli_slot_resolve(const cli_column **column, int64_t *slot) {
    for (;;) {
        const cli_column *c = *column;
        if (c->validity != NULL && !bit_at(c->validity, *slot)) {
            return false;
        }
        if (c->dictionary != NULL) {
            *column = c->dictionary;
            *slot = dictionary_index(c, *slot) + c->dictionary->array->offset;
        } else if (c->type == CLI_TYPE_RUN_END) {
            *column = &c->children[1];
            *slot = find_run(&c->children[0], *slot) + c->children[1].array->offset;
        } else {
            return c->type != CLI_TYPE_NULL;
        }
    }
}

cli_cell cli_slot_cell(const cli_column *c, int64_t slot, char scratch[CLI_CELL_SCRATCH]) {
    if (!cli_slot_resolve(&c, &slot)) {
        return cell_of(CLI_CELL_NULL, NULL, 0);
    }
    switch (c->type) {
    case CLI_TYPE_BOOL: {
        bool value = bit_at(c->array->buffers[1], slot);
        return cell_of(CLI_CELL_BOOL, value ? "true" : "false", value ? 4 : 5);
    }
    case CLI_TYPE_INT8:
    case CLI_TYPE_UINT8:
    case CLI_TYPE_INT16:
    case CLI_TYPE_UINT16:
    case CLI_TYPE_INT32:
    case CLI_TYPE_UINT32:
    case CLI_TYPE_INT64:
    case CLI_TYPE_UINT64:
    case CLI_TYPE_FLOAT16:
    case CLI_TYPE_FLOAT32:
    case CLI_TYPE_FLOAT64:
    case CLI_TYPE_DECIMAL:
        return number_cell(c, slot, scratch);
    case CLI_TYPE_DATE32:
    case CLI_TYPE_DATE64:
    case CLI_TYPE_TIME32:
    case CLI_TYPE_TIME64:
    case CLI_TYPE_TIMESTAMP:
    case CLI_TYPE_DURATION:
    case CLI_TYPE_MONTHS:
    case CLI_TYPE_DAY_TIME:
    case CLI_TYPE_MONTH_DAY_NANO:
        return time_cell(c, slot, scratch);
    case CLI_TYPE_STRING:
        return string_cell(c, slot);
    case CLI_TYPE_FIXED_BINARY:
        return cell_of(CLI_CELL_BINARY, (const char *)c->array->buffers[1] + slot * c->width,
                       (size_t)c->width);
    case CLI_TYPE_LIST:
    case CLI_TYPE_FIXED_LIST:
    case CLI_TYPE_STRUCT:
    case CLI_TYPE_MAP:
        return cell_of(CLI_CELL_NESTED, NULL, 0);
    case CLI_TYPE_NULL:
    case CLI_TYPE_RUN_END:
        break; /* resolved before */
    }
    return cell_of(CLI_CELL_NULL, NULL, 0);
}

cli_cell cli_columns_cell(const cli_columns *columns, size_t column, int64_t row,
                          char scratch[CLI_CELL_SCRATCH]) {
    const cli_column *c = &columns->items[column];
    return cli_slot_cell(c, c->array->offset + columns->row_offset + row, scratch);
}

bool cli_column_is_number(const cli_column *c) {
    if (c->dictionary != NULL) {
        return cli_column_is_number(c->dictionary);
    }
    if (c->type == CLI_TYPE_RUN_END) {
        return cli_column_is_number(&c->children[1]);
    }
    return c->type >= CLI_TYPE_INT8 && c->type <= CLI_TYPE_DECIMAL;
}
