#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* AdbcError: of 1.0.0 (only its first fields are ours to touch) and of 1.1.0 (with details). */

#define MAX_DETAILS 10

static const char tag[] = "[Databricks] ";

typedef struct details {
    size_t count;
    const char *keys[MAX_DETAILS];
    char *values[MAX_DETAILS];
} details;

static void free_details(details *d) {
    for (size_t i = 0; d != NULL && i < d->count; i++) {
        free(d->values[i]);
    }
    free(d);
}

/* Two functions, because the release must know by itself which of the structs it was given. */
static void release_1_0(struct AdbcError *error) {
    free(error->message);
    error->message = NULL;
    error->release = NULL;
}

static void release_1_1(struct AdbcError *error) {
    free_details(error->private_data);
    error->private_data = NULL;
    release_1_0(error);
}

void error_init(struct AdbcError *error) {
    memset(error, 0, sizeof *error);
    error->vendor_code = ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA;
}

void error_release(struct AdbcError *error) {
    if (error != NULL && error->release != NULL) {
        error->release(error);
    }
}

/* The struct emptied and prepared; true: it has the fields of 1.1.0. */
static bool begin(struct AdbcError *error) {
    bool new_struct = error->vendor_code == ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA;
    error_release(error);
    error->message = NULL;
    memset(error->sqlstate, 0, sizeof error->sqlstate);
    error->release = new_struct ? release_1_1 : release_1_0;
    if (new_struct) {
        error->vendor_code =
            ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA; /* the release may have cleared it */
        error->private_data = NULL;
    } else {
        error->vendor_code = 0;
    }
    return new_struct;
}

static void set_message(struct AdbcError *error, const char *doing, const char *what, size_t len) {
    text message = {0};
    text_add(&message, tag);
    if (doing != NULL) {
        text_addf(&message, "%s: ", doing);
    }
    text_add_n(&message, what, len);
    error->message = message.failed ? NULL : message.ptr; /* the caller's now */
}

AdbcStatusCode fail(struct AdbcError *error, AdbcStatusCode status, const char *fmt, ...) {
    if (error != NULL) {
        text what = {0};
        va_list args;
        (void)begin(error);
        va_start(args, fmt);
        text_vaddf(&what, fmt, args);
        va_end(args);
        set_message(error, NULL, text_str(&what), what.len);
        text_reset(&what);
    }
    return status;
}

AdbcStatusCode fail_because(struct AdbcError *error, AdbcStatusCode status, const char *fmt, ...) {
    text message = {0};
    va_list args;
    if (error == NULL || error->message == NULL) {
        return status;
    }
    const char *old = error->message;
    old += strncmp(old, tag, sizeof tag - 1) == 0 ? sizeof tag - 1 : 0;
    text_add(&message, tag);
    va_start(args, fmt);
    text_vaddf(&message, fmt, args);
    va_end(args);
    text_addf(&message, ": %s", old);
    if (message.failed) {
        text_reset(&message);
    } else {
        free(error->message);
        error->message = message.ptr;
    }
    return status;
}

AdbcStatusCode fail_memory(struct AdbcError *error) {
    return fail(error, ADBC_STATUS_INTERNAL, "out of memory");
}

AdbcStatusCode fail_moved(struct AdbcError *error, AdbcStatusCode status, struct AdbcError *from) {
    if (error == NULL) {
        error_release(from);
        return status;
    }
    bool new_struct = begin(error);
    error->message = from->message;
    memcpy(error->sqlstate, from->sqlstate, sizeof error->sqlstate);
    if (new_struct) {
        error->private_data = from->private_data;
    } else {
        free_details(from->private_data);
    }
    memset(from, 0, sizeof *from);
    return status;
}

/* ---- what the kernel says ---- */

static bool starts(const char *state, const char *class) {
    return strncmp(state, class, strlen(class)) == 0;
}

/* By SQLSTATE, where it says more than the kernel's code; UNKNOWN: it does not. */
static AdbcStatusCode status_of_state(const char *state) {
    static const struct {
        const char *state;
        AdbcStatusCode status;
    } rows[] = {{"42501", ADBC_STATUS_UNAUTHORIZED},   {"42P01", ADBC_STATUS_NOT_FOUND},
                {"42704", ADBC_STATUS_NOT_FOUND},      {"42703", ADBC_STATUS_NOT_FOUND},
                {"3F", ADBC_STATUS_NOT_FOUND},         {"3D", ADBC_STATUS_NOT_FOUND},
                {"42P07", ADBC_STATUS_ALREADY_EXISTS}, {"42710", ADBC_STATUS_ALREADY_EXISTS},
                {"42P04", ADBC_STATUS_ALREADY_EXISTS}, {"42P06", ADBC_STATUS_ALREADY_EXISTS},
                {"57014", ADBC_STATUS_TIMEOUT},        {"HY008", ADBC_STATUS_CANCELLED},
                {"28", ADBC_STATUS_UNAUTHENTICATED},   {"22", ADBC_STATUS_INVALID_DATA},
                {"23", ADBC_STATUS_INTEGRITY},         {"0A", ADBC_STATUS_NOT_IMPLEMENTED},
                {"42", ADBC_STATUS_INVALID_ARGUMENT}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (starts(state, rows[i].state)) {
            return rows[i].status;
        }
    }
    return ADBC_STATUS_UNKNOWN;
}

