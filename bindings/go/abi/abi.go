// Package abi calls the kernel's C ABI as the official Go driver does: the same link line, the same order
// of calls, the same watcher that cancels. It needs nothing but the archive, so it also tests the archive
// where the driver itself cannot be had.
package abi

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include
#cgo LDFLAGS: -L${SRCDIR}/../../../build/bundled -l:libdatabricks_sql_kernel.a -lstdc++ -lm -ldl
#include <stdlib.h>
#include "databricks_kernel.h"

static void release_array(struct ArrowArray *a) { if (a->release != NULL) a->release(a); }
static void release_schema(struct ArrowSchema *s) { if (s->release != NULL) s->release(s); }
*/
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// Error is the detail record of a failed call.
type Error struct {
	Code     int
	Message  string
	SQLState string
	QueryID  string
}

func (e *Error) Error() string { return fmt.Sprintf("kernel: %s (code %d)", e.Message, e.Code) }

// call runs one function of the kernel. Its detail record belongs to the thread, so both stay on one.
func call(f func() C.KernelStatusCode) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	status := f()
	if status == C.KernelStatusCode_Success {
		return nil
	}
	var e C.KernelError
	if !C.kernel_get_last_error(&e) {
		return &Error{Code: int(status), Message: "no detail"}
	}
	return &Error{
		Code: int(e.code), Message: C.GoString(e.message), SQLState: C.GoString(e.sql_state),
		QueryID: C.GoString(e.query_id),
	}
}

// cString copies s for the kernel, which copies it again: free it after the call.
func cString(s string) (*C.char, func()) {
	c := C.CString(s)
	return c, func() { C.free(unsafe.Pointer(c)) }
}

// Session is an open session; several goroutines may use it.
type Session struct{ handle *C.kernel_session_t }

// Open connects to a warehouse with an access token.
func Open(host, httpPath, token string, conf map[string]string) (*Session, error) {
	var config *C.KernelSessionConfig
	if err := call(func() C.KernelStatusCode { return C.kernel_session_config_new(&config) }); err != nil {
		return nil, err
	}
	set := func(f func(a, b *C.char) C.KernelStatusCode, a, b string) error {
		ca, freeA := cString(a)
		defer freeA()
		cb, freeB := cString(b)
		defer freeB()
		return call(func() C.KernelStatusCode { return f(ca, cb) })
	}
	err := set(func(a, b *C.char) C.KernelStatusCode {
		return C.kernel_session_config_set_http_path(config, a, b)
	}, host, httpPath)
	if err == nil {
		err = set(func(a, _ *C.char) C.KernelStatusCode {
			return C.kernel_session_config_set_auth_pat(config, a)
		}, token, "")
	}
	for key, value := range conf {
		if err == nil {
			err = set(func(a, b *C.char) C.KernelStatusCode {
				return C.kernel_session_config_set_session_conf(config, a, b)
			}, key, value)
		}
	}
	if err != nil {
		C.kernel_session_config_free(config)
		return nil, err
	}
	s := &Session{}
	if err := call(func() C.KernelStatusCode { return C.kernel_session_open(config, &s.handle) }); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the session on the server and frees it.
func (s *Session) Close() error {
	return call(func() C.KernelStatusCode { return C.kernel_session_close(s.handle) })
}

// Rows is a result being read. Its batches may outlive it.
type Rows struct {
	statement *C.kernel_statement_t
	executed  *C.kernel_executed_statement_t
	stream    *C.kernel_result_stream_t
	QueryID   string
}

// Query runs a statement and waits for its result; ctx cancels it. Parameters are bound as text.
func (s *Session) Query(ctx context.Context, sql string, parameters ...string) (*Rows, error) {
	r := &Rows{}
	err := call(func() C.KernelStatusCode { return C.kernel_session_new_statement(s.handle, &r.statement) })
	if err != nil {
		return nil, err
	}
	if err := r.execute(ctx, sql, parameters); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Rows) execute(ctx context.Context, sql string, parameters []string) error {
	text, free := cString(sql)
	defer free()
	if err := call(func() C.KernelStatusCode { return C.kernel_statement_set_sql(r.statement, text) }); err != nil {
		return err
	}
	kind, freeKind := cString("STRING")
	defer freeKind()
	for _, p := range parameters {
		value, freeValue := cString(p)
		err := call(func() C.KernelStatusCode {
			return C.kernel_statement_bind_parameter(r.statement, nil, kind, value)
		})
		freeValue()
		if err != nil {
			return err
		}
	}
	stop, err := r.watch(ctx)
	if err != nil {
		return err
	}
	err = call(func() C.KernelStatusCode { return C.kernel_statement_execute(r.statement, &r.executed) })
	stop()
	if err != nil {
		return err
	}
	r.QueryID = C.GoString(C.kernel_executed_statement_query_id(r.executed))
	return call(func() C.KernelStatusCode {
		return C.kernel_executed_statement_get_result_stream(r.executed, &r.stream)
	})
}

// watch cancels the statement when ctx ends, again and again until the server was told: before it has
// named the statement there is nothing to tell. The returned function ends the watch.
func (r *Rows) watch(ctx context.Context) (func(), error) {
	var canceller *C.kernel_statement_canceller_t
	err := call(func() C.KernelStatusCode {
		return C.kernel_statement_canceller_new(r.statement, &canceller)
	})
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		for {
			var dispatched C.bool
			_ = call(func() C.KernelStatusCode {
				return C.kernel_statement_canceller_cancel(canceller, &dispatched)
			})
			if dispatched {
				return
			}
			select {
			case <-done:
				return
			case <-time.After(250 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		C.kernel_statement_canceller_free(canceller)
	}, nil
}

// Batch is some rows of a result, in memory that belongs to it until Release.
type Batch struct {
	array  *C.struct_ArrowArray
	schema *C.struct_ArrowSchema
}

// Next returns the next batch, nil after the last one.
func (r *Rows) Next() (*Batch, error) {
	b := &Batch{
		array:  (*C.struct_ArrowArray)(C.calloc(1, C.sizeof_struct_ArrowArray)),
		schema: (*C.struct_ArrowSchema)(C.calloc(1, C.sizeof_struct_ArrowSchema)),
	}
	err := call(func() C.KernelStatusCode {
		return C.kernel_result_stream_next_batch(r.stream, b.array, b.schema)
	})
	if err != nil || b.array.release == nil {
		b.Release()
		return nil, err
	}
	return b, nil
}

// Int64s returns the values of a BIGINT column without nulls; they are the batch's memory.
func (b *Batch) Int64s(column int) []int64 {
	children := unsafe.Slice(b.array.children, int(b.array.n_children))
	child := children[column]
	buffers := unsafe.Slice(child.buffers, int(child.n_buffers))
	values := unsafe.Slice((*int64)(buffers[1]), int(child.offset+child.length))
	return values[child.offset:]
}

// Format is the Arrow format of a column.
func (b *Batch) Format(column int) string {
	return C.GoString(unsafe.Slice(b.schema.children, int(b.schema.n_children))[column].format)
}

// Release frees the batch; any goroutine may.
func (b *Batch) Release() {
	C.release_array(b.array)
	C.release_schema(b.schema)
	C.free(unsafe.Pointer(b.array))
	C.free(unsafe.Pointer(b.schema))
}

// Close frees what the result holds, in the driver's order.
func (r *Rows) Close() {
	if r.stream != nil {
		C.kernel_result_stream_close(r.stream)
	}
	if r.executed != nil {
		C.kernel_executed_statement_close(r.executed)
	}
	C.kernel_statement_close(r.statement)
}
