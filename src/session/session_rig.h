/* session/session_rig.h: tests only: sessions against a scripted server, no ports.
 *
 *     rig r;
 *     rig_begin(&r, RIG_STEPPED);
 *     rig_open(&r);
 *     rig_answer(&r, "POST /api/2.0/sql/statements ", RIG_OK, RIG_STATE("st", "PENDING"));
 *     ...
 *     CHECK_STR(rig_story(&r), "POST statements, GET statements/st");
 *     rig_end(&r);
 */
#ifndef DBK_SESSION_SESSION_RIG_H
#define DBK_SESSION_SESSION_RIG_H

#include "session/statement.h"

typedef enum rig_mode {
    RIG_STEPPED, /* embedded lane, everything on the test's thread, the clock stands still: rig_run */
    RIG_SERVED,  /* embedded lane, the server on a thread: for blocking calls */
    RIG_THREADED /* both on threads: for calls from several threads */
} rig_mode;

enum { RIG_ANSWERS = 160, RIG_WAITS = 400 };

typedef struct rig {
    dbk_clock clock; /* first; the system's and skipped_ms, or skipped_ms alone */
    atomic_uint_fast64_t skipped_ms;
    rig_mode mode;
    dbk_lane *lane;
    dbk_runtime *runtime;
    dbk_config config;
    dbk_session *session;
    dbk_error err;
    dbk_buf answers[RIG_ANSWERS]; /* bytes the server borrows */
    size_t answer_count;
    uint64_t waits[RIG_WAITS]; /* how far rig_run moved the clock, each time */
    size_t wait_count;
    size_t told;          /* requests that rig_story has told */
    size_t request_count; /* of all requests, after rig_end */
    dbk_buf story;
    dbk_task wake;
    atomic_bool waking;
    pthread_t helper;
    const char *helper_waits_for;
    void (*helper_does)(struct rig *r);
} rig;

extern struct test_peer rig_peer; /* net/test_peer.h */

void rig_begin(rig *r, rig_mode mode); /* a configuration that may still be changed */
void rig_open(rig *r);                 /* session "se" */
void rig_end(rig *r);                  /* closes r->session, if any; every answer must be used */

#define RIG_OK               "200 OK"
#define RIG_SESSIONS         "POST /api/2.0/sql/sessions "
#define RIG_EXECUTE          "POST /api/2.0/sql/statements "
#define RIG_STATE(id, state) "{\"statement_id\":\"" id "\",\"status\":{\"state\":\"" state "\"}}"
#define RIG_COLUMN(name)                                                                      \
    "\"format\":\"JSON_ARRAY\",\"schema\":{\"column_count\":1,\"columns\":[{\"name\":\"" name \
    "\",\"type_name\":\"LONG\",\"type_text\":\"BIGINT\",\"position\":0}]}"
/* No rows, and nothing to close. */
#define RIG_CLOSED \
    "{\"statement_id\":\"st\",\"status\":{\"state\":\"CLOSED\"},\"manifest\":{" RIG_COLUMN("a") "}}"
/* One BIGINT row in a column. */
#define RIG_ROW(id, name, value)                                                                   \
    "{\"statement_id\":\"" id "\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"             \
    "\"total_chunk_count\":1,\"total_row_count\":1,\"total_byte_count\":9," RIG_COLUMN(            \
        name) "},\"result\":{\"chunk_index\":0,\"row_offset\":0,\"row_count\":1,\"data_array\":[[" \
              "\"" value "\"]]}}"

/* One request that contains `request` is answered so; head: status and more lines. */
void rig_answer(rig *r, const char *request, const char *head, const char *json);
/* The same, but the connection says nothing more until test_peer_go_on. */
void rig_stall(rig *r, const char *request);
const char *rig_http(rig *r, const char *head, const char *json); /* for test_peer_go_on */

/* RIG_STEPPED: runs until op is done, moving the clock from timer to timer. */
dbk_status rig_run(rig *r, dbk_op *op);
void rig_settle(rig *r);            /* runs until only time could change something */
void rig_pass(rig *r, uint64_t ms); /* moves the clock, and wakes the lane; any thread */
dbk_status rig_execute(rig *r, dbk_statement *st, dbk_run_kind kind, dbk_exec **out);
dbk_status rig_follow(rig *r, dbk_exec *e, dbk_run_kind kind, uint64_t patience_ms);

/* Another thread: when a request with this text has come, does something. */
void rig_when(rig *r, const char *request, void (*does)(rig *r));
void rig_join(rig *r);
bool rig_seen(const char *request);      /* any thread */
void rig_wait_seen(const char *request); /* on the test's thread, RIG_SERVED and RIG_THREADED */

/* The requests since the last look, "POST sessions, DELETE statements/st". */
const char *rig_story(rig *r);
const char *rig_body(size_t request); /* of the n-th request of all */

dbk_statement *rig_statement(rig *r, const char *sql);

#endif
