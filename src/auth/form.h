/* auth/form.h: what OAuth puts around values: forms, Basic lines, base64url; and texts of servers. */
#ifndef DBK_AUTH_FORM_H
#define DBK_AUTH_FORM_H

#include "base/base.h"

/* A form is written into room that was reserved for the whole: growing would leave a secret behind. */
DBK_MUST_USE dbk_status dbk_form_begin(dbk_buf *form, size_t value_bytes, dbk_error *err);
/* "&name=value" (the first without '&'), both form-urlencoded: blanks are '+'. */
DBK_MUST_USE dbk_status dbk_form_put(dbk_buf *form, const char *name, dbk_slice value,
                                     dbk_error *err);

/* "authorization: Basic ..." of an id and a secret, both form-urlencoded first (RFC 6749 2.3.1). */
DBK_MUST_USE dbk_status dbk_basic_line(dbk_slice id, dbk_slice secret, dbk_secret *out,
                                       dbk_error *err);

/* Base64 with '-' and '_' and without padding; with the standard alphabet and padding. */
DBK_MUST_USE dbk_status dbk_base64url_put(dbk_slice in, dbk_buf *out, dbk_error *err);
DBK_MUST_USE dbk_status dbk_base64_put(dbk_slice in, dbk_buf *out, dbk_error *err);
/* False: not base64url. */
DBK_MUST_USE bool dbk_base64url_read(dbk_slice in, dbk_buf *out);

/* Unpredictable bytes. */
DBK_MUST_USE dbk_status dbk_random(void *out, size_t len, dbk_error *err);

/* Scopes as a user gives them, by commas and blanks, to "a b c". ptr NULL or blank: fallback. */
DBK_MUST_USE dbk_status dbk_scopes_join(dbk_slice given, const char *fallback, dbk_str *out,
                                        dbk_error *err);

/* InvalidArgument when an id that is sent has a control character in it: what was pasted, or an attack. */
DBK_MUST_USE dbk_status dbk_check_id(dbk_slice id, const char *name, dbk_error *err);

/* What a server said, fit for a message: printable ASCII, credentials taken out, cut. */
#define DBK_SERVER_TEXT_SIZE 513
void dbk_server_words(dbk_slice text, char out[DBK_SERVER_TEXT_SIZE]);

/* https, or http to this machine (tests): secrets may go there. */
bool dbk_url_safe(dbk_slice url);

#endif
