#include "sea/reply.h"

#include <stdio.h>

#include "sea/parser.h"
#include "unit.h"

/* ---- helpers ---- */

static dbk_status parse_in_two(dbk_sea_kind kind, dbk_slice text, size_t at, dbk_sea_reply *out,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_parser *p = NULL;
    DBK_TRY(dbk_sea_parser_new(kind, &p, err));
    DBK_TRY(dbk_sea_parser_feed(p, dbk_slice_n(text.ptr, at), err));
    DBK_TRY(dbk_sea_parser_feed(p, dbk_slice_n(text.ptr + at, text.len - at), err));
    DBK_TRY(dbk_sea_parser_finish(p, out, err));
done:
    dbk_sea_parser_free(p);
    return st;
}

static dbk_status parse(dbk_sea_kind kind, const char *text, dbk_sea_reply *out, dbk_error *err) {
    return parse_in_two(kind, dbk_slice_of(text), strlen(text) / 2, out, err);
}

static dbk_sea_reply good(dbk_sea_kind kind, const char *text) {
    dbk_sea_reply reply = {0};
    dbk_error err = {0};
    CHECK_OK(parse(kind, text, &reply, &err), &err);
    return reply;
}

/* Parsing fails with DataLoss; the message starts with `start` and `out` stays as it was. */
static void check_bad(dbk_sea_kind kind, const char *text, const char *start) {
    dbk_sea_reply reply = {.modified_rows = 77};
    dbk_error err = {0};
    CHECK_FAILS(parse(kind, text, &reply, &err), &err, DBK_DATA_LOSS, start);
    CHECK(strstr(dbk_error_message(&err), start) == dbk_error_message(&err));
    CHECK_EQ_I64(reply.modified_rows, 77);
    CHECK(reply.statement_id.ptr == NULL);
    dbk_error_reset(&err);
}

/* ---- sessions ---- */

DBK_TEST(session_reply) {
    dbk_sea_reply r = good(DBK_SEA_SESSION, "{\"session_id\":\"s-1\",\"more\":[1,{\"x\":2}]}");
    CHECK_SLICE(r.session_id, "s-1");
    dbk_sea_reply_reset(&r);
}

DBK_TEST(session_bad_replies) {
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{}", "Failed to parse session response: missing field `session_id` - body: {}"},
        {"{\"session_id\":null}", "Failed to parse session response: missing field `session_id`"},
        {"{\"session_id\":\"\"}", "Failed to parse session response: empty field `session_id`"},
        {"{\"session_id\":5}",
         "Failed to parse session response: field `session_id` is not a string"},
        {"",
         "Failed to parse session response: the body is empty (content type: unknown) - body: "},
        {" \n", "Failed to parse session response: the body is empty"},
        {"[]", "Failed to parse session response: the document is not an object - body: []"},
        {"{\"session_id\":\"s\"",
         "Failed to parse session response: '}' expected near end of file"},
        {"{\"session_id\":\"s\"} x", "Failed to parse session response: end of file expected"},
        {"\xEF\xBB\xBF{\"session_id\":\"s\"}", "Failed to parse session response: "},
        {"{\"error_code\":\"X\",\"message\":\"no\"}",
         "Failed to parse session response: missing field `session_id` - body: "
         "{\"error_code\":\"X\",\"message\":\"no\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].text);
        check_bad(DBK_SEA_SESSION, rows[i].text, rows[i].message);
    }
}

DBK_TEST(empty_replies_are_not_read) {
    static const char *const texts[] = {"", "{}", "<html>", "{\"attachment\":\"***"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        dbk_sea_reply r = good(DBK_SEA_EMPTY, texts[i]);
        CHECK(r.statement_id.ptr == NULL);
        CHECK_EQ_I64(r.modified_rows, -1);
        dbk_sea_reply_reset(&r);
    }
}

/* ---- a statement with everything ---- */

