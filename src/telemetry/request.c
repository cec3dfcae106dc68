#include "telemetry/request.h"

#define ATTEMPT_MS 10000u
#define ANSWER_MAX (64u * 1024u)
#define OWN_LINES  2 /* content-type, accept */

enum { REQUEST_TOKEN, REQUEST_SEND, REQUEST_ANSWER };

static dbk_telemetry_request *request_of(dbk_op *op) {
    return DBK_CONTAINER_OF(op, dbk_telemetry_request, op);
}

static dbk_step request_token(dbk_op *op) {
    dbk_telemetry_request *r = request_of(op);
    if (r->anonymous) {
        return dbk_op_goto(op, REQUEST_SEND);
    }
    dbk_op_unref(r->refresh);
    r->refresh = NULL;
    dbk_status st = dbk_auth_refresh(r->t->settings.auth, &r->refresh, &op->err);
    if (st != DBK_OK) {
        return dbk_op_finish(op, st);
    }
    return r->refresh != NULL ? dbk_op_wait_op(op, r->refresh, REQUEST_SEND)
                              : dbk_op_goto(op, REQUEST_SEND);
}

static dbk_step send_lines(dbk_telemetry_request *r, const char **lines, size_t n) {
    dbk_http_request request = {
        .method = r->method,
        .url = r->url.ptr,
        .headers = lines,
        .header_count = n,
        .body = r->body != NULL ? dbk_buf_slice(r->body) : (dbk_slice){0},
        .has_body = r->body != NULL,
        .repeatable = true,
        .max_body = ANSWER_MAX,
    };
    return dbk_op_wait_http(&r->op, r->t->settings.http, &request, REQUEST_ANSWER);
}

/* Room for all lines; those that need no credentials are in it. */
static const char **new_lines(const dbk_telemetry_request *r, size_t *count) {
    const dbk_telemetry_settings *s = &r->t->settings;
    size_t custom = r->anonymous ? 0 : s->line_count, n = 0;
    const char **lines = dbk_alloc_array(custom + OWN_LINES + DBK_AUTH_LINES_MAX, sizeof *lines);
    if (lines != NULL) {
        for (; n < custom; n++) {
            lines[n] = s->lines[n].ptr;
        }
        if (r->body != NULL) {
            lines[n++] = "content-type: application/json";
        }
        lines[n++] = "accept: application/json";
    }
    *count = n;
    return lines;
}

static dbk_step request_send(dbk_op *op) {
    dbk_telemetry_request *r = request_of(op);
    dbk_buf auth = {0};
    size_t auth_count = 0, n = 0;
    dbk_step step = DBK_STEP_DONE;
    const char **lines = new_lines(r, &n);
    dbk_status st = lines != NULL ? DBK_OK : dbk_error_oom(&op->err, "telemetry");
    if (st == DBK_OK && !r->anonymous) {
        st = dbk_auth_put_lines(r->t->settings.auth, &auth, &auth_count, &r->token, &op->err);
    }
    if (st == DBK_OK) {
        const char *line = auth.ptr;
        for (size_t i = 0; i < auth_count; i++, line += strlen(line) + 1) {
            lines[n++] = line;
        }
        step = send_lines(r, lines, n);
    }
    dbk_buf_wipe(&auth);
    dbk_free(lines);
    return st == DBK_OK ? step : dbk_op_finish(op, st);
}

static dbk_step request_answer(dbk_op *op) {
    dbk_telemetry_request *r = request_of(op);
    dbk_http_response *answer = dbk_http_response_of(op->http);
    r->status = answer->status;
    if (r->status == 401 && !r->anonymous && !r->refused_once &&
        dbk_auth_refused(r->t->settings.auth, r->token)) {
        r->refused_once = true;
        return dbk_op_goto(op, REQUEST_TOKEN);
    }
    int64_t now = dbk_clock_wall_ms(dbk_lane_clock(op->lane)) / 1000;
    now = answer->date_unix_s >= 0 ? answer->date_unix_s : now;
    if ((r->status == 429 || r->status == 503) &&
        !dbk_retry_after_parse(answer->retry_after, now, &r->retry_after_ms)) {
        r->retry_after_ms = 0;
    }
    r->answer = dbk_buf_take(&answer->body);
    return dbk_op_finish(op, DBK_OK);
}

