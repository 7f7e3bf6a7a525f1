"The page and its server."

import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from petclf.app.card import about_text, open_bundle, read_card
from petclf.app.desk import ANSWERS_A_MINUTE, WAITING, Desk, Refused, Shown
from petclf.app.door import Door
from petclf.app.feedback import ANOTHER_BREED, NO_PET, FeedbackStore, feedback_folder
from petclf.app.gradio_parts import import_gradio, make_picture, make_theme
from petclf.app.recommend import read_shampoos
from petclf.app.templates import template
from petclf.app.uploads import UPLOAD_MEGABYTES, map_picture
from petclf.app.views import (
    answer_view,
    class_name,
    footer_view,
    header_view,
    html,
    map_view,
    notice_view,
    problem_view,
    welcome_view,
)
from petclf.errors import PetclfError
from petclf.pixels import PictureError

PORT = 7860
VISITORS = 200  # whose last answer is remembered, for feedback; about 70 kB each, and Gradio would remember 10,000
KEPT_SECONDS = 540  # how long an upload stays on disk; looked after every minute, so ten minutes at most


class Page:
    "The page around a desk, in Gradio."

    def __init__(
        self,
        desk: Desk,
        about: str = "",  # Markdown: the page about the model
        folder: Path | None = None,  # an empty folder for uploads; None: a new temporary one
    ):
        self.desk, self.facts, self.about = desk, desk.facts, about
        self.folder = Path(folder or tempfile.mkdtemp(prefix="petclf-app-")).resolve()
        self.gradio = import_gradio(self.folder)

    def build(self) -> Any:  # `gradio.Blocks`
        "The page: its layout, and what happens on it."
        gradio, title = self.gradio, f"petclf: {self.facts.title}"
        with gradio.Blocks(title=title, analytics_enabled=False, delete_cache=(60, KEPT_SECONDS)) as blocks:
            self._html(header_view(self.facts))
            with gradio.Tabs():
                with gradio.Tab("Photo"), gradio.Row(equal_height=False, elem_id="sides"):
                    self._left()
                    self._right()
                with gradio.Tab("About the model"):
                    gradio.Markdown(self.about, elem_id="about")
            self._html(footer_view(self.facts))
            self.shown = gradio.State(None, time_to_live=KEPT_SECONDS)
            self._connect()
            self._connect_http()
        blocks.state_session_capacity = VISITORS
        blocks.queue(max_size=WAITING, api_open=False, default_concurrency_limit=2)
        return blocks

    def _html(self, view: Any, **settings: Any) -> Any:
        return self.gradio.HTML(html(view) if view else "", apply_default_css=False, **settings)

    def _left(self) -> None:
        with self.gradio.Column(scale=4, min_width=300):
            self.photo = make_picture(
                self.gradio,
                self.folder,
                label="Photo",
                show_label=False,
                sources=["upload", "webcam", "clipboard"],
                height=360,
                buttons=[],
                elem_id="photo",
                placeholder="Drop a photo here\n- or -\nclick to choose one",
            )
            self.where = self._html("", elem_id="where")

    def _right(self) -> None:
        gradio = self.gradio
        with gradio.Column(scale=5, min_width=300):
            self.result = self._html(welcome_view(self.facts), elem_id="result")
            with gradio.Accordion("That is wrong", open=False, visible=False, elem_id="wrong") as self.wrong:
                answers = self._right_answers()
                self.right = gradio.Dropdown(answers, value=None, label="What is it really?", elem_id="right")
                words = "You may keep my answer to improve the model"
                self.consent = gradio.Checkbox(False, label=words, elem_id="consent")
                words = "You may keep the photo too (made smaller, without place, time and camera)"
                self.consent_picture = gradio.Checkbox(False, label=words, elem_id="consent-picture")
                self.send = gradio.Button("Send", variant="primary", elem_id="send")
                self.told = self._html("", elem_id="told")

    def _right_answers(self) -> list[tuple[str, str]]:  # words and class
        answers = sorted(((class_name(label), label) for label in self.facts.classes), key=lambda pair: pair[0].lower())
        if self.facts.target == "breed":
            answers.append(("Another breed, or a mix", ANOTHER_BREED))
        return [*answers, ("No pet at all", NO_PET)]

    def _connect(self) -> None:
        gradio = self.gradio

        def ask(source: Any, request: gradio.Request):  # type: ignore[name-defined]
            return self._asked(source, visitor(request))

        def tell(shown: Any, right: Any, consent: Any, consent_picture: Any, request: gradio.Request):  # type: ignore[name-defined]
            try:
                thanks = self.desk.keep(shown, right, consent, consent_picture, visitor(request))
            except Refused as refusal:
                return html(notice_view("warn", str(refusal))), gradio.skip()
            return html(notice_view("thanks", thanks)), None

        outputs = [self.result, self.where, self.shown, self.wrong, self.told]
        private = {"api_visibility": "private"}
        self.photo.change(
            ask,
            self.photo,
            [*outputs, self.photo],
            show_progress="minimal",
            show_progress_on=self.result,
            concurrency_limit=2,
            concurrency_id="answers",
            **private,
        )
        self.photo.clear(self._nothing, None, outputs, show_progress="hidden", queue=False, **private)
        given = [self.shown, self.right, self.consent, self.consent_picture]
        self.send.click(tell, given, [self.told, self.shown], show_progress="minimal", concurrency_limit=1, **private)

    def _connect_http(self) -> None:
        gradio = self.gradio

        def answer(picture: Any, request: gradio.Request):  # type: ignore[name-defined]
            return self.desk.record(picture, visitor(request))

        hidden = gradio.Button(visible=False)
        sent = make_picture(gradio, self.folder, visible=False)
        hidden.click(answer, sent, gradio.JSON(visible=False), api_name="answer", queue=False)

    def _asked(self, source: Any, visitor: str) -> tuple:
        "What the page shows: result, map, the answer that feedback is about, its form and reply, the photo."
        gradio, desk = self.gradio, self.desk
        hidden = gradio.update(visible=False)
        if source is None:
            return (gradio.skip(),) * 6
        if not desk.may_ask(visitor):
            words = f"That were more than {desk.answers_a_minute} photos in a minute. Please wait a little."
            return html(problem_view("One moment", words)), "", None, hidden, "", gradio.skip()
        try:
            answer = desk.answer(source)
            with desk.one_at_a_time:
                shown_map = map_picture(source, answer.evidence, self.facts.resize)
        except PictureError as error:
            reason = str(error)
            words = f"{reason[:1].upper()}{reason[1:]}. Please choose a photo: JPEG, PNG, WebP or HEIC."
            return html(problem_view("This file cannot be used", words)), "", None, hidden, "", None
        confidence = max(answer.probabilities.values(), default=None)
        shown = Shown(source, answer.predicted, answer.decision, confidence)
        form = gradio.update(visible=desk.feedback is not None, open=False)
        result = html(answer_view(answer, self.facts, desk.shampoos))
        evidence = map_view(answer, shown_map)
        return result, html(evidence) if evidence else "", shown, form, "", gradio.skip()

    def _nothing(self) -> tuple:
        return html(welcome_view(self.facts)), "", None, self.gradio.update(visible=False), ""


