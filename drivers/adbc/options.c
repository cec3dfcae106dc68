#include "driver.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every option is kept as text; here it is given and taken as text, bytes, integers and doubles. */

bool parse_flag(const char *value, bool *out) {
    static const char *const words[] = {"true", "1", "yes", "false", "0", "no"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (ascii_same(value, words[i])) {
            *out = i < 3;
            return true;
        }
    }
    return false;
}

bool parse_int(const char *value, int64_t *out) {
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0) {
        double d = 0; /* 4.0, as it comes from callers that know only doubles */
        if (!parse_double(value, &d) || d != (double)(int64_t)d) {
            return false;
        }
        n = (long long)d;
    }
    *out = n;
    return true;
}

bool parse_double(const char *value, double *out) {
    char *end = NULL;
    c_locale l = c_locale_enter();
    errno = 0;
    double d = strtod(value, &end);
    int range = errno;
    c_locale_leave(l);
    if (end == value || *end != '\0' || range != 0 || !(d > -9e18 && d < 9e18)) {
        return false;
    }
    *out = d;
    return true;
}

static AdbcStatusCode read_option(option_reader read, void *object, const char *key, text *out,
                                  struct AdbcError *error) {
    if (object == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the object was not made or is released");
    }
    if (key == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "the option's name must not be NULL");
    }
    RETURN_IF(read(object, key, out, error));
    return out->failed ? fail_memory(error) : ADBC_STATUS_OK;
}

/* ADBC's protocol: *length is the room at entry and what is needed at return; copied when it fits. */
static AdbcStatusCode give(option_reader read, void *object, const char *key, void *value,
                           size_t *length, size_t extra, struct AdbcError *error) {
    text found = {0};
    AdbcStatusCode status = read_option(read, object, key, &found, error);
    if (status == ADBC_STATUS_OK && length == NULL) {
        status = fail(error, ADBC_STATUS_INVALID_ARGUMENT, "length must not be NULL");
    } else if (status == ADBC_STATUS_OK) {
        size_t need = found.len + extra;
        if (value != NULL && need <= *length && need > 0) {
            memcpy(value, text_str(&found), need);
        }
        *length = need;
    }
    text_reset(&found);
    return status;
}

AdbcStatusCode option_get_text(option_reader read, void *object, const char *key, char *value,
                               size_t *length, struct AdbcError *error) {
    return give(read, object, key, value, length, 1, error);
}

AdbcStatusCode option_get_bytes(option_reader read, void *object, const char *key, uint8_t *value,
                                size_t *length, struct AdbcError *error) {
    return give(read, object, key, value, length, 0, error);
}

AdbcStatusCode option_get_int(option_reader read, void *object, const char *key, int64_t *value,
                              struct AdbcError *error) {
    text found = {0};
    bool flag = false;
    AdbcStatusCode status = read_option(read, object, key, &found, error);
    if (status == ADBC_STATUS_OK && !parse_int(text_str(&found), value)) {
        if (parse_flag(text_str(&found), &flag)) {
            *value = flag ? 1 : 0;
        } else {
            status = fail(error, ADBC_STATUS_NOT_FOUND, "option %s is not an integer", key);
        }
    }
    text_reset(&found);
    return status;
}

AdbcStatusCode option_get_double(option_reader read, void *object, const char *key, double *value,
                                 struct AdbcError *error) {
    text found = {0};
    AdbcStatusCode status = read_option(read, object, key, &found, error);
    if (status == ADBC_STATUS_OK && !parse_double(text_str(&found), value)) {
        status = fail(error, ADBC_STATUS_NOT_FOUND, "option %s is not a number", key);
    }
    text_reset(&found);
    return status;
}

AdbcStatusCode option_set_text(option_writer write, void *object, const char *key,
                               const char *value, struct AdbcError *error) {
    if (object == NULL) {
        return fail(error, ADBC_STATUS_INVALID_STATE, "the object was not made or is released");
    }
    if (key == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "the option's name must not be NULL");
    }
    return write(object, key, value, error);
}

AdbcStatusCode option_set_bytes(option_writer write, void *object, const char *key,
                                const uint8_t *value, size_t length, struct AdbcError *error) {
    text copy = {0};
    if (value == NULL && length > 0) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "the option's value must not be NULL");
    }
    text_add_n(&copy, (const char *)value, length);
    if (copy.failed) {
        return fail_memory(error);
    }
    AdbcStatusCode status =
        strlen(text_str(&copy)) == length
            ? option_set_text(write, object, key, text_str(&copy), error)
            : fail(error, ADBC_STATUS_INVALID_ARGUMENT, "an option's value must not hold NUL");
    text_reset(&copy);
    return status;
}

AdbcStatusCode option_set_int(option_writer write, void *object, const char *key, int64_t value,
                              struct AdbcError *error) {
    char copy[24];
    (void)snprintf(copy, sizeof copy, "%" PRId64, value);
    return option_set_text(write, object, key, copy, error);
}

AdbcStatusCode option_set_double(option_writer write, void *object, const char *key, double value,
                                 struct AdbcError *error) {
    char copy[40];
    c_locale l = c_locale_enter();
    (void)snprintf(copy, sizeof copy, "%.17g", value);
    c_locale_leave(l);
    return option_set_text(write, object, key, copy, error);
}
