# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mails does one transaction change? What takes hundredths of a second.

Who reads or writes the same rows waits for no longer than that, on a quick server as on
a slow one, and what there is to do is done as quickly as that allows.
"""

#: Seconds that one step is to take. One may take three times that: rows differ, and the
#: size is known only afterwards.
AIM = 0.06


class Slice:
    """The size of a job's next step, by how long the last one took.

    >>> slice = Slice(20)
    >>> slice.took(20, 0.24)
    >>> slice.size
    5

    :param size: of the first step
    :param most: of any
    """

    def __init__(self, size: int = 20, most: int = 500):
        self.size, self.most = size, most

    def took(self, count: int, seconds: float) -> None:
        """:param count: what the last step changed, in so many seconds"""
        if count:
            fits = int(count * AIM / max(seconds, 0.001))
            self.size = max(1, min(fits, 2 * self.size, self.most))

    def of(self, rows):
        """These rows in steps, each as long as the one before it says."""
        at = 0
        while at < len(rows):
            some = rows[at : at + self.size]
            at += len(some)
            yield some
