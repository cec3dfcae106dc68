/* sea/requests.h: request bodies. The order of the fields is that of the Rust kernel on the wire. */
#ifndef DBK_SEA_REQUESTS_H
#define DBK_SEA_REQUESTS_H

#include "sea/sea.h"

/* Both append compact JSON to body. InvalidArgument for text that is not UTF-8, naming the field. */
DBK_MUST_USE dbk_status dbk_sea_write_session(const char *warehouse_id,
                                              const dbk_sea_session_request *request, dbk_buf *body,
                                              dbk_error *err);
DBK_MUST_USE dbk_status dbk_sea_write_statement(const char *warehouse_id,
                                                const dbk_sea_statement_request *request,
                                                dbk_buf *body, dbk_error *err);

#endif
