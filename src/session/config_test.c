#include "session/session.h"

#include "unit.h"

static dbk_status set_client(dbk_config *c, const char *key, const char *value, dbk_error *err) {
    return dbk_config_set_client_conf(c, dbk_slice_of(key), dbk_slice_of(value), err);
}

typedef struct refusal {
    const char *key, *value, *message;
} refusal;

static void check_refused(dbk_config *c, const refusal *rows, size_t n) {
    dbk_error err = {0};
    for (size_t i = 0; i < n; i++) {
        CHECK_CASE(rows[i].key);
        CHECK_FAILS(set_client(c, rows[i].key, rows[i].value, &err), &err, DBK_INVALID_ARGUMENT,
                    rows[i].message);
    }
    dbk_error_reset(&err);
}

DBK_TEST(client_conf_accepts) {
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    CHECK_OK(set_client(&c, "cloudfetch_enabled", "false", &err), &err);
    CHECK(c.cloudfetch_disabled);
    CHECK_OK(set_client(&c, "CloudFetch_Enabled", "TRUE", &err), &err);
    CHECK(!c.cloudfetch_disabled);
    CHECK_OK(set_client(&c, "complex_types_as_json", "true", &err), &err);
    CHECK(c.convert.complex_as_json);
    CHECK_OK(set_client(&c, "intervals_as_string", "True", &err), &err);
    CHECK(c.convert.intervals_as_string);
    CHECK_OK(set_client(&c, "cloudfetch_link_prefetch_window", "7", &err), &err);
    CHECK_EQ_U64(c.link_window, 7);
    CHECK_OK(set_client(&c, "cloudfetch_max_chunks_in_memory", "4", &err), &err);
    CHECK_EQ_U64(c.max_chunks, 4);
    CHECK_OK(set_client(&c, "cloudfetch_max_chunks_in_memory", "100000", &err), &err);
    CHECK_EQ_U64(c.max_chunks, 256);
    CHECK_OK(set_client(&c, "inline_max_chunks_in_memory", "2", &err), &err);
    CHECK_EQ_U64(c.inline_max_chunks, 2);
    CHECK_OK(set_client(&c, "inline_max_chunks_in_memory", " +003\n", &err), &err);
    CHECK_EQ_U64(c.inline_max_chunks, 3);
    CHECK_OK(set_client(&c, "intervals_as_string", "\tFALSE ", &err), &err);
    CHECK(!c.convert.intervals_as_string);
    dbk_config_reset(&c);
}

DBK_TEST(client_conf_refuses) {
    static const refusal rows[] = {
        {"cloudfetch_enabled", "1",
         "client conf 'cloudfetch_enabled' expects \"true\" or \"false\", got \"1\""},
        {"intervals_as_string", "yes", "expects \"true\" or \"false\", got \"yes\""},
        {"complex_types_as_json", "", "got \"\""},
        {"cloudfetch_max_chunks_in_memory", "0", "expects a positive integer, got \"0\""},
        {"inline_max_chunks_in_memory", "-1", "expects a positive integer, got \"-1\""},
        {"cloudfetch_link_prefetch_window", "99999999999999999999", "expects a positive integer"},
        {"CloudFetch_Enabled", " x ",
         "client conf 'cloudfetch_enabled' expects \"true\" or "
         "\"false\", got \" x \""},
        {"inline_max_chunks_in_memory", "++1", "got \"++1\""},
        {"no_such_key", "true",
         "unknown client conf key \"no_such_key\"; recognised client-side result knobs are "
         "[\"cloudfetch_enabled\", \"cloudfetch_link_prefetch_window\", "
         "\"cloudfetch_max_chunks_in_memory\", \"inline_max_chunks_in_memory\", "
         "\"complex_types_as_json\", \"intervals_as_string\"]. (Server session confs like "
         "ANSI_MODE / TIMEZONE go through session_conf, not here.)"},
        {"", "", "unknown client conf key \"\""},
        {" cloudfetch_enabled", "true", "unknown client conf key \" cloudfetch_enabled\""},
    };
    dbk_config c;
    dbk_config_init(&c);
    check_refused(&c, rows, COUNT_OF(rows));
    CHECK(!c.cloudfetch_disabled);
    CHECK_EQ_U64(c.max_chunks, 0);
    dbk_config_reset(&c);
}

