#include "module.h"

#include <stdlib.h>
#include <string.h>

/* Arrow values as Python objects: what pyarrow's to_pylist gives, without pyarrow. */

typedef enum kind {
    KIND_NULL,
    KIND_BOOL,
    KIND_INT8,
    KIND_UINT8,
    KIND_INT16,
    KIND_UINT16,
    KIND_INT32,
    KIND_UINT32,
    KIND_INT64,
    KIND_UINT64,
    KIND_FLOAT,
    KIND_DOUBLE,
    KIND_TEXT,
    KIND_LARGE_TEXT,
    KIND_BYTES,
    KIND_LARGE_BYTES,
    KIND_DECIMAL,
    KIND_DATE,
    KIND_TIMESTAMP,
    KIND_DURATION,
    KIND_LIST,
    KIND_LARGE_LIST,
    KIND_MAP,
    KIND_STRUCT
} kind;

typedef struct column {
    kind kind;
    int scale;        /* of a decimal */
    int width;        /* of a decimal, in bytes */
    int64_t unit;     /* of a timestamp or duration: so many per second */
    PyObject *zone;   /* tzinfo, None without one */
    PyObject **names; /* of a struct's fields */
    const struct ArrowArray *array;
    struct column *children;
    int64_t child_count;
} column;

/* The classes of Python that are not in the limited API. */
static PyObject *decimal_class, *date_class, *datetime_class, *delta_class, *utc;

static PyObject *attribute_of(const char *module, const char *name) {
    PyObject *m = PyImport_ImportModule(module);
    PyObject *found = m == NULL ? NULL : PyObject_GetAttrString(m, name);
    Py_XDECREF(m);
    return found;
}

static int load_classes(void) {
    if (utc != NULL) {
        return 0;
    }
    if (decimal_class == NULL) {
        decimal_class = attribute_of("decimal", "Decimal");
    }
    if (date_class == NULL) {
        date_class = attribute_of("datetime", "date");
    }
    if (datetime_class == NULL) {
        datetime_class = attribute_of("datetime", "datetime");
    }
    if (delta_class == NULL) {
        delta_class = attribute_of("datetime", "timedelta");
    }
    if (decimal_class == NULL || date_class == NULL || datetime_class == NULL ||
        delta_class == NULL) {
        return -1;
    }
    PyObject *zone_class = attribute_of("datetime", "timezone");
    utc = zone_class == NULL ? NULL : PyObject_GetAttrString(zone_class, "utc");
    Py_XDECREF(zone_class);
    return utc == NULL ? -1 : 0;
}

/* ---- reading the schema ---- */

static int64_t units_per_second(char unit) {
    return unit == 's' ? 1 : unit == 'm' ? 1000 : unit == 'u' ? 1000000 : 1000000000;
}

/* "+05:30" becomes a fixed timezone, a name of the time zone database a ZoneInfo. New reference. */
static PyObject *zone_of(const char *name) {
    if (name[0] == '\0') {
        return Py_NewRef(Py_None);
    }
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0 || strcmp(name, "Z") == 0) {
        return Py_NewRef(utc);
    }
    int hours = 0;
    int minutes = 0;
    if ((name[0] == '+' || name[0] == '-') && sscanf(name + 1, "%2d:%2d", &hours, &minutes) == 2) {
        int seconds = 60 * (60 * hours + minutes);
        PyObject *fixed_class = attribute_of("datetime", "timezone");
        PyObject *offset =
            PyObject_CallFunction(delta_class, "ii", 0, name[0] == '-' ? -seconds : seconds);
        PyObject *zone = fixed_class == NULL || offset == NULL
                             ? NULL
                             : PyObject_CallFunctionObjArgs(fixed_class, offset, NULL);
        Py_XDECREF(fixed_class);
        Py_XDECREF(offset);
        return zone;
    }
    PyObject *zone_class = attribute_of("zoneinfo", "ZoneInfo");
    PyObject *zone = zone_class == NULL ? NULL : PyObject_CallFunction(zone_class, "s", name);
    Py_XDECREF(zone_class);
    return zone;
}

static int simple_kind(char letter) {
    static const struct {
        char letter;
        kind kind;
    } kinds[] = {
        {'n', KIND_NULL},  {'b', KIND_BOOL},   {'c', KIND_INT8},       {'C', KIND_UINT8},
        {'s', KIND_INT16}, {'S', KIND_UINT16}, {'i', KIND_INT32},      {'I', KIND_UINT32},
        {'l', KIND_INT64}, {'L', KIND_UINT64}, {'f', KIND_FLOAT},      {'g', KIND_DOUBLE},
        {'u', KIND_TEXT},  {'z', KIND_BYTES},  {'U', KIND_LARGE_TEXT}, {'Z', KIND_LARGE_BYTES}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].letter == letter) {
            return (int)kinds[i].kind;
        }
    }
    return -1;
}

