"""Faults that only HTTP/2 has: one request of a connection refused or cut, and a server that takes its leave."""

from __future__ import annotations

from warehouse.faults.rules import Action

_REFUSED_STREAM, _INTERNAL_ERROR = 7, 2  # RFC 9113, 7


async def _refuse_stream(answer, action: Action, receive) -> None:
    """Nothing was done: the client may ask again, whatever it asked."""
    answer.connection.http2.reset(_REFUSED_STREAM)
    answer.gone("stream refused")


async def _reset_stream(answer, action: Action, receive) -> None:
    await answer.send_cut(action.number(len(answer.body) // 2))
    answer.connection.http2.reset(_INTERNAL_ERROR)
    answer.gone("stream reset")


async def _go_away(answer, action: Action, receive) -> None:
    """``before``: not processed, and said so; ``after``: answered, no further request; ``lost``: processed, no answer."""
    stream = answer.connection.http2
    when = action.arg(0)
    stream.connection.go_away(max(0, stream.number - 2) if when == "before" else stream.number)
    if when == "after":
        await answer.send_whole()
    else:
        answer.gone(f"goaway {when}")


async def _ping(answer, action: Action, receive) -> None:
    answer.connection.http2.connection.ping(action.number(1000))
    await answer.send_whole()


async def _hold_window(answer, action: Action, receive) -> None:
    """Acts while the body is read; here it has been small enough to come in."""
    await answer.send_whole()


DELIVERIES = {
    "refusestream": _refuse_stream, "rststream": _reset_stream, "goaway": _go_away, "pings": _ping,
    "holdwindow": _hold_window,
}  # fmt: skip
