/* Fuzzes dbk_redact_line and dbk_redact_url. Properties: never longer, idempotent, and no byte of a
 * secret planted in a line of its own survives, whatever stands in the lines around it. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Secrets are written with these letters only, everything else without them. */
static const char secret_letters[] = "QZX9";

static const char *const templates[] = {
    "x Bearer %s y",
    "Authorization: Basic %s",
    "Proxy-Authorization: Negotiate a %s",
    "id dapi%s",
    "id dose%s-2",
    "jwt eyJ%s.eyJ%s.%s end",
    "proxy https://user:%s@host:8080/path",
    "proxy http://user:a/b?%s@host",
    "GET https://host/p?sig=%s&x=%s HTTP/2",
    "GET /p?a=%s HTTP/1.1",
    "at https://host/p#%s",
    "password=%s",
    "{\"client_secret\": \"%s a\\\" %s\"}",
    "{'token': '%s %s'}",
    "\\\"refresh_token\\\":\\\"%s b\\\"",
    "Cookie: a=%s; b=%s",
    "PWD={%s }} %s};",
    "api-key => %s",
    "in /home/%s/x",
};

static void require(bool ok, const char *what, const char *text) {
    if (!ok) {
        (void)fprintf(stderr, "%s: %s\n", what, text);
        abort();
    }
}

/* Copies noise that holds neither NUL nor a letter of the secret. */
static size_t put_noise(char *out, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char c = (char)data[i];
        out[i] = c == '\0' || strchr(secret_letters, c) != NULL ? '.' : c;
    }
    return size;
}

/* Copies a template; %s becomes the secret. */
static size_t put_template(char *out, const char *from, const char *secret) {
    size_t n = 0;
    while (*from != '\0') {
        if (from[0] == '%' && from[1] == 's') {
            memcpy(out + n, secret, strlen(secret));
            n += strlen(secret);
            from += 2;
        } else {
            out[n++] = *from++;
        }
    }
    return n;
}

static void check_line(const char *text, bool planted) {
    char *once = dbk_strdup_or_null(text);
    require(once != NULL, "out of memory", "");
    dbk_redact_line(once);
    char *twice = dbk_strdup_or_null(once);
    require(twice != NULL, "out of memory", "");
    dbk_redact_line(twice);
    require(strlen(once) <= strlen(text), "longer", text);
    require(strcmp(once, twice) == 0, "not idempotent", text);
    require(!planted || strpbrk(once, secret_letters) == NULL, "leaked", once);
    dbk_free(once);
    dbk_free(twice);
}

static void check_url(const uint8_t *data, size_t size, size_t out_size) {
    char *out = dbk_alloc(out_size + 1);
    require(out != NULL, "out of memory", "");
    out[out_size] = '#';
    dbk_redact_url(dbk_slice_n(data, size), out, out_size);
    require(out[out_size] == '#', "overrun", "");
    require(out_size == 0 || strlen(out) < out_size, "not terminated", "");
    require(out_size == 0 || strpbrk(out, "?#") == NULL, "query kept", out);
    dbk_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4096) {
        return 0;
    }
    char secret[64];
    size_t secret_len = 9 + data[1] % (sizeof secret - 9); /* with the NUL */
    for (size_t i = 0; i < secret_len; i++) {
        secret[i] = secret_letters[(data[2] + i * data[3]) % (sizeof secret_letters - 1)];
    }
    secret[secret_len - 1] = '\0';
    const char *chosen = templates[data[0] % (sizeof templates / sizeof templates[0])];

    check_url(data + 4, size - 4, data[1]);
    char *text = dbk_alloc(size + 512);
    require(text != NULL, "out of memory", "");
    size_t before = (size - 4) / 2;
    size_t n = put_noise(text, data + 4, size - 4);
    text[n] = '\0';
    check_line(text, false);

    n = put_noise(text, data + 4, before);
    text[n++] = '\n';
    n += put_template(text + n, chosen, secret);
    text[n++] = '\n';
    n += put_noise(text + n, data + 4 + before, size - 4 - before);
    text[n] = '\0';
    check_line(text, true);
    dbk_free(text);
    return 0;
}
