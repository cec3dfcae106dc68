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
        &c->workspace_id,
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
        &c->proxy_user,
        &c->proxy_bypass,
        &c->telemetry_client,
        &c->telemetry_flag,
        &c->telemetry_sink,
    };
    dbk_secret *secrets[] = {
        &c->token,          &c->client_secret,       &c->jwt_passphrase,         &c->proxy_password,
        &c->client_key_pem, &c->client_key_password, &c->token_cache_passphrase, &c->proxy_url};
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
    dbk_pairs_reset(&c->telemetry_confs);
    dbk_buf_reset(&c->ca_pem);
    dbk_buf_reset(&c->client_cert_pem);
    dbk_provider_unref(c->provider);
    dbk_tracer_unref(c->tracer);
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
static dbk_status parse_number(const char *key, dbk_slice value, uint64_t least, uint64_t *out,
                               dbk_error *err) {
    uint64_t n = 0;
    dbk_slice digits = dbk_slice_trim(value);
    if (digits.len > 1 && digits.ptr[0] == '+') {
        digits = dbk_slice_n(digits.ptr + 1, digits.len - 1);
    }
    if (!dbk_parse_u64(digits, &n) || n < least) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "client conf '%s' expects %s, got \"%.*s\"",
                             key, least > 0 ? "a positive integer" : "an integer, 0 or more",
                             (int)dbk_min_size(value.len, 100), value.ptr);
    }
    *out = n;
    return DBK_OK;
}

/* ---- telemetry by name: databricks.telemetry.*, also behind "adbc." (spec telemetry.md 9) ---- */

static bool skip_prefix(dbk_slice *text, dbk_slice prefix) {
    bool there =
        text->len > prefix.len && dbk_slice_eq_nocase(dbk_slice_n(text->ptr, prefix.len), prefix);
    if (there) {
        *text = dbk_slice_n(text->ptr + prefix.len, text->len - prefix.len);
    }
    return there;
}

static bool is_of_telemetry(dbk_slice key, dbk_slice *name) {
    *name = key;
    (void)skip_prefix(name, DBK_SLICE("adbc."));
    return skip_prefix(name, DBK_SLICE("databricks.telemetry."));
}

static dbk_status set_mode(dbk_config *c, dbk_slice value, dbk_error *err) {
    dbk_slice word = dbk_slice_trim(value);
    bool on = dbk_slice_eq_nocase(word, DBK_SLICE("on"));
    bool asks = dbk_slice_eq_nocase(word, DBK_SLICE("auto"));
    if (!on && !asks && !dbk_slice_eq_nocase(word, DBK_SLICE("off"))) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "client conf 'databricks.telemetry.mode' expects \"off\", \"on\" or "
                             "\"auto\", got \"%.*s\"",
                             (int)dbk_min_size(value.len, 100), value.ptr);
    }
    c->telemetry_enabled = on;
    c->telemetry_asks = asks;
    return DBK_OK;
}

static dbk_status set_telemetry(dbk_config *c, dbk_slice name, dbk_slice value, dbk_error *err) {
    uint64_t batch = c->telemetry_batch_size, retries = c->telemetry_max_retries;
    uint64_t threshold = c->breaker_threshold;
    const struct {
        const char *key;
        bool *flag; /* one of these two */
        uint64_t *number;
        uint64_t least;
    } known[] = {
        {"databricks.telemetry.enabled", &c->telemetry_enabled, NULL, 0},
        {"databricks.telemetry.batch_size", NULL, &batch, 1},
        {"databricks.telemetry.flush_interval_ms", NULL, &c->telemetry_flush_ms, 1},
        {"databricks.telemetry.max_retries", NULL, &retries, 0},
        {"databricks.telemetry.retry_delay_ms", NULL, &c->telemetry_retry_delay_ms, 0},
        {"databricks.telemetry.close_flush_timeout_ms", NULL, &c->telemetry_close_ms, 1},
        {"databricks.telemetry.circuit_breaker_enabled", &c->breaker_enabled, NULL, 0},
        {"databricks.telemetry.circuit_breaker_threshold", NULL, &threshold, 1},
        {"databricks.telemetry.circuit_breaker_timeout_ms", NULL, &c->breaker_timeout_ms, 1},
    };
    if (dbk_slice_eq_nocase(name, DBK_SLICE("mode"))) {
        return set_mode(c, value, err);
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        dbk_slice own = {0};
        (void)is_of_telemetry(dbk_slice_of(known[i].key), &own);
        if (!dbk_slice_eq_nocase(name, own)) {
            continue;
        }
        dbk_status st = known[i].flag != NULL ? parse_bool(known[i].key, value, known[i].flag, err)
                                              : parse_number(known[i].key, value, known[i].least,
                                                             known[i].number, err);
        c->telemetry_batch_size = (size_t)dbk_min_u64(batch, SIZE_MAX);
        c->telemetry_max_retries = (uint32_t)dbk_min_u64(retries, UINT32_MAX);
        c->breaker_threshold = (uint32_t)dbk_min_u64(threshold, UINT32_MAX);
        return st;
    }
    return dbk_error_set(
        err, DBK_INVALID_ARGUMENT,
        "unknown client conf key \"databricks.telemetry.%.*s\"; known are mode, enabled, "
        "batch_size, flush_interval_ms, max_retries, retry_delay_ms, close_flush_timeout_ms, "
        "circuit_breaker_enabled, circuit_breaker_threshold, circuit_breaker_timeout_ms and "
        "local_sink",
        (int)dbk_min_size(name.len, 100), name.ptr);
}

static dbk_status set_telemetry_conf(dbk_config *c, dbk_slice name, dbk_slice value,
                                     dbk_error *err) {
    if (dbk_slice_eq_nocase(name, DBK_SLICE("local_sink"))) {
        return dbk_str_set(&c->telemetry_sink, value, err);
    }
    dbk_status st = set_telemetry(c, name, value, err);
    return st == DBK_OK ? dbk_pairs_put(&c->telemetry_confs, name, value, err) : st;
}

void dbk_config_settle_telemetry(dbk_config *c) {
    dbk_error err = {0};
    for (size_t i = 0; i < c->telemetry_confs.count; i++) { /* judged when they were set */
        const dbk_pair *p = &c->telemetry_confs.items[i];
        (void)set_telemetry(c, dbk_str_slice(&p->name), dbk_str_slice(&p->value), &err);
    }
    dbk_error_reset(&err);
}

/* ---- results by name ---- */

static const char max_chunks_key[] = "cloudfetch_max_chunks_in_memory";

dbk_status dbk_config_set_client_conf(dbk_config *c, dbk_slice key, dbk_slice value,
                                      dbk_error *err) {
    dbk_slice name = {0};
    if (is_of_telemetry(key, &name)) {
        return set_telemetry_conf(c, name, value, err);
    }
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
                            : parse_number(known[i].key, value, 1, known[i].count, err);
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
    dbk_slice name = {0};
    if (is_of_telemetry(key, &name)) { /* it may not be what keeps a session from opening */
        dbk_status st = set_telemetry_conf(c, name, value, err);
        if (st != DBK_INVALID_ARGUMENT) {
            return st;
        }
        DBK_LOG(WARN, NULL, "a session conf is ignored: %s", dbk_error_message(err));
        dbk_error_reset(err);
        return DBK_OK;
    }
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
