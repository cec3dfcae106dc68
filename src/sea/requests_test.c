#include "sea/requests.h"

#include "unit.h"

#define NONE \
    { NULL, 0 }

static void check_session(const dbk_sea_session_request *request, const char *want) {
    dbk_error err = {0};
    dbk_buf body = {0};
    CHECK_OK(dbk_sea_write_session("w1", request, &body, &err), &err);
    CHECK_SLICE(body, want);
    dbk_buf_reset(&body);
}

DBK_TEST(session_bodies) {
    static const dbk_sea_header confs[] = {
        {{"TIMEZONE", 8}, {"UTC", 3}}, {{"ANSI_MODE", 9}, {"", 0}}, {{"A", 1}, {"\"\\/\n", 4}}};
    check_session(&(dbk_sea_session_request){.catalog = NONE}, "{\"warehouse_id\":\"w1\"}");
    check_session(
        &(dbk_sea_session_request){.catalog = DBK_SLICE("main"), .schema = DBK_SLICE("s\xC3\xA4")},
        "{\"warehouse_id\":\"w1\",\"catalog\":\"main\",\"schema\":\"s\xC3\xA4\"}");
    check_session(&(dbk_sea_session_request){.catalog = {"", 0}, .schema = {"", 0}},
                  "{\"warehouse_id\":\"w1\",\"catalog\":\"\",\"schema\":\"\"}");
    check_session(&(dbk_sea_session_request){.confs = confs, .conf_count = COUNT_OF(confs)},
                  "{\"warehouse_id\":\"w1\",\"session_confs\":{\"TIMEZONE\":\"UTC\",\"ANSI_MODE\":"
                  "\"\",\"A\":\"\\\"\\\\/\\n\"}}");
}

