/* Small statements one after the other, with telemetry off or on (its defaults, but for how long closing waits):
 *   telling ENDPOINT STATEMENTS SERVER_US CLOSE_MS ATTACHMENT VALUE
 * ENDPOINT: what the server makes of telemetry: works, dead (resets the connection), slow (answers after 3 s), 429,
 * garbage (a page instead of JSON); or off: telemetry is not switched on. The server is a child process that thinks
 * SERVER_US microseconds about each statement and answers with ATTACHMENT, one BIGINT as an Arrow stream in base64,
 * whose value each statement must read. One JSON line: seconds of the statements by the clock, CPU seconds of the
 * caller's thread and of this process (closing included), seconds that closing took, and what telemetry counted. */
#define _GNU_SOURCE // strcasestr
#include "bench.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the server ---- */

enum { REQUEST_ROOM = 1 << 20, REPLY_ROOM = 1 << 14, SLOW_S = 3 };
static const char *endpoint, *attachment;
static unsigned server_us;

typedef struct request {
    char *text; /* head and body */
    size_t got, size;
} request;

/* Whether a whole request is there; size is its length then. */
static bool whole(request *r) {
    r->text[r->got] = '\0';
    const char *end = strstr(r->text, "\r\n\r\n");
    if (end == NULL) {
        return false;
    }
    const char *length = strcasestr(r->text, "\r\ncontent-length:");
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    r->size = (size_t)(end - r->text) + 4 + body;
    return r->got >= r->size;
}

static void answer(int fd, int status, const char *type, const char *body) {
    char reply[REPLY_ROOM];
    int size = snprintf(reply, sizeof reply,
                        "HTTP/1.1 %d It is\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n%s",
                        status, type, strlen(body), body);
    if (size < 0 || size >= (int)sizeof reply || write(fd, reply, (size_t)size) != size) {
        exit(1);
    }
}

/* False: the connection is reset. */
static bool answer_telemetry(int fd) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (strcmp(endpoint, "dead") == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return false;
    }
    if (strcmp(endpoint, "garbage") == 0) {
        answer(fd, 200, "text/html", "<html>not what you think</html>");
    } else if (strcmp(endpoint, "429") == 0) {
        answer(fd, 429, "application/json", "{}");
    } else {
        (void)sleep(strcmp(endpoint, "slow") == 0 ? SLOW_S : 0);
        answer(fd, 200, "application/json", "{\"errors\":[],\"numProtoSuccess\":100}");
    }
    return true;
}

static void answer_statement(int fd) {
    char body[REPLY_ROOM - 256];
    (void)snprintf(
        body, sizeof body,
        "{\"statement_id\":\"st\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{\"format\":"
        "\"ARROW_STREAM\",\"total_chunk_count\":1,\"total_row_count\":1,\"schema\":{"
        "\"column_count\":1,\"columns\":[{\"name\":\"n\",\"type_name\":\"LONG\",\"type_text\":"
        "\"BIGINT\",\"position\":0}]}},\"result\":{\"chunk_index\":0,\"row_offset\":0,"
        "\"row_count\":1,\"attachment\":\"%s\"}}",
        attachment);
    (void)usleep(server_us);
    answer(fd, 200, "application/json", body);
}

static bool serve_one(int fd, const char *text) {
    if (strstr(text, " /telemetry-ext ") != NULL) {
        return answer_telemetry(fd);
    }
    if (strncmp(text, "POST ", 5) != 0) {
        answer(fd, 200, "application/json", "{}");
    } else if (strstr(text, "/sessions ") != NULL) {
        answer(fd, 200, "application/json", "{\"session_id\":\"bench\"}");
    } else {
        answer_statement(fd);
    }
    return true;
}

static void *serve(void *socket) {
    int fd = (int)(intptr_t)socket;
    request r = {.text = malloc(REQUEST_ROOM + 1)};
    bool open = r.text != NULL;
    while (open) {
        ssize_t n = read(fd, r.text + r.got, REQUEST_ROOM - r.got);
        r.got += n > 0 ? (size_t)n : 0;
        open = n > 0;
        while (open && whole(&r)) {
            char line[256]; /* all that serve_one looks at */
            (void)snprintf(line, sizeof line, "%s", r.text);
            r.got -= r.size;
            memmove(r.text, r.text + r.size, r.got);
            open = serve_one(fd, line);
        }
    }
    (void)close(fd);
    free(r.text);
    return NULL;
}

