"""Puts the guard into an Odoo server that a test starts: Python imports this first."""

import os

if os.environ.get("LOOPBACK_REPORT"):
    import guard
    from passlib import context

    def _report(address: str) -> None:
        with open(os.environ["LOOPBACK_REPORT"], "a", encoding="utf-8") as attempts:
            attempts.write(f"{address}\n")

    class _Cheap(context.CryptContext):
        """Passwords of Odoo's users are hashed in no time: 600,000 rounds take 0.25 s.

        Each user of a browser test is made and logs in, hundreds of times in a run.
        """

        def __init__(self, *args: object, **options: object) -> None:
            if "pbkdf2_sha512__rounds" in options:
                options["pbkdf2_sha512__rounds"] = 1000
            super().__init__(*args, **options)

    context.CryptContext = _Cheap
    guard.install(_report)
