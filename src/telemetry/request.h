/* telemetry/request.h: one request in the name of a session, without any retry but for a refused token. */
#ifndef DBK_TELEMETRY_REQUEST_H
#define DBK_TELEMETRY_REQUEST_H

#include "telemetry/internal.h"

typedef struct dbk_telemetry_request {
    dbk_op op;           /* first: the machine's functions cast */
    dbk_telemetry *t;    /* counted */
    const char *method;  /* static */
    dbk_str url;         /* owned */
    dbk_buf own_body;    /* owned; or */
    const dbk_buf *body; /* borrowed from somebody who ends later; NULL: none */
    bool anonymous;      /* without credentials and custom headers */
    dbk_op *refresh;     /* counted */
    dbk_auth_generation token;
    bool refused_once;
    int status; /* 0: no answer */
    dbk_buf answer;
    uint64_t retry_after_ms;
    void (*told)(void *ctx); /* of a failed open */
    void *told_ctx;
} dbk_telemetry_request;

/* body borrowed; NULL: none. */
DBK_MUST_USE dbk_status dbk_telemetry_request_new(dbk_telemetry *t, const char *method,
                                                  dbk_slice url, const dbk_buf *body,
                                                  dbk_telemetry_request **out, dbk_error *err);
/* A whole answer with 2xx. */
bool dbk_telemetry_request_worked(const dbk_telemetry_request *r);

#endif