/* clang-format off */
static const char full[] =
    "{\"statement_id\":\"st-1\",\"unknown\":{\"a\":[]},"
    "\"status\":{\"state\":\"FAILED\","
      "\"error\":{\"error_code\":\"BAD_REQUEST\",\"message\":\"no such table\"},"
      "\"sql_state\":\"42P01\",\"display_message\":\"dm\",\"diagnostic_info\":\"di\","
      "\"error_details_json\":\"{}\",\"num_modified_rows\":7},"
    "\"manifest\":{\"format\":\"ARROW_STREAM\",\"schema\":{\"column_count\":2,\"columns\":["
        "{\"name\":\"b\",\"type_name\":\"DECIMAL\",\"type_text\":\"DECIMAL(10,2)\",\"position\":1,"
         "\"type_precision\":10,\"type_scale\":2},"
        "{\"name\":\"a\",\"type_name\":\"INTERVAL\",\"type_text\":\"INTERVAL DAY\",\"position\":0,"
         "\"type_interval_type\":\"DAY\"}]},"
      "\"total_chunk_count\":2,\"total_row_count\":30,\"total_byte_count\":400,"
      "\"chunks\":[{\"chunk_index\":0,\"row_offset\":0,\"row_count\":10,\"byte_count\":100},"
        "{\"chunk_index\":1,\"row_offset\":10,\"row_count\":20}],"
      "\"result_compression\":\"LZ4_FRAME\",\"truncated\":true,\"is_volume_operation\":true},"
    "\"result\":{\"chunk_index\":0,\"row_offset\":1,\"row_count\":10,\"byte_count\":99,"
      "\"next_chunk_index\":1,\"next_chunk_internal_link\":\"/api/2.0/x?row_offset=10\","
      "\"attachment\":\"aGVsbG8=\",\"data_array\":[[\"1\",null]],"
      "\"external_links\":[{\"external_link\":\"https://s3.example/x?sig=1\","
        "\"expiration\":\"2026-11-21T10:00:00.5+02:00\",\"chunk_index\":3,\"row_offset\":4,"
        "\"row_count\":5,\"byte_count\":6,\"next_chunk_index\":4,"
        "\"next_chunk_internal_link\":\"/n\",\"http_headers\":{\"x-a\":\"1\",\"x-b\":\"\"}}]}}";
/* clang-format on */

static void check_full_status(const dbk_sea_reply *r) {
    CHECK_SLICE(r->statement_id, "st-1");
    CHECK_EQ_I64(r->state, DBK_SEA_FAILED);
    CHECK_STR(r->error_code.ptr, "BAD_REQUEST");
    CHECK_STR(r->error_message.ptr, "no such table");
    CHECK_STR(r->sqlstate.ptr, "42P01");
    CHECK_STR(r->display_message.ptr, "dm");
    CHECK_STR(r->diagnostic_info.ptr, "di");
    CHECK_STR(r->details_json.ptr, "{}");
    CHECK_EQ_I64(r->modified_rows, 7);
    CHECK_EQ_I64(r->server_unix_s, -1);
}

static void check_full_manifest(const dbk_sea_manifest *m) {
    CHECK(m->present && m->lz4 && m->truncated && m->volume_operation && !m->json_array);
    CHECK_EQ_I64(m->column_count, 2);
    CHECK_EQ_SIZE(m->columns_len, 2);
    CHECK_STR(m->columns[0].name.ptr, "a"); /* sorted by position */
    CHECK_STR(m->columns[0].type_name.ptr, "INTERVAL");
    CHECK_STR(m->columns[0].type_text.ptr, "INTERVAL DAY");
    CHECK_STR(m->columns[0].interval_type.ptr, "DAY");
    CHECK_EQ_I64(m->columns[0].precision, -1);
    CHECK_EQ_I64(m->columns[0].scale, -1);
    CHECK_STR(m->columns[1].name.ptr, "b");
    CHECK_EQ_I64(m->columns[1].position, 1);
    CHECK_EQ_I64(m->columns[1].precision, 10);
    CHECK_EQ_I64(m->columns[1].scale, 2);
    CHECK(m->columns[1].interval_type.ptr == NULL);
    CHECK_EQ_I64(m->total_chunk_count, 2);
    CHECK_EQ_I64(m->total_row_count, 30);
    CHECK_EQ_I64(m->total_byte_count, 400);
    CHECK_EQ_SIZE(m->chunks_len, 2);
    CHECK_EQ_I64(m->chunks[0].byte_count, 100);
    CHECK_EQ_I64(m->chunks[1].chunk_index, 1);
    CHECK_EQ_I64(m->chunks[1].row_offset, 10);
    CHECK_EQ_I64(m->chunks[1].row_count, 20);
    CHECK_EQ_I64(m->chunks[1].byte_count, -1);
}

