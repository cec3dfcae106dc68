#include "sea/splitter.h"

#include "unit.h"

typedef struct outcome {
    dbk_splitter s;
    dbk_status st;
    dbk_error err;
} outcome;

/* Feeds text in two pieces, the second one byte by byte when `crumbs`. */
static outcome split_at(dbk_slice text, size_t at, bool crumbs) {
    outcome o = {.st = DBK_OK};
    o.st = dbk_splitter_feed(&o.s, dbk_slice_n(text.ptr, at), &o.err);
    size_t step = crumbs ? 1 : text.len - at;
    for (size_t i = at; i < text.len && o.st == DBK_OK; i += step) {
        /* Exactly as long as the piece, so that a sanitizer sees one byte too far. */
        char *piece = dbk_alloc(step);
        CHECK(piece != NULL);
        memcpy(piece, text.ptr + i, step);
        o.st = dbk_splitter_feed(&o.s, dbk_slice_n(piece, step), &o.err);
        dbk_free(piece);
    }
    return o;
}

static void outcome_reset(outcome *o) {
    dbk_splitter_reset(&o->s);
    dbk_error_reset(&o->err);
}

typedef struct row {
    const char *name, *text, *side, *attachment;
    size_t count;
    const char *bad; /* NULL: the attachment is fine */
} row;

static void check_outcome(outcome *o, const row *want) {
    CHECK_OK(o->st, &o->err);
    CHECK_SLICE(o->s.side, want->side);
    CHECK_EQ_SIZE(o->s.attachment_count, want->count);
    if (want->bad == NULL) {
        CHECK_OK(o->s.bad.code, &o->s.bad);
        CHECK_SLICE(o->s.attachment, want->attachment);
    } else {
        CHECK_EQ_I64(o->s.bad.code, DBK_DATA_LOSS);
        CHECK_STR(dbk_error_message(&o->s.bad), want->bad);
        CHECK_EQ_SIZE(o->s.attachment.len, 0);
    }
    outcome_reset(o);
}

static void check_every_split(const row *want) {
    dbk_slice text = dbk_slice_of(want->text);
    CHECK_CASE(want->name);
    for (size_t at = 0; at <= text.len; at++) {
        outcome whole = split_at(text, at, false);
        check_outcome(&whole, want);
        outcome crumbs = split_at(text, at, true);
        check_outcome(&crumbs, want);
    }
}

#define BAD_ESC "attachment: an escape that is not base64"

