#include "unit.h"

#include "session/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Catalog calls against a server in this process, one thread per connection. The rows come as
 * JSON_ARRAY. What the calls ask and answer is in tests/e2e; here memory runs out. */

#define CATALOGS 12 /* more than are asked at a time */

static int listen_fd = -1;
static unsigned short port;

static const char *header_end(const char *text) {
    const char *end = strstr(text, "\r\n\r\n");
    return end != NULL ? end + 4 : NULL;
}

static size_t body_length(const char *text) {
    const char *at = strcasestr(text, "\r\ncontent-length:");
    return at != NULL ? strtoul(at + 17, NULL, 10) : 0;
}

/* Reads one request, NUL behind it; false: the connection is over. */
static bool read_request(int fd, char *text, size_t size) {
    size_t len = 0;
    for (;;) {
        text[len] = '\0';
        const char *body = header_end(text);
        if (body != NULL && len >= (size_t)(body - text) + body_length(text)) {
            return true;
        }
        ssize_t n = len + 1 < size ? read(fd, text + len, size - len - 1) : 0;
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
    }
}

static void rows_answer(char *out, size_t size, const char *column, int rows, const char *prefix) {
    int n = snprintf(out, size,
                     "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
                     "\"format\":\"JSON_ARRAY\",\"total_chunk_count\":1,\"total_row_count\":%d,"
                     "\"schema\":{\"column_count\":1,\"columns\":[{\"name\":\"%s\",\"type_name\":"
                     "\"STRING\",\"type_text\":\"STRING\",\"position\":0}]},\"chunks\":[{"
                     "\"chunk_index\":0,\"row_offset\":0,\"row_count\":%d}]},\"result\":{"
                     "\"chunk_index\":0,\"row_offset\":0,\"row_count\":%d,\"data_array\":[",
                     rows, column, rows, rows);
    for (int i = 0; i < rows; i++) {
        n += snprintf(out + n, size - (size_t)n, "%s[\"%s%d\"]", i > 0 ? "," : "", prefix, i);
    }
    (void)snprintf(out + n, size - (size_t)n, "]}}");
}

static void *serve_connection(void *arg) {
    int fd = (int)(intptr_t)arg;
    char request[4096];
    char body[2048];
    char answer[2304];
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (read_request(fd, request, sizeof request)) {
        if (strncmp(request, "POST /api/2.0/sql/sessions", 26) == 0) {
            (void)snprintf(body, sizeof body, "{\"session_id\":\"s\"}");
        } else if (strstr(request, "SHOW CATALOGS") != NULL) {
            rows_answer(body, sizeof body, "catalog", CATALOGS, "c");
        } else if (strstr(request, "SHOW TABLES") != NULL) {
            rows_answer(body, sizeof body, "tableName", 2, "t");
        } else {
            (void)snprintf(body, sizeof body, "{}");
        }
        int n = snprintf(answer, sizeof answer,
                         "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                         "content-length: %zu\r\n\r\n%s",
                         strlen(body), body);
        if (write(fd, answer, (size_t)n) != n) {
            break;
        }
    }
    (void)close(fd);
    return NULL;
}

static void *serve(void *unused) {
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        pthread_t thread;
        if (fd < 0 || pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) != 0) {
            return unused;
        }
        (void)pthread_detach(thread);
    }
}

static void start_server(pthread_t *thread) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listen_fd >= 0);
    CHECK(bind(listen_fd, (struct sockaddr *)&address, len) == 0 && listen(listen_fd, 64) == 0);
    CHECK(getsockname(listen_fd, (struct sockaddr *)&address, &len) == 0);
    port = ntohs(address.sin_port);
    CHECK(pthread_create(thread, NULL, serve, NULL) == 0);
}

static dbk_session *open_session(void) {
    dbk_error err = {0};
    dbk_config config;
    dbk_session *s = NULL;
    dbk_config_init(&config);
    CHECK_OK(dbk_str_setf(&config.host, &err, "http://127.0.0.1:%u", port), &err);
    CHECK_OK(dbk_str_set(&config.warehouse_id, DBK_SLICE("w"), &err), &err);
    config.auth_mode = DBK_AUTH_PAT;
    config.request_timeout_ms = 1000; /* a socket without a watch is noticed by that only: lane.c */
    config.retry.max_attempts = 0;
    CHECK_OK(dbk_secret_set(&config.token, DBK_SLICE("x"), &err), &err);
    CHECK_OK(dbk_session_open(&config, NULL, &s, &err), &err);
    dbk_config_reset(&config);
    return s;
}

static int64_t count_rows(dbk_stream *stream) {
    dbk_error err = {0};
    int64_t rows = 0;
    for (;;) {
        dbk_batch *b = NULL;
        CHECK_OK(dbk_stream_next(stream, &b, &err), &err);
        if (b == NULL) {
            return rows;
        }
        rows += dbk_batch_row_count(b);
        dbk_batch_unref(b);
    }
}

/* With the n-th and all later allocations failing, on this thread and on the lane. */
static bool ask_with_memory_for(dbk_session *s, const dbk_metadata_request *r, int64_t n,
                                int64_t want_rows) {
    dbk_error err = {0};
    dbk_stream *stream = NULL;
    dbk_alloc_fail_after(n);
    dbk_status st = dbk_session_metadata(s, r, &stream, &err);
    dbk_alloc_fail_after(0);
    if (st == DBK_OK) {
        CHECK_EQ_I64(count_rows(stream), want_rows);
        dbk_stream_close(stream);
        dbk_stream_unref(stream);
    } else {
        CHECK(st == DBK_RESOURCE_EXHAUSTED || st == DBK_TIMEOUT);
        CHECK(stream == NULL);
    }
    dbk_error_reset(&err);
    return st == DBK_OK;
}

DBK_TEST(catalog_calls_without_memory) {
    const dbk_metadata_request requests[] = {
        {.call = DBK_METADATA_TABLE_TYPES},
        {.call = DBK_METADATA_TABLES, .catalog = DBK_SLICE("c1")},
        {.call = DBK_METADATA_TABLES, .catalog = DBK_SLICE("c%")},
    };
    const int64_t rows[] = {4, 2, 2 * CATALOGS};
    pthread_t thread;
    start_server(&thread);
    dbk_session *s = open_session();
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        CHECK_CASE(dbk_metadata_word(requests[i].call));
        int64_t n = 1;
        while (!ask_with_memory_for(s, &requests[i], n, rows[i])) {
            n += 1 + n / 100; /* one by one at first: a fan-out takes thousands */
        }
    }
    dbk_session_close(s);
    dbk_session_unref(s);
    (void)shutdown(listen_fd, SHUT_RDWR);
    (void)pthread_join(thread, NULL);
    (void)close(listen_fd);
}

DBK_TEST(catalog_calls_of_a_closed_session) {
    dbk_error err = {0};
    dbk_stream *stream = NULL;
    dbk_metadata_request r = {.call = DBK_METADATA_TABLE_TYPES};
    pthread_t thread;
    start_server(&thread);
    dbk_session *s = open_session();
    dbk_session_close(s);
    CHECK_FAILS(dbk_session_metadata(s, &r, &stream, &err), &err, DBK_INVALID_HANDLE,
                "connection already closed");
    CHECK(stream == NULL);
    dbk_error_reset(&err);
    dbk_session_unref(s);
    (void)shutdown(listen_fd, SHUT_RDWR);
    (void)pthread_join(thread, NULL);
    (void)close(listen_fd);
}
