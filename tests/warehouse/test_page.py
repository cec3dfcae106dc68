"""The page for people: what it shows, what it must never show, and that nobody feels it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from html.parser import HTMLParser

import pytest

from warehouse.testing import Server, execute_body, local_warehouse, request

ENDLESS = "SELECT count(*) FROM range(0, 1000000000000) WHERE id % 7 = rand()"
CHUNKED = "/*lw: chunk_rows=100, inline_max=0, links_per_page=4, fault=storage.get#1?chunk=3:status(503,,1)*/ "
HOSTILE = [
    "<script>alert(1)</script>",
    "</code></pre><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "<!--", "-->", "]]>", "&lt;script&gt;", "{{7*7}}", "javascript:alert(1)",
    "\u202egnp.exe\u2066", "\x00\x01\x1b[31m", "\ud800", "\ufeff\u2028", "</title><script>alert(1)</script>",
]  # fmt: skip
VOID = {"meta", "link", "input"}


class Document(HTMLParser):
    """Elements, attributes and text; complains about elements that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}

    def words(self) -> str:
        return " ".join(self.text)


def page(server: Server, path: str = "/") -> Document:
    reply = server.call("GET", path, token=None)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return Document(reply.body.decode())


def of(statement: str) -> str:
    return f"/_lw/page/statements/{statement}"


def download(server: Server, answer: dict) -> None:
    """Reads a chunked result as a driver does, with another try when storage refuses."""
    links = answer["result"]["external_links"]
    while links:
        for link in links:
            while request("GET", link["external_link"]).status != 200:
                pass
        following = links[-1].get("next_chunk_index")
        path = f"/api/2.0/sql/statements/{answer['statement_id']}/result/chunks/{following}"
        links = server.call("GET", path).json()["external_links"] if following is not None else []
    server.call("DELETE", f"/api/2.0/sql/statements/{answer['statement_id']}")


# -- what it shows ----------------------------------------------------------------------------------
def test_nothing_yet_tells_where_to_point_a_driver():
    with local_warehouse() as server:
        words = page(server).words()
        assert server.url in words and server.http_path in words


def test_statements_and_their_facts(warehouse):
    warehouse.call("POST", "/api/2.0/sql/statements", execute_body("SELECT 'seen'"), user_agent="Driver/9 (test)")
    warehouse.execute("SELECT * FROM no_such_table_of_the_page")
    document = page(warehouse)
    words = document.words()
    assert "SELECT 'seen'" in words and "Driver/9 (test)" in words and "failed" in words
    heads = [attributes for tag, attributes in document.tags if tag == "th"]
    assert all(attributes.get("scope") in ("col", "row") for attributes in heads)
    assert "seen" in page(warehouse, "/?q=SEEN").words() and "no_such" not in page(warehouse, "/?q=SEEN").words()
    assert "seen" not in page(warehouse, "/?state=FAILED").words()
    assert "No statement matches" in page(warehouse, "/?q=nothing-is-called-so").words()


def test_the_waterfall_has_every_request(warehouse):
    answer = warehouse.execute(CHUNKED + "SELECT id FROM range(1000)")
    download(warehouse, answer)
    words = page(warehouse, of(answer["statement_id"])).words()
    for part in ("query", "execute", "links  4", "download  0", "download  9", "close", "closed by the client"):
        assert part.replace("  ", " ") in words, part
    assert "retry, try 2" in words and "fault status(503,,1)" in words
    assert "10 chunks" in words and "1,000" in words


def test_polls_cancel_and_a_refused_start(warehouse):
    warehouse.fault("stmt.execute#1:status(503)")
    body = execute_body(ENDLESS, wait_timeout="0s")
    assert warehouse.call("POST", "/api/2.0/sql/statements", body).status == 503
    first = next(attributes["href"] for tag, attributes in page(warehouse).tags if "request-" in (attributes.get("href") or ""))
    assert "not started" in page(warehouse, first).words()
    statement = warehouse.call("POST", "/api/2.0/sql/statements", body).json()["statement_id"]
    assert warehouse.call("GET", first, token=None).status == 404, "the try belongs to the statement now"
    warehouse.call("GET", f"/api/2.0/sql/statements/{statement}")
    warehouse.call("POST", f"/api/2.0/sql/statements/{statement}/cancel")
    words = page(warehouse, of(statement)).words()
    assert "503" in words and "retry, try 2" in words and "poll" in words and "cancel" in words and "canceled" in words