static const row rows[] = {
    {"empty", "", "", "", 0, NULL},
    {"no attachment", "{\"a\":\"b\",\"c\":[1,\"attachment\"]}",
     "{\"a\":\"b\",\"c\":[1,\"attachment\"]}", "", 0, NULL},
    {"plain", "{\"attachment\":\"aGVsbG8=\"}", "{\"attachment\":\"\"}", "hello", 1, NULL},
    {"nested, with neighbours",
     "{\"r\":{\"n\":1,\"attachment\":\"aGVsbG8gd29ybGQ=\",\"m\":[\"x\"]},\"z\":null}",
     "{\"r\":{\"n\":1,\"attachment\":\"\",\"m\":[\"x\"]},\"z\":null}", "hello world", 1, NULL},
    {"blanks around the colon", "{\"attachment\" \t\r\n : \r\n\t \"aGk=\" }",
     "{\"attachment\" \t\r\n : \r\n\t \"\" }", "hi", 1, NULL},
    {"empty value", "{\"attachment\":\"\"}", "{\"attachment\":\"\"}", "", 1, NULL},
    {"null", "{\"attachment\":null,\"b\":\"attachment\"}",
     "{\"attachment\":null,\"b\":\"attachment\"}", "", 0, NULL},
    {"number, then a string", "{\"attachment\":1,\"x\":\"aGk=\"}",
     "{\"attachment\":1,\"x\":\"aGk=\"}", "", 0, NULL},
    {"list", "{\"attachment\":[\"aGk=\"]}", "{\"attachment\":[\"aGk=\"]}", "", 0, NULL},
    {"object", "{\"attachment\":{\"a\":\"b\"}}", "{\"attachment\":{\"a\":\"b\"}}", "", 0, NULL},
    {"as a value", "{\"a\":\"attachment\",\"b\":\"c\"}", "{\"a\":\"attachment\",\"b\":\"c\"}", "",
     0, NULL},
    {"longer key", "{\"attachments\":\"aGk=\"}", "{\"attachments\":\"aGk=\"}", "", 0, NULL},
    {"shorter key", "{\"attachmen\":\"aGk=\"}", "{\"attachmen\":\"aGk=\"}", "", 0, NULL},
    {"other case", "{\"Attachment\":\"aGk=\"}", "{\"Attachment\":\"aGk=\"}", "", 0, NULL},
    {"key with a quote before", "{\"\\\"attachment\":\"aGk=\"}", "{\"\\\"attachment\":\"aGk=\"}",
     "", 0, NULL},
    {"key with a quote behind", "{\"attachment\\\"\":\"aGk=\"}", "{\"attachment\\\"\":\"aGk=\"}",
     "", 0, NULL},
    {"key in escapes", "{\"\\u0061tt\\u0061chment\":\"aGk=\"}", "{\"\\u0061tt\\u0061chment\":\"\"}",
     "hi", 1, NULL},
    {"key in capital hex", "{\"attachmen\\u0074\":\"aGk=\"}", "{\"attachmen\\u0074\":\"\"}", "hi",
     1, NULL},
    {"key with a foreign escape", "{\"attach\\u00e4ment\":\"aGk=\"}",
     "{\"attach\\u00e4ment\":\"aGk=\"}", "", 0, NULL},
    {"key with U+0161 for a", "{\"\\u0161ttachment\":\"aGk=\"}", "{\"\\u0161ttachment\":\"aGk=\"}",
     "", 0, NULL},
    {"key with a short escape", "{\"a\\ttachment\":\"aGk=\"}", "{\"a\\ttachment\":\"aGk=\"}", "", 0,
     NULL},
    {"slash escaped", "{\"attachment\":\"Pz8\\/Pz8\\/\"}", "{\"attachment\":\"\"}", "??\?\?\?\?", 1,
     NULL},
    {"base64 in unicode escapes", "{\"attachment\":\"\\u0061G\\u006B\\u003d\"}",
     "{\"attachment\":\"\"}", "hi", 1, NULL},
    {"quote in a string before", "{\"a\":\"x\\\\\",\"attachment\":\"aGk=\"}",
     "{\"a\":\"x\\\\\",\"attachment\":\"\"}", "hi", 1, NULL},
    {"braces in strings", "{\"a\":\"}{][:\\\"attachment\\\":\",\"attachment\":\"aGk=\"}",
     "{\"a\":\"}{][:\\\"attachment\\\":\",\"attachment\":\"\"}", "hi", 1, NULL},
    {"not JSON at all", "<html>\"attachment\" : \"aGk=\" it's", "<html>\"attachment\" : \"\" it's",
     "hi", 1, NULL},
    {"cut inside the value", "{\"attachment\":\"aGVs", "{\"attachment\":\"", "hel", 1, NULL},
    {"two", "{\"attachment\":\"aGk=\",\"b\":{\"attachment\":\"aGk=\"}}",
     "{\"attachment\":\"\",\"b\":{\"attachment\":\"\"}}", "", 2,
     "attachment: the answer holds more than one"},
    {"newline in the value", "{\"attachment\":\"aG\\nk=\",\"id\":\"7\"}",
     "{\"attachment\":\"\",\"id\":\"7\"}", "", 1, BAD_ESC},
    {"quote in the value", "{\"attachment\":\"aG\\\"k=\"}", "{\"attachment\":\"\"}", "", 1,
     BAD_ESC},
    {"foreign character", "{\"attachment\":\"aG*k\",\"id\":\"7\"}",
     "{\"attachment\":\"\",\"id\":\"7\"}", "", 1, "attachment: byte 0x2a is not base64"},
    {"url alphabet", "{\"attachment\":\"aG_k\"}", "{\"attachment\":\"\"}", "", 1,
     "attachment: byte 0x5f is not base64"},
    {"foreign escape", "{\"attachment\":\"aG\\u00e4k\"}", "{\"attachment\":\"\"}", "", 1, BAD_ESC},
    {"broken escape", "{\"attachment\":\"aG\\u00\"}", "{\"attachment\":\"\"}", "", 1, BAD_ESC},
    {"group cut short", "{\"attachment\":\"aGk\"}", "{\"attachment\":\"\"}", "", 1,
     "attachment: base64 text ends inside a group"},
    {"text behind the padding", "{\"attachment\":\"aGk=aGk=\"}", "{\"attachment\":\"\"}", "", 1,
     "attachment: byte 0x61 is not base64"},
    {"broken escape in a key", "{\"attach\\u00zment\":\"aGk=\"}", "{\"attach\\u00zment\":\"aGk=\"}",
     "", 0, NULL},
};