static void check_full_data(const dbk_sea_data *d) {
    CHECK(d->present && d->has_attachment);
    CHECK_SLICE(d->attachment, "hello");
    CHECK_EQ_SIZE(json_array_size(d->rows), 1);
    CHECK_EQ_I64(d->chunk_index, 0);
    CHECK_EQ_I64(d->row_offset, 1);
    CHECK_EQ_I64(d->row_count, 10);
    CHECK_EQ_I64(d->byte_count, 99);
    CHECK_EQ_I64(d->next_chunk_index, 1);
    CHECK_STR(d->next_link.ptr, "/api/2.0/x?row_offset=10");
    CHECK_EQ_SIZE(d->link_count, 1);
    const dbk_sea_link *l = &d->links[0];
    CHECK_STR(l->url.ptr, "https://s3.example/x?sig=1");
    CHECK_EQ_I64(l->expires_ms, INT64_C(1795248000500));
    CHECK_EQ_I64(l->chunk_index, 3);
    CHECK_EQ_I64(l->row_offset, 4);
    CHECK_EQ_I64(l->row_count, 5);
    CHECK_EQ_I64(l->byte_count, 6);
    CHECK_EQ_I64(l->next_chunk_index, 4);
    CHECK_STR(l->next_link.ptr, "/n");
    CHECK_EQ_SIZE(l->header_count, 2);
    CHECK_STR(l->headers[0], "x-a: 1");
    CHECK_STR(l->headers[1], "x-b: ");
}

DBK_TEST(statement_full_every_split) {
    dbk_slice text = DBK_SLICE(full);
    for (size_t at = 0; at <= text.len; at++) {
        dbk_sea_reply r = {0};
        dbk_error err = {0};
        CHECK_OK(parse_in_two(DBK_SEA_STATEMENT, text, at, &r, &err), &err);
        check_full_status(&r);
        check_full_manifest(&r.manifest);
        check_full_data(&r.data);
        dbk_sea_reply_reset(&r);
    }
}

DBK_TEST(statement_minimal) {
    dbk_sea_reply r =
        good(DBK_SEA_STATEMENT, "{\"statement_id\":\"i\",\"status\":{\"state\":\"SUCCEEDED\"}}");
    CHECK_EQ_I64(r.state, DBK_SEA_SUCCEEDED);
    CHECK(r.error_code.ptr == NULL && r.error_message.ptr == NULL && r.sqlstate.ptr == NULL);
    CHECK(r.display_message.ptr == NULL && r.diagnostic_info.ptr == NULL);
    CHECK(r.details_json.ptr == NULL && r.session_id.ptr == NULL);
    CHECK_EQ_I64(r.modified_rows, -1);
    CHECK(!r.manifest.present && !r.data.present && !r.data.has_attachment);
    CHECK_EQ_I64(r.manifest.total_chunk_count, -1);
    CHECK_EQ_I64(r.data.next_chunk_index, -1);
    dbk_sea_reply_reset(&r);
    dbk_sea_reply_reset(&r); /* idempotent */
}

DBK_TEST(statement_id_of_a_poll_may_be_missing) {
    dbk_sea_reply r = good(DBK_SEA_STATUS, "{\"status\":{\"state\":\"RUNNING\"}}");
    CHECK(r.statement_id.ptr == NULL);
    CHECK_EQ_I64(r.state, DBK_SEA_RUNNING);
    dbk_sea_reply_reset(&r);
    r = good(DBK_SEA_STATUS, "{\"statement_id\":\"\",\"status\":{\"state\":\"RUNNING\"}}");
    dbk_sea_reply_reset(&r);
    check_bad(DBK_SEA_STATUS, "{\"statement_id\":\"i\"}",
              "Failed to parse status response: missing field `status` - body: ");
    check_bad(DBK_SEA_STATEMENT, "{\"status\":{\"state\":\"RUNNING\"}}",
              "Failed to parse execute response: missing field `statement_id` - body: ");
    check_bad(DBK_SEA_STATEMENT, "{\"statement_id\":\"\",\"status\":{\"state\":\"RUNNING\"}}",
              "Failed to parse execute response: empty field `statement_id` - body: ");
}

