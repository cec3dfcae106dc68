"""The two views: all statements, and one statement with the waterfall of its requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from warehouse.page.history import NOT_STARTED, Facts, Record, failed, kind_of
from warehouse.page.html import Html, join, tag

BASE = "/_lw/page"
LISTED_MAX = 200
DRAWN_MAX = 200  # requests on one page of a waterfall
SQL_IN_LIST = 240
_HINTS = re.compile(r"(/\*\s*lw:.*?\*/\s*)+", re.IGNORECASE)
WIDTH = 1000  # of a bar, in its own units
STATES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "CLOSED", NOT_STARTED)
KINDS = {
    "query": "the query itself, on the server",
    "execute": "execute",
    "poll": "poll for the state",
    "links": "fetch links of chunks",
    "download": "download a chunk",
    "cancel": "cancel",
    "close": "close",
}


@dataclass
class Site:
    """What the pages say about the server."""

    url: str
    storage_url: str
    http_path: str
    version: str
    sessions: int


def document(site: Site, title: str, body: Html) -> Html:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="stylesheet", href=f"{BASE}/page.css"),
        tag("link", rel="icon", href="data:,"),
        tag("script", src=f"{BASE}/page.js", defer=True),
        tag("noscript", tag("meta", http_equiv="refresh", content="3")),
    )
    top = tag(
        "header",
        tag("a", "Local warehouse", href="/", class_="brand"),
        tag("span", site.url, class_="where"),
        tag("span", f"dbkernel {site.version}", class_="quiet"),
        class_="top",
    )
    skip = tag("a", "Skip to the content", href="#content", class_="skip")
    return join(Html("<!DOCTYPE html>"), tag("html", head, tag("body", skip, top, body), lang="en"))


# -- all statements ---------------------------------------------------------------------------------
def index(site: Site, records: list[Record], version: int, text: str, state: str) -> Html:
    form = tag(
        "form",
        tag("label", "Text ", tag("input", type="search", name="q", value=text, placeholder="SQL or client")),
        tag("label", "State ", _choice(state)),
        tag("button", "Show"),
        tag("button", "Pause", type="button", id="pause", aria_pressed="false", hidden=True),
        role="search",
        method="get",
        action="/",
    )
    main = tag(
        "main",
        tag("h1", "Statements"),
        form,
        statements(site, records, version, text, state),
        tag("footer", _more(), class_="quiet"),
        id="content",
    )
    return document(site, "Statements · local warehouse", main)


def _choice(state: str) -> Html:
    options = [tag("option", name.capitalize(), value=name, selected=name == state) for name in STATES]
    return tag("select", tag("option", "All", value=""), *options, name="state")


def _more() -> Html:
    links = [tag("a", name, href=f"/_lw/{name}") for name in ("journal", "effects", "faults", "telemetry", "health")]
    return join("As JSON: ", join(*links, between=" · "))


def statements(site: Site, records: list[Record], version: int, text: str, state: str) -> Html:
    """The part that is renewed while somebody looks. It tells which version it is, unless it may
    change without one."""
    wanted = [record for record in records if _matches(record, text, state)]
    count = f"{len(wanted)} of {len(records)} statements" if text or state else f"{len(records)} statements"
    running = sum(record.facts.state in ("PENDING", "RUNNING") for record in records)
    summary = f"{count}, {running} running, {site.sessions} open sessions"
    if len(wanted) > LISTED_MAX:
        summary += f"; the newest {LISTED_MAX} are shown"
    content = _statement_table(wanted[:LISTED_MAX]) if wanted else _nothing(site, bool(records))
    return tag("div", tag("p", summary, role="status", class_="summary"), content, id="live", data_version=_told(version, *records))


def _told(version: int, *records: Record) -> int:
    return 0 if any(record.live for record in records) else version


def _matches(record: Record, text: str, state: str) -> bool:
    needle = text.casefold()
    found = not needle or needle in record.sql.casefold() or needle in record.client.casefold()
    return found and (not state or record.facts.state == state)


def _nothing(site: Site, any_record: bool) -> Html:
    if any_record:
        return tag("p", "No statement matches. ", tag("a", "Show all", href="/"), class_="nothing")
    return tag(
        "div",
        tag("p", "Nothing was executed yet. Point a driver here:"),
        tag(
            "dl",
            *_pairs(("Host", site.url), ("HTTP path", site.http_path), ("Token", "any text, unless --token set one")),
            class_="facts",
        ),
        class_="nothing",
    )


def _statement_table(records: list[Record]) -> Html:
    columns = ("State", "SQL", "Started (UTC)", "Duration", "Rows", "Sent", "Requests", "Client")
    numeric = {"Duration", "Rows", "Sent", "Requests"}
    heads = [tag("th", name, scope="col", class_="number" if name in numeric else None) for name in columns]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", "Newest first", class_="hidden"),
            tag("thead", tag("tr", *heads)),
            tag("tbody", *[_statement_row(record) for record in records]),
            class_="statements",
        ),
        class_="scroll",
    )


def _statement_row(record: Record) -> Html:
    facts = record.facts
    requests = len(record.entries) + record.entries_left_out
    again = len(record.again)
    marks = join(
        tag("span", _count(record.faults, "fault"), class_="mark fault") if record.faults else None,
        tag("span", _count(again, "retry", "retries"), class_="mark retry") if again else None,
    )
    return tag(
        "tr",
        tag("td", _state(facts)),
        tag("th", _listed_sql(record), _brief(record, marks), scope="row", class_="sql"),
        tag("td", _clock(record.submitted)),
        tag("td", duration(facts.seconds), class_="number"),
        tag("td", _rows(facts), class_="number"),
        tag("td", size(record.bytes), class_="number"),
        tag("td", marks, f"{requests}", class_="number"),
        tag("td", record.client or "unknown", class_="client", title=record.client),
    )


def _listed_sql(record: Record) -> Html:
    """The statement in short. Hints in front of it would hide it: only that there are some is said."""
    sql = " ".join(record.sql[: 4 * SQL_IN_LIST].split())
    hints = _HINTS.match(sql)
    sql = sql[hints.end() :] if hints else sql
    shown = sql[:SQL_IN_LIST] + ("…" if len(sql) > SQL_IN_LIST or record.sql_length > 4 * SQL_IN_LIST else "")
    mark = tag("span", "hints", class_="mark", title=hints[0].strip()) if hints else None
    return join(tag("a", shown or "(no text)", href=_address(record)), mark)


def _brief(record: Record, marks: Html) -> Html:
    """What narrow windows show in the place of the columns that they leave out."""
    facts = record.facts
    rows = [] if facts.rows is None else [_rows(facts) + (" row" if facts.rows == 1 else " rows")]
    parts = [_moment(record.submitted), duration(facts.seconds), *rows, size(record.bytes)]
    return tag("span", " · ".join(parts), marks, class_="brief")


def _address(record: Record) -> str:
    return f"{BASE}/statements/{record.id}"


def _state(facts: Facts) -> Html:
    return tag("span", facts.state.lower(), class_=f"state {facts.state.lower().replace(' ', '-')}")


def _rows(facts: Facts) -> str:
    if facts.rows is None:
        return "–"
    return f"{facts.rows:,}" + ("+" if facts.more_rows else "")


# -- one statement ----------------------------------------------------------------------------------
def detail(site: Site, record: Record, first: int) -> Html:
    left_out = record.sql_length - len(record.sql)
    more = tag("p", f"and {left_out:,} more characters", class_="quiet") if left_out > 0 else None
    main = tag(
        "main",
        tag(
            "div",
            tag("nav", tag("a", "← All statements", href="/"), aria_label="Back"),
            tag("button", "Pause", type="button", id="pause", aria_pressed="false", hidden=True),
            class_="above",
        ),
        tag("h1", "Statement ", tag("code", record.id)),
        tag("pre", tag("code", record.sql or "(no text)"), class_="text", tabindex="0", aria_label="SQL text"),
        more,
        requests(record, first),
        id="content",
    )
    return document(site, f"Statement {record.id[:8]} · local warehouse", main)


def requests(record: Record, first: int) -> Html:
    """The facts and the waterfall: the part that is renewed while somebody looks."""
    facts, entries = record.facts, record.entries
    first = min(first, max(0, len(entries) - 1)) // DRAWN_MAX * DRAWN_MAX
    scale = _Scale(record, facts)
    pairs = [
        ("State", join(_state(facts), tag("span", "closed by the client", class_="quiet") if record.closed else None)),
        ("Time of the query", duration(facts.seconds)),
        ("Until the last byte", duration(scale.seconds)),
        ("Rows", _rows(facts)),
        ("Result", _result(facts)),
        ("Sent", size(record.bytes)),
        ("Client", record.client or "unknown"),
        ("Session", record.session or "none"),
        ("Warehouse", record.warehouse or "that of the session"),
        ("Started (UTC)", _clock(record.submitted)),
    ]
    error = tag("p", facts.error, class_="error", role="note") if facts.error else None
    return tag(
        "div",
        tag("dl", *_pairs(*pairs), class_="facts"),
        error,
        tag("h2", "Requests"),
        _legend(),
        _pages(record, first),
        _waterfall(record, facts, scale, first),
        id="live",
        data_version=_told(record.version, record),
    )


def _result(facts: Facts) -> str:
    if facts.rows is None:
        return "none"
    if facts.inline:
        return "inline"
    return _count(facts.chunks, "chunk") + (" so far" if facts.more_rows else "")


def _legend() -> Html:
    keys = [tag("li", tag("span", class_=f"key {kind}"), text) for kind, text in KINDS.items()]
    return tag("ul", *keys, tag("li", tag("span", class_="key bad"), "failed or cut"), class_="legend")


def _pages(record: Record, first: int) -> Html | None:
    total = len(record.entries)
    if total <= DRAWN_MAX and not record.entries_left_out:
        return None
    address, last = _address(record), min(first + DRAWN_MAX, total)
    shown = f"Requests {first + 1} to {last} of {total + record.entries_left_out}"
    if record.entries_left_out:
        shown += f"; {record.entries_left_out} of them are only in the journal"
    before = tag("a", "Earlier", href=f"{address}?first={max(0, first - DRAWN_MAX)}") if first else None
    after = tag("a", "Later", href=f"{address}?first={last}") if last < total else None
    return tag("nav", join(before, shown, after, between=" "), aria_label="Pages of requests", class_="pages")


class _Scale:
    """Seconds to places on a bar: from the first request to the end of the last one."""

    def __init__(self, record: Record, facts: Facts) -> None:
        self.start = record.began
        ends = [record.executed + facts.seconds if record.executed else record.began + facts.seconds]
        ends += [entry["started_s"] + (entry["duration_s"] or 0.0) for entry in record.entries]
        self.seconds = max(max(ends) - self.start, 0.000_001)

    def place(self, second: float) -> float:
        return round(WIDTH * min(1.0, max(0.0, (second - self.start) / self.seconds)), 1)

    def bar(self, kind: str, start: float, length: float | None, what: str) -> Html:
        left = self.place(start)
        right = WIDTH if length is None else self.place(start + length)
        wide = max(4.0, round(right - left, 1))
        left = min(left, WIDTH - wide)
        rect = tag("rect", x=left, y=4, width=wide, height=12, rx=2, class_=f"bar {kind}")
        return tag(
            "svg", rect, viewBox=f"0 0 {WIDTH} 20", preserveAspectRatio="none", role="img", aria_label=what
        )

    def axis(self) -> Html:
        ticks = [tag("span", duration(self.seconds * part / 4)) for part in range(5)]
        return tag("span", *ticks, class_="axis")


def _waterfall(record: Record, facts: Facts, scale: _Scale, first: int) -> Html:
    heads = [
        tag("th", "Request", scope="col"),
        tag("th", "Answer", scope="col"),
        tag("th", "Start", scope="col", class_="number"),
        tag("th", "Time", scope="col", class_="number"),
        tag("th", "Sent", scope="col", class_="number"),
        tag("th", tag("span", "When ", class_="hidden"), scale.axis(), scope="col", class_="when"),
    ]
    rows = [_request_row(record, entry, scale) for entry in record.entries[first : first + DRAWN_MAX]]
    if first == 0 and record.executed:
        rows.insert(0, _query_row(record, facts, scale))
    return tag(
        "div",
        tag(
            "table",
            tag("caption", "In the order in which they came in", class_="hidden"),
            tag("thead", tag("tr", *heads)),
            tag("tbody", *rows),
            class_="waterfall",
        ),
        class_="scroll",
    )


def _query_row(record: Record, facts: Facts, scale: _Scale) -> Html:
    start = record.executed - scale.start
    what = f"the query, from {duration(start)}, for {duration(facts.seconds)}"
    return tag(
        "tr",
        tag("th", "query", scope="row"),
        tag("td", facts.state.lower()),
        tag("td", duration(start), class_="number"),
        tag("td", duration(facts.seconds), class_="number"),
        tag("td", "–", class_="number"),
        tag("td", scale.bar("query", record.executed, facts.seconds, what), class_="when"),
    )


def _request_row(record: Record, entry: dict[str, Any], scale: _Scale) -> Html:
    kind, chunk = kind_of(entry)
    name = kind if chunk is None else f"{kind} {chunk}"
    start, took = entry["started_s"] - scale.start, entry["duration_s"]
    marks = [tag("span", f"fault {text}", class_="mark fault") for text in entry.get("faults", ())]
    if entry["seq"] in record.again:
        marks.insert(0, tag("span", f"retry, try {record.again[entry['seq']]}", class_="mark retry"))
    if "outcome" in entry:
        marks.append(tag("span", entry["outcome"], class_="mark"))
    length = "under way" if took is None else duration(took)
    what = f"{name}, from {duration(start)}, {length}" + (", failed" if failed(entry) else "")
    bar = scale.bar(kind, entry["started_s"], took, what)
    place = entry["path"].replace(record.id, "{id}")
    path = tag("span", f"{entry['method']} {place.replace('/api/2.0/sql/', '…/', 1)}", class_="path", title=place)
    return tag(
        "tr",
        tag("th", join(tag("span", name), join(*marks), path), scope="row"),
        tag("td", _answer(entry)),
        tag("td", duration(start), class_="number"),
        tag("td", length, class_="number"),
        tag("td", size(entry["bytes"]), class_="number"),
        tag("td", bar, class_="when"),
        class_="bad" if failed(entry) else None,
    )


def _answer(entry: dict[str, Any]) -> str:
    if entry["status"] is not None:
        return str(entry["status"])
    return "under way" if entry["duration_s"] is None else "none"


# -- values -------------------------------------------------------------------------------------------
def _pairs(*pairs: tuple[str, object]) -> list[Html]:
    return [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _clock(epoch_s: float) -> Html:
    moment = datetime.fromtimestamp(epoch_s, timezone.utc)
    return tag("time", _moment(epoch_s), datetime=moment.isoformat(timespec="milliseconds"), title=f"{moment:%F %T} UTC")


def _moment(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, timezone.utc):%H:%M:%S}"


def duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs" if seconds > 0 else "0"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else "1 s"
    if seconds < 120:
        return f"{seconds:.4g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def size(count: int) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