DBK_TEST(splitter_every_split) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_every_split(&rows[i]);
    }
}

/* Megabytes of every byte value, in pieces of many sizes. */
DBK_TEST(splitter_large_attachment) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t groups = 200000;
    dbk_error err = {0};
    dbk_buf text = {0};
    CHECK_OK(dbk_buf_puts(&text, "{\"attachment\":\"", &err), &err);
    for (size_t i = 0; i < groups; i++) { /* the 24 bits of i */
        char group[4] = {alphabet[i >> 18 & 63], alphabet[i >> 12 & 63], alphabet[i >> 6 & 63],
                         alphabet[i & 63]};
        CHECK_OK(dbk_buf_append(&text, group, 4, &err), &err);
    }
    CHECK_OK(dbk_buf_puts(&text, "\",\"x\":1}", &err), &err);
    dbk_splitter s = {0};
    size_t at = 0;
    for (size_t n = 1; at < text.len; n = n * 3 % 70001 + 1) {
        size_t piece = dbk_min_size(n, text.len - at);
        CHECK_OK(dbk_splitter_feed(&s, dbk_slice_n(text.ptr + at, piece), &err), &err);
        at += piece;
    }
    CHECK_SLICE(s.side, "{\"attachment\":\"\",\"x\":1}");
    CHECK_EQ_SIZE(s.attachment.len, groups * 3);
    for (size_t i = 0; i < groups; i++) {
        const unsigned char *b = (const unsigned char *)s.attachment.ptr + i * 3;
        CHECK_EQ_SIZE((size_t)b[0] << 16 | (size_t)b[1] << 8 | b[2], i);
    }
    dbk_splitter_reset(&s);
    dbk_buf_reset(&text);
}

DBK_TEST(splitter_side_limit) {
    dbk_splitter s = {0};
    dbk_error err = {0};
    dbk_buf piece = {0};
    CHECK_OK(dbk_buf_reserve(&piece, 1u << 20, &err), &err);
    memset(piece.ptr, ' ', 1u << 20);
    piece.len = 1u << 20;
    for (size_t i = 0; i < DBK_SPLITTER_SIDE_MAX >> 20; i++) {
        CHECK_OK(dbk_splitter_feed(&s, dbk_buf_slice(&piece), &err), &err);
    }
    CHECK_EQ_SIZE(s.side.len, DBK_SPLITTER_SIDE_MAX);
    CHECK_FAILS(dbk_splitter_feed(&s, DBK_SLICE("x"), &err), &err, DBK_DATA_LOSS,
                "the answer is larger than 64 MiB");
    dbk_error_reset(&err);
    dbk_splitter_reset(&s);
    dbk_buf_reset(&piece);
}

DBK_TEST(splitter_attachment_limit) {
    dbk_splitter s = {0};
    dbk_error err = {0};
    CHECK_OK(dbk_splitter_feed(&s, DBK_SLICE("{\"attachment\":\""), &err), &err);
    s.attachment.len = DBK_SPLITTER_ATTACHMENT_MAX - 8; /* as if so much had arrived */
    CHECK_FAILS(dbk_splitter_feed(&s, DBK_SLICE("aGVsbG8="), &err), &err, DBK_DATA_LOSS,
                "the attachment is larger than 512 MiB");
    dbk_error_reset(&err);
    dbk_splitter_reset(&s);
}

DBK_OOM_TEST(splitter_out_of_memory) {
    dbk_splitter s = {0};
    dbk_status st = dbk_splitter_feed(&s, DBK_SLICE("{\"a\":1,\"attachment\":\"aGVsbG8=\"}"), err);
    dbk_splitter_reset(&s);
    return st;
}
