"""Apple Mail's request to unsubscribe: no complaint, but what a complaint would have been.

Source: mails of Apple's clients since 2016, `X-Apple-Unsubscribe: true`, the body "Apple Mail sent this email
to unsubscribe from the message ..."; they are marked Auto-Submitted and are no absence notice.
"""

import re

from unlisted.messages import Report
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part, words
from unlisted.notice.reports import _facts

EACH = re.compile(r"(?!)")


def read(head: Part, leaves: list[Part]) -> list[Report]:  # noqa: ARG001  (every kind is asked alike)
    """The one request."""
    if head.get("x-apple-unsubscribe").strip().lower() != "true":
        return []
    if not (who := address(words(head.get("from")))):
        return []
    at, accuracy = _facts.moment(head.get("date"))
    return [Report("apple", "opt-out", reporter=who, at=at, accuracy=accuracy, recipients=(who,))]