static AdbcStatusCode status_of_code(int32_t code) {
    switch ((KernelStatusCode)code) {
    case KernelStatusCode_Success:
    case KernelStatusCode_SqlError:
        break;
    case KernelStatusCode_InvalidArgument:
        return ADBC_STATUS_INVALID_ARGUMENT;
    case KernelStatusCode_Unauthenticated:
        return ADBC_STATUS_UNAUTHENTICATED;
    case KernelStatusCode_PermissionDenied:
        return ADBC_STATUS_UNAUTHORIZED;
    case KernelStatusCode_NotFound:
        return ADBC_STATUS_NOT_FOUND;
    case KernelStatusCode_ResourceExhausted:
    case KernelStatusCode_Unavailable:
    case KernelStatusCode_NetworkError:
        return ADBC_STATUS_IO;
    case KernelStatusCode_Timeout:
        return ADBC_STATUS_TIMEOUT;
    case KernelStatusCode_Cancelled:
        return ADBC_STATUS_CANCELLED;
    case KernelStatusCode_DataLoss:
        return ADBC_STATUS_INVALID_DATA;
    case KernelStatusCode_Internal:
        return ADBC_STATUS_INTERNAL;
    case KernelStatusCode_InvalidStatementHandle:
        return ADBC_STATUS_INVALID_STATE;
    }
    return ADBC_STATUS_UNKNOWN;
}

/* The error's own SQLSTATE, or the one in its text ("SQLSTATE: 42P01"); "": none. */
static void find_state(const KernelError *k, char state[6]) {
    static const char mark[] = "SQLSTATE: ";
    const char *found = k->sql_state;
    state[0] = '\0';
    if (found == NULL) {
        found = strstr(k->message, mark);
        found = found != NULL ? found + sizeof mark - 1 : NULL;
    }
    if (found != NULL && strlen(found) >= 5) {
        memcpy(state, found, 5);
        state[5] = '\0';
    }
}

static void add_detail(details *d, const char *key, const char *value) {
    char *copy = value != NULL && value[0] != '\0' ? strdup(value) : NULL;
    if (copy != NULL && d->count < MAX_DETAILS) {
        d->keys[d->count] = key;
        d->values[d->count++] = copy;
    } else {
        free(copy);
    }
}

static void add_number(details *d, const char *key, int64_t value) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    add_detail(d, key, value != 0 ? text : NULL);
}

static details *make_details(const KernelError *k, const dbk_error_info *info) {
    details *d = calloc(1, sizeof *d);
    if (d != NULL) {
        add_detail(d, "databricks.error_code", info->error_code);
        add_detail(d, "databricks.query_id", k->query_id);
        add_number(d, "databricks.http_status", k->http_status);
        add_detail(d, "databricks.request_id", info->request_id);
        add_number(d, "databricks.vendor_code", k->vendor_code);
        add_number(d, "databricks.attempts", info->attempts);
        add_detail(d, "databricks.retryable", k->retryable ? "true" : "false");
        add_detail(d, "databricks.may_have_executed", info->may_have_executed ? "true" : "false");
        add_detail(d, "databricks.error_details_json", info->error_details_json);
    }
    return d;
}

AdbcStatusCode fail_kernel(struct AdbcError *error, const char *doing) {
    KernelError k = {0};
    dbk_error_info info = {.struct_size = sizeof info};
    char state[6];
    if (!kernel_get_last_error(&k)) {
        return fail(error, ADBC_STATUS_INTERNAL, "%s: the kernel failed without an error", doing);
    }
    k.message = k.message != NULL ? k.message : "";
    info.message_length = strlen(k.message);
    (void)dbk_get_last_error_info(&info);
    find_state(&k, state);
    AdbcStatusCode status = status_of_code(k.code);
    AdbcStatusCode by_state = status_of_state(state);
    if (by_state != ADBC_STATUS_UNKNOWN && status != ADBC_STATUS_CANCELLED &&
        status != ADBC_STATUS_TIMEOUT) {
        status = by_state;
    }
    if (error != NULL) {
        bool new_struct = begin(error);
        set_message(error, doing, k.message, info.message_length); /* error_code is a detail */
        memcpy(error->sqlstate, state, sizeof error->sqlstate);
        if (new_struct) {
            error->private_data = make_details(&k, &info);
        } else {
            error->vendor_code = k.vendor_code;
        }
    }
    return status;
}

int status_errno(AdbcStatusCode status) {
    switch (status) {
    case ADBC_STATUS_OK:
        return 0;
    case ADBC_STATUS_CANCELLED:
        return ECANCELED;
    case ADBC_STATUS_TIMEOUT:
        return ETIMEDOUT;
    case ADBC_STATUS_IO:
    case ADBC_STATUS_INVALID_DATA:
        return EIO;
    default:
        return EINVAL;
    }
}

/* ---- details ---- */

static const details *details_of(const struct AdbcError *error) {
    bool ours = error != NULL && error->release == release_1_1;
    return ours ? error->private_data : NULL;
}

int AdbcErrorGetDetailCount(const struct AdbcError *error) {
    const details *d = details_of(error);
    return d != NULL ? (int)d->count : 0;
}

struct AdbcErrorDetail AdbcErrorGetDetail(const struct AdbcError *error, int index) {
    const details *d = details_of(error);
    struct AdbcErrorDetail detail = {0};
    if (d != NULL && index >= 0 && (size_t)index < d->count) {
        detail.key = d->keys[index];
        detail.value = (const uint8_t *)d->values[index];
        detail.value_length = strlen(d->values[index]);
    }
    return detail;
}
