"What the app says about a picture: words first, then HTML from small components, which escape."

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from fastcore.xml import (
    FT,
    H1,
    H2,
    H3,
    B,
    Div,
    Figcaption,
    Figure,
    Footer,
    Header,
    Hr,
    Img,
    Li,
    Ol,
    P,
    Safe,
    Section,
    Span,
    to_xml,
)

from petclf.answers import Answer
from petclf.app.recommend import Shampoo, recommend
from petclf.app.templates import template
from petclf.app.uploads import EvidenceMap, data_uri
from petclf.names import proper_name

COLOURS = {"cat": "#D55E00", "dog": "#0072B2"}  # as everywhere in petclf
OTHER_COLOUR = "#009E73"
MOST_BARS = 5
COATS = {
    "hairless": "no coat",
    "short": "a short coat",
    "medium": "a half-long coat",
    "long": "a long coat",
    "curly": "a curly coat",
    "wire": "a wiry coat",
    "double": "a dense double coat",
}
TITLES = {"breed": "Which breed is it?", "species": "Cat or dog?"}
BADGES = Literal["sure", "partly", "unsure", "none"]


@dataclass(frozen=True)
class LevelErrors:
    "How often answers of one level were wrong on the pictures that the bundle was measured with."

    n: int  # answers
    wrong: int  # of them


@dataclass(frozen=True)
class ModelFacts:
    "What the page needs to know of a bundle."

    name: str = "model"
    target: str = ""  # `species`, `breed` or `label`
    classes: list[str] = field(default_factory=list)
    species: dict[str, str] = field(default_factory=dict)  # class to `cat` or `dog`
    resize: str = "crop"  # how it makes a picture square
    evaluated: str = "test"  # the part that its metrics are about
    errors: dict[str, LevelErrors] = field(default_factory=dict)  # level to what was counted

    @classmethod
    def of(
        cls,
        manifest: dict[str, Any],  # a bundle's `bundle.json`
    ) -> "ModelFacts":
        "The facts of an opened bundle."
        levels = (manifest.get("figures") or {}).get("levels") or []
        return cls(
            name=str(manifest.get("name") or "model"),
            target=manifest.get("target", ""),
            classes=list(manifest.get("classes", [])),
            species=manifest.get("species") or {},
            resize=(manifest.get("preprocessing") or {}).get("resize", "crop"),
            evaluated=manifest.get("evaluated", "test"),
            errors={level["level"]: LevelErrors(level["n"], level["wrong"]) for level in levels if level.get("n")},
        )

    @property
    def title(self) -> str:
        "The question that the page asks."
        return TITLES.get(self.target, "What is it?")

    def colour(
        self,
        name: str,  # of a class or a species
    ) -> str:
        "The colour of its species."
        return COLOURS.get(self.species.get(name, name), OTHER_COLOUR)


# ## Words


@dataclass(frozen=True)
class Headline:
    "A decision in words."

    badge: str
    kind: BADGES  # of the badge
    title: str
    sentence: str = ""


def class_name(
    name: str,  # of a class or a species
) -> str:
    "A class's name as a title has it."
    words = proper_name(name)
    return words[:1].upper() + words[1:]


def share_in_words(
    value: float,  # 0 to 1
) -> str:
    "A probability in percent, never rounded to certainty."
    if value > 0.999:
        return "> 99.9 %"
    if value < 0.001:
        return "< 0.1 %"
    digits = 1 if value > 0.99 or value < 0.01 else 0
    return f"{100 * value:.{digits}f} %"


def headline(
    answer: Answer,  # of a bundle
) -> Headline:
    "The decision in words."
    animal = answer.species or answer.predicted
    coat = COATS.get(answer.coat, f"{answer.coat} hair")
    advice = "Please try another photo: one animal, large in the picture, from the front and in good light."
    match answer.level:
        case "no pet":
            advice = "Please try another photo, with the animal large and in good light."
            return Headline(
                "Probably no pet", "none", "No cat or dog?", f"This does not look like a cat or a dog. {advice}"
            )
        case "breed":
            return Headline("Sure", "sure", class_name(answer.breed), _breed_sentence(answer, animal))
        case "coat":
            sentence = "Breeds with this coat look alike here, so which one it is stays open."
            return Headline("Sure of the coat", "partly", f"A {animal} with {coat}", sentence)
        case "species" if answer.breed:
            return Headline("Sure of the species", "partly", f"A {animal}", "The breed stays open.")
        case "species":
            return Headline("Sure", "sure", f"A {animal}")
        case "not sure" | "":
            return Headline("Not sure", "unsure", "Hard to say", advice)
    return Headline("Sure", "sure", class_name(answer.predicted))


def _breed_sentence(answer: Answer, animal: str) -> str:
    if not answer.coat:
        return f"A {animal}."
    return f"A {animal} with {COATS.get(answer.coat, 'a coat of its own')}."


def stated_error(
    facts: ModelFacts,
    level: str,  # of an answer
) -> str:  # a sentence; empty where the bundle states nothing
    "How often answers of this kind were wrong on the pictures that the bundle was measured with."
    counted = facts.errors.get(level)
    if counted is None:
        return ""
    where = "in the test"
    if facts.evaluated == "valid":
        where = "about validation pictures, which also steered the training"
    verb = "was" if counted.wrong == 1 else "were"
    return f"Of {counted.n:,} such answers {where}, {counted.wrong:,} {verb} wrong."


# ## Components


def html(component: FT) -> str:
    "A component as HTML."
    return to_xml(component, indent=False)


def drawing(
    name: str,  # of an SVG file in `templates/`
) -> Safe:
    "A drawing that comes with petclf."
    return Safe(template(name))