def test_requests_that_were_cut_say_so(warehouse):
    body = execute_body("/*lw: fault=stmt.execute:reset*/ SELECT 'cut'")
    with pytest.raises(OSError):
        warehouse.call("POST", "/api/2.0/sql/statements", body)
    link = next(a["href"] for tag, a in page(warehouse, "/?q=%27cut%27").tags if tag == "a" and of("") in a["href"])
    assert "reset" in page(warehouse, link).words()


def test_a_long_waterfall_comes_in_pages(warehouse):
    answer = warehouse.execute("/*lw: chunk_rows=1, inline_max=0*/ SELECT id FROM range(230)")
    download(warehouse, answer)
    first, second = page(warehouse, of(answer["statement_id"])), page(warehouse, of(answer["statement_id"]) + "?first=200")
    assert "download 3" in first.words() and "download 229" not in first.words() and "Later" in first.words()
    assert "download 229" in second.words() and "Earlier" in second.words()
    assert page(warehouse, of(answer["statement_id"]) + "?first=99999999").words()


def test_the_live_part_is_sent_only_when_something_changed():
    with local_warehouse() as server:
        answer = server.execute("SELECT 1")
        for part in ("/_lw/page/statements", of(answer["statement_id"]) + "/requests"):
            fresh = page(server, part)
            version = next(a["data-version"] for tag, a in fresh.tags if a.get("id") == "live")
            assert server.call("GET", f"{part}?after={version}", token=None).status == 204
            server.call("GET", f"/api/2.0/sql/statements/{answer['statement_id']}")
            assert server.call("GET", f"{part}?after={version}", token=None).status == 200
        server.execute(ENDLESS, wait_timeout="0s")
        version = next(a["data-version"] for _, a in page(server, "/_lw/page/statements").tags if a.get("id") == "live")
        assert server.call("GET", f"/_lw/page/statements?after={version}", token=None).status == 200, "it is running"


def test_the_oldest_statements_make_room():
    with local_warehouse() as server:
        first = server.execute("SELECT 'the first'")["statement_id"]
        headers = {"authorization": "Bearer local", "content-type": "application/json"}
        server.fault("stmt.execute:status(503)")  # refused ones are listed too, and cost nothing to run
        connection = http.client.HTTPConnection(server.host, timeout=60)
        for i in range(500):
            body = json.dumps({"warehouse_id": "local", "statement": f"SELECT {i}"})
            connection.request("POST", "/api/2.0/sql/statements", body, headers)
            assert connection.getresponse().read()
        connection.close()
        assert server.call("GET", of(first), token=None).status == 404
        assert "500 statements" in page(server).words()


# -- what it must not show or do ----------------------------------------------------------------------
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(warehouse, text):
    agent = text.encode("ascii", "ignore").decode()
    agent = "".join(c for c in agent if c.isprintable())
    answer = warehouse.call("POST", "/api/2.0/sql/statements", execute_body(f"SELECT {text} x"), user_agent=agent)
    statement = answer.json()["statement_id"]
    for path in ("/", of(statement), "/?q=%3Cscript%3Ealert(1)%3C/script%3E%22%27&state=%22%3E%3Cb%3E"):
        document = page(warehouse, path)
        assert not document.names() & {"img", "b", "iframe", "style"}
        scripts = [attributes for tag, attributes in document.tags if tag == "script"]
        assert scripts == [{"src": "/_lw/page/page.js", "defer": None}]
        for tag, attributes in document.tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
            assert (attributes.get("href") or "/").startswith(("/", "#", "data:,")), attributes
        assert not set("\x00\x1b\u202e\u2066\ufeff\u2028") & set(document.words())


def test_no_secrets(warehouse):
    token = "very-secret-token-of-the-test"
    body = execute_body(CHUNKED + "SELECT id FROM range(900)")
    answer = warehouse.call("POST", "/api/2.0/sql/statements", body, token=token).json()
    links = [link["external_link"] for link in answer["result"]["external_links"]]
    download(warehouse, answer)
    for path in ("/", of(answer["statement_id"])):
        text = warehouse.call("GET", path, token=None).body.decode()
        assert token not in text and "sig=" not in text
        assert not any(link.rsplit("sig=", 1)[1] in text for link in links)


