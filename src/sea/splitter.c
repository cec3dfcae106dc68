#include "sea/splitter.h"

static const char wanted[] = "attachment";
#define WANTED_LEN (sizeof wanted - 1)
#define NO_MATCH   UINT8_MAX

/* ---- where bytes go ---- */

static dbk_status pass(dbk_splitter *s, const char *p, size_t n, dbk_error *err) {
    if (n > DBK_SPLITTER_SIDE_MAX - s->side.len) {
        return dbk_error_set(err, DBK_DATA_LOSS, "the answer is larger than %u MiB",
                             DBK_SPLITTER_SIDE_MAX >> 20);
    }
    return dbk_buf_append(&s->side, p, n, err);
}

/* Remembers the first thing that is wrong with an attachment; its bytes are not kept. */
static void spoil(dbk_splitter *s, const char *why) {
    if (s->bad.code == DBK_OK) {
        (void)dbk_error_set(&s->bad, DBK_DATA_LOSS, "attachment: %s", why);
        dbk_buf_reset(&s->attachment);
    }
}

static dbk_status decode(dbk_splitter *s, const char *p, size_t n, dbk_error *err) {
    dbk_error why = {0};
    if (s->bad.code != DBK_OK || n == 0) {
        return DBK_OK;
    }
    if (n / 4 * 3 + 6 > DBK_SPLITTER_ATTACHMENT_MAX - s->attachment.len) {
        return dbk_error_set(err, DBK_DATA_LOSS, "the attachment is larger than %u MiB",
                             DBK_SPLITTER_ATTACHMENT_MAX >> 20);
    }
    dbk_status st = dbk_base64_feed(&s->base64, dbk_slice_n(p, n), &s->attachment, &why);
    if (st == DBK_DATA_LOSS) {
        spoil(s, dbk_error_message(&why));
        st = DBK_OK;
    } else if (st != DBK_OK) {
        dbk_error_move(err, &why);
    }
    dbk_error_reset(&why);
    return st;
}

/* ---- strings that pass: is this one the key? ---- */

static void match(dbk_splitter *s, const char *p, size_t n) {
    if (s->matched == NO_MATCH || n == 0) {
        return;
    }
    bool same = n <= WANTED_LEN - s->matched && memcmp(p, wanted + s->matched, n) == 0;
    s->matched = same ? (uint8_t)(s->matched + n) : NO_MATCH;
}

static void match_char(dbk_splitter *s, uint32_t c) {
    char byte = (char)(c & 0x7F);
    if (c > 0x7F) {
        s->matched = NO_MATCH;
    } else {
        match(s, &byte, 1);
    }
}

/* ---- entering and leaving strings ---- */

static void enter_string(dbk_splitter *s) {
    if (s->expecting) {
        s->place = DBK_SPLIT_CONTENT;
        s->base64 = (dbk_base64){0};
        s->attachment_count++;
        if (s->attachment_count > 1) {
            spoil(s, "the answer holds more than one");
        }
    } else {
        s->place = DBK_SPLIT_STRING;
        s->matched = 0;
    }
    s->named = s->expecting = false;
}

static void leave_string(dbk_splitter *s) {
    if (s->place == DBK_SPLIT_CONTENT) {
        dbk_error why = {0};
        if (dbk_base64_end(&s->base64, &why) != DBK_OK) {
            spoil(s, dbk_error_message(&why));
        }
        dbk_error_reset(&why);
    } else {
        s->named = s->matched == WANTED_LEN;
    }
    s->place = DBK_SPLIT_OUTSIDE;
}

/* ---- one run of bytes in one place; each returns how many it took in *used ---- */

static dbk_status outside(dbk_splitter *s, dbk_slice in, size_t *used, dbk_error *err) {
    size_t i = 0;
    bool entered = false;
    while (i < in.len && !entered) {
        char c = in.ptr[i];
        i++;
        if (c == '"') {
            enter_string(s);
            entered = true;
        } else if (c == ':') {
            s->expecting = s->named;
            s->named = false;
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            s->named = s->expecting = false;
        }
    }
    *used = i;
    return pass(s, in.ptr, i, err);
}

/* Bytes before the next '"' or '\\'. */
static size_t plain_run(dbk_slice in) {
    const char *quote = memchr(in.ptr, '"', in.len);
    size_t n = quote != NULL ? (size_t)(quote - in.ptr) : in.len;
    const char *backslash = memchr(in.ptr, '\\', n);
    return backslash != NULL ? (size_t)(backslash - in.ptr) : n;
}

