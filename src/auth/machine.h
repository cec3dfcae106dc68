/* auth/machine.h: the operation of clients that log in without a person: where, then one POST. */
#ifndef DBK_AUTH_MACHINE_H
#define DBK_AUTH_MACHINE_H

#include "auth/grant.h"
#include "auth/internal.h"

typedef struct dbk_client_mode { /* part of a mode's object */
    dbk_str scopes;              /* "a b"; empty: the field is left out */
    dbk_str token_url;           /* as given, or as once discovered; absent: not known yet */
    bool signs;                  /* what it sends names the time */
} dbk_client_mode;

/* InvalidArgument for a token URL that is not https. */
DBK_MUST_USE dbk_status dbk_client_init(dbk_client_mode *c, const dbk_auth_client *from,
                                        dbk_error *err);
void dbk_client_reset(dbk_client_mode *c);

/* request without its url: that is found out first. clause: see dbk_grant_new. A
 * signer that is refused and then finds its clock off asks once more. */
DBK_MUST_USE dbk_status dbk_client_fetch(dbk_auth *auth, dbk_client_mode *c,
                                         const dbk_auth_request *request, const char *clause,
                                         dbk_fetch **out, dbk_error *err);

#endif