/* ---- states ---- */

DBK_TEST(states) {
    static const struct {
        const char *name;
        dbk_sea_state state;
        bool is_final;
    } rows[] = {
        {"PENDING", DBK_SEA_PENDING, false},    {"RUNNING", DBK_SEA_RUNNING, false},
        {"SUCCEEDED", DBK_SEA_SUCCEEDED, true}, {"FAILED", DBK_SEA_FAILED, true},
        {"CANCELED", DBK_SEA_CANCELED, true},   {"CLOSED", DBK_SEA_CLOSED, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[100];
        CHECK_CASE(rows[i].name);
        (void)snprintf(text, sizeof text, "{\"statement_id\":\"i\",\"status\":{\"state\":\"%s\"}}",
                       rows[i].name);
        dbk_sea_reply r = good(DBK_SEA_STATEMENT, text);
        CHECK_EQ_I64(r.state, rows[i].state);
        CHECK_STR(dbk_sea_state_name(r.state), rows[i].name);
        CHECK(dbk_sea_state_is_final(r.state) == rows[i].is_final);
        dbk_sea_reply_reset(&r);
    }
    check_bad(DBK_SEA_STATEMENT, "{\"statement_id\":\"i\",\"status\":{\"state\":\"WEIRD\"}}",
              "Failed to parse execute response: unknown statement state `WEIRD` - body: ");
    check_bad(DBK_SEA_STATEMENT, "{\"statement_id\":\"i\",\"status\":{\"state\":\"running\"}}",
              "Failed to parse execute response: unknown statement state `running`");
    check_bad(DBK_SEA_STATEMENT, "{\"statement_id\":\"i\",\"status\":{\"state\":\"\"}}",
              "Failed to parse execute response: unknown statement state ``");
}

/* ---- each field of the full document, spoiled ---- */

typedef struct change {
    const char *from, *to; /* the first `from` in the full document becomes `to` */
    const char *why;       /* NULL: still fine */
} change;

static void make_changed(const change *c, dbk_buf *out) {
    dbk_error err = {0};
    const char *at = strstr(full, c->from);
    CHECK(at != NULL);
    CHECK_OK(dbk_buf_append(out, full, (size_t)(at - full), &err), &err);
    CHECK_OK(dbk_buf_puts(out, c->to, &err), &err);
    CHECK_OK(dbk_buf_puts(out, at + strlen(c->from), &err), &err);
    const char *text = NULL;
    CHECK_OK(dbk_buf_cstr(out, &text, &err), &err);
}

static void check_changes(const change *changes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        dbk_buf text = {0};
        char start[300];
        CHECK_CASE(changes[i].to[0] != '\0' ? changes[i].to : changes[i].from);
        make_changed(&changes[i], &text);
        if (changes[i].why == NULL) {
            dbk_sea_reply r = good(DBK_SEA_STATEMENT, text.ptr);
            dbk_sea_reply_reset(&r);
        } else {
            (void)snprintf(start, sizeof start,
                           "Failed to parse execute response: %s - body: ", changes[i].why);
            check_bad(DBK_SEA_STATEMENT, text.ptr, start);
        }
        dbk_buf_reset(&text);
    }
}