static dbk_status inside(dbk_splitter *s, dbk_slice in, size_t *used, dbk_error *err) {
    bool content = s->place == DBK_SPLIT_CONTENT;
    dbk_status st = DBK_OK;
    size_t n = plain_run(in);
    if (content) {
        DBK_TRY(decode(s, in.ptr, n, err));
    } else {
        match(s, in.ptr, n);
        DBK_TRY(pass(s, in.ptr, n, err));
    }
    if (n < in.len && in.ptr[n] == '"') {
        leave_string(s);
        DBK_TRY(pass(s, "\"", 1, err));
        n++;
    } else if (n < in.len) {
        s->place = content ? DBK_SPLIT_CONTENT_ESC : DBK_SPLIT_STRING_ESC;
        if (!content) {
            DBK_TRY(pass(s, "\\", 1, err));
        }
        n++;
    }
    *used = n;
done:
    return st;
}

/* The character behind a backslash. Of those only '/' can be part of base64. */
static dbk_status escaped(dbk_splitter *s, char c, dbk_error *err) {
    bool content = s->place == DBK_SPLIT_CONTENT_ESC;
    dbk_status st = DBK_OK;
    if (c == 'u') {
        s->place = content ? DBK_SPLIT_CONTENT_HEX : DBK_SPLIT_STRING_HEX;
        s->hex_digits = 0;
        s->hex_value = 0;
    } else {
        s->place = content ? DBK_SPLIT_CONTENT : DBK_SPLIT_STRING;
    }
    if (!content) {
        /* No letter of the key has a short escape. */
        s->matched = c == 'u' ? s->matched : NO_MATCH;
        st = pass(s, &c, 1, err);
    } else if (c == '/') {
        st = decode(s, &c, 1, err);
    } else if (c != 'u') {
        spoil(s, "an escape that is not base64");
    }
    return st;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A \uXXXX is complete. */
static dbk_status unicode(dbk_splitter *s, dbk_error *err) {
    bool content = s->place == DBK_SPLIT_CONTENT_HEX;
    s->place = content ? DBK_SPLIT_CONTENT : DBK_SPLIT_STRING;
    if (!content) {
        match_char(s, s->hex_value);
        return DBK_OK;
    }
    char c = (char)(s->hex_value & 0x7F);
    if (s->hex_value > 0x7F) {
        spoil(s, "an escape that is not base64");
        return DBK_OK;
    }
    return decode(s, &c, 1, err);
}

static dbk_status hex(dbk_splitter *s, char c, size_t *used, dbk_error *err) {
    bool content = s->place == DBK_SPLIT_CONTENT_HEX;
    int v = hex_value(c);
    if (v < 0) { /* no JSON: the character is read again as an ordinary one */
        s->place = content ? DBK_SPLIT_CONTENT : DBK_SPLIT_STRING;
        s->matched = NO_MATCH;
        *used = 0;
        if (content) {
            spoil(s, "an escape that is not base64");
        }
        return DBK_OK;
    }
    *used = 1;
    s->hex_value = s->hex_value * 16 + (uint32_t)v;
    s->hex_digits++;
    dbk_status st = content ? DBK_OK : pass(s, &c, 1, err);
    return st == DBK_OK && s->hex_digits == 4 ? unicode(s, err) : st;
}

dbk_status dbk_splitter_feed(dbk_splitter *s, dbk_slice in, dbk_error *err) {
    dbk_status st = DBK_OK;
    while (in.len > 0 && st == DBK_OK) {
        size_t used = 1;
        switch (s->place) {
        case DBK_SPLIT_OUTSIDE:
            st = outside(s, in, &used, err);
            break;
        case DBK_SPLIT_STRING:
        case DBK_SPLIT_CONTENT:
            st = inside(s, in, &used, err);
            break;
        case DBK_SPLIT_STRING_ESC:
        case DBK_SPLIT_CONTENT_ESC:
            st = escaped(s, in.ptr[0], err);
            break;
        case DBK_SPLIT_STRING_HEX:
        case DBK_SPLIT_CONTENT_HEX:
            st = hex(s, in.ptr[0], &used, err);
            break;
        }
        in.ptr += used;
        in.len -= used;
    }
    return st;
}

void dbk_splitter_reset(dbk_splitter *s) {
    dbk_buf_reset(&s->side);
    dbk_buf_reset(&s->attachment);
    dbk_error_reset(&s->bad);
    *s = (dbk_splitter){0};
}
