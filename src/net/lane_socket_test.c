#include "net/lane.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "unit.h"

/* libcurl 7.88 closes a socket whose connect it gave up without telling anyone, and may at once be given
 * the same number for the next address. */

static curl_socket_t numbers[8];
static size_t opened;

static curl_socket_t open_watched(void *user, curlsocktype purpose, struct curl_sockaddr *a) {
    (void)purpose;
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    CHECK(opened < COUNT_OF(numbers));
    numbers[opened++] = fd;
    dbk_lane_socket_opened(user, fd);
    return fd;
}

static int close_watched(void *user, curl_socket_t fd) {
    dbk_lane_socket_closing(user, fd);
    return close(fd);
}

static int result; /* -1: it goes on */

static void note_result(dbk_transfer *transfer, int curl_code) {
    (void)transfer;
    result = curl_code;
}

static int listen_on(const char *ip, uint16_t *port, int backlog) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(inet_pton(AF_INET, ip, &a.sin_addr) == 1);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        (void)close(fd);
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

/* A queue of one that is full: further connects are neither accepted nor refused. */
static int fill(uint16_t port, int *fds, size_t count) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    CHECK(inet_pton(AF_INET, "127.0.0.1", &a.sin_addr) == 1);
    int pending = 0;
    for (size_t i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        pending += connect(fds[i], (struct sockaddr *)&a, sizeof a) != 0 ? 1 : 0;
    }
    return pending;
}

/* Answers before it is asked, so that nothing waits here. -1: nobody came yet. */
static int answer(int listener) {
    static const char ok[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd < 0 || write(fd, ok, sizeof ok - 1) == (ssize_t)(sizeof ok - 1));
    return fd;
}

static size_t swallow(char *bytes, size_t size, size_t count, void *user) {
    (void)bytes, (void)user;
    return size * count;
}

static CURL *new_transfer(dbk_lane *lane, const char *url, struct curl_slist *addresses) {
    CURL *easy = curl_easy_init();
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_RESOLVE, addresses);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 2000L); /* half of it per address */
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_watched);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, lane);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_watched);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, lane);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

DBK_TEST(lane_socket_number_comes_back) {
    uint16_t port = 0;
    int stuck = listen_on("127.0.0.1", &port, 0);
    int good = listen_on("127.0.0.2", &port, 8);
    int fillers[4];
    int served = -1;
    CHECK(stuck >= 0 && good >= 0);
    CHECK(fill(port, fillers, COUNT_OF(fillers)) > 0);
    char url[64];
    char address[96];
    (void)snprintf(url, sizeof url, "http://two.invalid:%u/", (unsigned)port);
    (void)snprintf(address, sizeof address, "two.invalid:%u:127.0.0.1,127.0.0.2", (unsigned)port);
    struct curl_slist *addresses = curl_slist_append(NULL, address);

    dbk_error err = {0};
    dbk_lane *lane = NULL;
    CHECK_OK(dbk_lane_new("test", DBK_LANE_EMBEDDED, &dbk_clock_system, &lane, &err), &err);
    dbk_transfer transfer = {.easy = new_transfer(lane, url, addresses), .done = note_result};
    opened = 0;
    result = -1;
    CHECK(dbk_lane_add_transfer(lane, &transfer));
    while (result < 0) {
        dbk_lane_run_for(lane, 10);
        served = served < 0 ? answer(good) : served;
    }
    CHECK_EQ_I64(result, CURLE_OK);
    CHECK_EQ_SIZE(opened, 2);
    CHECK_EQ_I64(numbers[1], numbers[0]); /* else this test shows nothing */
    dbk_lane_remove_transfer(lane, &transfer);
    curl_easy_cleanup(transfer.easy);
    dbk_lane_free(lane);
    curl_slist_free_all(addresses);
    for (size_t i = 0; i < COUNT_OF(fillers); i++) {
        (void)close(fillers[i]);
    }
    (void)close(served);
    (void)close(stuck);
    (void)close(good);
}
