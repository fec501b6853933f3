"""What somebody typed into a form that could not be taken, given back to them.

A session ends while somebody walks to the meter; another tab signs in again and the form's token is no longer good. What
was typed then comes back in the form after signing in, all but passwords and files. It travels in the browser alone: in
the signed cookie of forms for one step, and in the page of signing in, so that only who signs in on that very page sees it.
"""

from __future__ import annotations

import json
from typing import Any

from flask import current_app, flash, g, request
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

_KEY = "kept"
_SECRET = frozenset({"csrf_token", "password", "current_password", "new_password", "repeated"})
_MOST = 1500
"""Characters kept: a cookie has room for about 4,000, encoded, and no form of ours is longer."""


def keep() -> bool:
    """Keep what this request sent, for the page of its form. False when there is no such page to go back to."""
    if "GET" not in current_app.url_map.bind("").allowed_methods(request.path):
        return False  # a button on another page
    too_large = (request.content_length or 0) > (request.max_content_length or _MOST)
    sent: MultiDict[str, str] = MultiDict() if too_large else request.form
    if "token" in sent:
        return False  # a form reached by a mailed link is opened again from its mail
    values = [[name, text] for name, text in sent.items(multi=True) if _may_be_kept(name)]
    files = too_large or any(file.filename for file in request.files.values())
    if sum(len(name) + len(text) for name, text in values) > _MOST:
        values = []
    form_session[_KEY] = {"path": here(), "values": values, "files": files}
    return True


def here() -> str:
    """The address of this request, as `keep` remembers it."""
    return request.full_path.rstrip("?")


def hand_over(path: str) -> str:
    """What is kept for the form at `path`, as text for the page of signing in; "" when nothing is."""
    if form_session.get(_KEY, {}).get("path") != path:
        return ""
    return json.dumps(form_session.pop(_KEY))


def take_over(text: str, path: str) -> None:
    """Keep again what `hand_over` gave; text that is not of that kind, or of another form, is left."""
    if not text or len(text) > 4 * _MOST:
        return
    try:
        found = json.loads(text)
        values = [[str(name), str(value)] for name, value in found["values"] if _may_be_kept(str(name))]
        if found["path"] == path:
            form_session[_KEY] = {"path": path, "values": values, "files": bool(found["files"])}
    except (ValueError, TypeError, KeyError):
        return  # somebody wrote it by hand: the form simply comes up empty


def given_back() -> MultiDict[str, str] | None:
    """What was typed into the form of this page, once, with a sentence that says it was not sent."""
    if "given_back" not in g:
        found: dict[str, Any] = form_session.get(_KEY) or {}
        g.given_back = None
        if found.get("path") == here():
            del form_session[_KEY]
            g.given_back = MultiDict((name, value) for name, value in found["values"])
            again = _(" Choose the file once more, too.") if found["files"] else ""
            flash(_("This was not sent: check it and send it again.") + again, "due")
    found_back: MultiDict[str, str] | None = g.given_back
    return found_back


def _may_be_kept(name: str) -> bool:
    return name not in _SECRET
