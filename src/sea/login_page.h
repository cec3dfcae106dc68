/* sea/login_page.h: answers that come from a login page in front of the workspace, and why: spec spog 4. */
#ifndef DBK_SEA_LOGIN_PAGE_H
#define DBK_SEA_LOGIN_PAGE_H

#include "sea/client.h"

/* A redirect to a login page or to another host; a page in place of a new session. (A page in the middle of
 * a session is a broken answer: the workspace had been reached.) */
bool dbk_sea_is_login_page(const dbk_sea *sea, dbk_sea_kind kind, const dbk_http_response *r);

/* err, which tells of that answer, becomes Unauthenticated and says what the kind of host makes of it. */
dbk_status dbk_sea_blame_login(const dbk_sea *sea, const dbk_host_facts *facts, dbk_error *err);

#endif