DBK_TEST(session_bad_text) {
    static const dbk_sea_header bad_key = {{"\xFF", 1}, {"v", 1}};
    static const dbk_sea_header nul_key = {{"a\0b", 3}, {"v", 1}};
    static const dbk_sea_header bad_value = {{"TIMEZONE", 8}, {"\xC3", 1}};
    static const struct {
        const char *name;
        dbk_sea_session_request request;
        const char *text;
    } rows[] = {
        {"catalog", {.catalog = {"\x80", 1}}, "catalog is not valid UTF-8"},
        {"schema", {.schema = {"\x80", 1}}, "schema is not valid UTF-8"},
        {"key", {.confs = &bad_key, .conf_count = 1}, "session_confs key is not valid UTF-8"},
        {"key with NUL", {.confs = &nul_key, .conf_count = 1}, "session_confs key"},
        {"value", {.confs = &bad_value, .conf_count = 1}, "TIMEZONE is not valid UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf body = {0};
        CHECK_CASE(rows[i].name);
        CHECK_FAILS(dbk_sea_write_session("w", &rows[i].request, &body, &err), &err,
                    DBK_INVALID_ARGUMENT, rows[i].text);
        CHECK_EQ_SIZE(body.len, 0);
        dbk_error_reset(&err);
    }
}

#define HEAD        "{\"warehouse_id\":\"w1\",\"statement\":\"SELECT 1\",\"session_id\":\"s1\","
#define DISPOSITION "\"disposition\":\"INLINE_OR_EXTERNAL_LINKS\",\"format\":\"ARROW_STREAM\""
#define LZ4         "\"result_compression\":\"LZ4_FRAME\""

static dbk_sea_statement_request select_1(void) {
    return (dbk_sea_statement_request){.session_id = DBK_SLICE("s1"), .sql = DBK_SLICE("SELECT 1")};
}

static void check_statement(dbk_sea_statement_request request, const char *want) {
    dbk_error err = {0};
    dbk_buf body = {0};
    CHECK_OK(dbk_sea_write_statement("w1", &request, &body, &err), &err);
    CHECK_SLICE(body, want);
    dbk_buf_reset(&body);
}

DBK_TEST(statement_plain) {
    check_statement(select_1(), HEAD DISPOSITION "," LZ4 "}");
}

DBK_TEST(statement_flags) {
    dbk_sea_statement_request r = select_1();
    r.no_wait = true;
    check_statement(r, HEAD DISPOSITION
                    ",\"wait_timeout\":\"0s\",\"on_wait_timeout\":\"CONTINUE\"," LZ4 "}");
    r = select_1();
    r.inline_only = true;
    check_statement(r, HEAD "\"disposition\":\"INLINE\",\"format\":\"ARROW_STREAM\"," LZ4 "}");
    r = select_1();
    r.read_only = true; /* only the headers and the retries change */
    check_statement(r, HEAD DISPOSITION "," LZ4 "}");
}

DBK_TEST(statement_row_limit) {
    static const struct {
        int64_t limit;
        const char *want;
    } rows[] = {
        {0, HEAD DISPOSITION ",\"row_limit\":0," LZ4 "}"},
        {-5, HEAD DISPOSITION ",\"row_limit\":-5," LZ4 "}"},
        {INT64_MAX, HEAD DISPOSITION ",\"row_limit\":9223372036854775807," LZ4 "}"},
        {INT64_MIN, HEAD DISPOSITION ",\"row_limit\":-9223372036854775808," LZ4 "}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_sea_statement_request r = select_1();
        r.has_row_limit = true;
        r.row_limit = rows[i].limit;
        check_statement(r, rows[i].want);
    }
}

DBK_TEST(statement_text_is_verbatim) {
    dbk_sea_statement_request r = {.session_id = DBK_SLICE("s1"),
                                   .sql = {"a\"\\\t\0\x01\xE2\x82\xAC", 9}};
    check_statement(r, "{\"warehouse_id\":\"w1\",\"statement\":\"a\\\"\\\\\\t\\u0000\\u0001"
                       "\xE2\x82\xAC\",\"session_id\":\"s1\"," DISPOSITION "," LZ4 "}");
    r.sql = (dbk_slice){NULL, 0};
    check_statement(r, "{\"warehouse_id\":\"w1\",\"statement\":\"\",\"session_id\":"
                       "\"s1\"," DISPOSITION "," LZ4 "}");
}

DBK_TEST(statement_tags) {
    static const dbk_sea_tag tags[] = {
        {{"team", 4}, {"x:y,z\\w", 7}}, {{"bare", 4}, {NULL, 0}}, {{"k:,", 3}, {"", 0}}};
    dbk_sea_statement_request r = select_1();
    r.tags = tags;
    r.tag_count = COUNT_OF(tags);
    check_statement(r, HEAD DISPOSITION
                    "," LZ4 ",\"query_tags\":[{\"key\":\"team\",\"value\":\"x:y,z\\\\w"
                    "\"},{\"key\":\"bare\"},{\"key\":\"k:,\",\"value\":\"\"}]}");
}

DBK_TEST(statement_parameters) {
    static const dbk_sea_parameter positional[] = {
        {.ordinal = 1, .type = {"INT", 3}, .value = {"42", 2}},
        {.ordinal = 2, .type = {"STRING", 6}, .value = {"", 0}},
        {.ordinal = 3, .type = {"DATE", 4}, .value = {NULL, 0}},
    };
    static const dbk_sea_parameter named[] = {
        {.name = {"p", 1}, .ordinal = 7, .type = {"DECIMAL(4,2)", 12}, .value = {"1.50", 4}},
    };
    dbk_sea_statement_request r = select_1();
    r.parameters = positional;
    r.parameter_count = COUNT_OF(positional);
    check_statement(r, HEAD DISPOSITION
                    "," LZ4 ",\"parameters\":[{\"ordinal\":1,\"type\":\"INT\",\"value\":\"42\"},"
                    "{\"ordinal\":2,\"type\":\"STRING\",\"value\":\"\"},"
                    "{\"ordinal\":3,\"type\":\"DATE\",\"value\":null}]}");
    r.parameters = named;
    r.parameter_count = COUNT_OF(named);
    check_statement(r, HEAD DISPOSITION
                    "," LZ4 ",\"parameters\":[{\"name\":\"p\",\"type\":\"DECIMAL(4,2)\","
                    "\"value\":\"1.50\"}]}");
}

/* The whole order in one: spec sea-protocol 3. */
DBK_TEST(statement_everything) {
    static const dbk_sea_tag tag = {{"t", 1}, {"v", 1}};
    static const dbk_sea_parameter p = {.ordinal = 1, .type = {"INT", 3}, .value = {"1", 1}};
    dbk_sea_statement_request r = select_1();
    r.no_wait = true;
    r.has_row_limit = true;
    r.row_limit = 10;
    r.tags = &tag;
    r.tag_count = 1;
    r.parameters = &p;
    r.parameter_count = 1;
    check_statement(
        r, HEAD DISPOSITION
        ",\"wait_timeout\":\"0s\",\"on_wait_timeout\":\"CONTINUE\",\"row_limit\":10," LZ4
        ",\"query_tags\":[{\"key\":\"t\",\"value\":\"v\"}],"
        "\"parameters\":[{\"ordinal\":1,\"type\":\"INT\",\"value\":\"1\"}]}");
}

DBK_TEST(statement_bad_text) {
    static const dbk_sea_tag bad_key = {{"\xFF", 1}, {NULL, 0}};
    static const dbk_sea_tag bad_tag = {{"t", 1}, {"\xFF", 1}};
    static const dbk_sea_parameter bad_name = {.name = {"\xFF", 1}, .type = {"INT", 3}};
    static const dbk_sea_parameter bad_type = {.ordinal = 1, .type = {"\xFF", 1}};
    static const dbk_sea_parameter bad_value = {
        .ordinal = 1, .type = {"STRING", 6}, .value = {"secret\xFF", 7}};
    const struct {
        const char *name;
        dbk_sea_statement_request request;
        const char *text;
    } rows[] = {
        {"sql", {.sql = {"\xFF", 1}}, "statement is not valid UTF-8"},
        {"session", {.session_id = {"\xFF", 1}}, "session_id is not valid UTF-8"},
        {"tag key", {.tags = &bad_key, .tag_count = 1}, "key is not valid UTF-8"},
        {"tag value", {.tags = &bad_tag, .tag_count = 1}, "value is not valid UTF-8"},
        {"name", {.parameters = &bad_name, .parameter_count = 1}, "name is not valid UTF-8"},
        {"type", {.parameters = &bad_type, .parameter_count = 1}, "type is not valid UTF-8"},
        {"value", {.parameters = &bad_value, .parameter_count = 1}, "value is not valid UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        dbk_error err = {0};
        dbk_buf body = {0};
        CHECK_CASE(rows[i].name);
        CHECK_FAILS(dbk_sea_write_statement("w", &rows[i].request, &body, &err), &err,
                    DBK_INVALID_ARGUMENT, rows[i].text);
        CHECK(strstr(dbk_error_message(&err), "secret") == NULL);
        dbk_error_reset(&err);
        dbk_buf_reset(&body);
    }
}

DBK_OOM_TEST(statement_out_of_memory) {
    static const dbk_sea_header conf = {{"a", 1}, {"b", 1}};
    dbk_sea_statement_request r = select_1();
    dbk_buf body = {0};
    dbk_status st = dbk_sea_write_statement("w1", &r, &body, err);
    if (st == DBK_OK) {
        st = dbk_sea_write_session(
            "w1", &(dbk_sea_session_request){.confs = &conf, .conf_count = 1}, &body, err);
    }
    dbk_buf_reset(&body);
    return st;
}
