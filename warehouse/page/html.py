"""HTML that is safe by construction: text is escaped unless this module made it.

SQL, user agents and error texts are whatever a client sent. Besides markup they may hold control
characters and marks that turn the direction of writing; those are shown, not obeyed.
"""

from __future__ import annotations

import html
import re

_VOID = {"input", "link", "meta"}
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff{_BIDI}\ud800-\udfff]")


class Html(str):
    """A piece of HTML, made by ``tag`` and ``join``."""

    __slots__ = ()


def visible(text: str) -> str:
    """Characters that would not be seen, or would change what is seen, as their number."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def escape(value: object) -> Html:
    return value if isinstance(value, Html) else Html(html.escape(visible(str(value)), quote=True))


def join(*parts: object, between: str = "") -> Html:
    """Parts in a row; None is left out."""
    return Html(between.join(escape(part) for part in parts if part is not None))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """``tag("a", "text", href="/", class_="x", data_id=3)``; an attribute that is None or False is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    start = f"<{name}{written}>"
    return Html(start if name in _VOID else f"{start}{join(*children)}</{name}>")
