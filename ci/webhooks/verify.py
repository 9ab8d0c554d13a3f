"""Receives webhooks of the demo and verifies them with the published library of Standard Webhooks.

Beside BASE_URL the service account of the demo is needed: CLIENT_ID and CLIENT_SECRET. The demo must be allowed to reach
this machine (WEALD_WEBHOOK_ALLOW=127.0.0.1).
"""

import json
import os
import queue
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BASE = os.environ["BASE_URL"]
received: queue.Queue = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
        received.put((body, {name.lower(): value for name, value in self.headers.items()}))

    def log_message(self, *_) -> None:
        pass


def call(method: str, path: str, body=None, form=None, **headers):
    data = urllib.parse.urlencode(form).encode() if form else json.dumps(body).encode() if body is not None else None
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    request = urllib.request.Request(BASE + path, data, {"Content-Type": kind, **headers}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer), answer.headers


def refused(webhook: Webhook, body: bytes, headers: dict) -> bool:
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()

credentials = {"client_id": os.environ["CLIENT_ID"], "client_secret": os.environ["CLIENT_SECRET"]}
token, _ = call("POST", "/oauth/token", form={"grant_type": "client_credentials", **credentials})
me = {"Authorization": f"Bearer {token['access_token']}"}

url = f"http://127.0.0.1:{receiver.server_port}/hook"
endpoint, headers = call("POST", "/v1/webhook-endpoints", {"url": url, "types": ["comment.logged"]}, **me)
path = f"/v1/webhook-endpoints/{endpoint['id']}"
accounts, _ = call("GET", "/v1/accounts?state=active", **me)


def logged() -> tuple:
    """Logs a comment; the delivery that tells of it."""
    comment = {
        "account_id": accounts["items"][0]["id"],
        "kind": "comment",
        "author_anonymous": True,
        "text": "Hello.",
        "received_at": accounts["items"][0]["created_at"],
    }
    made, _ = call("POST", "/v1/comments", comment, **me)
    body, headers = received.get(timeout=30)
    assert json.loads(body)["subject"] == made["id"], body
    return body, headers


first = Webhook(endpoint["secret"])
body, signed = logged()
event = first.verify(body, signed)
assert event["type"] == "comment.logged" and event["id"] == signed["webhook-id"], event
assert refused(first, body.replace(b"comment.logged", b"comment.closed"), signed), "an altered body"
assert refused(first, body, {**signed, "webhook-id": "another"}), "another id"

rotated, _ = call("POST", f"{path}/rotate-secret", {}, **me, **{"If-Match": headers["ETag"]})
second = Webhook(rotated["secret"])
assert refused(second, body, signed), "signed before the rotation"
body, signed = logged()
first.verify(body, signed)
second.verify(body, signed)

call("POST", f"{path}/disable", {}, **me, **{"If-Match": f'"{rotated["version"]}"'})
print("the published library verifies what is delivered, with both secrets of a rotation, and nothing else")
