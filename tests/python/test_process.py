"""Threads, forks, signals, the end of the process, memory."""

import threading
import time

import pytest
from conftest import LONG

import databricks_sql_kernel as kernel


def test_twenty_threads_on_one_session(session):
    failures = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                statement = session.statement()
                statement.set_sql(f"SELECT {number} AS n, {turn} AS t")
                assert statement.execute().fetch_all_arrow().to_pylist() == [{"n": number, "t": turn}]
            session.metadata().list_catalogs().close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_twenty_threads_on_one_result(execute):
    executed = execute("/*lw: chunk_rows=100, inline_max=0*/ SELECT id FROM range(20000)")
    seen, lock = [], threading.Lock()

    def work() -> None:
        while (batch := executed.fetch_next_batch()) is not None:
            with lock:
                seen.extend(batch.column(0).to_pylist())

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(20000))


def test_cancel_from_another_thread(session, warehouse):
    statement = session.statement()
    statement.set_sql(LONG)
    canceller = statement.canceller()
    warehouse.when_requested("/statements$", canceller.cancel)
    with pytest.raises(kernel.KernelError) as caught:
        statement.execute()
    assert caught.value.code == "Cancelled"
    canceller.cancel()  # over: nothing happens


def test_cancel_of_a_submitted_statement(session):
    statement = session.statement()
    statement.set_sql(LONG)
    submitted = statement.submit()
    assert submitted.status()[0] in ("Pending", "Running")
    threading.Timer(0.5, submitted.cancel).start()
    with pytest.raises(kernel.KernelError) as caught:
        submitted.await_result()
    assert caught.value.code == "Cancelled"
    assert submitted.status() == ("Cancelled", None)


def test_cancel_of_a_fetch(execute):
    executed = execute("/*lw: chunk_rows=10, inline_max=0, fault=storage.get?chunk=3:stall(30)*/ SELECT * FROM range(100)")
    threading.Timer(1.0, executed.cancel).start()
    start = time.monotonic()
    with pytest.raises(kernel.KernelError) as caught:
        executed.fetch_all_arrow()
    assert caught.value.code == "Cancelled" and time.monotonic() - start < 25


INTERRUPT = """
session = connect()
try:
    {call}
except KeyboardInterrupt:
    print("interrupted")
assert run(session, "SELECT 1").fetch_next_batch().num_rows == 1
session.close()
"""


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("run(session, LONG)", "/statements$"),
        ("run(session, '/*lw: chunk_rows=10, inline_max=0, fault=storage.get?chunk=3:stall(200)*/ "
         "SELECT * FROM range(100)').fetch_all_arrow()", "/3$"),
        ("s = session.statement(); s.set_sql(LONG); a = s.submit(); a.await_result()", "/statements/"),
    ],
    ids=["execute", "fetch", "await_result"],
)  # fmt: skip
def test_ctrl_c(script, call, path):
    done = script(INTERRUPT.format(call=call), interrupt_at=path)
    assert done.returncode == 0 and done.stdout == "interrupted\n", done.stderr


def test_ctrl_c_cancels_on_the_server(script, warehouse):
    before = len(warehouse.journal())
    done = script(INTERRUPT.format(call="run(session, '/*lw: pending=1000000*/ ' + LONG)"), interrupt_at="/statements/")
    assert done.returncode == 0, done.stderr
    assert any(e["path"].endswith("/cancel") for e in warehouse.journal()[before:])


def test_a_handler_that_does_not_raise_changes_nothing(script):
    done = script(
        "seen = []\nsignal.signal(signal.SIGUSR1, lambda *a: seen.append(1))\nsession = connect()\n"
        "timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGUSR1)); timer.start()\n"
        "run(session, '/*lw: pending=20*/ SELECT 1').close()\n"
        "timer.join(); print(len(seen)); session.close()"
    )
    assert done.returncode == 0 and done.stdout == "1\n", done.stderr


def test_the_gil_is_free_while_a_statement_runs(script):
    done = script(
        "session = connect(); ticks = []\n"
        "def tick():\n    while not stop: ticks.append(1); time.sleep(0.01)\n"
        "stop = False; t = threading.Thread(target=tick); t.start()\n"
        "s = session.statement(); c = s.canceller(); s.set_sql(LONG)\n"
        "threading.Timer(1.0, c.cancel).start()\n"
        "try: s.execute()\nexcept kernel.KernelError: pass\n"
        "stop = True; t.join(); session.close(); print(len(ticks) > 5)"
    )
    assert done.returncode == 0 and done.stdout == "True\n", done.stderr