/* Kind and details of a format; -1: there is no Python value for it. */
static int read_format(column *c, const char *format) {
    static const struct {
        const char *format;
        kind kind;
    } nested[] = {
        {"+l", KIND_LIST}, {"+L", KIND_LARGE_LIST}, {"+m", KIND_MAP}, {"+s", KIND_STRUCT}};
    int simple = format[0] != '\0' && format[1] == '\0' ? simple_kind(format[0]) : -1;
    if (simple >= 0) {
        c->kind = (kind)simple;
        return 0;
    }
    if (format[0] == 'd' && format[1] == ':') {
        int precision = 0;
        int bits = 128;
        c->kind = KIND_DECIMAL;
        int found = sscanf(format + 2, "%d,%d,%d", &precision, &c->scale, &bits);
        c->width = bits / 8;
        return found >= 2 && c->width >= 4 && c->width <= 32 ? 0 : -1;
    }
    if (strcmp(format, "tdD") == 0) {
        c->kind = KIND_DATE;
        return 0;
    }
    if (strncmp(format, "ts", 2) == 0 || strncmp(format, "tD", 2) == 0) {
        c->kind = format[1] == 's' ? KIND_TIMESTAMP : KIND_DURATION;
        c->unit = units_per_second(format[2]);
        return 0;
    }
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        if (strcmp(format, nested[i].format) == 0) {
            c->kind = nested[i].kind;
            return 0;
        }
    }
    return -1;
}

static void column_free(column *c) {
    for (int64_t i = 0; i < c->child_count; i++) {
        column_free(&c->children[i]);
        if (c->names != NULL) {
            Py_XDECREF(c->names[i]);
        }
    }
    free(c->names);
    free(c->children);
    Py_XDECREF(c->zone);
    *c = (column){0};
}

static int column_open(column *c, const struct ArrowSchema *schema, const struct ArrowArray *array);

