#include "session/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The shortest "d.ddde+xx" that reads back as v. */
static void shortest(double v, char *out, size_t size) {
    for (int digits = 0; digits <= 16; digits++) {
        (void)snprintf(out, size, "%.*e", digits, v);
        if (memcmp(&(double){strtod(out, NULL)}, &v, sizeof v) == 0) {
            return;
        }
    }
}

static void shortest_single(float v, char *out, size_t size) {
    for (int digits = 0; digits <= 8; digits++) {
        (void)snprintf(out, size, "%.*e", digits, (double)v);
        if (memcmp(&(float){strtof(out, NULL)}, &v, sizeof v) == 0) {
            return;
        }
    }
}

/* "d.ddde+xx" without an exponent. */
static void plain(const char *scientific, char *out, size_t size) {
    char digits[24];
    size_t count = 0;
    const char *at = scientific;
    bool negative = *at == '-';
    at += negative ? 1 : 0;
    while (*at != 'e' && *at != '\0') {
        if (*at >= '0' && *at <= '9' && count + 1 < sizeof digits) { /* skips the locale's point */
            digits[count++] = *at;
        }
        at++;
    }
    int exponent = *at == 'e' ? (int)strtol(at + 1, NULL, 10) : 0;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    /* Plain decimal: the point stands behind digit number `point`. */
    int point = exponent + 1;
    size_t n = 0;
    out[n] = '-';
    n += negative ? 1 : 0;
    if (point <= 0) {
        n += (size_t)snprintf(out + n, size - n, "0.");
        for (int i = point; i < 0 && n + 1 < size; i++) {
            out[n++] = '0';
        }
    }
    for (size_t i = 0; i < count && n + 2 < size; i++) {
        if (point > 0 && i == (size_t)point) {
            out[n++] = '.';
        }
        out[n++] = digits[i];
    }
    for (int i = (int)count; i < point && n + 1 < size; i++) {
        out[n++] = '0';
    }
    if (count == 1 && digits[0] == '0') { /* zero: "0" or "-0" */
        n = (size_t)snprintf(out, size, negative ? "-0" : "0");
    }
    out[n] = '\0';
}

void dbk_double_text(double v, char *out, size_t size) {
    char scientific[40];
    if (!isfinite(v)) {
        (void)snprintf(out, size, "%s", isnan(v) ? "NaN" : v > 0 ? "inf" : "-inf");
        return;
    }
    shortest(v, scientific, sizeof scientific);
    plain(scientific, out, size);
}

void dbk_float_text(float v, char *out, size_t size) {
    char scientific[40];
    if (!isfinite(v)) {
        dbk_double_text((double)v, out, size);
        return;
    }
    shortest_single(v, scientific, sizeof scientific);
    plain(scientific, out, size);
}