DBK_TEST(session_confs_keep_their_order_and_the_last_value) {
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    CHECK_OK(dbk_config_set_session_conf(&c, DBK_SLICE("b"), DBK_SLICE("1"), &err), &err);
    CHECK_OK(dbk_config_set_session_conf(&c, DBK_SLICE("a"), DBK_SLICE("2"), &err), &err);
    CHECK_OK(dbk_config_set_session_conf(&c, DBK_SLICE("b"), DBK_SLICE("3"), &err), &err);
    CHECK_EQ_SIZE(c.session_confs.count, 2);
    CHECK_SLICE(c.session_confs.items[0].name, "b");
    CHECK_SLICE(c.session_confs.items[0].value, "3");
    CHECK_SLICE(c.session_confs.items[1].name, "a");
    dbk_config_reset(&c);
}

DBK_TEST(one_session_conf_is_ours) {
    dbk_config c;
    dbk_error err = {0};
    dbk_slice key = DBK_SLICE("CLOUDFETCH_max_chunks_in_memory");
    dbk_config_init(&c);
    CHECK_OK(dbk_config_set_session_conf(&c, key, DBK_SLICE("300"), &err), &err);
    CHECK_EQ_U64(c.max_chunks, 256);
    CHECK_OK(dbk_config_set_session_conf(&c, key, DBK_SLICE("many"), &err), &err);
    CHECK_EQ_U64(c.max_chunks, 256);
    CHECK_EQ_SIZE(c.session_confs.count, 0);
    dbk_config_reset(&c);
}