DBK_TEST(status_fields) {
    static const change changes[] = {
        {"\"statement_id\":\"st-1\"", "\"statement_id\":1", "field `statement_id` is not a string"},
        {"\"status\":", "\"status\":null,\"s\":", "missing field `status`"},
        {"\"status\":", "\"status\":[],\"s\":", "field `status` is not an object"},
        {"\"state\":\"FAILED\"", "\"state\":null", "missing field `state`"},
        {"\"state\":\"FAILED\"", "\"state\":3", "field `state` is not a string"},
        {"\"error\":", "\"error\":null,\"e\":", NULL},
        {"\"error\":", "\"error\":\"x\",\"e\":", "field `error` is not an object"},
        {"\"error_code\":\"BAD_REQUEST\"", "\"error_code\":null", NULL},
        {"\"error_code\":\"BAD_REQUEST\"", "\"error_code\":12",
         "field `error_code` is not a string"},
        {"\"message\":\"no such table\"", "\"message\":null", NULL},
        {"\"message\":\"no such table\"", "\"message\":{}", "field `message` is not a string"},
        {"\"sql_state\":\"42P01\"", "\"sql_state\":null", NULL},
        {"\"sql_state\":\"42P01\"", "\"sql_state\":42", "field `sql_state` is not a string"},
        {"\"display_message\":\"dm\"", "\"display_message\":1",
         "field `display_message` is not a string"},
        {"\"diagnostic_info\":\"di\"", "\"diagnostic_info\":1",
         "field `diagnostic_info` is not a string"},
        {"\"error_details_json\":\"{}\"", "\"error_details_json\":{}",
         "field `error_details_json` is not a string"},
        {"\"num_modified_rows\":7", "\"num_modified_rows\":null", NULL},
        {"\"num_modified_rows\":7", "\"num_modified_rows\":\"7\"",
         "field `num_modified_rows` is not an integer"},
        {"\"num_modified_rows\":7", "\"num_modified_rows\":7.0",
         "field `num_modified_rows` is not an integer"},
    };
    check_changes(changes, COUNT_OF(changes));
}

DBK_TEST(manifest_fields) {
    static const change changes[] = {
        {"\"manifest\":", "\"manifest\":null,\"m\":", NULL},
        {"\"manifest\":", "\"manifest\":\"x\",\"m\":", "field `manifest` is not an object"},
        {"\"format\":\"ARROW_STREAM\"", "\"format\":null", "missing field `format`"},
        {"\"format\":\"ARROW_STREAM\"", "\"format\":1", "field `format` is not a string"},
        {"\"format\":\"ARROW_STREAM\"", "\"format\":\"SOMETHING_NEW\"", NULL},
        {"\"schema\":", "\"s\":", "missing field `schema`"},
        {"\"schema\":", "\"schema\":[],\"s\":", "field `schema` is not an object"},
        {"\"column_count\":2", "\"c\":2", "missing field `column_count`"},
        {"\"column_count\":2", "\"column_count\":\"2\"", "field `column_count` is not an integer"},
        {"\"column_count\":2", "\"column_count\":-2", "field `column_count` is negative (-2)"},
        {"\"column_count\":2", "\"column_count\":9", NULL},
        {"\"columns\":", "\"columns\":null,\"c\":", NULL},
        {"\"columns\":", "\"columns\":{},\"c\":", "field `columns` is not an array"},
        {"\"columns\":[", "\"columns\":[7,", "columns[0]: missing field `name`"},
        {"\"name\":\"a\"", "\"n\":\"a\"", "columns[1]: missing field `name`"},
        {"\"name\":\"b\"", "\"name\":\"\"", NULL},
        {"\"type_name\":\"DECIMAL\"", "\"t\":1", "columns[0]: missing field `type_name`"},
        {"\"type_text\":\"DECIMAL(10,2)\"", "\"t\":1", "columns[0]: missing field `type_text`"},
        {"\"position\":1", "\"position\":null", "columns[0]: missing field `position`"},
        {"\"position\":1", "\"position\":\"1\"", "columns[0]: field `position` is not an integer"},
        {"\"position\":1", "\"position\":-1", "columns[0]: field `position` is negative (-1)"},
        {"\"type_precision\":10", "\"type_precision\":\"10\"",
         "columns[0]: field `type_precision` is not an integer"},
        {"\"type_scale\":2", "\"type_scale\":null", NULL},
        {"\"type_scale\":2", "\"type_scale\":[]",
         "columns[0]: field `type_scale` is not an integer"},
        {"\"type_interval_type\":\"DAY\"", "\"type_interval_type\":1",
         "columns[1]: field `type_interval_type` is not a string"},
        {"\"total_chunk_count\":2", "\"total_chunk_count\":null", NULL},
        {"\"total_chunk_count\":2", "\"total_chunk_count\":\"2\"",
         "field `total_chunk_count` is not an integer"},
        {"\"total_chunk_count\":2", "\"total_chunk_count\":-1",
         "field `total_chunk_count` is negative (-1)"},
        {"\"total_row_count\":30", "\"total_row_count\":-1",
         "field `total_row_count` is negative (-1)"},
        {"\"total_byte_count\":400", "\"total_byte_count\":1.5",
         "field `total_byte_count` is not an integer"},
        {"\"chunks\":", "\"chunks\":null,\"c\":", NULL},
        {"\"chunks\":", "\"chunks\":1,\"c\":", "field `chunks` is not an array"},
        {"\"chunks\":[", "\"chunks\":[{},", "chunks[0]: missing field `chunk_index`"},
        {"\"row_offset\":10,\"row_count\":20", "\"row_count\":20",
         "chunks[1]: missing field `row_offset`"},
        {"\"row_offset\":10,\"row_count\":20", "\"row_offset\":10",
         "chunks[1]: missing field `row_count`"},
        {"\"byte_count\":100", "\"byte_count\":-100",
         "chunks[0]: field `byte_count` is negative (-100)"},
        {"\"result_compression\":\"LZ4_FRAME\"", "\"result_compression\":null", NULL},
        {"\"result_compression\":\"LZ4_FRAME\"", "\"result_compression\":1",
         "field `result_compression` is not a string"},
        {"\"truncated\":true", "\"truncated\":\"yes\"", "field `truncated` is not a boolean"},
        {"\"truncated\":true", "\"truncated\":null", NULL},
        {"\"is_volume_operation\":true", "\"is_volume_operation\":1",
         "field `is_volume_operation` is not a boolean"},
    };
    check_changes(changes, COUNT_OF(changes));
}