FORK = """
session = connect(); executed = run(session, "SELECT id FROM range(10)")
statement = session.statement(); statement.set_sql("SELECT 1")
submitted = statement.submit(); canceller = statement.canceller(); metadata = session.metadata()
pid = os.fork()
if pid == 0:
    try:
        for call in (session.statement, statement.execute, executed.fetch_next_batch, submitted.status,
                     submitted.await_result, metadata.list_catalogs):
            try:
                call()
            except kernel.KernelError as error:
                assert error.code == "InvalidStatementHandle", error.code
            else:
                raise AssertionError(call)
        canceller.cancel(); executed.close(); submitted.close(); statement.close(); session.close()
        mine = connect()
        assert run(mine, "SELECT 42 AS n").fetch_next_batch().column(0).to_pylist() == [42]
        mine.close()
        del session, executed, statement, submitted, canceller, metadata, mine
    except BaseException:
        import traceback; traceback.print_exc(); os._exit(1)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert executed.fetch_all_arrow().num_rows == 10
assert run(session, "SELECT 1").fetch_next_batch().num_rows == 1
session.close()
print("fine")
"""


def test_fork(script, warehouse):
    before = len(warehouse.journal())
    done = script(FORK)
    assert done.returncode == 0 and done.stdout == "fine\n", done.stderr
    sessions = [e for e in warehouse.journal()[before:] if "/sessions" in e["path"]]
    assert sum(e["method"] == "DELETE" for e in sessions) == 2  # each process its own


def test_workers_forked_after_queries(script):
    done = script(
        "session = connect(); run(session, 'SELECT 1').close()\n"
        "pids = []\n"
        "for number in range(4):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        own = connect()\n"
        "        ok = all(run(own, f'SELECT {number}').fetch_next_batch().column(0)[0].as_py() == number\n"
        "                 for _ in range(5))\n"
        "        own.close(); os._exit(0 if ok else 1)\n"
        "    pids.append(pid)\n"
        "run(session, 'SELECT 1').close()\n"
        "print([os.waitpid(pid, 0)[1] for pid in pids]); session.close()"
    )
    assert done.returncode == 0 and done.stdout == "[0, 0, 0, 0]\n", done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "session = connect()",
        "session = connect(); executed = run(session, 'SELECT id FROM range(100000)'); executed.fetch_next_batch()",
        "session = connect(); s = session.statement(); s.set_sql(LONG); submitted = s.submit()",
        "session = connect(); threading.Thread(target=lambda: run(session, LONG), daemon=True).start(); time.sleep(1)",
        "kernel.init_logging(); import logging; logging.basicConfig(level=5); session = connect()",
        "import atexit; session = connect(); atexit.register(session.close)",
        "class D:\n    def __init__(self, s): self.s = s\n    def __del__(self): self.s.close()\nd = D(connect())",
    ],
    ids=["session", "rows", "submitted", "running thread", "logging", "atexit", "del"],
)
def test_the_end_with_live_handles(script, code):
    done = script(code + "\nprint('end', flush=True)", limit_s=100)
    assert done.returncode == 0 and done.stdout == "end\n", done.stderr
    assert "Fatal" not in done.stderr and "Segmentation" not in done.stderr


def test_memory_does_not_grow(script):
    done = script(
        "import gc, resource\n"
        "def rss():\n    return int(open('/proc/self/statm').read().split()[1]) * 4\n"
        "session = connect()\n"
        "def turn():\n"
        "    for _ in range(150):\n"
        "        executed = run(session, 'SELECT id, CAST(id AS STRING) AS s FROM range(1000)')\n"
        "        executed.fetch_all_arrow()\n"
        "        s = session.statement(); s.set_sql('SELECT * FROM nowhere_at_all')\n"
        "        try: s.execute()\n"
        "        except kernel.KernelError: pass\n"
        "    gc.collect(); return rss()\n"
        "turn(); first = turn(); last = [turn() for _ in range(3)][-1]\n"
        "print(last - first); session.close()",
        limit_s=280,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4096, done.stdout  # KiB for 450 turns


# ---- logging ----


def test_logs_reach_logging(script):
    done = script(
        "import logging\n"
        "records = []\n"
        "class Keep(logging.Handler):\n    def emit(self, record): records.append(record)\n"
        "logger = logging.getLogger('databricks.sql'); logger.addHandler(Keep())\n"
        "print(kernel.init_logging(), kernel.init_logging())\n"
        "def count(level):\n"
        "    logger.setLevel(level); records.clear()\n"
        "    s = connect(access_token='dapi-secret'); run(s, 'SELECT 1').close(); s.close()\n"
        "    assert all(r.name == 'databricks.sql.kernel' and r.levelno >= level for r in records)\n"
        "    assert not any('dapi-secret' in r.getMessage() for r in records)\n"
        "    return len(records)\n"
        "print(count(logging.DEBUG) > 0, count(logging.WARNING), count(5) > 0, kernel.reset_logging())"
    )
    assert done.returncode == 0 and done.stdout == "True False\nTrue 0 True None\n", done.stdout + done.stderr


def test_a_handler_that_fails_is_not_the_callers_problem(script):
    done = script(
        "import logging\n"
        "class Bad(logging.Handler):\n    def emit(self, record): raise RuntimeError('handler')\n"
        "logger = logging.getLogger('databricks.sql.kernel'); logger.addHandler(Bad()); logger.setLevel(5)\n"
        "kernel.init_logging(); s = connect(); print(run(s, 'SELECT 1').fetch_next_batch().num_rows); s.close()"
    )
    assert done.returncode == 0 and done.stdout == "1\n", done.stderr