static void request_destroy(dbk_op *op) {
    dbk_telemetry_request *r = request_of(op);
    dbk_op_unref(r->refresh);
    dbk_str_reset(&r->url);
    dbk_buf_reset(&r->own_body);
    dbk_buf_reset(&r->answer);
    dbk_telemetry_unref(r->t);
    dbk_free(r);
}

static const dbk_state request_states[] = {
    [REQUEST_TOKEN] = {"token", request_token, DBK_TO(REQUEST_SEND)},
    [REQUEST_SEND] = {"send", request_send, DBK_TO(REQUEST_ANSWER)},
    [REQUEST_ANSWER] = {"answer", request_answer, DBK_TO(REQUEST_TOKEN)},
};
static const dbk_machine request_machine = {"telemetry request", request_states, 3, NULL,
                                            request_destroy};

dbk_status dbk_telemetry_request_new(dbk_telemetry *t, const char *method, dbk_slice url,
                                     const dbk_buf *body, dbk_telemetry_request **out,
                                     dbk_error *err) {
    dbk_telemetry_request *r = dbk_alloc_zero(sizeof *r);
    if (r == NULL) {
        return dbk_error_oom(err, "telemetry");
    }
    dbk_op_init(&r->op, &request_machine, t->settings.lane);
    r->op.deadline_ms = ATTEMPT_MS;
    r->t = dbk_telemetry_ref(t);
    r->method = method;
    r->body = body;
    dbk_status st = dbk_str_set(&r->url, url, err);
    if (st != DBK_OK) {
        dbk_op_unref(&r->op);
        return st;
    }
    *out = r;
    return DBK_OK;
}

bool dbk_telemetry_request_worked(const dbk_telemetry_request *r) {
    return r->op.status == DBK_OK && r->status >= 200 && r->status < 300;
}

/* ---- failed opens ---- */

static void refused_told(dbk_op *op, void *ctx) {
    dbk_telemetry_request *r = request_of(op);
    (void)ctx;
    r->told(r->told_ctx);
    dbk_op_unref(op);
    dbk_background_end();
}

static dbk_status refused_body(const dbk_telemetry *t, dbk_status error, dbk_buf *out,
                               dbk_error *err) {
    dbk_status st = DBK_OK;
    int64_t now = dbk_clock_wall_ms(dbk_lane_clock(t->settings.lane));
    DBK_TRY(dbk_telemetry_begin_body(now, out, err));
    DBK_TRY(dbk_telemetry_write_refused(t->who, error, now, out, err));
    DBK_TRY(dbk_buf_puts(out, "]}", err));
done:
    return st;
}

bool dbk_telemetry_refused(dbk_telemetry *t, dbk_status error, void (*done)(void *ctx), void *ctx) {
    dbk_status st = DBK_OK;
    dbk_error err = {0};
    dbk_str url = {0};
    dbk_buf body = {0};
    dbk_telemetry_request *r = NULL;
    if (!t->settings.tell_refused || t->epoch != dbk_process_epoch()) {
        return false;
    }
    DBK_TRY(dbk_str_setf(&url, &err, "%s/telemetry-unauth", t->origin.ptr));
    DBK_TRY(refused_body(t, error, &body, &err));
    DBK_TRY(dbk_telemetry_request_new(t, "POST", dbk_str_slice(&url), &body, &r, &err));
    r->own_body = dbk_buf_take(&body);
    r->body = &r->own_body;
    r->anonymous = true;
    r->told = done;
    r->told_ctx = ctx;
    dbk_background_begin();
    dbk_op_set_unattended(&r->op);
    dbk_op_start(&r->op, refused_told, NULL);
done:
    dbk_str_reset(&url);
    dbk_buf_reset(&body);
    dbk_error_reset(&err);
    return st == DBK_OK;
}
