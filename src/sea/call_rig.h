/* sea/call_rig.h: tests run calls against a script: no threads, no server, time as fast as wanted.
 *
 * The rig listens on a loopback port of its own and, between the rounds of the call's embedded lane,
 * answers requests with the steps of the script, one per request, in order. (Socket pairs would need
 * no port, but curl 7.88 calls connect() on sockets that it is told are connected.) */
#ifndef DBK_SEA_CALL_RIG_H
#define DBK_SEA_CALL_RIG_H

#include "sea/sea.h"

#define RIG_REQUESTS 16
#define RIG_TOKEN    "dapi00000000000000000000000000000042"

typedef enum rig_end {
    RIG_KEEP,  /* the connection stays open */
    RIG_CLOSE, /* closed behind the answer */
    RIG_NEVER  /* nothing more ever comes */
} rig_end;

typedef struct rig_step {
    const char *answer; /* raw HTTP; NULL: the connection is refused; "": nothing is sent */
    rig_end end;
    size_t pad; /* so many 'x' behind the answer */
} rig_step;

typedef struct rig {
    dbk_clock_manual clock;
    dbk_lane *lane;
    dbk_http_config *http;
    dbk_auth *auth;
    dbk_sea *sea;
    const rig_step *steps;
    size_t step_count;
    size_t step;       /* steps used */
    size_t first_step; /* of the running call: one step is one attempt */
    int port;
    int listen_fd;                  /* -1 while the script refuses connections */
    int fd;                         /* our end of the connection in use, -1: none */
    size_t connections;             /* accepted */
    dbk_buf requests[RIG_REQUESTS]; /* as received, with a NUL behind them */
    size_t request_count;
    dbk_buf partial; /* of the request that is coming in */
    dbk_buf out;     /* of the answer that is going out */
    size_t out_sent;
    bool answering;
    rig_end out_end;
    uint64_t waited_ms;                      /* how far the clock was moved */
    void (*idle)(struct rig *r, dbk_op *op); /* called when nothing moves, before the clock does */
    bool stuck;                              /* nothing moves and no timer runs */
} rig;

/* headers may be NULL. */
void rig_init(rig *r, const rig_step *steps, size_t step_count, const dbk_sea_header *headers,
              size_t header_count);
/* For the workspace org_id; "": of no unified host (rig_init: 64). */
void rig_init_at(rig *r, const rig_step *steps, size_t step_count, const char *org_id);
void rig_reset(rig *r);
/* Runs the call to its end and gives its status; the error stays in the operation. */
dbk_status rig_run(rig *r, dbk_sea_call *call);

/* script is an array. */
#define RIG_INIT(r, script) rig_init((r), (script), sizeof(script) / sizeof((script)[0]), NULL, 0)

#endif