def visitor(request: Any) -> str:  # an address; empty where it is not known
    "Who asks."
    return request.client.host if request and request.client else ""


def make_app(
    desk: Desk,
    about: str = "",  # Markdown: the page about the model
    folder: Path | None = None,  # an empty folder for uploads; None: a new temporary one
) -> Door:  # an ASGI app
    "The app around a bundle."
    import fastapi

    page = Page(desk, about, folder)
    icon = page.folder / "icon.svg"
    icon.write_text(template("icon.svg"), encoding="utf-8")
    closed: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    server = fastapi.FastAPI(**closed)
    page.gradio.mount_gradio_app(
        server,
        page.build(),
        path="/",
        server_name="127.0.0.1",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=UPLOAD_MEGABYTES * 1_000_000,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=make_theme(page.gradio),
        css=template("app.css"),
        favicon_path=str(icon),
        allowed_paths=[],
        app_kwargs=closed,
    )
    return Door(server, 8 * desk.answers_a_minute, framed=bool(os.environ.get("SPACE_ID")))


@dataclass(frozen=True)
class Place:
    "Where the app listens, and for whom."

    host: str = "127.0.0.1"  # 127.0.0.1 is this computer only, 0.0.0.0 everybody
    port: int = PORT  # 0: a free one

    def listen(self) -> socket.socket:
        "A socket of ours. Raises `PetclfError` with one line that says why not."
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.host, self.port))
        except OSError as error:
            reason = f"cannot be had: {error.strerror or error}"
            if error.errno in (48, 98, 10048):
                reason = "taken by another program; choose another one with --port"
            raise PetclfError(f"--port {self.port} on {self.host}: {reason}") from None
        return listening

    def address(
        self,
        port: int,  # that it got
    ) -> str:
        "The address for a browser on this computer."
        if ":" in self.host:
            return f"http://[{self.host}]:{port}"
        name = "localhost" if self.host == "0.0.0.0" else self.host
        return f"http://{name}:{port}"


def serve(
    path: str | Path,  # a bundle: its folder, or a zip
    place: Place = Place(),
    shampoos: str | Path | None = None,  # a CSV file; None: petclf's own
    feedback: str | Path | None = None,  # a folder; None: beside the bundle
    engine: str = "auto",  # `auto`, `onnxruntime` or `openvino`
    answers_a_minute: int = ANSWERS_A_MINUTE,  # of one visitor
    say: Callable[..., None] = print,  # what tells the address
) -> None:
    "Serve a bundle until Ctrl-C."
    table = read_shampoos(shampoos)
    with closing(place.listen()) as listening:
        # Gradio's import takes longer than anything else here.
        threading.Thread(target=_import_early, daemon=True).start()
        bundle = open_bundle(path, engine)
        address = place.address(listening.getsockname()[1])
        store = FeedbackStore(feedback or feedback_folder(path))
        about = about_text(read_card(path), address, answers_a_minute)
        with tempfile.TemporaryDirectory(prefix="petclf-app-", ignore_cleanup_errors=True) as folder:
            app = make_app(Desk(bundle, table, store, answers_a_minute), about, Path(folder))
            say(f"petclf app: {address} (Ctrl-C ends it)", flush=True)
            _run(app, listening)


def _import_early() -> None:
    with suppress(Exception):  # it complains where it is imported in earnest
        import_gradio(tempfile.gettempdir())  # the folder of uploads is named later


def _run(app: Door, listening: socket.socket) -> None:
    import uvicorn

    on_space = bool(os.environ.get("SPACE_ID"))
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
        server_header=False,
        lifespan="on",
        proxy_headers=on_space,
        forwarded_allow_ips="*" if on_space else None,
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that uploads are deleted then too
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
