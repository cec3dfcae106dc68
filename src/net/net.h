/* net/net.h: lanes (event loops), HTTP exchanges, retry decisions and the operation runner.
 *
 * What:    all sockets of the library live here, on lanes; rooms above start operations and are
 *          called back. A lane is one libuv loop with one curl multi handle.
 * Threads: a function says "any thread" or it is for the lane's thread only (debug builds assert).
 * Owner:   operations are counted; an exchange belongs to the operation that started it.
 * Rule:    nothing here blocks except dbk_op_run and dbk_lane_free, which refuse on a lane. */
#ifndef DBK_NET_NET_H
#define DBK_NET_NET_H

#include "net/http.h"
#include "net/lane.h"
#include "net/op.h"
#include "net/retry.h"
#include "net/runtime.h"
#include "net/url.h"
#include "net/work.h"

#endif
