#include "sea/client.h"

#define MAX_LINK 8192u /* bytes; real ones have about 100 */

/* ---- headers ---- */

typedef enum header_rule {
    HEADER_SEND,
    HEADER_SKIP,    /* applied elsewhere: the session room gives the User-Agent to the transport */
    HEADER_RESERVED /* managed here: dropped with a warning */
} header_rule;

static header_rule rule_of(dbk_slice name) {
    static const char *const reserved[] = {
        "authorization",
        "x-databricks-org-id",
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "proxy-",
        "content-type",
        "accept-encoding",
        "x-databricks-azure-",
    };
    if (dbk_slice_eq_nocase(name, DBK_SLICE("user-agent"))) {
        return HEADER_SKIP;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        dbk_slice one = dbk_slice_of(reserved[i]);
        bool family = one.ptr[one.len - 1] == '-'; /* all names that begin so */
        dbk_slice seen = family ? dbk_slice_n(name.ptr, dbk_min_size(name.len, one.len)) : name;
        if (dbk_slice_eq_nocase(seen, one)) {
            return HEADER_RESERVED;
        }
    }
    return HEADER_SEND;
}

/* Values are never shown: they may be secrets. */
static dbk_status check_headers(const dbk_sea_settings *settings, dbk_error *err) {
    for (size_t i = 0; i < settings->header_count; i++) {
        const dbk_sea_header *h = &settings->headers[i];
        if (!dbk_header_name_valid(h->name)) {
            return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                 "custom HTTP header %zu of %zu has an invalid name", i + 1,
                                 settings->header_count);
        }
        if (!dbk_header_value_valid(h->value)) {
            return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                                 "custom HTTP header \"%.*s\" has a control character in its value",
                                 (int)dbk_min_size(h->name.len, 100), h->name.ptr);
        }
    }
    return DBK_OK;
}

static dbk_status add_line(dbk_sea *sea, dbk_slice name, dbk_slice value, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf line = {0};
    DBK_TRY(dbk_buf_put_slice(&line, name, err));
    DBK_TRY(dbk_buf_puts(&line, ": ", err));
    DBK_TRY(dbk_buf_put_slice(&line, value, err));
    DBK_TRY(dbk_str_set(&sea->lines[sea->line_count], dbk_buf_slice(&line), err));
    sea->line_count++;
done:
    dbk_buf_wipe(&line); /* a custom header may carry a credential of a gateway */
    return st;
}

static dbk_status copy_headers(dbk_sea *sea, const dbk_sea_settings *settings, dbk_error *err) {
    bool dropped = false;
    for (size_t i = 0; i < settings->header_count; i++) {
        const dbk_sea_header *h = &settings->headers[i];
        header_rule rule = rule_of(h->name);
        if (rule == HEADER_SEND) {
            dbk_status st = add_line(sea, h->name, h->value, err);
            if (st != DBK_OK) {
                return st;
            }
        } else if (rule == HEADER_RESERVED && !dropped) {
            dropped = true; /* one line per session, not per header or request: spec logging 5 */
            DBK_LOG(WARN, NULL,
                    "ignoring caller-supplied custom header %.*s; this name is managed by the "
                    "kernel",
                    (int)dbk_min_size(h->name.len, 100), h->name.ptr);
        }
    }
    return DBK_OK;
}

static dbk_status add_org_id(dbk_sea *sea, dbk_slice org_id, dbk_error *err) {
    if (org_id.len == 0) {
        return DBK_OK;
    }
    if (!dbk_org_id_valid(org_id)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "the workspace id is not a number");
    }
    dbk_status st = dbk_str_set(&sea->org_id, org_id, err);
    return st == DBK_OK ? add_line(sea, DBK_SLICE("x-databricks-org-id"), org_id, err) : st;
}

/* ---- life ---- */

static dbk_status fill(dbk_sea *sea, const dbk_sea_settings *settings, dbk_error *err) {
    dbk_status st = DBK_OK;
    sea->lines = dbk_alloc_array(settings->header_count + 1, sizeof *sea->lines);
    if (sea->lines == NULL) {
        return dbk_error_oom(err, "custom headers");
    }
    DBK_TRY(dbk_str_set(&sea->origin, settings->origin, err));
    DBK_TRY(dbk_str_set(&sea->warehouse_id, settings->warehouse_id, err));
    DBK_TRY(copy_headers(sea, settings, err));
    DBK_TRY(add_org_id(sea, settings->org_id, err));
done:
    return st;
}

