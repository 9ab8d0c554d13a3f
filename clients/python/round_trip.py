"""An MIS and a front end at work against a running demo, through the generated client: 1,000 people are synchronised
and seen in the feed; a comment is logged, answered and seen in the feed. Needs BASE_URL and PASSWORD, the demo's."""

import os
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from httpx import Timeout
from weald_client import AuthenticatedClient, Client
from weald_client.api.access import create_service_account, find_me, issue_token
from weald_client.api.comments import log_comment, respond_to_comment, waive_comment_response
from weald_client.api.events import list_events
from weald_client.api.people import upsert_people
from weald_client.models import (
    Comment,
    CommentKind,
    Event,
    EventFeed,
    GrantType,
    ItemOutcome,
    Me,
    NewComment,
    NewResponse,
    NewServiceAccount,
    NoResponseReason,
    PersonBatch,
    PersonItem,
    PersonKind,
    PersonResults,
    Problem,
    ResponseKind,
    ServiceAccount,
    TokenRequest,
    TokenResponse,
    YearGroup,
)
from weald_client.types import UNSET, Response, Unset

BASE_URL = os.environ["BASE_URL"]
PASSWORD = os.environ["PASSWORD"]
T = TypeVar("T")


def main() -> None:
    # The headteacher makes an account for the MIS.
    headteacher = log_in(TokenRequest(GrantType.PASSWORD, client_id="weald", username="headteacher@weald.example", password=PASSWORD))
    permissions = ["people:manage", "people:read", "events:read"]
    new_account = NewServiceAccount(f"Round trip in Python {uuid4()}", permissions=permissions)
    account = ok(ServiceAccount, create_service_account.sync_detailed(client=headteacher, body=new_account))
    mis = log_in(TokenRequest(GrantType.CLIENT_CREDENTIALS, client_id=account.client_id, client_secret=account.client_secret))

    # The MIS sends 1,000 people, and the same once more: a repeated request is answered as the first one was.
    start = ok(EventFeed, list_events.sync_detailed(client=mis, after="latest")).next_cursor
    source = f"python-{uuid4()}"
    items = [PersonItem(f"P-{n}", source, f"Number {n}", "Kit", PersonKind.PUPIL, year_group=YearGroup.YEAR_3) for n in range(1000)]
    key = str(uuid4())
    sent = upsert_people.sync_detailed(client=mis, body=PersonBatch(items), idempotency_key=key)
    results = ok(PersonResults, sent).results
    assert sent.status_code == 207, sent.status_code
    assert [result.index for result in results] == list(range(1000))
    assert all(result.status == 201 and result.outcome == ItemOutcome.CREATED for result in results)
    repeated = upsert_people.sync_detailed(client=mis, body=PersonBatch(items), idempotency_key=key)
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert ok(PersonResults, repeated).results == results

    # It follows the feed until it has seen every one of them.
    created = {result.person_id for result in results}
    assert len(created) == 1000
    seen = follow(mis, 1000, after=start, type_=["person.created"])
    assert {event.subject for event in seen} == created

    # A member of staff logs a comment on an account that they run, and answers it.
    staff = log_in(TokenRequest(GrantType.PASSWORD, client_id="weald", username="staff@weald.example", password=PASSWORD))
    run = next(account for account in ok(Me, find_me.sync_detailed(client=staff)).accounts if account.state == "active")
    question = NewComment(run.id, CommentKind.QUERY, datetime.now(UTC), "When does the fair start?", author_name="A parent")
    comment = ok(Comment, log_comment.sync_detailed(client=staff, body=question))
    assert comment.state == "received", comment.state
    assert "respond" in comment.allowed_actions, comment.allowed_actions
    answer = NewResponse(ResponseKind.ANSWER, "At two o'clock. Do come!")
    response = respond_to_comment.sync_detailed(comment.id, client=staff, body=answer)
    assert ok(Comment, response).state == "answered"
    history = follow(staff, 2, subject_id=comment.id)
    assert [event.type_ for event in history] == ["comment.logged", "comment.responded"]

    # What is refused says why, in the documented shape.
    reason = NoResponseReason("It is answered.")
    refused = waive_comment_response.sync_detailed(comment.id, client=staff, body=reason, if_match=response.headers["ETag"])
    assert refused.status_code == 409, refused.status_code
    assert isinstance(refused.parsed, Problem) and refused.parsed.code == "state_conflict", refused.parsed

    print("The Python client: 1,000 people and a comment went there and back.")


def log_in(request: TokenRequest) -> AuthenticatedClient:
    token = ok(TokenResponse, issue_token.sync_detailed(client=Client(BASE_URL), body=request))
    return AuthenticatedClient(BASE_URL, token.access_token)


def follow(
    client: AuthenticatedClient, count: int, after: str | Unset = UNSET, type_: list[str] | Unset = UNSET, subject_id: UUID | Unset = UNSET
) -> list[Event]:
    """Reads the feed on from `after` until it has seen `count` events."""
    # The service waits up to 10 seconds for an event.
    client = client.with_timeout(Timeout(30))
    events: list[Event] = []
    while len(events) < count:
        page = ok(EventFeed, list_events.sync_detailed(client=client, after=after, type_=type_, subject_id=subject_id, limit=200, wait=10))
        assert page.items, f"{count} events were expected, and after {len(events)} no more came for 10 seconds"
        events += page.items
        after = page.next_cursor
        assert page.has_more or len(events) == count, f"{count} events were expected, and the feed ends after {len(events)}"
    return events


def ok(kind: type[T], response: Response[Any]) -> T:
    """What a success carries; else says what the service said."""
    assert isinstance(response.parsed, kind), f"{response.status_code}: {response.content.decode()}"
    return response.parsed


main()
