#include "odbc.h"

#include <string.h>

static void put_length(const text_out *o, size_t units) {
    size_t length = o->length_in_bytes ? units * o->unit : units;
    if (o->length16 != NULL) {
        *o->length16 = (SQLSMALLINT)(length > INT16_MAX ? INT16_MAX : length);
    }
    if (o->length32 != NULL) {
        *o->length32 = (SQLINTEGER)(length > INT32_MAX ? INT32_MAX : length);
    }
}

bool text_out_put(const text_out *o, text t) {
    size_t units = wide_units(t.ptr == NULL ? "" : t.ptr, t.len, o->unit);
    put_length(o, units);
    if (o->data == NULL) {
        return true;
    }
    if (o->cap <= 0) {
        return units == 0;
    }
    size_t cap = (size_t)o->cap - 1;
    size_t written = wide_write(t.ptr == NULL ? "" : t.ptr, t.len, o->unit, o->data, cap);
    memset((char *)o->data + written * o->unit, 0, o->unit);
    return units <= cap;
}

SQLRETURN text_out_give(handle *h, const text_out *o, text t) {
    if (o->data != NULL && o->cap < 0) {
        return fail(h, "HY090", "A buffer length is negative.");
    }
    if (!text_out_put(o, t)) {
        return warn(h, "01004", "The text was cut: the buffer is too short.");
    }
    return SQL_SUCCESS;
}

attr_value value_text(const char *s) {
    return (attr_value){.kind = V_TEXT, .text = text_of(s == NULL ? "" : s)};
}

attr_value value_number(value_kind kind, int64_t number) {
    return (attr_value){.kind = kind, .number = number};
}

attr_value value_pointer(void *p) {
    return (attr_value){.kind = V_PTR, .pointer = p};
}

SQLRETURN value_take_text(handle *h, const void *value, SQLINTEGER length, unsigned unit,
                          char **out) {
    bool ends = length == SQL_NTS;
    if (value != NULL && !ends && (length < 0 || length % (SQLINTEGER)unit != 0)) {
        return fail(h, "HY090", "A length of %d bytes does not fit this text.", (int)length);
    }
    buf taken = {0};
    size_t units = value == NULL ? 0 : ends ? wide_length(value, unit) : (size_t)length / unit;
    wide_to_utf8(value == NULL ? "" : value, units, unit, &taken);
    *out = buf_take(&taken);
    return *out == NULL ? fail_memory(h) : SQL_SUCCESS;
}

static size_t number_write(const attr_value *v, void *data) {
    switch (v->kind) {
    case V_I16:
    case V_U16: {
        SQLSMALLINT n = (SQLSMALLINT)v->number;
        memcpy(data, &n, sizeof n);
        return sizeof n;
    }
    case V_I32:
    case V_U32: {
        SQLINTEGER n = (SQLINTEGER)v->number;
        memcpy(data, &n, sizeof n);
        return sizeof n;
    }
    case V_LEN:
    case V_ULEN: {
        SQLLEN n = (SQLLEN)v->number;
        memcpy(data, &n, sizeof n);
        return sizeof n;
    }
    case V_PTR:
        memcpy(data, &v->pointer, sizeof v->pointer);
        return sizeof v->pointer;
    case V_TEXT:
        break;
    }
    return 0;
}

SQLRETURN value_give(handle *h, const value_out *o, attr_value v) {
    if (v.kind == V_TEXT) {
        if (o->data != NULL && (o->cap < 0 || (o->unit > 1 && o->cap % (SQLLEN)o->unit != 0))) {
            return fail(h, "HY090", "A buffer length of %ld bytes does not fit this text.",
                        (long)o->cap);
        }
        text_out to = {o->data, o->cap / (SQLLEN)o->unit, o->unit, true, o->length16, o->length32};
        return text_out_give(h, &to, v.text);
    }
    char ignored[8];
    size_t size = number_write(&v, o->data == NULL ? ignored : o->data);
    if (o->length16 != NULL) {
        *o->length16 = (SQLSMALLINT)size;
    }
    if (o->length32 != NULL) {
        *o->length32 = (SQLINTEGER)size;
    }
    return SQL_SUCCESS;
}