DBK_TEST(data_fields) {
    static const change changes[] = {
        {"\"result\":", "\"result\":null,\"r\":", NULL},
        {"\"result\":", "\"result\":[],\"r\":", "field `result` is not an object"},
        {"\"attachment\":\"aGVsbG8=\"", "\"attachment\":null", NULL},
        {"\"attachment\":\"aGVsbG8=\"", "\"attachment\":17", "field `attachment` is not a string"},
        {"\"attachment\":\"aGVsbG8=\"", "\"attachment\":\"a*\"",
         "attachment: byte 0x2a is not base64"},
        {"\"unknown\":{", "\"unknown\":{\"attachment\":\"eA==\",",
         "attachment: the answer holds more than one"},
        {"\"data_array\":", "\"data_array\":{},\"d\":", "field `data_array` is not an array"},
        {"\"next_chunk_index\":1", "\"next_chunk_index\":null", NULL},
        {"\"next_chunk_index\":1", "\"next_chunk_index\":\"1\"",
         "field `next_chunk_index` is not an integer"},
        {"\"next_chunk_index\":1", "\"next_chunk_index\":-1",
         "field `next_chunk_index` is negative (-1)"},
        {"\"next_chunk_internal_link\":\"/api/2.0/x?row_offset=10\"",
         "\"next_chunk_internal_link\":1", "field `next_chunk_internal_link` is not a string"},
        {"\"byte_count\":99", "\"byte_count\":\"99\"", "field `byte_count` is not an integer"},
        {"\"external_links\":", "\"external_links\":null,\"e\":", NULL},
        {"\"external_links\":", "\"external_links\":{},\"e\":",
         "field `external_links` is not an array"},
        {"\"external_link\":\"https://s3.example/x?sig=1\"", "\"e\":1",
         "external_links[0]: missing field `external_link`"},
        {"https://s3.example/x?sig=1", "ftp://s3.example/x",
         "external_links[0]: field `external_link` is not an http(s) URL"},
        {"https://s3.example/x?sig=1", "https:///x",
         "external_links[0]: field `external_link` is not an http(s) URL"},
        {"https://s3.example/x?sig=1", "https://h/a b",
         "external_links[0]: field `external_link` is not an http(s) URL"},
        {"https://s3.example/x?sig=1", "http://127.0.0.1:8/x", NULL},
        {"\"expiration\":\"2026-11-21T10:00:00.5+02:00\"", "\"expiration\":null",
         "external_links[0]: missing field `expiration`"},
        {"\"expiration\":\"2026-11-21T10:00:00.5+02:00\"", "\"expiration\":\"soon\"", NULL},
        {"\"chunk_index\":3", "\"chunk_index\":null",
         "external_links[0]: missing field `chunk_index`"},
        {"\"row_offset\":4", "\"row_offset\":null",
         "external_links[0]: missing field `row_offset`"},
        {"\"row_count\":5", "\"row_count\":\"5\"",
         "external_links[0]: field `row_count` is not an integer"},
        {"\"byte_count\":6", "\"byte_count\":-6",
         "external_links[0]: field `byte_count` is negative (-6)"},
        {"\"next_chunk_index\":4", "\"next_chunk_index\":null", NULL},
        {"\"http_headers\":{", "\"http_headers\":null,\"h\":{", NULL},
        {"\"http_headers\":{", "\"http_headers\":[],\"h\":{",
         "external_links[0]: field `http_headers` is not an object"},
        {"\"x-a\":\"1\"", "\"x-a\":1",
         "external_links[0]: field `http_headers` holds a value that is not a string"},
        {"\"x-a\":\"1\"", "\"x-a\":\"1\\r\\ny: z\"",
         "external_links[0]: field `http_headers` holds a header that HTTP forbids"},
        {"\"x-a\":\"1\"", "\"x a\":\"1\"",
         "external_links[0]: field `http_headers` holds a header that HTTP forbids"},
    };
    check_changes(changes, COUNT_OF(changes));
}

