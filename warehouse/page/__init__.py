"""The page for people: what was asked of this server, and how each answer travelled.

``history.py`` keeps the facts, ``views.py`` writes them as HTML with ``html.py``; the routes are in
``routes/page.py``. Nothing here is on the way of a request but two dictionary look-ups.
"""
