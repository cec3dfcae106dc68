#include "session/session.h"

#define MAX_CHUNKS_LIMIT 256u

/* ---- pairs ---- */

dbk_status dbk_pairs_add(dbk_pairs *p, dbk_slice name, dbk_slice value, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_pair pair = {0};
    if (!dbk_array_grow(&p->items, p->count, &p->cap)) {
        return dbk_error_oom(err, "a list of names and values");
    }
    DBK_TRY(dbk_str_set(&pair.name, name, err));
    DBK_TRY(dbk_str_set(&pair.value, value, err));
    p->items[p->count++] = pair;
    pair = (dbk_pair){0};
done:
    dbk_str_reset(&pair.name);
    dbk_str_reset(&pair.value);
    return st;
}

dbk_status dbk_pairs_put(dbk_pairs *p, dbk_slice name, dbk_slice value, dbk_error *err) {
    for (size_t i = 0; i < p->count; i++) {
        if (dbk_slice_eq(dbk_str_slice(&p->items[i].name), name)) {
            return dbk_str_set(&p->items[i].value, value, err);
        }
    }
    return dbk_pairs_add(p, name, value, err);
}

void dbk_pairs_reset(dbk_pairs *p) {
    for (size_t i = 0; i < p->count; i++) {
        dbk_str_reset(&p->items[i].name);
        if (p->items[i].value.ptr != NULL) {
            dbk_wipe(p->items[i].value.ptr, p->items[i].value.len); /* headers may hold secrets */
        }
        dbk_str_reset(&p->items[i].value);
    }
    dbk_free(p->items);
    *p = (dbk_pairs){0};
}

/* ---- life ---- */

void dbk_config_init(dbk_config *c) {
    memset(c, 0, sizeof *c);
    c->retry = dbk_retry_default;
    c->token_cache_enabled = true;
    c->telemetry_batch_size = 100; /* these defaults: spec c-abi 4.2 */
    c->telemetry_flush_ms = 5000;
    c->telemetry_max_retries = 3;
    c->telemetry_retry_delay_ms = 100;
    c->telemetry_close_ms = 5000;
    c->breaker_enabled = true;
    c->breaker_threshold = 5;
    c->breaker_timeout_ms = 60000;
}

void dbk_config_reset(dbk_config *c) {
    dbk_str *texts[] = {
        &c->host,
        &c->warehouse_id,
        &c->http_path,
        &c->client_id,
        &c->jwt_key_file,
        &c->jwt_kid,
        &c->jwt_algorithm,
        &c->token_url,
        &c->auth_scopes,
        &c->azure_tenant_id,
        &c->azure_resource_id,
        &c->federation_client_id,
        &c->oauth_token_endpoint,
        &c->oauth_scopes,
        &c->catalog,
        &c->schema,
        &c->proxy_url,
        &c->proxy_user,
        &c->proxy_bypass,
    };
    dbk_secret *secrets[] = {&c->token,          &c->client_secret,  &c->jwt_passphrase,
                             &c->proxy_password, &c->client_key_pem, &c->token_cache_passphrase};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        dbk_str_reset(texts[i]);
    }
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        dbk_secret_reset(secrets[i]);
    }
    for (size_t i = 0; i < DBK_SYSTEM_TEXTS; i++) {
        dbk_str_reset(&c->system[i]);
    }
    dbk_pairs_reset(&c->session_confs);
    dbk_pairs_reset(&c->headers);
    dbk_buf_reset(&c->ca_pem);
    dbk_buf_reset(&c->client_cert_pem);
    memset(c, 0, sizeof *c);
}

/* ---- options by name ---- */

static dbk_status parse_bool(const char *key, dbk_slice value, bool *out, dbk_error *err) {
    dbk_slice word = dbk_slice_trim(value);
    bool yes = dbk_slice_eq_nocase(word, DBK_SLICE("true"));
    if (!yes && !dbk_slice_eq_nocase(word, DBK_SLICE("false"))) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "client conf '%s' expects \"true\" or \"false\", got \"%.*s\"", key,
                             (int)dbk_min_size(value.len, 100), value.ptr);
    }
    *out = yes;
    return DBK_OK;
}

/* "12", also "+12" and with blanks around. */
static dbk_status parse_count(const char *key, dbk_slice value, uint64_t *out, dbk_error *err) {
    uint64_t n = 0;
    dbk_slice digits = dbk_slice_trim(value);
    if (digits.len > 1 && digits.ptr[0] == '+') {
        digits = dbk_slice_n(digits.ptr + 1, digits.len - 1);
    }
    if (!dbk_parse_u64(digits, &n) || n == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "client conf '%s' expects a positive integer, got \"%.*s\"", key,
                             (int)dbk_min_size(value.len, 100), value.ptr);
    }
    *out = n;
    return DBK_OK;
}

static const char max_chunks_key[] = "cloudfetch_max_chunks_in_memory";

dbk_status dbk_config_set_client_conf(dbk_config *c, dbk_slice key, dbk_slice value,
                                      dbk_error *err) {
    bool cloudfetch = !c->cloudfetch_disabled;
    const struct {
        const char *key; /* in any case */
        bool *flag;      /* one of these two */
        uint64_t *count;
    } known[] = {
        {"cloudfetch_enabled", &cloudfetch, NULL},
        {"cloudfetch_link_prefetch_window", NULL, &c->link_window},
        {max_chunks_key, NULL, &c->max_chunks},
        {"inline_max_chunks_in_memory", NULL, &c->inline_max_chunks},
        {"complex_types_as_json", &c->convert.complex_as_json, NULL},
        {"intervals_as_string", &c->convert.intervals_as_string, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!dbk_slice_eq_nocase(key, dbk_slice_of(known[i].key))) {
            continue;
        }
        dbk_status st = known[i].flag != NULL
                            ? parse_bool(known[i].key, value, known[i].flag, err)
                            : parse_count(known[i].key, value, known[i].count, err);
        c->cloudfetch_disabled = !cloudfetch;
        c->max_chunks = dbk_min_u64(c->max_chunks, MAX_CHUNKS_LIMIT);
        return st;
    }
    return dbk_error_set(
        err, DBK_INVALID_ARGUMENT,
        "unknown client conf key \"%.*s\"; recognised client-side result knobs are "
        "[\"cloudfetch_enabled\", \"cloudfetch_link_prefetch_window\", "
        "\"cloudfetch_max_chunks_in_memory\", \"inline_max_chunks_in_memory\", "
        "\"complex_types_as_json\", \"intervals_as_string\"]. (Server session confs like ANSI_MODE "
        "/ TIMEZONE go through session_conf, not here.)",
        (int)dbk_min_size(key.len, 100), key.ptr);
}

dbk_status dbk_config_set_session_conf(dbk_config *c, dbk_slice key, dbk_slice value,
                                       dbk_error *err) {
    if (!dbk_slice_eq_nocase(key, dbk_slice_of(max_chunks_key))) {
        return dbk_pairs_put(&c->session_confs, key, value, err);
    }
    uint64_t n = 0;
    if (dbk_parse_u64(dbk_slice_trim(value), &n) && n > 0) {
        c->max_chunks = dbk_min_u64(n, MAX_CHUNKS_LIMIT);
    } else {
        DBK_LOG(WARN, NULL, "session conf %s is no positive integer: ignored", max_chunks_key);
    }
    return DBK_OK;
}
