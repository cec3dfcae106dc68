/* sea/http_path.h: the workspace id that travels in an http_path. */
#ifndef DBK_SEA_HTTP_PATH_H
#define DBK_SEA_HTTP_PATH_H

#include "base/base.h"

#define DBK_ORG_ID_DIGITS 20 /* spec spog 1.2: more is no workspace id */

/* Undoes percent escapes; true when the result is 1 to 20 digits. */
bool dbk_org_id_decode(dbk_slice text, char out[DBK_ORG_ID_DIGITS + 1]);

#endif