static int open_children(column *c, const struct ArrowSchema *schema,
                         const struct ArrowArray *array) {
    size_t count = (size_t)schema->n_children;
    c->children = calloc(count + 1, sizeof *c->children);
    c->names = calloc(count + 1, sizeof *c->names);
    if (c->children == NULL || c->names == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        c->child_count++;
        const char *name = schema->children[i]->name;
        c->names[i] = PyUnicode_FromString(name != NULL ? name : "");
        if (c->names[i] == NULL ||
            column_open(&c->children[i], schema->children[i], array->children[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* column_free it, also when it failed. */
static int column_open(column *c, const struct ArrowSchema *schema,
                       const struct ArrowArray *array) {
    *c = (column){.array = array};
    if (schema->dictionary != NULL || read_format(c, schema->format) < 0) {
        (void)raise_error("InvalidArgument",
                          "column %s is of the Arrow type %s, which has no Python value here: "
                          "fetch it as Arrow",
                          schema->name != NULL ? schema->name : "?", schema->format);
        return -1;
    }
    if (c->kind == KIND_TIMESTAMP) {
        c->zone = zone_of(schema->format + 4); /* behind "tsu:" */
        if (c->zone == NULL) {
            return -1;
        }
    }
    return open_children(c, schema, array);
}

/* ---- values ---- */

static bool is_null(const column *c, int64_t at) {
    const uint8_t *valid = c->array->n_buffers > 0 ? c->array->buffers[0] : NULL;
    return c->kind == KIND_NULL ||
           (c->array->null_count != 0 && valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0);
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar. */
static void civil(int64_t days, int64_t *year, int *month, int *day) {
    int64_t z = days + 719468; /* since 0000-03-01 */
    int64_t era = floor_div(z, 146097);
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153; /* from March */
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2 ? 1 : 0);
}

static PyObject *date_value(int64_t days) {
    int64_t year = 0;
    int month = 0;
    int day = 0;
    civil(days, &year, &month, &day);
    return PyObject_CallFunction(date_class, "Lii", (long long)year, month, day);
}

/* Microseconds; -1: raised, nothing is cut off in silence. */
static int microseconds(const column *c, int64_t value, int64_t *seconds, int *micros) {
    *seconds = floor_div(value, c->unit);
    int64_t rest = value - *seconds * c->unit;
    if (c->unit > 1000000 && rest % 1000 != 0) {
        PyErr_SetString(PyExc_ValueError,
                        "a time with nanoseconds has no Python value: fetch it as Arrow");
        return -1;
    }
    *micros = (int)(c->unit > 1000000 ? rest / 1000 : rest * (1000000 / c->unit));
    return 0;
}

static PyObject *timestamp_value(const column *c, int64_t value) {
    int64_t seconds = 0;
    int64_t year = 0;
    int micros = 0;
    int month = 0;
    int day = 0;
    if (microseconds(c, value, &seconds, &micros) < 0) {
        return NULL;
    }
    int64_t days = floor_div(seconds, 86400);
    int clock = (int)(seconds - days * 86400);
    civil(days, &year, &month, &day);
    PyObject *zone = c->zone == Py_None ? Py_None : utc;
    PyObject *made = PyObject_CallFunction(datetime_class, "LiiiiiiO", (long long)year, month, day,
                                           clock / 3600, clock / 60 % 60, clock % 60, micros, zone);
    if (made != NULL && c->zone != zone) {
        PyObject *local = PyObject_CallMethod(made, "astimezone", "O", c->zone);
        Py_DECREF(made);
        made = local;
    }
    return made;
}

static PyObject *duration_value(const column *c, int64_t value) {
    int64_t seconds = 0;
    int micros = 0;
    if (microseconds(c, value, &seconds, &micros) < 0) {
        return NULL;
    }
    int64_t days = floor_div(seconds, 86400);
    return PyObject_CallFunction(delta_class, "Lii", (long long)days, (int)(seconds - days * 86400),
                                 micros);
}

/* Digits with an exponent, as Decimal reads them: exact for all 76 digits. */
static PyObject *decimal_value(const column *c, const uint8_t *bytes) {
    uint32_t limbs[8];
    char text[112];
    char *at = text + sizeof text;
    bool negative = (bytes[c->width - 1] & 0x80) != 0;
    memset(limbs, negative ? 0xff : 0, sizeof limbs);
    memcpy(limbs, bytes, (size_t)c->width);
    uint64_t carry = negative ? 1 : 0;
    for (size_t i = 0; i < 8 && negative; i++) {
        carry += (uint32_t)~limbs[i];
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    (void)PyOS_snprintf(text, sizeof text, "E%d", -c->scale);
    size_t len = strlen(text) + 1;
    at = memmove(at - len, text, len);
    bool more = true;
    while (more) {
        uint64_t rest = 0;
        more = false;
        for (size_t i = 8; i-- > 0;) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 10);
            more = more || limbs[i] != 0;
            rest %= 10;
        }
        *--at = (char)('0' + rest);
    }
    if (negative) {
        *--at = '-';
    }
    return PyObject_CallFunction(decimal_class, "s", at);
}

static PyObject *bytes_value(const column *c, int64_t begin, int64_t end) {
    const char *data = c->array->buffers[2] != NULL ? c->array->buffers[2] : "";
    return c->kind == KIND_TEXT || c->kind == KIND_LARGE_TEXT
               ? PyUnicode_DecodeUTF8(data + begin, end - begin, "replace")
               : PyBytes_FromStringAndSize(data + begin, end - begin);
}

static PyObject *value_of(const column *c, int64_t index);

static PyObject *map_entry(const column *entries, int64_t index) {
    int64_t at = index + entries->array->offset;
    PyObject *key = value_of(&entries->children[0], at);
    PyObject *value = key == NULL ? NULL : value_of(&entries->children[1], at);
    PyObject *pair = value == NULL ? NULL : PyTuple_Pack(2, key, value);
    Py_XDECREF(key);
    Py_XDECREF(value);
    return pair;
}

static PyObject *list_value(const column *c, int64_t begin, int64_t end) {
    PyObject *list = PyList_New(end - begin);
    for (int64_t i = begin; list != NULL && i < end; i++) {
        PyObject *item =
            c->kind == KIND_MAP ? map_entry(&c->children[0], i) : value_of(&c->children[0], i);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, i - begin, item);
        }
    }
    return list;
}

static PyObject *struct_value(const column *c, int64_t at) {
    PyObject *dict = PyDict_New();
    for (int64_t i = 0; dict != NULL && i < c->child_count; i++) {
        PyObject *item = value_of(&c->children[i], at);
        if (item == NULL || PyDict_SetItem(dict, c->names[i], item) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(item);
    }
    return dict;
}

static PyObject *value_of(const column *c, int64_t index) {
    int64_t at = index + c->array->offset;
    if (is_null(c, at)) {
        return Py_NewRef(Py_None);
    }
    const void *data = c->array->n_buffers > 1 ? c->array->buffers[1] : NULL;
    switch (c->kind) {
    case KIND_NULL:
        break;
    case KIND_BOOL:
        return PyBool_FromLong(((const uint8_t *)data)[at / 8] >> (at % 8) & 1);
    case KIND_INT8:
        return PyLong_FromLong(((const int8_t *)data)[at]);
    case KIND_UINT8:
        return PyLong_FromLong(((const uint8_t *)data)[at]);
    case KIND_INT16:
        return PyLong_FromLong(((const int16_t *)data)[at]);
    case KIND_UINT16:
        return PyLong_FromLong(((const uint16_t *)data)[at]);
    case KIND_INT32:
        return PyLong_FromLong(((const int32_t *)data)[at]);
    case KIND_UINT32:
        return PyLong_FromUnsignedLongLong(((const uint32_t *)data)[at]);
    case KIND_INT64:
        return PyLong_FromLongLong(((const int64_t *)data)[at]);
    case KIND_UINT64:
        return PyLong_FromUnsignedLongLong(((const uint64_t *)data)[at]);
    case KIND_FLOAT:
        return PyFloat_FromDouble((double)((const float *)data)[at]);
    case KIND_DOUBLE:
        return PyFloat_FromDouble(((const double *)data)[at]);
    case KIND_TEXT:
    case KIND_BYTES:
        return bytes_value(c, ((const int32_t *)data)[at], ((const int32_t *)data)[at + 1]);
    case KIND_LARGE_TEXT:
    case KIND_LARGE_BYTES:
        return bytes_value(c, ((const int64_t *)data)[at], ((const int64_t *)data)[at + 1]);
    case KIND_DECIMAL:
        return decimal_value(c, (const uint8_t *)data + at * c->width);
    case KIND_DATE:
        return date_value(((const int32_t *)data)[at]);
    case KIND_TIMESTAMP:
        return timestamp_value(c, ((const int64_t *)data)[at]);
    case KIND_DURATION:
        return duration_value(c, ((const int64_t *)data)[at]);
    case KIND_LIST:
    case KIND_MAP:
        return list_value(c, ((const int32_t *)data)[at], ((const int32_t *)data)[at + 1]);
    case KIND_LARGE_LIST:
        return list_value(c, ((const int64_t *)data)[at], ((const int64_t *)data)[at + 1]);
    case KIND_STRUCT:
        return struct_value(c, at);
    }
    return Py_NewRef(Py_None);
}

/* ---- rows and columns ---- */

static PyObject *row_of(const column *root, int64_t index) {
    PyObject *row = PyTuple_New((Py_ssize_t)root->child_count);
    for (int64_t i = 0; row != NULL && i < root->child_count; i++) {
        PyObject *value = value_of(&root->children[i], index + root->array->offset);
        if (value == NULL) {
            Py_CLEAR(row);
        } else {
            (void)PyTuple_SetItem(row, (Py_ssize_t)i, value);
        }
    }
    return row;
}

PyObject *values_rows(const struct ArrowSchema *schema, const struct ArrowArray *array,
                      int64_t start, int64_t stop) {
    column root;
    if (load_classes() < 0) {
        return NULL;
    }
    int failed = column_open(&root, schema, array);
    PyObject *list = failed < 0 ? NULL : PyList_New((Py_ssize_t)(stop - start));
    for (int64_t i = start; list != NULL && i < stop; i++) {
        PyObject *row = row_of(&root, i);
        if (row == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, (Py_ssize_t)(i - start), row);
        }
    }
    column_free(&root);
    return list;
}

/* The next text of Arrow's metadata encoding: a length, then bytes. */
static PyObject *metadata_text(const char **at) {
    int32_t len = 0;
    memcpy(&len, *at, sizeof len);
    PyObject *text = PyUnicode_DecodeUTF8(*at + sizeof len, len, "replace");
    *at += sizeof len + (size_t)len;
    return text;
}

static PyObject *metadata_dict(const char *metadata) {
    PyObject *dict = PyDict_New();
    int32_t count = 0;
    if (metadata != NULL) {
        memcpy(&count, metadata, sizeof count);
        metadata += sizeof count;
    }
    for (int32_t i = 0; dict != NULL && i < count; i++) {
        PyObject *key = metadata_text(&metadata);
        PyObject *value = metadata_text(&metadata);
        if (key == NULL || value == NULL || PyDict_SetItem(dict, key, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

PyObject *values_columns(const struct ArrowSchema *schema) {
    PyObject *list = PyList_New((Py_ssize_t)schema->n_children);
    for (int64_t i = 0; list != NULL && i < schema->n_children; i++) {
        const struct ArrowSchema *field = schema->children[i];
        PyObject *metadata = metadata_dict(field->metadata);
        PyObject *entry =
            metadata == NULL
                ? NULL
                : Py_BuildValue("(ssNN)", field->name != NULL ? field->name : "", field->format,
                                PyBool_FromLong(field->flags & ARROW_FLAG_NULLABLE), metadata);
        if (entry == NULL) {
            Py_CLEAR(list);
        } else {
            (void)PyList_SetItem(list, (Py_ssize_t)i, entry);
        }
    }
    return list;
}