static void serve_all(int listener) {
    for (;;) {
        int one = 1, fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd < 0) {
            exit(1);
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) {
            exit(1);
        }
        (void)pthread_detach(thread);
    }
}

/* The server's process; its address in url. */
static pid_t start_server(char *url, size_t size) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&at, &room) != 0) {
        perror("telling");
        exit(1);
    }
    (void)snprintf(url, size, "http://127.0.0.1:%d", ntohs(at.sin_port));
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        serve_all(listener);
    }
    (void)close(listener);
    return child;
}

/* ---- the client ---- */

static double caller_cpu_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static kernel_session_t *open_at(const char *url, uint64_t close_ms) {
    KernelSessionConfig *config = NULL;
    kernel_session_t *session = NULL;
    need(kernel_session_config_new(&config), "config");
    need(kernel_session_config_set_warehouse(config, url, "bench"), "warehouse");
    need(kernel_session_config_set_auth_pat(config, "bench"), "token");
    if (strcmp(endpoint, "off") != 0) {
        need(kernel_session_config_set_telemetry_config(config, true, 100, 5000, 3, 100, close_ms),
             "telemetry");
    }
    need(kernel_session_open(config, &session), "open");
    return session;
}

static void ask(kernel_session_t *session, int64_t value) {
    kernel_statement_t *stmt = NULL;
    kernel_executed_statement_t *exec = NULL;
    kernel_result_stream_t *stream = NULL;
    int64_t rows = 0, seen = -1;
    need(kernel_session_new_statement(session, &stmt), "statement");
    need(kernel_statement_set_sql(stmt, "SELECT n"), "sql");
    need(kernel_statement_execute(stmt, &exec), "execute");
    need(kernel_executed_statement_get_result_stream(exec, &stream), "stream");
    for (;;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        need(kernel_result_stream_next_batch(stream, &array, &schema), "batch");
        if (array.release == NULL) {
            break;
        }
        seen = ((const int64_t *)array.children[0]->buffers[1])[array.children[0]->offset];
        rows += array.length;
        array.release(&array);
        schema.release(&schema);
    }
    if (rows != 1 || seen != value) {
        fprintf(stderr, "%" PRId64 " rows, %" PRId64 " in the last one\n", rows, seen);
        exit(1);
    }
    need(kernel_result_stream_close(stream), "close");
    need(kernel_executed_statement_close(exec), "close");
    need(kernel_statement_close(stmt), "close");
}

int main(int argc, char **argv) {
    char url[64];
    if (argc != 7) {
        fprintf(stderr, "usage: telling ENDPOINT STATEMENTS SERVER_US CLOSE_MS ATTACHMENT VALUE\n");
        return 2;
    }
    endpoint = argv[1];
    server_us = (unsigned)strtoul(argv[3], NULL, 10);
    attachment = argv[5];
    pid_t server = start_server(url, sizeof url);
    long count = strtol(argv[2], NULL, 10);
    kernel_session_t *session = open_at(url, strtoull(argv[4], NULL, 10));
    double wall = now_s(), cpu = cpu_s(), caller = caller_cpu_s();
    for (long i = 0; i < count; i++) {
        ask(session, strtoll(argv[6], NULL, 10));
    }
    wall = now_s() - wall;
    caller = caller_cpu_s() - caller;
    double close = now_s();
    need(kernel_session_close(session), "close");
    close = now_s() - close;
    cpu = cpu_s() - cpu;
    dbk_telemetry_stats stats = {.struct_size = sizeof stats};
    need(dbk_telemetry_get_stats(url, &stats), "stats");
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    printf("{\"wall_s\": %.6f, \"caller_cpu_s\": %.6f, \"cpu_s\": %.6f, \"close_s\": %.6f, "
           "\"sent\": %" PRIu64 ", \"dropped\": %" PRIu64 "}\n",
           wall, caller, cpu, close, stats.sent,
           stats.dropped_full + stats.dropped_breaker + stats.dropped_failed + stats.dropped_off);
    return 0;
}
