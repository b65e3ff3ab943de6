"""A user who asks a running server from outside, as any program can."""

import json
import urllib.error
import urllib.request
import xmlrpc.client


class Refused(Exception):  # noqa: N818
    """The server said no; the text is what it said."""


class Caller:
    """One user at one server, by API key."""

    def __init__(self, url: str, dbname: str, uid: int, key: str) -> None:
        self.url, self.dbname, self.uid, self.key = url, dbname, uid, key
        self._object = xmlrpc.client.ServerProxy(
            f"{url}/xmlrpc/2/object", allow_none=True
        )

    def xmlrpc(self, model: str, method: str, *arguments: object, **named: object):
        """``execute_kw``; arguments as the method's, ids first where it has records."""
        try:
            return self._object.execute_kw(
                self.dbname, self.uid, self.key, model, method, list(arguments), named
            )
        except xmlrpc.client.Fault as fault:
            raise Refused(fault.faultString) from None

    def json2(self, model: str, method: str, **named: object):
        """``/json/2/<model>/<method>``; ``ids`` and ``context`` are named as well."""
        request = urllib.request.Request(
            f"{self.url}/json/2/{model}/{method}",
            data=json.dumps(named).encode(),
            headers={
                "Authorization": f"bearer {self.key}",
                "Content-Type": "application/json",
                "X-Odoo-Database": self.dbname,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code} {error.read().decode()}") from None
