package abi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// open connects to the warehouse of bindings/go/test.sh.
func open(t *testing.T, conf map[string]string) *Session {
	t.Helper()
	host := os.Getenv("DATABRICKS_PECOTESTING_SERVER_HOSTNAME")
	if host == "" {
		t.Skip("no warehouse: make go starts one")
	}
	s, err := Open(host, os.Getenv("DATABRICKS_PECOTESTING_HTTP_PATH2"), os.Getenv("DATABRICKS_PECOTESTING_TOKEN"), conf)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// read returns the number of rows and the sum of the first column.
func read(r *Rows) (rows int, sum int64, err error) {
	for {
		b, err := r.Next()
		if b == nil {
			return rows, sum, err
		}
		for _, v := range b.Int64s(0) {
			rows++
			sum += v
		}
		b.Release()
	}
}

func query(s *Session, sql string, parameters ...string) (int, int64, error) {
	r, err := s.Query(context.Background(), sql, parameters...)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	return read(r)
}

func TestNoSession(t *testing.T) {
	s := &Session{}
	var e *Error
	if _, err := s.Query(context.Background(), "SELECT 1"); !errors.As(err, &e) || e.Code != 1 || e.Message == "" {
		t.Fatalf("got %v", err)
	}
}

func TestRefusedWithoutNetwork(t *testing.T) {
	var e *Error
	if _, err := Open("127.0.0.1", "/nonsense", "token", nil); !errors.As(err, &e) || e.Code != 1 {
		t.Fatalf("got %v", err)
	}
}

func TestSelect(t *testing.T) {
	s := open(t, nil)
	defer s.Close()
	r, err := s.Query(context.Background(), "SELECT CAST(? AS BIGINT) + 1", "41")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := r.Next()
	if err != nil || b == nil || b.Format(0) != "l" || b.Int64s(0)[0] != 42 || r.QueryID == "" {
		t.Fatalf("batch %v, error %v, query id %q", b, err, r.QueryID)
	}
	b.Release()
}

func TestManyRows(t *testing.T) {
	s := open(t, map[string]string{"CLOUDFETCH_MAX_CHUNKS_IN_MEMORY": "4"})
	defer s.Close()
	const n = 1000000
	rows, sum, err := query(s, "SELECT id FROM range(0, 1000000)")
	if err != nil || rows != n || sum != n*(n-1)/2 {
		t.Fatalf("%d rows, sum %d, error %v", rows, sum, err)
	}
}

func TestErrorOfTheServer(t *testing.T) {
	s := open(t, nil)
	defer s.Close()
	_, _, err := query(s, "SELECT * FROM no_such_table")
	var e *Error
	if !errors.As(err, &e) || e.Code != 13 || e.SQLState != "42P01" || e.QueryID == "" {
		t.Fatalf("got %#v", err)
	}
	if _, _, err := query(s, "SELECT id FROM range(3)"); err != nil {
		t.Fatalf("the session is not usable after an error: %v", err)
	}
}

// 40 statements over 8 sessions: goroutines move between threads all the time.
func TestParallel(t *testing.T) {
	var sessions []*Session
	for range [8]int{} {
		sessions = append(sessions, open(t, nil))
	}
	var wait sync.WaitGroup
	failures := make(chan error, 40)
	for i := 0; i < 40; i++ {
		i := i
		wait.Add(1)
		go func() {
			defer wait.Done()
			rows, _, err := query(sessions[i%8], fmt.Sprintf("SELECT id FROM range(%d)", i*1000))
			if err != nil || rows != i*1000 {
				failures <- fmt.Errorf("statement %d: %d rows, error %w", i, rows, err)
			}
		}()
	}
	wait.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	for _, s := range sessions {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCancel(t *testing.T) {
	s := open(t, nil)
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	start := time.Now()
	_, err := s.Query(ctx, "SELECT count(*) FROM range(0, 100000000000) WHERE id % 7 = 0")
	var e *Error
	if !errors.As(err, &e) || e.Code != 8 || time.Since(start) > 3*time.Second {
		t.Fatalf("after %v: %v", time.Since(start), err)
	}
}

// Arrow memory goes to the driver's consumer, which frees it whenever it likes, on whatever thread.
func TestBatchOutlivesEverything(t *testing.T) {
	s := open(t, nil)
	r, err := s.Query(context.Background(), "SELECT id FROM range(100000)")
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Next()
	if err != nil || b == nil {
		t.Fatalf("batch %v, error %v", b, err)
	}
	r.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	freed := make(chan int64)
	go func() {
		v := b.Int64s(0)[1]
		b.Release()
		freed <- v
	}()
	if v := <-freed; v != 1 {
		t.Fatalf("read %d", v)
	}
}
