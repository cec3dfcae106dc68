/* auth/auth.h: "give me a header": the credentials of a session and the life of their tokens.
 *
 * What:    one object per way to log in and its secrets. It fetches tokens ahead of their end, one
 *          request at a time however many ask, and exchanges those of foreign issuers (federation).
 * Threads: made and counted by any thread; everything else on the lane it was made for, but where
 *          said. Nobody blocks: who needs a token that is not there waits with an operation.
 * Owner:   secrets live in dbk_secret and are wiped; they leave only through put_lines. */
#ifndef DBK_AUTH_AUTH_H
#define DBK_AUTH_AUTH_H

#include "auth/host_probe.h"
#include "base/base.h"
#include "net/net.h"

typedef struct dbk_auth dbk_auth; /* opaque, counted */

/* ---- making one ---- */

/* What every mode needs; texts are copied, objects referenced. */
typedef struct dbk_auth_settings {
    dbk_lane *lane; /* a session's control lane: outlives the object */
    dbk_http_config *http;
    dbk_slice origin;              /* of the workspace, from dbk_url_origin; empty: no federation */
    dbk_slice org_id;              /* the workspace behind a unified host; empty: not told */
    const dbk_retry_policy *retry; /* for the waits between attempts; NULL: default */
    dbk_slice federation_client_id;
    bool federation_token_exchange; /* RFC 8693 instead of the jwt-bearer grant */
    bool federation_strict; /* with a client id: a failed exchange is an error, not a warning */
    bool federation_without_org_id; /* the exchange does not name the workspace */
} dbk_auth_settings;

/* A personal access token, or any token that somebody else renews. expires_unix_s 0: never. Empty:
 * InvalidArgument "PAT auth requires a non-empty access token"; blanks and control characters:
 * InvalidArgument. */
DBK_MUST_USE dbk_status dbk_auth_new_pat(const dbk_auth_settings *settings, dbk_slice token,
                                         int64_t expires_unix_s, dbk_auth **out, dbk_error *err);
/* From now on this token. Any thread. InvalidArgument as above, and in other modes. */
DBK_MUST_USE dbk_status dbk_auth_set_token(dbk_auth *auth, dbk_slice token, int64_t expires_unix_s,
                                           dbk_error *err);

typedef struct dbk_auth_client { /* OAuth client credentials; empty texts: default */
    dbk_slice client_id;
    dbk_slice client_secret;
    dbk_slice scopes;    /* by blanks or commas; ptr NULL: "all-apis" */
    dbk_slice token_url; /* empty: by discovery */
} dbk_auth_client;
DBK_MUST_USE dbk_status dbk_auth_new_m2m(const dbk_auth_settings *settings,
                                         const dbk_auth_client *client, dbk_auth **out,
                                         dbk_error *err);

/* The same client, which proves itself by a signature. client_secret is not used; the key file is read
 * here. */
typedef struct dbk_auth_jwt {
    dbk_slice key_file;
    dbk_slice key_id;
    dbk_slice passphrase; /* of an encrypted key */
    dbk_slice algorithm;  /* empty: RS256 */
} dbk_auth_jwt;
DBK_MUST_USE dbk_status dbk_auth_new_m2m_jwt(const dbk_auth_settings *settings,
                                             const dbk_auth_client *client, const dbk_auth_jwt *jwt,
                                             dbk_auth **out, dbk_error *err);

/* An Azure service principal (spec auth 8). Empty tenant: the workspace tells it. With a resource id a
 * management token goes along. A managed identity is the one of this machine: its tokens come from Azure's
 * service for it; no secret and no tenant; empty client id: the machine's only identity. */
typedef struct dbk_auth_azure {
    bool managed_identity;
    dbk_slice client_id;
    dbk_slice client_secret;
    dbk_slice tenant_id;
    dbk_slice resource_id;
} dbk_auth_azure;
DBK_MUST_USE dbk_status dbk_auth_new_azure(const dbk_auth_settings *settings,
                                           const dbk_auth_azure *principal, dbk_auth **out,
                                           dbk_error *err);