DBK_TEST(telemetry_by_name) {
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    CHECK_OK(set_client(&c, "databricks.telemetry.mode", "AUTO", &err), &err);
    CHECK(c.telemetry_asks && !c.telemetry_enabled);
    CHECK_OK(set_client(&c, "adbc.databricks.telemetry.mode", " on ", &err), &err);
    CHECK(c.telemetry_enabled && !c.telemetry_asks);
    CHECK_OK(set_client(&c, "Databricks.Telemetry.Batch_Size", "7", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.flush_interval_ms", "8", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.max_retries", "0", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.retry_delay_ms", "0", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.close_flush_timeout_ms", "9", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.circuit_breaker_enabled", "false", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.circuit_breaker_threshold", "99999999999", &err),
             &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.circuit_breaker_timeout_ms", "10", &err), &err);
    CHECK_OK(set_client(&c, "databricks.telemetry.local_sink", "/tmp/x", &err), &err);
    CHECK_STR(c.telemetry_sink.ptr, "/tmp/x");
    c.telemetry_batch_size = 100; /* a binding's setter that comes later does not win */
    c.telemetry_enabled = false;
    dbk_config_settle_telemetry(&c);
    CHECK(c.telemetry_enabled && !c.breaker_enabled);
    CHECK_EQ_SIZE(c.telemetry_batch_size, 7);
    CHECK_EQ_U64(c.telemetry_flush_ms, 8);
    CHECK_EQ_U64(c.telemetry_max_retries, 0);
    CHECK_EQ_U64(c.telemetry_retry_delay_ms, 0);
    CHECK_EQ_U64(c.telemetry_close_ms, 9);
    CHECK_EQ_U64(c.breaker_threshold, UINT32_MAX);
    CHECK_EQ_U64(c.breaker_timeout_ms, 10);
    dbk_config_reset(&c);
}

DBK_TEST(telemetry_by_name_judges) {
    static const refusal rows[] = {
        {"databricks.telemetry.mode", "yes",
         "client conf 'databricks.telemetry.mode' expects \"off\", \"on\" or \"auto\", got "
         "\"yes\""},
        {"adbc.databricks.telemetry.batch_size", "0",
         "client conf 'databricks.telemetry.batch_size' expects a positive integer, got \"0\""},
        {"databricks.telemetry.max_retries", "-1", "expects an integer, 0 or more, got \"-1\""},
        {"databricks.telemetry.colour", "red",
         "unknown client conf key \"databricks.telemetry.colour\""},
        {"databricks.telemetry.", "on", "unknown client conf key \"databricks.telemetry.\""},
    };
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    check_refused(&c, rows, COUNT_OF(rows));
    /* A session conf is not sent, and a bad one keeps no session from opening. */
    dbk_slice mode = DBK_SLICE("databricks.telemetry.mode");
    CHECK_OK(dbk_config_set_session_conf(&c, mode, DBK_SLICE("yes"), &err), &err);
    CHECK(!c.telemetry_enabled);
    CHECK_OK(dbk_config_set_session_conf(&c, mode, DBK_SLICE("on"), &err), &err);
    CHECK(c.telemetry_enabled);
    CHECK_EQ_SIZE(c.session_confs.count, 0);
    CHECK_EQ_SIZE(c.telemetry_confs.count, 1);
    dbk_config_reset(&c);
}

DBK_OOM_TEST(config_without_memory) {
    dbk_status st = DBK_OK;
    dbk_config c;
    dbk_config_init(&c);
    DBK_TRY(dbk_pairs_add(&c.headers, DBK_SLICE("x-a"), DBK_SLICE("1"), err));
    DBK_TRY(dbk_config_set_session_conf(&c, DBK_SLICE("k"), DBK_SLICE("v"), err));
    DBK_TRY(dbk_config_set_session_conf(&c, DBK_SLICE("k"), DBK_SLICE("w"), err));
    DBK_TRY(set_client(&c, "databricks.telemetry.mode", "on", err));
    DBK_TRY(set_client(&c, "databricks.telemetry.local_sink", "/tmp/x", err));
done:
    dbk_config_reset(&c);
    return st;
}

/* ---- what kernel_session_open refuses before it talks to anybody ---- */

static dbk_status open_with(dbk_config *c, dbk_error *err) {
    dbk_session *s = NULL;
    dbk_status st = dbk_session_open(c, NULL, &s, err);
    CHECK(s == NULL);
    return st;
}

DBK_TEST(open_judges_the_configuration) {
    dbk_config c;
    dbk_error err = {0};
    dbk_config_init(&c);
    CHECK_FAILS(open_with(&c, &err), &err, DBK_INVALID_ARGUMENT,
                "session config requires a connection (set_warehouse or set_http_path)");
    CHECK_OK(dbk_str_set(&c.host, DBK_SLICE("127.0.0.1:1"), &err), &err);
    CHECK_OK(dbk_str_set(&c.http_path, DBK_SLICE("/sql/2.0/x"), &err), &err);
    CHECK_FAILS(open_with(&c, &err), &err, DBK_INVALID_ARGUMENT,
                "http_path '/sql/2.0/x' does not match /sql/1.0/warehouses/{id} or "
                "/sql/1.0/endpoints/{id}");
    CHECK_OK(dbk_str_set(&c.http_path, DBK_SLICE("/sql/1.0/warehouses/w"), &err), &err);
    CHECK_FAILS(open_with(&c, &err), &err, DBK_INVALID_ARGUMENT,
                "session config requires auth (set_auth_pat, set_auth_m2m, set_auth_m2m_jwt, or "
                "set_auth_u2m)");
    c.auth_mode = DBK_AUTH_PAT;
    CHECK_FAILS(open_with(&c, &err), &err, DBK_INVALID_ARGUMENT,
                "PAT auth requires a non-empty access token");
    CHECK_OK(dbk_secret_set(&c.token, DBK_SLICE("t"), &err), &err);
    CHECK_OK(dbk_str_set(&c.host, DBK_SLICE("bad host"), &err), &err);
    CHECK_FAILS(open_with(&c, &err), &err, DBK_INVALID_ARGUMENT, "host 'bad host'");
    CHECK_OK(dbk_str_set(&c.host, DBK_SLICE("127.0.0.1:1"), &err), &err);
    CHECK_OK(dbk_pairs_add(&c.headers, DBK_SLICE("bad name"), DBK_SLICE("v"), &err), &err);
    CHECK_FAILS(open_with(&c, &err), &err, DBK_INVALID_ARGUMENT, "header");
    dbk_error_reset(&err);
    dbk_config_reset(&c);
}
