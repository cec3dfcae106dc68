#include "driver.h"

#include <string.h>

/* The table that a driver manager asks for. The functions themselves are exported too, for programs
 * that link with the driver directly. */

#define FILL(name, ...) d->name = Adbc##name;

static AdbcStatusCode driver_release(struct AdbcDriver *driver, struct AdbcError *error) {
    if (driver == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "driver must not be NULL");
    }
    driver->private_data = NULL; /* the kernel's threads end with the last session */
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcDriverInit(int version, void *driver, struct AdbcError *error) {
    struct AdbcDriver *d = driver;
    if (version != ADBC_VERSION_1_0_0 && version != ADBC_VERSION_1_1_0) {
        return fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                    "ADBC version %d is not offered; 1000000 and 1001000 are", version);
    }
    if (d == NULL) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "driver must not be NULL");
    }
    void *manager = d->private_manager;
    memset(d, 0, version == ADBC_VERSION_1_0_0 ? ADBC_DRIVER_1_0_0_SIZE : sizeof *d);
    d->private_manager = manager;
    d->release = driver_release;
    ADBC_FUNCTIONS_1_0_0(FILL)
    if (version == ADBC_VERSION_1_1_0) {
        d->ErrorGetDetailCount = AdbcErrorGetDetailCount;
        d->ErrorGetDetail = AdbcErrorGetDetail;
        d->ErrorFromArrayStream = AdbcErrorFromArrayStream;
        ADBC_FUNCTIONS_1_1_0(FILL)
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode AdbcDriverDatabricksInit(int version, void *driver, struct AdbcError *error) {
    return AdbcDriverInit(version, driver, error);
}

AdbcStatusCode AdbcDatabricksInit(int version, void *driver, struct AdbcError *error) {
    return AdbcDriverInit(version, driver, error);
}