def test_headers_forbid_everything_but_its_own_files(warehouse):
    headers = warehouse.call("GET", "/", token=None).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["style-src"] == "'self'"
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/_lw/page/nothing.css", "/_lw/page/..%2fviews.py", of("unknown"), of("unknown/requests")])
def test_unknown_pages(warehouse, path):
    reply = warehouse.call("GET", path, token=None)
    assert reply.status == 404 and reply.json()["error_code"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_page_changes_nothing(warehouse, method):
    assert warehouse.call(method, "/", token=None).status == 405


def test_another_name_for_this_machine_is_refused(warehouse):
    """A site whose name was made to point at 127.0.0.1 must not read the page in somebody's browser."""
    for host, status in (("evil.example", 403), (f"evil.example:{warehouse.url.rsplit(':', 1)[1]}", 403), ("localhost", 200)):
        connection = http.client.HTTPConnection(warehouse.host)
        connection.request("GET", "/", headers={"host": host})
        reply = connection.getresponse()
        assert reply.status == status, host
        reply.read()
        connection.close()


def _own_address() -> str | None:
    """An address of this machine that is not loopback; asking for a route sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = sock.getsockname()[0]
    return None if address.startswith("127.") else address


def test_other_machines_are_refused():
    address = _own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    with local_warehouse("--host", "0.0.0.0") as server:
        port = server.url.rsplit(":", 1)[1]
        assert request("GET", f"http://{address}:{port}/").status == 403
        assert request("GET", f"http://127.0.0.1:{port}/").status == 200
        assert request("GET", f"http://{address}:{port}/_lw/journal").status == 403
        assert request("POST", f"http://{address}:{port}/_lw/clock", {"advance_s": 1}).status == 403
        assert request("GET", f"http://127.0.0.1:{port}/_lw/journal").status == 200
    with local_warehouse("--host", "0.0.0.0", "--open-admin") as server:
        port = server.url.rsplit(":", 1)[1]
        assert request("GET", f"http://{address}:{port}/_lw/journal").status == 200
        assert request("GET", f"http://{address}:{port}/").status == 403


def test_the_administration_is_not_for_other_sites(warehouse):
    for host, status in (("evil.example", 403), ("localhost", 200)):
        assert request("GET", warehouse.url + "/_lw/journal", headers={"host": host}).status == status, host


def test_no_token_is_asked_for_even_when_one_is_set():
    with local_warehouse("--token", "s3cret") as server:
        server.execute("SELECT 1")
        assert "s3cret" not in server.call("GET", "/", token=None).body.decode()
        assert server.call("GET", "/api/2.0/sql/statements/x", token=None).status == 401


def test_looking_leaves_no_trace_in_the_journal(warehouse):
    answer = warehouse.execute("SELECT 1")
    mark = warehouse.journal_mark()
    for path in ("/", of(answer["statement_id"]), "/_lw/page/page.css", "/_lw/page/statements", "/?q=x"):
        warehouse.call("GET", path, token=None)
    assert warehouse.journal(mark) == []


def test_looking_does_not_keep_the_server_awake():
    with local_warehouse("--idle-exit", "0.4") as server:
        stop = threading.Event()

        def look() -> None:
            while not stop.is_set():
                try:
                    server.call("GET", "/", token=None)
                except OSError:
                    return

        thread = threading.Thread(target=look)
        thread.start()
        server.advance_clock(10)
        try:
            assert server.process.wait(timeout=60) == 0
        finally:
            stop.set()
            thread.join()


def test_the_journal_tells_how_long_a_request_took(warehouse):
    mark = warehouse.journal_mark()
    warehouse.rows("SELECT 1")
    entry = warehouse.journal(mark)[0]
    assert entry["duration_s"] > 0 and entry["started_s"] > 0


# -- in a browser -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def tab():
    import browser

    path = browser.find()
    if path is None:
        pytest.skip("no Chromium on this machine: tools/setup.sh test installs it on Debian")
    with browser.browser(path) as tab:
        tab.send("Accessibility.enable")
        yield tab


@pytest.fixture
def shot(tab, request):
    """Keeps a screenshot: build/screenshots/<name>.png."""
    folder = request.config.rootpath / "build" / "screenshots"
    return lambda name: tab.screenshot(folder / f"{name}.png")


@pytest.fixture(scope="module")
def busy():
    """A server with something of everything on its page."""
    with local_warehouse() as server:
        server.rows("SELECT 1")
        server.execute("SELECT amount FROM no_such_table")
        server.fault("stmt.execute#1:status(503)")
        server.call("POST", "/api/2.0/sql/statements", execute_body("SELECT count(*) FROM samples.nyctaxi.trips"))
        server.rows("SELECT count(*) FROM samples.nyctaxi.trips")
        server.rows("SELECT o_orderpriority, count(*) AS orders FROM samples.tpch.orders GROUP BY o_orderpriority ORDER BY 1")
        server.execute("SELECT '<script>alert(document.domain)</script>', \"<img src=x onerror=alert(1)>\"")
        sql = CHUNKED[:-3] + ", fault=storage.get?chunk=5:slow(400B/20ms)*/ "
        answer = server.execute(sql + "SELECT id, repeat('x', 200) AS padding FROM range(1000)")
        download(server, answer)
        server.execute(ENDLESS, wait_timeout="0s")
        server.chunked = answer["statement_id"]
        yield server


def test_browser_list(tab, busy, shot):
    tab.look(1280, 720)
    tab.open(busy.url + "/")
    assert tab.ask("document.querySelectorAll('tbody tr').length") == 7
    assert tab.ask("getComputedStyle(document.querySelector('.state.succeeded')).backgroundColor") == "rgb(224, 243, 230)"
    shot("page-list")
    tab.look(1280, 720, dark=True)
    assert tab.ask("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    shot("page-list-dark")
    tab.look(420, 800)
    assert tab.ask("document.documentElement.scrollWidth") <= 420
    assert tab.ask("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('.scroll'))"), "nothing scrolls sideways"
    assert "1,000 rows" in tab.ask("document.querySelectorAll('.brief')[1].innerText"), "what the columns said stands in one line"
    shot("page-list-narrow")
    assert tab.messages == [], "no script error, no refusal of the content security policy, no dialog"


def test_browser_waterfall(tab, busy, shot):
    tab.look(1280, 1400)
    tab.open(busy.url + of(busy.chunked))
    bars = tab.ask(
        "[...document.querySelectorAll('svg rect')].map(r => [r.getBoundingClientRect().left, r.getBoundingClientRect().width])"
    )
    assert len(bars) == 1 + 1 + 2 + 11 + 1, "the query, execute, two pages of links, ten chunks and one again, close"
    left, right = tab.ask("(b => [b.left, b.right])(document.querySelector('svg').getBoundingClientRect())")
    assert all(left - 1 <= x and x + width <= right + 1 and width > 0 for x, width in bars)
    names = [name for role, name in tab.accessible() if role in ("image", "img", "graphics-document")]
    assert any(name.startswith("download 3, from") and name.endswith("failed") for name in names)
    shot("page-statement")
    tab.look(1280, 1400, dark=True)
    shot("page-statement-dark")
    tab.look(420, 1400)
    assert tab.ask("document.documentElement.scrollWidth") <= 420
    assert tab.ask("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('.scroll'))"), "the bars are in sight"
    shot("page-statement-narrow")
    assert tab.messages == []


def test_browser_keyboard_reaches_everything(tab, busy):
    tab.look(1280, 720)
    tab.open(busy.url + "/")
    seen = []
    for _ in range(7):
        tab.press("Tab", 9)
        seen.append(tab.ask("document.activeElement.id || document.activeElement.name || document.activeElement.textContent"))
    assert seen[:2] == ["Skip to the content", "Local warehouse"] and seen[2:4] == ["q", "state"]
    assert seen[4:6] == ["Show", "pause"] and seen[6].startswith("SELECT count(*)")
    tab.press("Enter", 13, "\r")
    tab.wait("location.pathname.startsWith('/_lw/page/statements/') && document.readyState === 'complete'")
    assert ("heading", "Requests") in tab.accessible()


def test_browser_renews_itself_and_can_be_paused(tab, busy):
    tab.look(1280, 720)
    tab.open(busy.url + "/")
    tab.ask("document.querySelectorAll('tbody a')[3].focus()")
    focused = tab.ask("document.activeElement.getAttribute('href')")
    busy.rows("SELECT 'came later'")
    tab.wait("document.querySelector('tbody a').textContent === \"SELECT 'came later'\"")
    assert tab.ask("document.activeElement.getAttribute('href')") == focused, "the focus stays where it was"
    assert "8 statements" in tab.ask("document.querySelector('[role=status]').textContent")
    tab.ask("document.getElementById('pause').click()")
    assert tab.ask("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    assert tab.messages == []


def test_browser_says_when_the_server_is_gone(tab, shot):
    with local_warehouse() as server:
        tab.look(1280, 720)
        tab.open(server.url + "/")
        shot("page-empty")
    tab.wait("document.body.classList.contains('gone')")
    assert "does not answer" in tab.ask("getComputedStyle(document.querySelector('.top'), '::after').content")
    tab.messages.clear()  # the browser tells of the refused connection


def test_browser_without_scripts(tab, busy):
    tab.look(1280, 720, scripts=False)
    tab.send("Page.navigate", url=busy.url + "/?state=FAILED")
    answer = busy.call("GET", "/?state=FAILED", token=None).body.decode()
    assert '<noscript><meta http-equiv="refresh"' in answer and "no_such_table" in answer
    tab.look(1280, 720)
    assert tab.messages == []
