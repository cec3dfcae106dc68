/* sea/server_text.h: texts of servers, proxies and login pages made fit for an error message. */
#ifndef DBK_SEA_SERVER_TEXT_H
#define DBK_SEA_SERVER_TEXT_H

#include "base/base.h"

#define DBK_SERVER_TEXT_MAX (15u * 1024u) /* leaves room for what we put around it */

/* Appends the text that a browser would show of an HTML page: no tags, scripts, styles or comments,
 * blanks folded. Plain text is only folded. Ends with a NUL that is not counted. */
DBK_MUST_USE dbk_status dbk_server_text_of_page(dbk_slice page, dbk_buf *out, dbk_error *err);

/* Appends text as it is, cut to DBK_SERVER_TEXT_MAX, valid UTF-8 and without NULs. The same end. */
DBK_MUST_USE dbk_status dbk_server_text_copy(dbk_slice text, dbk_buf *out, dbk_error *err);

/* The five characters after the first "SQLSTATE:" of a message; false when there are none. */
bool dbk_server_text_sqlstate(dbk_slice text, char out[6]);

#endif