/* A person, with a browser (spec auth 6). Empty texts and 0: default. */
typedef void (*dbk_login_opener)(void *ctx, const char *url);
typedef struct dbk_auth_person {
    dbk_slice client_id;
    dbk_slice scopes;
    uint16_t
        port; /* of this machine, where the browser comes back to; busy: one of the next four */
    bool cache_enabled;
    dbk_slice passphrase; /* of the cache */
    dbk_login_opener
        open; /* shows the person the URL, on a thread of its own; NULL: the desktop's browser */
    void *open_ctx;
} dbk_auth_person;
DBK_MUST_USE dbk_status dbk_auth_new_u2m(const dbk_auth_settings *settings,
                                         const dbk_auth_person *person, dbk_auth **out,
                                         dbk_error *err);

/* Tokens that the host brings. fn runs on a thread of its own, with no lock held, one call at a time per
 * session; it fills the call with _answer or _fail. release (may be NULL) is called when nothing can call
 * fn any more, on any thread. */
typedef struct dbk_token_call dbk_token_call;
typedef void (*dbk_provider_fn)(void *ctx, dbk_token_call *call);
typedef struct dbk_provider dbk_provider; /* opaque, counted; any thread */
DBK_MUST_USE dbk_status dbk_provider_new(dbk_provider_fn fn, void *ctx, void (*release)(void *ctx),
                                         dbk_provider **out, dbk_error *err);
dbk_provider *dbk_provider_ref(dbk_provider *p);
void dbk_provider_unref(dbk_provider *p); /* NULL is a no-op */
DBK_MUST_USE dbk_status dbk_auth_new_provider(const dbk_auth_settings *settings,
                                              dbk_provider *provider, dbk_auth **out,
                                              dbk_error *err);
/* Inside fn. */
uint64_t dbk_provider_left_ms(const dbk_token_call *call);
bool dbk_provider_stopped(const dbk_token_call *call); /* nobody waits any more */
bool dbk_provider_refused(const dbk_token_call *call); /* the server refused the last token */
/* expires_unix_s 0: as the token says, when it is a JWT; else it serves until it is refused. */
DBK_MUST_USE dbk_status dbk_provider_answer(dbk_token_call *call, dbk_slice token,
                                            int64_t expires_unix_s, dbk_error *err);
void dbk_provider_fail(dbk_token_call *call, const char *why);

dbk_auth *dbk_auth_ref(dbk_auth *auth); /* any thread */
void dbk_auth_unref(dbk_auth *auth);    /* any thread; NULL is a no-op */

/* ---- using it, on its lane ---- */

/* What has to be waited for before put_lines gives a good token: an operation the caller owns, or
 * NULL when nothing has. Starts fetching the next token in the background when it is time. */
DBK_MUST_USE dbk_status dbk_auth_refresh(dbk_auth *auth, dbk_op **out, dbk_error *err);

/* Which token a request was sent with. */
typedef uint64_t dbk_auth_generation;

/* Appends header lines without line ends, each closed by a NUL, and counts them: "authorization:
 * Bearer <token>", and what the mode adds. The caller wipes the buffer. */
#define DBK_AUTH_LINES_MAX 3
DBK_MUST_USE dbk_status dbk_auth_put_lines(dbk_auth *auth, dbk_buf *lines, size_t *count,
                                           dbk_auth_generation *generation, dbk_error *err);

/* The server answered 401 to a request with this token. True: ask dbk_auth_refresh and send once
 * more; the token is not used again. False: there is no other token to be had. */
bool dbk_auth_refused(dbk_auth *auth, dbk_auth_generation generation);

/* How old the token in use is. */
typedef struct dbk_auth_facts {
    bool ages; /* false: there is none, or its end is not known */
    int64_t age_ms, left_ms;
} dbk_auth_facts;
void dbk_auth_describe(const dbk_auth *auth, dbk_auth_facts *out);

/* Servers repeat what they were sent: the tokens in use are taken out of every text of err. */
void dbk_auth_scrub(const dbk_auth *auth, dbk_error *err);

/* The Date of an answer: tokens that name their end are judged by the server's clock. */
void dbk_auth_note_date(dbk_auth *auth, int64_t unix_s);

#endif
