#include "sea/parser.h"

#include <stdio.h>

#include "sea/reply.h"
#include "sea/splitter.h"

#define SHOWN_BODY 200  /* bytes of the body in a message: spec c-abi 7 */
#define READ_BODY  4096 /* redacted before it is cut, so that no pattern is cut in two */
#define SHOWN_WHY  300

struct dbk_sea_parser {
    dbk_sea_kind kind;
    dbk_splitter splitter;
    char content_type[96];
};

dbk_status dbk_sea_parser_new(dbk_sea_kind kind, dbk_sea_parser **out, dbk_error *err) {
    dbk_sea_parser *p = dbk_alloc_zero(sizeof *p);
    if (p == NULL) {
        return dbk_error_oom(err, "a parser");
    }
    p->kind = kind;
    *out = p;
    return DBK_OK;
}

void dbk_sea_parser_set_content_type(dbk_sea_parser *p, const char *content_type) {
    (void)snprintf(p->content_type, sizeof p->content_type, "%s",
                   content_type[0] != '\0' ? content_type : "none");
}

void dbk_sea_parser_free(dbk_sea_parser *p) {
    if (p != NULL) {
        dbk_splitter_reset(&p->splitter);
        dbk_free(p);
    }
}

static const char *kind_name(dbk_sea_kind kind) {
    switch (kind) {
    case DBK_SEA_SESSION:
        return "session";
    case DBK_SEA_STATEMENT:
        return "execute";
    case DBK_SEA_CHUNK:
        return "chunk";
    case DBK_SEA_STATUS:
        return "status";
    case DBK_SEA_EMPTY:
        break;
    }
    return "empty";
}

/* ---- messages ---- */

/* The start of the body as printable text without credentials. */
static void show_body(const dbk_sea_parser *p, char out[SHOWN_BODY + 1]) {
    char text[READ_BODY + 1];
    size_t n = dbk_min_size(p->splitter.side.len, READ_BODY);
    for (size_t i = 0; i < n; i++) {
        char c = p->splitter.side.ptr[i];
        bool control = (unsigned char)c < 0x20 || c == 0x7F;
        text[i] = control ? ' ' : c;
    }
    text[n] = '\0';
    if (!dbk_utf8_valid(dbk_slice_n(text, n))) {
        for (size_t i = 0; i < n; i++) {
            text[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
        }
    }
    dbk_redact_line(text);
    (void)snprintf(out, SHOWN_BODY + 1, "%.*s", SHOWN_BODY, text);
    dbk_utf8_trim(out);
}

/* "Failed to parse execute response: <why> - body: <start>": spec sea-protocol 5, c-abi 2.2. */
static dbk_status explain(const dbk_sea_parser *p, dbk_error *err) {
    char why[SHOWN_WHY + 1];
    char body[SHOWN_BODY + 1];
    char type[sizeof p->content_type + 32] = "";
    if (err->code != DBK_DATA_LOSS) {
        return err->code; /* out of memory is not the server's fault */
    }
    /* A login page or a proxy's notice comes with a type of its own, and that is the best hint. */
    bool json = p->content_type[0] == '\0' || strstr(p->content_type, "json") != NULL;
    if (!json || p->splitter.side.len == 0) {
        (void)snprintf(type, sizeof type, " (content type: %s)",
                       p->content_type[0] != '\0' ? p->content_type : "unknown");
    }
    (void)snprintf(why, sizeof why, "%s", dbk_error_message(err));
    dbk_utf8_trim(why);
    dbk_redact_line(why); /* the JSON parser quotes what it stumbled over */
    show_body(p, body);
    return dbk_error_set(err, DBK_DATA_LOSS, "Failed to parse %s response: %s%s - body: %s",
                         kind_name(p->kind), why, type, body);
}

/* ---- reading ---- */

dbk_status dbk_sea_parser_feed(dbk_sea_parser *p, dbk_slice in, dbk_error *err) {
    if (p->kind == DBK_SEA_EMPTY) {
        return DBK_OK;
    }
    dbk_status st = dbk_splitter_feed(&p->splitter, in, err);
    return st == DBK_OK ? DBK_OK : explain(p, err);
}

static dbk_status read_document(const dbk_sea_parser *p, const json_t *doc, dbk_sea_reply *out,
                                dbk_error *err) {
    if (!json_is_object(doc)) {
        return dbk_error_set(err, DBK_DATA_LOSS, "the document is not an object");
    }
    switch (p->kind) {
    case DBK_SEA_SESSION:
        return dbk_sea_read_session(doc, out, err);
    case DBK_SEA_STATEMENT:
        return dbk_sea_read_statement(doc, true, out, err);
    case DBK_SEA_STATUS:
        return dbk_sea_read_statement(doc, false, out, err);
    case DBK_SEA_CHUNK:
        return dbk_sea_read_chunk(doc, out, err);
    case DBK_SEA_EMPTY:
        break;
    }
    return DBK_OK;
}

/* An attachment under an unknown key is an unknown field: it is dropped, whatever it holds. */
static dbk_status add_attachment(dbk_sea_parser *p, dbk_sea_data *data, dbk_error *err) {
    if (!data->has_attachment) {
        return DBK_OK;
    }
    if (p->splitter.bad.code != DBK_OK) {
        dbk_error_move(err, &p->splitter.bad);
        return err->code;
    }
    data->attachment = dbk_buf_take(&p->splitter.attachment);
    data->has_attachment = data->attachment.len > 0; /* "" is no data: spec sea-protocol 5 */
    return DBK_OK;
}

static dbk_status parse(dbk_sea_parser *p, json_t **doc, dbk_error *err) {
    if (dbk_slice_trim(dbk_buf_slice(&p->splitter.side)).len == 0) {
        return dbk_error_set(err, DBK_DATA_LOSS, "the body is empty");
    }
    return dbk_json_parse(dbk_buf_slice(&p->splitter.side), doc, err);
}

/* A statement whose answer cannot be read still runs: its id goes into the error. */
static void keep_statement_id(const json_t *doc, dbk_error *err) {
    dbk_slice id;
    if (doc != NULL && dbk_json_str(doc, "statement_id", &id) == DBK_JSON_OK) {
        dbk_error_set_query_id(err, id.ptr);
    }
}

dbk_status dbk_sea_parser_finish(dbk_sea_parser *p, dbk_sea_reply *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    json_t *doc = NULL;
    dbk_sea_reply reply;
    dbk_sea_reply_init(&reply);
    if (p->kind != DBK_SEA_EMPTY) {
        DBK_TRY(parse(p, &doc, err));
        DBK_TRY(read_document(p, doc, &reply, err));
        DBK_TRY(add_attachment(p, &reply.data, err));
    }
    *out = reply;

done:
    if (st != DBK_OK) {
        st = explain(p, err);
        keep_statement_id(doc, err);
        dbk_sea_reply_reset(&reply);
    }
    json_decref(doc);
    return st;
}
