/* The seven requests of spec sea-protocol 1, and two about files on volumes. */
#include "sea/call.h"

#include <stdio.h>

#include "sea/client.h"
#include "sea/requests.h"

/* For requests about one thing: no id must not come to mean the whole collection. */
static dbk_slice some_id(dbk_slice id) {
    return id.ptr != NULL ? id : DBK_SLICE("");
}

/* Makes url from path and the call from both. Takes the plan's body, also on failure. */
static dbk_status make(dbk_sea *sea, dbk_lane *lane, const dbk_sea_path *path, dbk_sea_plan *plan,
                       dbk_sea_call **out, dbk_error *err) {
    dbk_status st = dbk_sea_url(sea, path, &plan->url, err);
    if (st != DBK_OK) {
        dbk_buf_wipe(&plan->body);
        return st;
    }
    return dbk_sea_call_new(sea, lane, plan, out, err);
}

/* ---- sessions ---- */

dbk_status dbk_sea_create_session(dbk_sea *sea, dbk_lane *lane,
                                  const dbk_sea_session_request *request, dbk_sea_call **out,
                                  dbk_error *err) {
    /* Repeated like a read: spec sea-protocol 11 [ran]. The worst a repeat leaves behind is a server
     * session that nobody uses and that expires. */
    dbk_sea_plan plan = {.name = "CreateSession",
                         .method = "POST",
                         .kind = DBK_SEA_SESSION,
                         .effect = DBK_EFFECT_NONE,
                         .has_body = true};
    dbk_status st = dbk_sea_write_session(dbk_sea_warehouse_id(sea), request, &plan.body, err);
    if (st != DBK_OK) {
        dbk_buf_wipe(&plan.body);
        return st;
    }
    return make(sea, lane, &(dbk_sea_path){"sessions", {NULL, 0}, NULL}, &plan, out, err);
}

dbk_status dbk_sea_delete_session(dbk_sea *sea, dbk_lane *lane, dbk_slice session_id,
                                  dbk_sea_call **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf tail = {0};
    const char *text = NULL;
    dbk_sea_plan plan = {.name = "DeleteSession",
                         .method = "DELETE",
                         .kind = DBK_SEA_EMPTY,
                         .effect = DBK_EFFECT_NONE,
                         .gone_is_done = true};
    DBK_TRY(dbk_buf_puts(&tail, "?warehouse_id=", err));
    DBK_TRY(dbk_url_encode(dbk_slice_of(dbk_sea_warehouse_id(sea)), &tail, err));
    DBK_TRY(dbk_buf_cstr(&tail, &text, err));
    DBK_TRY(
        make(sea, lane, &(dbk_sea_path){"sessions", some_id(session_id), text}, &plan, out, err));
done:
    dbk_buf_reset(&tail);
    return st;
}

/* ---- statements ---- */

dbk_status dbk_sea_execute(dbk_sea *sea, dbk_lane *lane, const dbk_sea_statement_request *request,
                           dbk_sea_call **out, dbk_error *err) {
    dbk_sea_plan plan = {.name = "ExecuteStatement",
                         .method = "POST",
                         .kind = DBK_SEA_STATEMENT,
                         .effect = request->read_only ? DBK_EFFECT_NONE : DBK_EFFECT_UNSAFE,
                         .fully_sync = request->read_only,
                         .has_body = true};
    dbk_status st = dbk_sea_write_statement(dbk_sea_warehouse_id(sea), request, &plan.body, err);
    if (st != DBK_OK) {
        dbk_buf_wipe(&plan.body);
        return st;
    }
    return make(sea, lane, &(dbk_sea_path){"statements", {NULL, 0}, NULL}, &plan, out, err);
}

/* The requests about one statement: the same but for these four. */
static dbk_status make_about(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id, const char *tail,
                             dbk_sea_plan *plan, dbk_sea_call **out, dbk_error *err) {
    plan->effect = DBK_EFFECT_NONE;
    plan->statement_id = statement_id;
    return make(sea, lane, &(dbk_sea_path){"statements", some_id(statement_id), tail}, plan, out,
                err);
}

dbk_status dbk_sea_get(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id, dbk_sea_call **out,
                       dbk_error *err) {
    dbk_sea_plan plan = {.name = "GetStatement", .method = "GET", .kind = DBK_SEA_STATUS};
    return make_about(sea, lane, statement_id, NULL, &plan, out, err);
}