DBK_TEST(unreadable_expiration_is_zero) {
    dbk_buf text = {0};
    make_changed(&(change){"2026-11-21T10:00:00.5+02:00", "tomorrow", NULL}, &text);
    dbk_sea_reply r = good(DBK_SEA_STATEMENT, text.ptr);
    CHECK(r.data.links != NULL);
    CHECK_EQ_I64(r.data.links[0].expires_ms, 0);
    dbk_sea_reply_reset(&r);
    dbk_buf_reset(&text);
}

DBK_TEST(columns_keep_their_order_at_equal_positions) {
    char text[2000] = "{\"statement_id\":\"i\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":"
                      "{\"format\":\"JSON_ARRAY\",\"schema\":{\"column_count\":4,\"columns\":[";
    static const int positions[] = {5, 1, 5, 1, 0};
    for (size_t i = 0; i < COUNT_OF(positions); i++) {
        size_t n = strlen(text);
        (void)snprintf(text + n, sizeof text - n,
                       "%s{\"name\":\"%zu\",\"type_name\":\"INT\",\"type_text\":\"INT\","
                       "\"position\":%d}",
                       i > 0 ? "," : "", i, positions[i]);
    }
    size_t n = strlen(text);
    (void)snprintf(text + n, sizeof text - n, "]}}}");
    dbk_sea_reply r = good(DBK_SEA_STATEMENT, text);
    static const char *const want[] = {"4", "1", "3", "0", "2"};
    CHECK(r.manifest.json_array && !r.manifest.lz4);
    CHECK_EQ_SIZE(r.manifest.columns_len, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK_STR(r.manifest.columns[i].name.ptr, want[i]);
    }
    dbk_sea_reply_reset(&r);
}

/* ---- chunks ---- */

DBK_TEST(chunk_replies) {
    dbk_sea_reply r =
        good(DBK_SEA_CHUNK, "{\"chunk_index\":2,\"row_offset\":20,\"row_count\":3,\"byte_count\":4,"
                            "\"attachment\":\"aGk=\",\"next_chunk_index\":3}");
    CHECK(r.data.present && r.data.has_attachment);
    CHECK_SLICE(r.data.attachment, "hi");
    CHECK_EQ_I64(r.data.chunk_index, 2);
    CHECK_EQ_I64(r.data.next_chunk_index, 3);
    dbk_sea_reply_reset(&r);
    r = good(DBK_SEA_CHUNK, "{}");
    CHECK(r.data.present && !r.data.has_attachment && r.data.link_count == 0);
    CHECK_EQ_I64(r.data.chunk_index, -1);
    dbk_sea_reply_reset(&r);
    r = good(DBK_SEA_CHUNK, "{\"attachment\":\"\",\"external_links\":[]}");
    CHECK(!r.data.has_attachment);
    dbk_sea_reply_reset(&r);
    check_bad(DBK_SEA_CHUNK, "{\"attachment\":\"x\"}",
              "Failed to parse chunk response: attachment: base64 text ends inside a group");
    check_bad(DBK_SEA_CHUNK, "[1]",
              "Failed to parse chunk response: the document is not an object");
}

