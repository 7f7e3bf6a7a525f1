"What happens when a visitor asks or tells: the answer, its limits, and feedback. Knows nothing of Gradio."

import threading
from dataclasses import asdict, dataclass

from petclf.answers import Answer, Bundle
from petclf.app.feedback import Feedback, FeedbackStore, clean_picture
from petclf.app.recommend import Shampoo, recommend
from petclf.app.uploads import RateLimit, check_upload
from petclf.app.views import ModelFacts
from petclf.errors import PetclfError
from petclf.pixels import PictureError, open_picture

ANSWERS_A_MINUTE = 30  # of one visitor; uploads and questions together eight times as many
FEEDBACK_A_MINUTE = 6  # of one visitor
WAITING = 24  # visitors in the queue; whoever comes later is asked to come again


class Refused(Exception):
    "Why a visitor gets no answer, in a sentence."


@dataclass(frozen=True)
class Shown:
    "The last answer that a visitor saw, to which feedback belongs."

    source: str | bytes  # the upload
    predicted: str
    decision: str
    confidence: float | None  # the largest probability


class Desk:
    "A bundle behind limits: one caller at a time asks it, and no visitor asks without end."

    def __init__(
        self,
        bundle: Bundle,
        shampoos: list[Shampoo],  # of `read_shampoos`
        feedback: FeedbackStore | None = None,  # None: no feedback is taken
        answers_a_minute: int = ANSWERS_A_MINUTE,  # of one visitor
    ):
        self.bundle, self.shampoos, self.feedback = bundle, shampoos, feedback
        self.facts = ModelFacts.of(bundle.about)
        self.answers_a_minute = answers_a_minute
        self._may_ask = RateLimit(answers_a_minute)
        self._may_tell = RateLimit(FEEDBACK_A_MINUTE)
        self._at_once = threading.BoundedSemaphore(WAITING)
        # A bundle answers one caller on all cores, and one large picture at a time is decoded.
        self.one_at_a_time = threading.Lock()

    def may_ask(
        self,
        visitor: str,  # an address
    ) -> bool:
        "Whether this visitor has answers left in this minute."
        return self._may_ask(visitor)

    def answer(
        self,
        source: str | bytes,  # an upload: its path, or its bytes
    ) -> Answer:
        "The bundle's answer. Raises `PictureError` with the reason where there is none."
        try:
            check_upload(source)
        except OSError:
            raise PictureError("the upload is gone; send it again") from None
        with self.one_at_a_time:
            answer = self.bundle(source)
        if answer.error:
            raise PictureError(answer.error)
        return answer

    def record(
        self,
        source: str | bytes | None,  # an upload
        visitor: str,  # an address
    ) -> dict:  # plain values, as the page about the model lists them
        "The answer about a picture as JSON: what it shows, how sure that is, and what to recommend."
        try:
            return self._record(source, visitor)
        except (PictureError, Refused) as error:
            return {"error": str(error), "model": self.facts.name}

    def _record(self, source: str | bytes | None, visitor: str) -> dict:
        if source is None:
            raise Refused("no picture was sent")
        if not self.may_ask(visitor):
            raise Refused(f"more than {self.answers_a_minute} pictures in a minute; wait a little")
        if not self._at_once.acquire(blocking=False):
            raise Refused("too many at once; try again in a moment")
        try:
            return answer_record(self.answer(source), self.shampoos, self.facts.name)
        finally:
            self._at_once.release()

    def keep(
        self,
        shown: Shown | None,  # the answer that it is about
        right_answer: str | None,  # what the visitor chose
        consent: bool,  # to keep the answer
        consent_picture: bool,  # to keep the photo too
        visitor: str,  # an address
    ) -> str:  # thanks, with the number under which it can be deleted
        "Keep what a visitor says about an answer. Raises `Refused` where nothing is kept."
        if self.feedback is None or shown is None:
            raise Refused("Show a photo first.")
        if not right_answer:
            raise Refused("Please choose what is right.")
        if not consent:
            raise Refused("Without your consent nothing is kept. Tick the first box to send your answer.")
        if not self._may_tell(visitor):
            raise Refused("That were many answers in a minute. Please wait a little.")
        picture = _cleaned(shown.source) if consent_picture else None
        said = Feedback(right_answer, shown.predicted, shown.decision, shown.confidence, self.facts.name, picture)
        try:
            number = self.feedback.keep(said, consent=True)
        except PetclfError as error:
            print(f"petclf: {error}", flush=True)
            raise Refused("Your answer could not be kept. Sorry.") from None
        kept = "and the photo" if picture else "not the photo"
        join = " " if picture else ", "
        return f"Thank you. Kept: your answer{join}{kept}. Its number is {number}, should you want it deleted."


def _cleaned(source: str | bytes) -> bytes:
    try:
        return clean_picture(open_picture(source))
    except PictureError:
        raise Refused("The photo is not here any more. Please send it again.") from None


def answer_record(
    answer: Answer,  # of a bundle
    shampoos: list[Shampoo],  # of `read_shampoos`
    model: str = "",  # the bundle's name
) -> dict:  # plain values
    "What the HTTP interface says about a picture."
    if answer.error:
        return {"error": answer.error, "model": model}
    shampoo = recommend(answer, shampoos)
    return {
        "predicted": answer.predicted,
        "decision": answer.decision,
        "level": answer.level,
        "species": answer.species,
        "breed": answer.breed,
        "coat": answer.coat,
        "probabilities": {name: float(value) for name, value in answer.probabilities.items()},
        "species_probabilities": {name: float(value) for name, value in answer.species_probabilities.items()},
        "pet": None if answer.pet is None else float(answer.pet),
        "recommendation": None if shampoo is None else {**asdict(shampoo), "for": shampoo.suits},
        "model": model,
        "seconds": round(float(answer.seconds), 4),
        "error": "",
    }
