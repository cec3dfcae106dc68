/* base/redact.h: the one place that keeps secrets out of logs and messages. */
#ifndef DBK_BASE_REDACT_H
#define DBK_BASE_REDACT_H

#include "base/buf.h"

/* A URL without user info, query and fragment: "https://host/path". Never fails: what does not fit
 * into out_size (including NUL) is cut; what is no URL becomes "<url>". */
void dbk_redact_url(dbk_slice url, char *out, size_t out_size);

/* Overwrites in place, with '*' runs or "<REDACTED>", what looks like a credential (patterns of
 * spec telemetry.md section 10: Bearer/Basic values, dapi... tokens, JWTs, user:pass@ in URLs,
 * key=value and JSON forms of token/password/secret keys), the user's part of /home/x and every URL
 * query. The text only gets shorter or stays; it remains NUL-terminated. A second call changes
 * nothing. Linear in the length; a line break ends every stretch but a private key. */
void dbk_redact_line(char *text);

#endif
