/* Fuzzes dbk_sea_parser: the splitter, the base64 decoder and the strict reading of sessions,
 * statements, polls and chunks.
 * Input: a byte for the kind, a byte that seeds the split, then the body.
 * Properties: any split of the body gives the same reply or the same error; an attachment is never
 * larger than what arrived; a failure has a message that is UTF-8 and short; resetting frees all
 * (the leak check of the fuzz build). */
#include <stdio.h>
#include <stdlib.h>

#include "sea/sea.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what) {
    if (!ok) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* Feeds body in pieces whose sizes come from seed; 0: in one. Each piece is a block of its own, so
 * that AddressSanitizer sees one byte too far. */
static dbk_status parse(dbk_sea_kind kind, dbk_slice body, unsigned seed, dbk_sea_reply *out,
                        dbk_error *err) {
    dbk_sea_parser *p = NULL;
    dbk_status st = dbk_sea_parser_new(kind, &p, err);
    require(st == DBK_OK, "no parser");
    for (size_t at = 0; at < body.len && st == DBK_OK;) {
        seed = seed * 1103515245u + 12345u;
        size_t n = seed == 12345u ? body.len : 1 + (seed >> 16) % 13;
        n = dbk_min_size(n, body.len - at);
        char *piece = malloc(n);
        require(piece != NULL, "no memory");
        memcpy(piece, body.ptr + at, n);
        st = dbk_sea_parser_feed(p, dbk_slice_n(piece, n), err);
        free(piece);
        at += n;
    }
    if (st == DBK_OK) {
        st = dbk_sea_parser_finish(p, out, err);
    }
    dbk_sea_parser_free(p);
    return st;
}

/* ---- a reply as text, to compare two ---- */

static void add(dbk_buf *out, const void *bytes, size_t n) {
    dbk_error err = {0};
    require(dbk_buf_append(out, &n, sizeof n, &err) == DBK_OK, "no memory");
    require(dbk_buf_append(out, bytes, n, &err) == DBK_OK, "no memory");
}

static void add_str(dbk_buf *out, const dbk_str *s) {
    require(s->ptr == NULL || strlen(s->ptr) <= s->len, "a text without its NUL");
    add(out, s->ptr != NULL ? s->ptr : "(none)", s->ptr != NULL ? s->len : 6);
}

static void add_i64(dbk_buf *out, int64_t v) {
    add(out, &v, sizeof v);
}

static void add_manifest(dbk_buf *out, const dbk_sea_manifest *m) {
    add_i64(out, m->present | m->lz4 << 1 | m->json_array << 2 | m->truncated << 3 |
                     m->volume_operation << 4);
    add_i64(out, m->column_count);
    add_i64(out, m->total_chunk_count);
    add_i64(out, m->total_row_count);
    add_i64(out, m->total_byte_count);
    for (size_t i = 0; i < m->columns_len; i++) {
        const dbk_sea_column *c = &m->columns[i];
        require(i == 0 || m->columns[i - 1].position <= c->position, "columns not in order");
        add_str(out, &c->name);
        add_str(out, &c->type_name);
        add_str(out, &c->type_text);
        add_str(out, &c->interval_type);
        add_i64(out, c->position);
        add_i64(out, c->precision);
        add_i64(out, c->scale);
    }
    for (size_t i = 0; i < m->chunks_len; i++) {
        require(m->chunks[i].row_count >= 0 && m->chunks[i].row_offset >= 0, "negative rows");
        add(out, &m->chunks[i], sizeof m->chunks[i]);
    }
}

static void add_data(dbk_buf *out, const dbk_sea_data *d) {
    dbk_error err = {0};
    add_i64(out, d->present | d->has_attachment << 1);
    add(out, d->attachment.ptr != NULL ? d->attachment.ptr : "", d->attachment.len);
    if (d->rows != NULL) {
        require(dbk_json_write(d->rows, out, &err) == DBK_OK, "rows cannot be written");
    }
    for (size_t i = 0; i < d->link_count; i++) {
        const dbk_sea_link *l = &d->links[i];
        require(l->row_count >= 0 && l->byte_count >= 0 && l->chunk_index >= 0, "negative link");
        add_str(out, &l->url);
        add_str(out, &l->next_link);
        add_i64(out, l->expires_ms);
        add_i64(out, l->next_chunk_index);
        for (size_t k = 0; k < l->header_count; k++) {
            require(strpbrk(l->headers[k], "\r\n") == NULL, "a header with a line break");
            add(out, l->headers[k], strlen(l->headers[k]));
        }
    }
    add_i64(out, d->chunk_index);
    add_i64(out, d->next_chunk_index);
    add_str(out, &d->next_link);
}

static void add_outcome(dbk_buf *out, dbk_status st, const dbk_sea_reply *r, const dbk_error *err) {
    add_i64(out, st);
    if (st != DBK_OK) {
        const char *message = dbk_error_message(err);
        require(st == DBK_DATA_LOSS && err->code == st, "another error than DataLoss");
        require(strlen(message) < 1000, "a long message");
        require(dbk_utf8_valid(dbk_slice_of(message)), "a message that is not UTF-8");
        add(out, message, strlen(message));
        add(out, err->query_id, strlen(err->query_id));
        return;
    }
    add_i64(out, r->state);
    add_i64(out, r->modified_rows);
    add_str(out, &r->session_id);
    add_str(out, &r->statement_id);
    add_str(out, &r->error_code);
    add_str(out, &r->error_message);
    add_str(out, &r->sqlstate);
    add_manifest(out, &r->manifest);
    add_data(out, &r->data);
}

static void run(dbk_sea_kind kind, dbk_slice body, unsigned seed, dbk_buf *out) {
    dbk_sea_reply reply = {0};
    dbk_error err = {0};
    dbk_status st = parse(kind, body, seed, &reply, &err);
    require(reply.data.attachment.len <= body.len, "an attachment larger than the body");
    add_outcome(out, st, &reply, &err);
    if (st == DBK_OK && (reply.state == DBK_SEA_FAILED || reply.state == DBK_SEA_CANCELED)) {
        require(dbk_sea_statement_error(&reply, &err) != DBK_OK, "a failure without an error");
    }
    dbk_error_reset(&err);
    dbk_sea_reply_reset(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    dbk_sea_kind kind = (dbk_sea_kind)(data[0] % 5); /* '0' to '4' in the corpus */
    dbk_slice body = dbk_slice_n(data + 2, size - 2);
    dbk_buf whole = {0};
    dbk_buf split = {0};
    run(kind, body, 0, &whole);
    run(kind, body, data[1] + 1u, &split);
    require(whole.len == split.len && memcmp(whole.ptr, split.ptr, whole.len) == 0,
            "a split changes the reply");
    dbk_buf_reset(&whole);
    dbk_buf_reset(&split);
    return 0;
}