def bars(
    probabilities: dict[str, float],  # name to 0..1
    colour: Callable[[str], str],  # of a name
    most: int = MOST_BARS,  # how many are shown
) -> FT:
    "Bars for the most likely classes, likeliest first."
    likeliest = sorted(probabilities.items(), key=lambda item: -item[1])[:most]
    return Div(*(_bar(name, value, colour(name)) for name, value in likeliest), cls="pc-bars")


def _bar(name: str, value: float, colour: str) -> FT:
    track = Span(Span(style=f"width:{100 * value:.2f}%;background:{colour}"), cls="pc-track")
    return Div(Span(class_name(name), cls="pc-name"), track, Span(share_in_words(value), cls="pc-value"), cls="pc-bar")


def answer_view(
    answer: Answer,  # of a bundle
    facts: ModelFacts,  # of that bundle
    shampoos: list[Shampoo],  # of `read_shampoos`
) -> FT:
    "What the page says about a picture."
    cards = (
        _verdict(headline(answer), stated_error(facts, answer.level)),
        _recommendation(recommend(answer, shampoos)),
        _how_likely(answer, facts),
    )
    return Div(*cards, cls="pc-result", data_level=answer.level)


def _verdict(words: Headline, error: str) -> FT:
    sentence = f"{words.sentence} {error}".strip()
    below = [P(sentence)] if sentence else []
    return Section(P(words.badge, cls=f"pc-badge pc-{words.kind}"), H2(words.title), *below, cls="pc-card pc-verdict")


def _recommendation(shampoo: Shampoo | None) -> FT:
    if shampoo is None:
        words = P("A guess is no ground for a recommendation. ", B("Another photo helps."))
        return Section(P("No recommendation", cls="pc-eyebrow"), words, cls="pc-card pc-again")
    suits = {
        "breed": f"for {class_name(shampoo.breed)}",
        "coat": f"for {COATS.get(shampoo.coat, shampoo.coat)}",
        "species": f"for every {shampoo.species}",
    }[shampoo.suits]
    words = [P(f"Our recommendation {suits}", cls="pc-eyebrow"), H3(shampoo.product)]
    if shampoo.why:
        words.append(P(shampoo.why))
    if shampoo.washing:
        words.append(P(B("Washing"), f" {shampoo.washing}", cls="pc-soft"))
    return Section(drawing("bottle.svg"), Div(*words), cls="pc-card pc-product")


def _how_likely(answer: Answer, facts: ModelFacts) -> FT:
    above = []
    if answer.species_probabilities and set(answer.species_probabilities) != set(answer.probabilities):
        above = [bars(answer.species_probabilities, facts.colour, 2), Hr(cls="pc-rule")]
    note = P("Calibrated on pictures that the model was not trained on.", cls="pc-soft")
    return Section(H3("How likely"), *above, bars(answer.probabilities, facts.colour), note, cls="pc-card")


def map_view(
    answer: Answer,  # of a bundle
    shown: EvidenceMap,  # of its picture
) -> FT | str:  # empty where there is no map
    "Where the answer came from, and whether the map is exact."
    if shown.under_map is None:
        return ""
    kind, words = "exact", "Exact: the parts of this map add up to the answer."
    if not answer.evidence_exact:
        kind = "approximate"
        words = "Approximate: the network mixes places after this map, so it shows only roughly where it looked."
    pair = Div(
        Figure(
            Img(src=data_uri(shown.square), alt="the part of the picture that the model sees"),
            Figcaption("what the model sees"),
        ),
        Figure(
            Img(
                src=data_uri(shown.under_map),
                alt="the same, orange where the evidence for the answer is",
                cls="pc-map",
            ),
            Figcaption(f"what spoke for {class_name(answer.predicted)}"),
        ),
        cls="pc-pair",
    )
    note = P(f"{words} Orange spoke for it, grey did not.", cls="pc-soft")
    card = Section(H3("Where it looked ", Span(kind, cls="pc-tag")), pair, note, cls="pc-card pc-where")
    return Div(card, cls="pc-result")


def problem_view(
    title: str,
    words: str,  # what was wrong and what to do
) -> FT:
    "Why there is no answer."
    parts = P("No answer", cls="pc-badge pc-none"), H2(title), P(words)
    return Div(Section(*parts, cls="pc-card pc-verdict", role="alert"), cls="pc-result", data_level="error")


def notice_view(
    kind: Literal["warn", "thanks"],
    words: str,
) -> FT:
    "A line about feedback."
    return P(words, cls=f"pc-{kind}", role="status")


def welcome_view(facts: ModelFacts) -> FT:
    "What is there before the first picture."
    what = {
        "breed": f"It knows {len(facts.classes)} breeds, and says so when it is not sure.",
        "species": "It tells cats from dogs, and says so when it is not sure.",
    }.get(facts.target, "It says so when it is not sure.")
    advice = Ol(
        Li("One animal, large in the picture"), Li("From the front or the side"), Li("In good light, not blurred")
    )
    kept = P("The photo is deleted within ten minutes, and nobody else gets to see it.", cls="pc-soft")
    card = Section(H2("Show us your pet"), P(what), advice, kept, cls="pc-card pc-welcome")
    return Div(card, cls="pc-result", data_level="")


def header_view(facts: ModelFacts) -> FT:
    "The top of the page."
    words = Div(H1(facts.title), P("A photo of your pet, and the shampoo that suits its coat."))
    return Header(drawing("logo.svg"), words, cls="pc-head")


def footer_view(facts: ModelFacts) -> FT:
    "The end of the page."
    kept = "Photos are deleted within ten minutes unless you allow one to be kept; nothing is passed on."
    return Footer(f"Model {facts.name}. {kept}", cls="pc-foot")
