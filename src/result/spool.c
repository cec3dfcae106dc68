#include "result/spool.h"

#include <string.h>

#define PIECE_SIZE ((size_t)256 << 10)

struct dbk_spool_piece {
    dbk_spool_piece *next;
    size_t len;
    char bytes[];
};

static dbk_spool_piece *add_piece(dbk_spool *s) {
    dbk_spool_piece *p = dbk_alloc(sizeof *p + PIECE_SIZE);
    if (p != NULL) {
        p->next = NULL;
        p->len = 0;
        *(s->last != NULL ? &s->last->next : &s->first) = p;
        s->last = p;
    }
    return p;
}

dbk_status dbk_spool_put(dbk_spool *s, dbk_slice bytes, dbk_error *err) {
    while (bytes.len > 0) {
        dbk_spool_piece *p = s->last;
        if (p == NULL || p->len == PIECE_SIZE) {
            p = add_piece(s);
        }
        if (p == NULL) {
            return dbk_error_oom(err, "received bytes of a chunk");
        }
        size_t n = dbk_min_size(bytes.len, PIECE_SIZE - p->len);
        memcpy(p->bytes + p->len, bytes.ptr, n);
        p->len += n;
        s->bytes += n;
        bytes = dbk_slice_n(bytes.ptr + n, bytes.len - n);
    }
    return DBK_OK;
}

dbk_slice dbk_spool_peek(const dbk_spool *s) {
    return s->first != NULL ? dbk_slice_n(s->first->bytes, s->first->len) : (dbk_slice){0};
}

void dbk_spool_drop(dbk_spool *s) {
    dbk_spool_piece *p = s->first;
    if (p != NULL) {
        s->first = p->next;
        s->last = s->first != NULL ? s->last : NULL;
        s->bytes -= p->len;
        dbk_free(p);
    }
}

void dbk_spool_reset(dbk_spool *s) {
    while (s->first != NULL) {
        dbk_spool_drop(s);
    }
}
