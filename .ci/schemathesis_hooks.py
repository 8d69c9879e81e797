"""Signs users in for schemathesis, sends each request from another client, and knows which findings are accepted, and why.

Loaded by .ci/schemathesis. Everything is counted, nothing is random: the same seed sends the same requests.
"""

import itertools
import json
import os
import re
import threading
import urllib.error
import urllib.request

import schemathesis

BASE = os.environ["SOTTO_URL"]

# The local gateway alone knows this header: limits per client count by it.
SOURCE = "X-Sotto-Local-Source-Ip"
PASSWORD = "correct horse battery"

# Limits per user are small. Requests take turns, so that most of them meet none.
USERS = 12

# What ends a session gets one of its own, and with these the password of the session's user.
ENDS_SESSIONS = {"sign-out", "remove-device", "change-password", "delete-account"}
PROOFS = {"change-password": "currentPassword", "delete-account": "password"}

# (operation, finding, status or None, words of the answer or the finding, reason): the findings that stay. Anything else fails the run.
ACCEPTED = [
    (".*", "UnsupportedMethodResponse", 404, "Not Found", "API Gateway has a route per method, and answers others with 404."),
    (".*", "MissingHeaders", 400, "Bad Request", "API Gateway itself answers what it can't read, without our header."),
    (".*", "RejectedPositiveData", 400, "at least one of", "A schema can't say that one field of many has to be there."),
    (".*", "RejectedPositiveData", 422, "at least one of", "The same in communities and notifications."),
    (".*", "RejectedPositiveData", 422, "already used for another request", "A key names one body; a schema has no memory."),
    ("POST /api/links|PATCH /api/links/{slug}", "RejectedPositiveData", 400, "expiresAt must be",
     "A schema can't say that a time is in the future, or before another one."),
    (".*", "RejectedPositiveData", 400, "cursor", "A cursor is signed: a schema can't say which texts are cursors."),
    (".*/notifications/unsubscribe", "RejectedPositiveData", 400, "", "A token is signed: a schema can't say which texts are tokens."),
    (".*", "RejectedPositiveData", 400, "media must name", "A schema can't say which uploads are the sender's own, or that each is named once."),
    (".*", "RejectedPositiveData", 400, "carries media of type", "The type of an upload is in its name, which a schema does not compare."),
    (".*", "RejectedPositiveData", 400, "with yourself", "A schema can't say who asks."),
    (".*", "RejectedPositiveData", 400, "There is no user with this id", "A schema can't say which users there are."),
    ("POST /media/uploads", "RejectedPositiveData", 400, "for type", "Types and sizes depend on the kind of the upload."),
    ("POST /api/cards/upload", "RejectedPositiveData", 400, "", "A schema can't say which bytes are a PNG."),
    ("POST /api/cards/upload", "RejectedPositiveData", 413, "", "A schema can't say how many bytes a file has."),
    (".*{slug}.*", "IgnoredAuth", None, "got `404 Not Found`", "What is not there is not found, whatever token comes with it."),
    ("POST /api/auth/devices/verify", "UnsupportedMethodResponse", 404, "Device not found", "The route of a device, named verify."),
    ("POST /api/v1/push/subscriptions", "RejectedPositiveData", 422, "keys.p256dh", "A schema can't say which points are on a curve."),
    ("POST /api/sign-up", "RejectedPositiveData", 400, "All fields required", "Empty text counts as missing."),
]

_lock = threading.RLock()
_clients = itertools.count(1)
_turns = itertools.count()
_users = []
_owners = {}
_tokens = {}
_spare = []


def another_client():
    """An IPv4 address that no request had before."""
    number = next(_clients)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def ask(method, path, body=None, token=None):
    request = urllib.request.Request(BASE + path, method=method)
    request.add_header(SOURCE, another_client())
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def new_user(name):
    """Signs up, and is signed in on a trusted device."""
    email = f"{name}@example.com"
    ask("POST", "/api/send-otp", {"email": email})
    mails = [mail for mail in ask("GET", "/_local/outbox") if email in json.dumps(mail)]
    code = re.search(r"\b\d{6}\b", mails[-1]["text"])[0]
    body = {"username": name, "email": email, "password": PASSWORD, "otp": code}
    return ask("POST", "/api/sign-up", body)["data"]


def user_for(case):
    """Whoever made what the request names; else the next user."""
    with _lock:
        if not _users:
            _users.extend(new_user(f"user_{number}") for number in range(USERS))
        named = [str(value) for part in (case.path_parameters, case.query) for value in (part or {}).values()]
        owner = next((_owners[value] for value in named if value in _owners), None)
        return owner or _users[next(_turns) % USERS]


def spare_user():
    """A user whose session may end. Another one is made once it has."""
    with _lock:
        if not _spare:
            _spare.append(new_user(f"spare_{next(_clients)}"))
        return _spare[0]


def schemes_of(operation):
    return {name for requirement in operation.definition.raw.get("security", []) for name in requirement}


@schemathesis.auth(refresh_interval=None)
class Credentials:
    def get(self, case, context):
        schemes = schemes_of(case.operation)
        if "adminToken" in schemes:
            return _tokens.get((case.path_parameters or {}).get("slug"), "0" * 64)
        if "session" not in schemes:
            return None
        ends = case.operation.definition.raw["operationId"] in ENDS_SESSIONS
        return (spare_user() if ends else user_for(case))["token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_body(context, body):
    """Every other proof is the right password."""
    field = PROOFS.get(context.operation.definition.raw["operationId"])
    if field and isinstance(body, dict) and isinstance(body.get(field), str) and next(_turns) % 2:
        body[field] = PASSWORD
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers[SOURCE] = another_client()


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code not in (200, 201):
        return
    name = case.operation.definition.raw["operationId"]
    with _lock:
        if name in ENDS_SESSIONS:
            _spare.clear()
        elif name == "create-link":
            made = response.json()
            _tokens[made["link"]["slug"]] = made["adminToken"]
        else:
            remember(response, str(case.headers.get("Authorization", "")).removeprefix("Bearer "))


def remember(response, token):
    """Keeps whose request was answered with which ids."""
    user = next((user for user in _users if user["token"] == token), None)
    if user is None:
        return
    for key, value in found_ids(response.json()):
        if value not in (one["id"] for one in _users):
            _owners.setdefault(value, user)


def found_ids(value):
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("id", "_id", "conversationId") and isinstance(one, str):
                yield key, one
            yield from found_ids(one)
    elif isinstance(value, list):
        for one in value:
            yield from found_ids(one)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops findings that are accepted."""
    finding, text = type(failure).__name__, f"{response.text} {failure.message}"
    for operation, accepted, status, words, _ in ACCEPTED:
        fits = accepted == finding and status in (None, response.status_code) and words in text
        if fits and re.fullmatch(operation, case.operation.label):
            return False
    return True