dbk_status dbk_sea_get_chunk(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id,
                             int64_t chunk_index, dbk_slice next_link, dbk_sea_call **out,
                             dbk_error *err) {
    dbk_sea_plan plan = {.name = "GetResultChunk", .method = "GET", .kind = DBK_SEA_CHUNK};
    char tail[48];
    if (next_link.len > 0) {
        plan.statement_id = statement_id;
        dbk_status st = dbk_sea_link_url(sea, next_link, &plan.url, err);
        return st == DBK_OK ? dbk_sea_call_new(sea, lane, &plan, out, err) : st;
    }
    if (chunk_index < 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "chunk index %lld is negative",
                             (long long)chunk_index);
    }
    (void)snprintf(tail, sizeof tail, "/result/chunks/%lld", (long long)chunk_index);
    return make_about(sea, lane, statement_id, tail, &plan, out, err);
}

dbk_status dbk_sea_cancel(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id, dbk_sea_call **out,
                          dbk_error *err) {
    /* Without a body; "content-length: 0" because some proxies answer 411 to a POST without it. */
    dbk_sea_plan plan = {
        .name = "CancelStatement", .method = "POST", .kind = DBK_SEA_EMPTY, .has_body = true};
    return make_about(sea, lane, statement_id, "/cancel", &plan, out, err);
}

dbk_status dbk_sea_close(dbk_sea *sea, dbk_lane *lane, dbk_slice statement_id, dbk_sea_call **out,
                         dbk_error *err) {
    dbk_sea_plan plan = {
        .name = "CloseStatement", .method = "DELETE", .kind = DBK_SEA_EMPTY, .gone_is_done = true};
    return make_about(sea, lane, statement_id, NULL, &plan, out, err);
}

/* ---- files ---- */

/* origin + "/api/2.0/fs/files" + path with each of its parts encoded. */
static dbk_status file_url(const dbk_sea *sea, dbk_slice path, const char *query, dbk_str *out,
                           dbk_error *err) {
    static const char root[] = "/Volumes/";
    dbk_status st = DBK_OK;
    dbk_buf url = {0};
    dbk_slice rest = path;
    dbk_slice part = {0};
    bool more = path.len > sizeof root - 1 && memcmp(path.ptr, root, sizeof root - 1) == 0;
    bool fine = more;
    DBK_TRY(dbk_buf_putf(&url, err, "%s/api/2.0/fs/files", sea->origin.ptr));
    fine = fine && dbk_slice_split(&rest, '/', &part); /* what comes before the first one */
    while (fine && more) {
        more = dbk_slice_split(&rest, '/', &part);
        part = more ? part : rest;
        bool climbs = part.len <= 2 && memcmp(part.ptr, "..", part.len) == 0; /* "", ".", ".." */
        fine = !climbs;
        DBK_TRY(dbk_buf_putc(&url, '/', err));
        DBK_TRY(dbk_url_encode(part, &url, err));
    }
    if (!fine) {
        st =
            dbk_error_set(err, DBK_INVALID_ARGUMENT, "'%.*s' is not the path of a file on a volume",
                          (int)dbk_min_size(path.len, 300), path.ptr != NULL ? path.ptr : "");
        goto done;
    }
    DBK_TRY(dbk_buf_puts(&url, query, err));
    DBK_TRY(dbk_str_set(out, dbk_buf_slice(&url), err));
done:
    dbk_buf_reset(&url);
    return st;
}

dbk_status dbk_sea_put_file(dbk_sea *sea, dbk_lane *lane, dbk_slice path, dbk_buf *takes_body,
                            dbk_sea_call **out, dbk_error *err) {
    dbk_sea_plan plan = {.name = "PutFile",
                         .method = "PUT",
                         .kind = DBK_SEA_EMPTY,
                         .effect = DBK_EFFECT_NONE,
                         .content_type = "content-type: application/octet-stream",
                         .body = *takes_body,
                         .has_body = true};
    *takes_body = (dbk_buf){0};
    dbk_status st = file_url(sea, path, "?overwrite=true", &plan.url, err);
    if (st != DBK_OK) {
        dbk_buf_wipe(&plan.body);
        return st;
    }
    return dbk_sea_call_new(sea, lane, &plan, out, err);
}

dbk_status dbk_sea_remove_file(dbk_sea *sea, dbk_lane *lane, dbk_slice path, dbk_sea_call **out,
                               dbk_error *err) {
    dbk_sea_plan plan = {.name = "RemoveFile",
                         .method = "DELETE",
                         .kind = DBK_SEA_EMPTY,
                         .effect = DBK_EFFECT_NONE,
                         .gone_is_done = true};
    dbk_status st = file_url(sea, path, "", &plan.url, err);
    return st == DBK_OK ? dbk_sea_call_new(sea, lane, &plan, out, err) : st;
}
