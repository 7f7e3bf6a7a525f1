"Between the network and Gradio: only what the page needs passes, and a browser loads nothing from elsewhere."

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from petclf.app.uploads import UPLOAD_MEGABYTES, RateLimit

LARGEST_BODY = UPLOAD_MEGABYTES * 1_400_000 + 100_000  # base64 makes four bytes of three
GRADIO_PATHS = (
    r"info/?|openapi\.json|app_id/?|startup-events|theme\.css|upload|upload_progress|cancel|reset/?"
    r"|file=(?![a-z]+:/).*|(call|run|api|heartbeat)/.*|queue/(join|data|status).*"
)
ALLOWED = re.compile(
    r"/(config/?|theme\.css|robots\.txt|manifest\.json|favicon\.ico|(static|assets|svelte)/.*"
    rf"|gradio_api/({GRADIO_PATHS}))?",
    re.IGNORECASE,
)
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Door:
    "An ASGI app around Gradio's: paths are listed, bodies bounded, visitors limited, every answer has a policy."

    def __init__(
        self,
        app: Any,  # an ASGI app
        posts_a_minute: int,  # of one visitor
        framed: bool = False,  # whether other pages may show it in a frame, as a Space does
    ):
        self.app = app
        self.limit = RateLimit(posts_a_minute)
        self.policy = POLICY if framed else f"{POLICY}; frame-ancestors 'self'"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await _refuse(send, *refusal)
            return
        await self.app(scope, _bounded(receive), self._with_headers(scope["path"], send))

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        "The status and the words with which a request is refused."
        if not ALLOWED.fullmatch(scope["path"]):
            return 404, "not here"
        if scope["method"] != "POST":
            return None
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return 413, f"at most {UPLOAD_MEGABYTES} MB are taken"
        if not self.limit((scope.get("client") or ("",))[0]):
            return 429, "too many requests; wait a minute"
        return None

    def _with_headers(self, path: str, send: Send) -> Send:
        more = [
            (b"content-security-policy", self.policy.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        ]
        is_upload = path.startswith("/gradio_api/file=")
        if is_upload:
            more.append((b"cache-control", b"private, no-store"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if is_upload:
                    headers = [(name, value) for name, value in headers if name.lower() != b"cache-control"]
                message = {**message, "headers": [*headers, *more]}
            await send(message)

        return send_with_headers


def _bounded(receive: Receive) -> Receive:
    "What a visitor sends, cut off where it is larger than it may be."
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > LARGEST_BODY else message

    return receive_bounded


async def _refuse(send: Send, status: int, words: str) -> None:
    body = json.dumps({"detail": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
