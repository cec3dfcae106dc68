/* net/test_peer.h: tests only: a scripted HTTP server at the other end of a lane's sockets. No ports.
 *
 *     static test_peer peer; // large: not on the stack
 *     test_peer_init(&peer);
 *     dbk_lane_set_socket_opener(lane, test_peer_open, &peer);
 *     test_peer_on(&peer, "GET /a ", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", TEST_PEER_KEEP);
 *     dbk_op_start(op, NULL, NULL);      // URLs name a number, so that nothing is resolved:
 *     test_peer_run_op(&peer, lane, op); // http://127.0.0.1:1/a
 *     test_peer_end(&peer);
 *
 * A scene answers one request: the first unused one whose text the request contains. With an embedded
 * lane everything runs on the test's thread, step by step; for threaded lanes call test_peer_serve.
 * Texts are borrowed until test_peer_end. A request without a scene is answered with 599. Add this
 * folder's test_peer.c to the TESTS of your room. */
#ifndef DBK_NET_TEST_PEER_H
#define DBK_NET_TEST_PEER_H

#include "net/net.h"

typedef enum test_peer_then {
    TEST_PEER_KEEP,  /* the connection stays for the next request */
    TEST_PEER_CLOSE, /* closed in order */
    TEST_PEER_RESET, /* ECONNRESET after the bytes of the answer */
    TEST_PEER_STALL  /* nothing more until test_peer_go_on */
} test_peer_then;

enum {
    TEST_PEER_SCENES = 256,
    TEST_PEER_ALWAYS = 8,
    TEST_PEER_CONNECTIONS = 64,
    TEST_PEER_REQUESTS = 256,
    TEST_PEER_REQUEST_SIZE = 8192 /* what is kept of a request */
};

typedef struct test_peer_scene {
    const char *request; /* text; NULL: any request */
    dbk_slice answer;
    test_peer_then then;
    bool used;
    size_t plays; /* of one that is always there */
} test_peer_scene;

typedef struct test_peer_connection {
    int fd; /* -1: free */
    char in[TEST_PEER_REQUEST_SIZE];
    size_t in_len;   /* kept */
    size_t in_total; /* received */
    bool held;       /* the last byte was only peeked: closing with it unread is a reset */
    const test_peer_scene *scene;
    size_t sent;
} test_peer_connection;

typedef struct test_peer {
    dbk_mutex lock;
    int listener;
    int file; /* of the listener, to connect to */
    test_peer_scene scenes[TEST_PEER_SCENES];
    size_t scene_count;
    test_peer_scene always[TEST_PEER_ALWAYS];
    size_t always_count;
    test_peer_connection connections[TEST_PEER_CONNECTIONS];
    char requests[TEST_PEER_REQUESTS][TEST_PEER_REQUEST_SIZE];
    size_t request_count;
    size_t opened;
    size_t refuse;
    size_t piece;
    pthread_t thread;
    bool serving;
    bool stop;
} test_peer;

void test_peer_init(test_peer *p);
void test_peer_end(test_peer *p); /* closes everything, stops the thread */

/* For dbk_lane_set_socket_opener. */
int test_peer_open(void *peer, struct sockaddr *address, unsigned *address_len);

void test_peer_on(test_peer *p, const char *request, const char *answer, test_peer_then then);
void test_peer_on_bytes(test_peer *p, const char *request, dbk_slice answer, test_peer_then then);
/* Answers any number of requests for which there is no other scene; these are counted, not kept. */
void test_peer_always(test_peer *p, const char *request, const char *answer);
size_t test_peer_plays(test_peer *p, const char *request); /* how many so far */
void test_peer_refuse(test_peer *p, size_t count);         /* the next connections are refused */
/* Answers leave in pieces of so many bytes, each after the reader took the one before; 0: whole. */
void test_peer_split(test_peer *p, size_t piece);
void test_peer_go_on(test_peer *p, const char *more, test_peer_then then); /* all that stall */
void test_peer_drop(test_peer *p); /* closes every connection now */

size_t test_peer_opened(test_peer *p);   /* connections made so far */
size_t test_peer_open_now(test_peer *p); /* connections that neither end has closed */
size_t test_peer_request_count(test_peer *p);
const char *test_peer_request(test_peer *p, size_t i); /* head and body; "" when there is none */
bool test_peer_used_up(test_peer *p);                  /* every scene was played */
void test_peer_excuse(test_peer *p); /* scenes not played so far need not be any more */

/* Embedded lane: runs both ends until the answer of `until` is true. Fails the test after 30 s. */
void test_peer_run(test_peer *p, dbk_lane *lane, bool (*until)(void *ctx), void *ctx);
void test_peer_run_op(test_peer *p, dbk_lane *lane, dbk_op *op); /* until it is done */
bool test_peer_turn(test_peer *p, dbk_lane *lane); /* one turn of both ends; false: nothing moved */
void test_peer_settle(test_peer *p, dbk_lane *lane); /* until nothing moves but timers */

void test_peer_serve(test_peer *p); /* a thread plays the scenes until test_peer_end */

#endif
