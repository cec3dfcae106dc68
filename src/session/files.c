#include "session/internal.h"

/* Files on volumes: one request each, at any size that one request may have. */

static dbk_status run_call(dbk_sea_call *call, dbk_error *err) {
    dbk_op *op = dbk_sea_call_op(call);
    dbk_status st = dbk_op_run(op, err);
    dbk_op_unref(op);
    return st;
}

dbk_status dbk_session_put_file(dbk_session *s, dbk_slice path, dbk_slice bytes, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_call *call = NULL;
    dbk_buf body = {0};
    DBK_TRY(dbk_buf_append(&body, bytes.ptr, bytes.len, err));
    DBK_TRY(dbk_sea_put_file(s->sea, dbk_runtime_control(s->runtime), path, &body, &call, err));
    DBK_TRY(run_call(call, err));
done:
    dbk_buf_wipe(&body);
    return st;
}

dbk_status dbk_session_remove_file(dbk_session *s, dbk_slice path, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_sea_call *call = NULL;
    DBK_TRY(dbk_sea_remove_file(s->sea, dbk_runtime_control(s->runtime), path, &call, err));
    DBK_TRY(run_call(call, err));
done:
    return st;
}
