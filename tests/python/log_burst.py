"""Run by test_log_burst.py, since logging is the process's: log_burst.py URL HTTP_PATH; the server ends when a line "opened"
was printed and stdin is closed. Every statement then fails at once, with the same number of records each."""

import logging
import re
import sys
import threading

import databricks_sql_kernel as kernel

RECORDS, THREADS, EACH = 100_000, 3, 400
LOST = re.compile(r"(\d+) log lines were dropped")


class Counter(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen = self.lost = 0
        self.held, self.go = threading.Event(), None

    def emit(self, record: logging.LogRecord) -> None:
        if self.go is not None:  # the first record of the second part waits
            self.held.set()
            go, self.go = self.go, None
            go.wait()
        lost = LOST.fullmatch(record.getMessage())
        self.seen += lost is None
        self.lost += int(lost.group(1)) if lost else 0


def fail(session) -> None:
    statement = session.statement()
    statement.set_sql("SELECT 1")
    try:
        statement.execute()
    except kernel.KernelError as error:
        assert error.code == "NetworkError", error
    statement.close()


def main() -> None:
    session = kernel.Session(host=sys.argv[1], http_path=sys.argv[2], access_token="local", retry_max_attempts=0)
    print("opened", flush=True)
    sys.stdin.read()
    fail(session)  # the connection that was open is found closed
    kernel.init_logging()
    counter, log = Counter(), logging.getLogger("databricks.sql.kernel")
    log.addHandler(counter)
    log.propagate = False
    log.setLevel(5)
    fail(session)
    fail(session)
    before = counter.seen
    fail(session)
    per_statement = counter.seen - before

    # A hundred thousand, one call after the other; another thread gets its turns.
    turns, running = 0, True

    def other() -> None:
        nonlocal turns
        while running:
            turns += 1

    sys.setswitchinterval(1e-4)  # else each of our calls waits 5 ms for the other thread
    thread = threading.Thread(target=other)
    thread.start()
    statements, before = RECORDS // per_statement + 1, counter.seen
    for _ in range(statements):
        fail(session)
    running = False
    thread.join()
    print(per_statement, counter.seen - before, statements * per_statement, counter.lost, turns)

    # A handler that blocks, and more records than the queue holds: what is lost is counted.
    before, counter.go = counter.seen, (go := threading.Event())
    threads = [threading.Thread(target=fail, args=(session,))]
    threads[0].start()
    counter.held.wait()
    threads += [threading.Thread(target=lambda: [fail(session) for _ in range(EACH)]) for _ in range(THREADS)]
    for thread in threads[1:]:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    go.set()
    threads[0].join()
    fail(session)  # hands over what is left
    print(counter.seen - before, counter.lost, (THREADS * EACH + 2) * per_statement, flush=True)


main()