/* An attachment where nobody looks for one is an unknown field. */
DBK_TEST(misplaced_attachment) {
    dbk_sea_reply r =
        good(DBK_SEA_STATEMENT, "{\"statement_id\":\"i\",\"attachment\":\"not base64\","
                                "\"status\":{\"state\":\"CLOSED\"},\"result\":{}}");
    CHECK(r.data.present && !r.data.has_attachment);
    CHECK_EQ_SIZE(r.data.attachment.len, 0);
    dbk_sea_reply_reset(&r);
}

/* ---- what the error tells ---- */

DBK_TEST(error_names_the_statement) {
    dbk_sea_reply r = {0};
    dbk_error err = {0};
    CHECK(parse(DBK_SEA_STATEMENT,
                "{\"statement_id\":\"st-9\",\"result\":{\"attachment\":\"***\"},\"status\":{"
                "\"state\":\"SUCCEEDED\"}}",
                &r, &err) == DBK_DATA_LOSS);
    CHECK_STR(err.query_id, "st-9");
    CHECK_CONTAINS(dbk_error_message(&err), "attachment: byte 0x2a is not base64");
    dbk_error_reset(&err);
}

DBK_TEST(error_shows_little_of_the_body) {
    char text[3000];
    dbk_sea_reply r = {0};
    dbk_error err = {0};
    (void)snprintf(text, sizeof text,
                   "{\"token\":\"dapi0123456789abcdef0123456789abcdef\",\n\"url\":"
                   "\"https://s3.example/x?X-Amz-Signature=SECRET\",\"pad\":\"%02000d\"}",
                   1);
    CHECK(parse(DBK_SEA_STATEMENT, text, &r, &err) == DBK_DATA_LOSS);
    const char *message = dbk_error_message(&err);
    CHECK(strstr(message, "dapi0123") == NULL);
    CHECK(strstr(message, "SECRET") == NULL);
    CHECK(strchr(message, '\n') == NULL);
    CHECK(strlen(message) < 400);
    CHECK_CONTAINS(message, "https://s3.example/x");
    dbk_error_reset(&err);
}

DBK_TEST(error_names_the_content_type) {
    static const struct {
        const char *type, *body, *want;
    } rows[] = {
        {"text/html; charset=utf-8", "<html>Login</html>",
         "(content type: text/html; charset=utf-8) - body: <html>Login</html>"},
        {"", "", "the body is empty (content type: none) - body: "},
        {"application/json", "", "the body is empty (content type: application/json) - body: "},
        {"application/json", "{}", "missing field `statement_id` - body: {}"},
        {"text/plain", "\xFFok\x01", "(content type: text/plain) - body: ?ok "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_sea_parser *p = NULL;
        dbk_sea_reply r = {0};
        dbk_error err = {0};
        CHECK_CASE(rows[i].want);
        CHECK_OK(dbk_sea_parser_new(DBK_SEA_STATEMENT, &p, &err), &err);
        dbk_sea_parser_set_content_type(p, rows[i].type);
        CHECK_OK(dbk_sea_parser_feed(p, dbk_slice_of(rows[i].body), &err), &err);
        CHECK_FAILS(dbk_sea_parser_finish(p, &r, &err), &err, DBK_DATA_LOSS, rows[i].want);
        CHECK(dbk_utf8_valid(dbk_slice_of(dbk_error_message(&err))));
        dbk_error_reset(&err);
        dbk_sea_parser_free(p);
    }
    dbk_sea_parser_free(NULL);
}

DBK_OOM_TEST(reply_out_of_memory) {
    dbk_sea_reply r = {0};
    dbk_status st = parse(DBK_SEA_STATEMENT, full, &r, err);
    if (st == DBK_OK) {
        dbk_sea_reply_reset(&r);
    }
    return st;
}
