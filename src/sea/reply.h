/* sea/reply.h: parsed JSON to dbk_sea_reply, strictly: spec sea-protocol 5. */
#ifndef DBK_SEA_REPLY_H
#define DBK_SEA_REPLY_H

#include "sea/sea.h"

/* All need an empty reply and leave a partly filled one behind on failure (the caller resets it).
 * DataLoss says which field is missing or wrong. The attachment's bytes are not here: parser.c adds
 * them where `data` says that an attachment was in place. */
DBK_MUST_USE dbk_status dbk_sea_read_session(const json_t *doc, dbk_sea_reply *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_read_statement(const json_t *doc, bool need_id, dbk_sea_reply *out,
                                               dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_read_chunk(const json_t *doc, dbk_sea_reply *out, dbk_error *err);

/* reply_data.c: "result", or the whole answer to a chunk request. */
DBK_MUST_USE dbk_status dbk_sea_read_data(const json_t *obj, dbk_sea_data *out, dbk_error *err);

void dbk_sea_data_init(dbk_sea_data *data);    /* everything absent */
void dbk_sea_reply_init(dbk_sea_reply *reply); /* everything absent */

/* Getters shared by the two files. A count is an integer >= 0. */
DBK_MUST_USE dbk_status dbk_sea_want_count(const json_t *obj, const char *key, int64_t *out,
                                           dbk_error *err); /* absent, null: *out stays */
DBK_MUST_USE dbk_status dbk_sea_need_count(const json_t *obj, const char *key, int64_t *out,
                                           dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_want_text(const json_t *obj, const char *key, dbk_str *out,
                                          dbk_error *err); /* absent, null: ptr NULL */
DBK_MUST_USE dbk_status dbk_sea_need_text(const json_t *obj, const char *key, dbk_str *out,
                                          dbk_error *err);

#endif