dbk_status dbk_sea_new(const dbk_sea_settings *settings, dbk_sea **out, dbk_error *err) {
    dbk_status st = check_headers(settings, err);
    if (st != DBK_OK) {
        return st;
    }
    dbk_sea *sea = dbk_alloc_zero(sizeof *sea);
    if (sea == NULL) {
        return dbk_error_oom(err, "a client");
    }
    atomic_init(&sea->refs, 1);
    sea->http = dbk_http_config_ref(settings->http);
    sea->auth = dbk_auth_ref(settings->auth);
    sea->retry = settings->retry;
    sea->tracer = dbk_tracer_ref(settings->tracer);
    st = fill(sea, settings, err);
    if (st != DBK_OK) {
        dbk_sea_unref(sea);
        return st;
    }
    *out = sea;
    return DBK_OK;
}

dbk_sea *dbk_sea_ref(dbk_sea *sea) {
    size_t old = atomic_fetch_add_explicit(&sea->refs, 1, memory_order_relaxed);
    DBK_ASSERT(old > 0 && old < SIZE_MAX / 2);
    (void)old;
    return sea;
}

void dbk_sea_unref(dbk_sea *sea) {
    if (sea == NULL || atomic_fetch_sub_explicit(&sea->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < sea->line_count; i++) {
        dbk_wipe(sea->lines[i].ptr, sea->lines[i].len);
        dbk_str_reset(&sea->lines[i]);
    }
    dbk_free(sea->lines);
    dbk_str_reset(&sea->origin);
    dbk_str_reset(&sea->warehouse_id);
    dbk_str_reset(&sea->org_id);
    dbk_str_reset(&sea->session_id);
    dbk_http_config_unref(sea->http);
    dbk_auth_unref(sea->auth);
    dbk_tracer_unref(sea->tracer);
    dbk_free(sea);
}

void dbk_sea_note_session(dbk_sea *sea, dbk_slice id) {
    dbk_error ignored = {0};
    (void)!dbk_str_set(&sea->session_id, id, &ignored);
    dbk_error_reset(&ignored);
}

dbk_auth *dbk_sea_auth(const dbk_sea *sea) {
    return sea->auth;
}

dbk_tracer *dbk_sea_tracer(const dbk_sea *sea) {
    return sea->tracer;
}

const dbk_str *dbk_sea_lines(const dbk_sea *sea, size_t *count) {
    *count = sea->line_count;
    return sea->lines;
}

dbk_http_config *dbk_sea_http(const dbk_sea *sea) {
    return sea->http;
}

void dbk_sea_note_storage(dbk_sea *sea, bool far) {
    atomic_store(&sea->storage_far, far);
}

bool dbk_sea_storage_is_far(const dbk_sea *sea) {
    return atomic_load(&sea->storage_far);
}

const char *dbk_sea_origin(const dbk_sea *sea) {
    return dbk_str_or(&sea->origin, "");
}

dbk_slice dbk_sea_org_id(const dbk_sea *sea) {
    return dbk_str_slice(&sea->org_id);
}

const char *dbk_sea_warehouse_id(const dbk_sea *sea) {
    return dbk_str_or(&sea->warehouse_id, "");
}

/* ---- URLs ---- */

static bool names_a_resource(dbk_slice id) {
    return id.len > 0 && !dbk_slice_eq(id, DBK_SLICE(".")) && !dbk_slice_eq(id, DBK_SLICE(".."));
}

dbk_status dbk_sea_url(const dbk_sea *sea, const dbk_sea_path *path, dbk_str *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf url = {0};
    if (path->id.ptr != NULL && !names_a_resource(path->id)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "'%.*s' is not an id of %s",
                             (int)dbk_min_size(path->id.len, 2), path->id.ptr, path->collection);
    }
    DBK_TRY(dbk_buf_putf(&url, err, "%s/api/2.0/sql/%s", sea->origin.ptr, path->collection));
    if (path->id.ptr != NULL) {
        DBK_TRY(dbk_buf_putc(&url, '/', err));
        DBK_TRY(dbk_url_encode(path->id, &url, err));
    }
    DBK_TRY(dbk_buf_puts(&url, path->tail != NULL ? path->tail : "", err));
    DBK_TRY(dbk_str_set(out, dbk_buf_slice(&url), err));
done:
    dbk_buf_reset(&url);
    return st;
}

dbk_status dbk_sea_link_url(const dbk_sea *sea, dbk_slice link, dbk_str *out, dbk_error *err) {
    bool fine = link.len > 1 && link.len <= MAX_LINK && link.ptr[0] == '/' && link.ptr[1] != '/';
    for (size_t i = 0; i < link.len && fine; i++) {
        unsigned char c = (unsigned char)link.ptr[i];
        fine = c > 0x20 && c < 0x7F && c != '\\' && c != '#';
    }
    if (!fine) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "next_chunk_internal_link is not a path of the workspace");
    }
    return dbk_str_setf(out, err, "%s%.*s", sea->origin.ptr, (int)link.len, link.ptr);
}
