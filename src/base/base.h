/* base/base.h: the ground every room stands on: errors, memory, text, numbers, clocks, JSON, log.
 *
 * What:    plain data types and pure functions; no network, no threads of its own, no SQL.
 * Threads: everything may be called from any thread; an object belongs to one thread at a time.
 * Owner:   `_reset` leaves a valid empty value and is idempotent; "takes" means consumed, also on
 *          failure; everything else is borrowed for the call. */
#ifndef DBK_BASE_BASE_H
#define DBK_BASE_BASE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/num.h"
#include "base/redact.h"
#include "base/secret.h"
#include "base/status.h"
#include "base/text.h"
#include "base/thread.h"
#include "base/trace.h"
#include "base/vault.h"
#include "base/wait_hook.h"

#endif
