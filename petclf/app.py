"The web app of a bundle: a photo in, species, breed and a shampoo out. Gradio, `petclf.answers` and nothing heavier."

# The same answers over HTTP, one line for a picture on disk (`curl_line`; `petclf app --help` and the page about the model show it):
#
#   (printf '{"data":[{"url":"data:image/jpeg;base64,'; base64 < pet.jpg | tr -d '\n'; printf '"}]}') | curl -s -H 'Content-Type: application/json' -d @- http://127.0.0.1:7860/gradio_api/run/answer
#
# The reply is {"data": [ANSWER], ...}; `answer_record` says what an ANSWER has. Python: gradio_client.Client(ADDRESS).predict(handle_file("pet.jpg"), api_name="/answer").
import base64, binascii, contextlib, csv, html, inspect, io, json, os, re, shutil, signal, socket, sys, tempfile, threading, time
from collections import OrderedDict, deque
from pathlib import Path

import numpy as np
from PIL import Image

from petclf.errors import PetclfError, need
from petclf.feedback import ANOTHER_BREED, NO_PET, FeedbackStore, check_new_folder, clean_picture, feedback_folder
from petclf.pixels import PictureError, _identify, open_picture, resize

TABLES = Path(__file__).parent / "tables"
PORT = 7860
UPLOAD_MEGABYTES, MEGAPIXELS = 20, 50  # of one picture
ANSWERS_A_MINUTE, FEEDBACK_A_MINUTE = (
    30,
    6,
)  # of one visitor; uploads and questions together eight times as many as answers
WAITING = 24  # visitors in the queue; whoever comes later is asked to come again
VISITORS = 200  # whose last answer is remembered, for feedback; about 70 kB each, and Gradio would remember 10,000
KEPT_SECONDS = 540  # how long an upload stays on disk; looked after every minute, so ten minutes at most
COLOURS = {"cat": "#D55E00", "dog": "#0072B2"}  # as everywhere in petclf


# ## The table of shampoos

SHAMPOO_COLUMNS = ("species", "coat", "breed", "product", "why", "washing")


def read_shampoos(
    path=None,  # a CSV file as docs/tables.md describes; None: petclf's own
) -> list:  # a dict for each row
    "The table of recommendations."
    path = TABLES / "shampoos.csv" if path is None else Path(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="more")
            columns, rows = reader.fieldnames or [], list(reader)
    except FileNotFoundError:
        raise PetclfError(f"--shampoos {path}: no such file") from None
    except OSError as error:
        raise PetclfError(f"--shampoos {path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise PetclfError(f"--shampoos {path}: not a CSV file in UTF-8 ({error})") from None
    if missing := [name for name in SHAMPOO_COLUMNS if name not in columns]:
        raise PetclfError(f"--shampoos {path}: has no column {missing[0]!r}; it needs {', '.join(SHAMPOO_COLUMNS)}")
    seen = {}
    for number, row in enumerate(rows, 2):
        where = f"--shampoos {path}: row {number}"
        if "more" in row or None in row.values():
            raise PetclfError(
                f"{where} has {'more' if 'more' in row else 'fewer'} cells than the first; put texts with commas in quotes"
            )
        row.update({name: row[name].strip() for name in SHAMPOO_COLUMNS})
        for name in ("species", "product"):
            if not row[name]:
                raise PetclfError(f"{where} has no {name}")
        key = _row_key(row)
        if key in seen:
            raise PetclfError(f"{where} is for the same as row {seen[key]}; leave one out")
        seen[key] = number
    if not rows:
        raise PetclfError(f"--shampoos {path}: has no rows")
    if without := sorted(
        {row["species"] for row in rows} - {species for species, kind, _ in seen if kind == "species"}
    ):
        raise PetclfError(f"--shampoos {path}: no row for {without[0]} in general (one with coat and breed empty)")
    return rows


def _row_key(row):
    if row["breed"]:
        return row["species"], "breed", row["breed"]
    return (row["species"], "coat", row["coat"]) if row["coat"] else (row["species"], "species", "")


def recommend(
    answer,  # of a bundle
    shampoos,  # of `read_shampoos`
) -> dict:  # the row, with `for` saying what it is for; None where the answer is not sure enough
    "The most particular row that the answer's certainty allows."
    if answer.error or answer.level in ("not sure", "no pet", ""):
        return None
    rows = {_row_key(row): row for row in shampoos}
    species = answer.species or answer.predicted
    wanted = [("breed", answer.breed)] if answer.level == "breed" else []
    if answer.level in ("breed", "coat"):
        wanted.append(("coat", answer.coat))
    for kind, name in [*wanted, ("species", "")]:
        if row := rows.get((species, kind, name)):
            return {**{column: row[column] for column in SHAMPOO_COLUMNS}, "for": kind}
    return None


# ## An answer as JSON


def answer_record(
    answer,  # of a bundle
    shampoos,  # of `read_shampoos`
    model="",  # the bundle's name
) -> dict:  # plain values
    "What the HTTP interface says about a picture."
    if answer.error:
        return dict(error=answer.error, model=model)
    return dict(
        predicted=answer.predicted,
        decision=answer.decision,
        level=answer.level,
        species=answer.species,
        breed=answer.breed,
        coat=answer.coat,
        probabilities={name: float(value) for name, value in answer.probabilities.items()},
        species_probabilities={name: float(value) for name, value in answer.species_probabilities.items()},
        pet=None if answer.pet is None else float(answer.pet),
        recommendation=recommend(answer, shampoos),
        model=model,
        seconds=round(float(answer.seconds), 4),
        error="",
    )


# ## Reading what visitors send


def check_upload(
    source,  # a path, or the bytes of a file
):
    "Refuse what is too large before anything of it is decoded."
    length = len(source) if isinstance(source, bytes) else os.path.getsize(source)
    if length > UPLOAD_MEGABYTES * 1_000_000:
        raise PictureError(f"a file of {length / 1e6:.0f} MB; at most {UPLOAD_MEGABYTES} MB are taken")
    try:
        with _identify(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
    except PictureError:
        raise
    except Exception:
        raise PictureError("not a picture, or a broken one") from None
    if width * height > MEGAPIXELS * 1_000_000:
        raise PictureError(
            f"{width} x {height} pixels are {width * height / 1e6:.0f} megapixels; at most {MEGAPIXELS} are taken"
        )


class RateLimit:
    "At most so many times a minute for one visitor. Memory is bounded: who has been quiet longest is forgotten."

    def __init__(
        self,
        times,  # a minute
        visitors=5000,  # remembered at most
    ):
        self.times, self.visitors, self.seen, self.lock = times, visitors, OrderedDict(), threading.Lock()

    def __call__(self, visitor) -> bool:  # whether this one may
        now = time.monotonic()
        with self.lock:
            times = self.seen.setdefault(visitor, deque(maxlen=self.times))
            self.seen.move_to_end(visitor)
            while len(self.seen) > self.visitors:
                self.seen.popitem(last=False)
            if len(times) == self.times and now - times[0] < 60:
                return False
            times.append(now)
            return True


# ## The map


def map_picture(
    source,  # a path, or the bytes of a file
    evidence,  # float32 (h, w): above 0 speaks for the class; None: no map
    how="crop",  # how the bundle makes a picture square
    side=360,  # of the pictures that are made, in pixels
) -> tuple:  # the square that the model sees and the same under its map (None without one), RGB pictures
    "Where the answer came from: the map is drawn smoothly over the square that the model looked at. Grey and dark: little or nothing; orange: much."
    square = Image.fromarray(resize(open_picture(source, side), side, how))
    if evidence is None:
        return square, None
    positive = np.maximum(np.asarray(evidence, np.float32), 0)
    heat = Image.fromarray(positive / max(float(positive.max()), 1e-12)).resize((side, side), Image.Resampling.BICUBIC)
    heat = np.clip(np.asarray(heat), 0, 1)[..., None]
    # Grey below, so that an orange cat is no evidence: from yellow to vermilion over the picture's own light and shade.
    grey = np.asarray(square.convert("L").convert("RGB"), np.float32)
    tint = np.float32([255, 214, 102]) * (1 - heat) + np.float32([213, 74, 0]) * heat
    cover = 0.68 * heat
    return square, Image.fromarray((grey * 0.8 * (1 - cover) + tint * cover).clip(0, 255).astype(np.uint8))


def _data_uri(image):
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=86)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


# ## Words and HTML


def pretty(
    name,  # a class
) -> str:  # for people to read
    "A class's name in words."
    known = _breed_names().get(name)
    if known:
        return known
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _breed_names(kept={}):
    if not kept:
        kept[""] = ""
        if (path := TABLES / "breeds.csv").is_file():
            with open(path, encoding="utf-8", newline="") as file:
                kept.update({row["breed"]: row["name"] for row in csv.DictReader(file)})
    return kept


def percent(value):
    "A probability, never rounded to certainty."
    return (
        "> 99.9 %"
        if value > 0.999
        else "< 0.1 %"
        if value < 0.001
        else f"{100 * value:.1f} %"
        if value > 0.99 or value < 0.01
        else f"{100 * value:.0f} %"
    )


COAT_WORDS = {
    "hairless": "no coat",
    "short": "a short coat",
    "medium": "a half-long coat",
    "long": "a long coat",
    "curly": "a curly coat",
    "wire": "a wiry coat",
    "double": "a dense double coat",
}


def headline(
    answer,  # of a bundle
) -> tuple:  # badge, its kind (`sure`, `partly`, `unsure`, `none`), title, sentence
    "The decision in words."
    animal = answer.species or answer.predicted
    if answer.level == "no pet":
        return (
            "Probably no pet",
            "none",
            "No cat or dog?",
            "This does not look like a cat or a dog. Please try another photo, with the animal large and in good light.",
        )
    if answer.level == "breed":
        return (
            "Sure",
            "sure",
            pretty(answer.breed),
            f"A {animal} with {COAT_WORDS.get(answer.coat, 'a coat of its own')}." if answer.coat else f"A {animal}.",
        )
    if answer.level == "coat":
        return (
            "Sure of the coat",
            "partly",
            f"A {animal} with {COAT_WORDS.get(answer.coat, answer.coat + ' hair')}",
            "Breeds with this coat look alike here, so which one it is stays open.",
        )
    if answer.level == "species":
        more = "The breed stays open." if answer.breed else ""
        return (
            ("Sure of the species" if answer.breed else "Sure"),
            ("partly" if answer.breed else "sure"),
            f"A {animal}",
            more,
        )
    if answer.level not in ("not sure", ""):
        return "Sure", "sure", pretty(answer.predicted), ""
    return (
        "Not sure",
        "unsure",
        "Hard to say",
        "Please try another photo: one animal, large in the picture, from the front and in good light.",
    )


def stated_error(
    about,  # a `bundle.json`
    level,  # of an answer
) -> str:  # a sentence; empty where the bundle states nothing
    "How often answers of this kind were wrong on the pictures that the bundle was measured with."
    figures = about.get("figures") or {}
    for one in figures.get("levels") or []:
        if one.get("level") != level or not one.get("n"):
            continue
        where = (
            "about validation pictures, which also steered the training"
            if about.get("evaluated") == "valid"
            else "in the test"
        )
        return f"Of {one['n']:,} such answers {where}, {one['wrong']:,} {'was' if one['wrong'] == 1 else 'were'} wrong."
    return ""


def bars_html(
    probabilities,  # name -> 0..1
    colour_of,  # name -> colour
    most=5,  # how many are shown
) -> str:  # HTML
    "Bars for the most likely classes, likeliest first."
    rows = sorted(probabilities.items(), key=lambda item: -item[1])[:most]
    return (
        '<div class="pc-bars">'
        + "".join(
            f'<div class="pc-bar"><span class="pc-name">{html.escape(pretty(name))}</span><span class="pc-track"><span style="width:{100 * value:.2f}%;background:{colour_of(name)}"></span></span>'
            f'<span class="pc-value">{html.escape(percent(value))}</span></div>'
            for name, value in rows
        )
        + "</div>"
    )


def answer_html(
    answer,  # of a bundle
    about,  # its `bundle.json`
    shampoos,  # of `read_shampoos`
) -> str:  # HTML
    "What the page says about a picture."
    badge, kind, title, sentence = headline(answer)
    species = about.get("species") or {}
    colour_of = lambda name: COLOURS.get(species.get(name, name), "#009E73")
    found = [
        f'<section class="pc-card pc-verdict"><p class="pc-badge pc-{kind}">{html.escape(badge)}</p><h2>{html.escape(title)}</h2>'
    ]
    words = " ".join(filter(None, [sentence, stated_error(about, answer.level)]))
    found.append(f"<p>{html.escape(words)}</p></section>" if words else "</section>")
    if row := recommend(answer, shampoos):
        suits = {
            "breed": f"for {pretty(row['breed'])}",
            "coat": f"for {COAT_WORDS.get(row['coat'], row['coat'])}",
            "species": f"for every {row['species']}",
        }[row["for"]]
        found.append(
            f'<section class="pc-card pc-product">{BOTTLE}<div><p class="pc-eyebrow">Our recommendation {html.escape(suits)}</p><h3>{html.escape(row["product"])}</h3>'
            + f"<p>{html.escape(row['why'])}</p>" * bool(row["why"])
            + f'<p class="pc-soft"><b>Washing</b> {html.escape(row["washing"])}</p>' * bool(row["washing"])
            + "</div></section>"
        )
    else:
        found.append(
            '<section class="pc-card pc-again"><p class="pc-eyebrow">No recommendation</p><p>A guess is no ground for a recommendation. <b>Another photo helps.</b></p></section>'
        )
    found.append('<section class="pc-card"><h3>How likely</h3>')
    if answer.species_probabilities and set(answer.species_probabilities) != set(answer.probabilities):
        found.append(bars_html(answer.species_probabilities, colour_of, 2) + '<hr class="pc-rule">')
    found.append(
        bars_html(answer.probabilities, colour_of)
        + '<p class="pc-soft">Calibrated on pictures that the model was not trained on.</p></section>'
    )
    return f'<div class="pc-result" data-level="{html.escape(answer.level)}">' + "".join(found) + "</div>"


def map_html(
    answer,  # of a bundle
    square,  # the picture as the model sees it
    under_map,  # the same under the map; None where there is none
) -> str:  # HTML
    "Where the answer came from, and whether the map is exact."
    if under_map is None:
        return ""
    kind, words = (
        ("exact", "Exact: the parts of this map add up to the answer.")
        if answer.evidence_exact
        else (
            "approximate",
            "Approximate: the network mixes places after this map, so it shows only roughly where it looked.",
        )
    )
    return (
        f'<div class="pc-result"><section class="pc-card pc-where"><h3>Where it looked <span class="pc-tag">{kind}</span></h3><div class="pc-pair">'
        f'<figure><img src="{_data_uri(square)}" alt="the part of the picture that the model sees"><figcaption>what the model sees</figcaption></figure>'
        f'<figure><img class="pc-map" src="{_data_uri(under_map)}" alt="the same, orange where the evidence for the answer is"><figcaption>what spoke for {html.escape(pretty(answer.predicted))}</figcaption></figure></div>'
        f'<p class="pc-soft">{words} Orange spoke for it, grey did not.</p></section></div>'
    )


def problem_html(title, words):
    return f'<div class="pc-result" data-level="error"><section class="pc-card pc-verdict" role="alert"><p class="pc-badge pc-none">No answer</p><h2>{html.escape(title)}</h2><p>{html.escape(words)}</p></section></div>'


CAT = (
    '<g fill="#D55E00"><path d="M8 12 L14 30 L28 22 Z M48 12 L42 30 L28 22 Z" stroke="#D55E00" stroke-width="5" stroke-linejoin="round"/><ellipse cx="28" cy="36" rx="21" ry="18"/></g>'
    '<g fill="#fff"><circle cx="20" cy="33" r="3.6"/><circle cx="36" cy="33" r="3.6"/><path d="M25 40 h6 l-3 4 z"/></g>'
)
DOG = (
    '<g fill="#0072B2"><ellipse cx="28" cy="34" rx="18" ry="20"/><path d="M13 18 C2 16 0 34 5 46 C10 48 14 36 17 24 Z M43 18 C54 16 56 34 51 46 C46 48 42 36 39 24 Z" stroke="#0072B2" stroke-width="3" stroke-linejoin="round"/></g>'
    '<g fill="#fff"><circle cx="21" cy="30" r="3.4"/><circle cx="35" cy="30" r="3.4"/><ellipse cx="28" cy="41" rx="5.4" ry="4"/></g>'
)
LOGO = (
    f'<svg class="pc-logo" viewBox="0 0 118 60" aria-hidden="true">{CAT}<g transform="translate(60 2)">{DOG}</g></svg>'
)
ICON = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 2 56 56">{CAT}</svg>'
BOTTLE = (
    '<svg class="pc-bottle" viewBox="0 0 48 72" aria-hidden="true"><path d="M18 4 h14 v6 h-8 v8 h-6 z" fill="#045b41"/><rect x="8" y="18" width="32" height="50" rx="8" fill="#009E73"/>'
    '<rect x="8" y="34" width="32" height="20" fill="#fff" opacity=".92"/><g transform="translate(15.5 35) scale(.3)" ><g fill="#009E73"><circle cx="14" cy="16" r="7"/><circle cx="28" cy="10" r="7"/><circle cx="42" cy="16" r="7"/><path d="M28 24 C14 24 8 46 20 50 C26 51 30 51 36 50 C48 46 42 24 28 24 Z"/></g></g></svg>'
)


def welcome_html(about):
    "What is there before the first picture."
    what = {
        "breed": f"It knows {len(about.get('classes', []))} breeds, and says so when it is not sure.",
        "species": "It tells cats from dogs, and says so when it is not sure.",
    }.get(about.get("target"), "It says so when it is not sure.")
    return (
        f'<div class="pc-result" data-level=""><section class="pc-card pc-welcome"><h2>Show us your pet</h2><p>{html.escape(what)}</p>'
        "<ol><li>One animal, large in the picture</li><li>From the front or the side</li><li>In good light, not blurred</li></ol>"
        '<p class="pc-soft">The photo is deleted within ten minutes, and nobody else gets to see it.</p></section></div>'
    )


STYLE = """
.gradio-container { --page: #f5f5f2; --card: #fff; --ink: #1c2126; --soft: #59626d; --line: #deded9; --track: #e9e9e5; --link: #0a5f94; --badge: #dff3ea; --badge-ink: #045b41;
  --notice: #fff3d1; --notice-ink: #6b4b00; --none: #e9e9e5; }
.dark .gradio-container, .gradio-container.dark { --page: #14171b; --card: #1c2127; --ink: #e6e9ec; --soft: #a3adb8; --line: #313841; --track: #2b323a; --link: #7cc3f2; --badge: #113c2e; --badge-ink: #8fe0c0;
  --notice: #33290f; --notice-ink: #f0cf86; --none: #2b323a; }
.gradio-container { background: var(--page) !important; color: var(--ink); max-width: 70rem !important; margin: 0 auto !important; padding: 0 clamp(.9rem, 4vw, 2.5rem) 2rem !important; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
.gradio-container main, .gradio-container .main { padding: 0 !important; max-width: none !important; }
.pc-head { display: flex; align-items: center; gap: 1.1rem; padding: clamp(1.2rem, 4vw, 2.4rem) 0 .6rem; }
.pc-head .pc-logo { width: 7rem; flex: none; } .pc-head h1 { font-size: clamp(1.5rem, 4.5vw, 2.5rem); line-height: 1.15; letter-spacing: -.015em; font-weight: 750; margin: 0; color: var(--ink); text-wrap: balance; }
.pc-head p { margin: .25rem 0 0; color: var(--soft); font-size: 1rem; }
.pc-result { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); color: var(--ink); font-size: 1rem; line-height: 1.55; }
.pc-card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.2rem 1.35rem; min-width: 0; }
.pc-card h2 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; letter-spacing: -.02em; font-weight: 750; margin: .5rem 0 .25rem; color: var(--ink); text-wrap: balance; }
.pc-card h3 { font-size: 1.12rem; font-weight: 650; margin: 0 0 .7rem; color: var(--ink); line-height: 1.25; } .pc-card p { margin: 0; color: var(--ink); } .pc-card .pc-soft { color: var(--soft); font-size: .86rem; margin-top: .7rem; }
.pc-badge { display: inline-block; border-radius: 99px; padding: .1rem .75rem; font-size: .84rem; font-weight: 650; } .pc-card .pc-sure, .pc-card .pc-partly { background: var(--badge); color: var(--badge-ink); }
.pc-card .pc-unsure { background: var(--notice); color: var(--notice-ink); } .pc-card .pc-none { background: var(--none); color: var(--soft); }
.pc-card .pc-eyebrow { color: var(--soft); font-size: .82rem; } .pc-product { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 1.2rem; align-items: center; } .pc-product h3 { margin: .1rem 0 .35rem; font-size: 1.25rem; }
.pc-bottle { width: 3.3rem; } .pc-product .pc-soft { margin-top: .35rem; } .pc-soft b { color: var(--ink); font-weight: 600; margin-right: .3rem; }
.pc-again { border-style: dashed; background: none; }
.pc-bars { display: grid; gap: .5rem; } .pc-bar { display: grid; grid-template-columns: minmax(0, 9.5rem) minmax(2rem, 1fr) 4.9rem; gap: .8rem; align-items: center; font-size: .93rem; }
.pc-name { overflow-wrap: anywhere; line-height: 1.25; } .pc-value { text-align: right; font-weight: 600; white-space: nowrap; }
.pc-track { background: var(--track); border-radius: 99px; height: .65rem; overflow: hidden; display: block; } .pc-track > span { display: block; height: 100%; border-radius: 99px; min-width: 2px; }
.pc-rule { border: 0; border-top: 1px solid var(--line); margin: .9rem 0; }
.pc-tag { font-size: .76rem; font-weight: 600; color: var(--soft); border: 1px solid var(--line); border-radius: 99px; padding: .08rem .6rem; margin-left: .35rem; vertical-align: .1em; }
.pc-pair { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; } .pc-pair figure { margin: 0; min-width: 0; } .pc-pair img { width: 100%; display: block; border-radius: 10px; margin: 0; } .pc-pair figcaption { color: var(--soft); font-size: .82rem; margin-top: .35rem; text-align: center; }
.pc-welcome { text-align: center; padding: 2.2rem 1.4rem; } .pc-welcome ol { display: inline-block; text-align: left; margin: 1rem auto .3rem; padding-left: 1.3rem; list-style: decimal; color: var(--soft); }
.pc-thanks { color: var(--badge-ink); background: var(--badge); border-radius: 10px; padding: .6rem .9rem; } .pc-warn { color: var(--notice-ink); background: var(--notice); border-radius: 10px; padding: .6rem .9rem; }
#about { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: .4rem clamp(1rem, 3vw, 2rem) 1.4rem; min-width: 0; max-width: 100%; } #about h1 { font-size: 1.8rem; overflow-wrap: anywhere; } #about p, #about li { max-width: 46rem; }
#about table { display: block; overflow-x: auto; max-width: 100%; width: fit-content; border: 0; margin: .9rem 0; font-size: .93rem; } #about th, #about td { border: 0; border-top: 1px solid var(--line); padding: .4rem .9rem; } #about thead th { border-top: 0; color: var(--soft); font-weight: 500; } #about tr, #about thead, #about tbody { background: none; border: 0 !important; } #about table { border: 0 !important; } #about pre, #about code { white-space: pre-wrap !important; overflow-wrap: anywhere; word-break: break-word; }
.pc-foot { color: var(--soft); font-size: .86rem; padding: 1.2rem 0 0; } .pc-foot a { color: var(--link); }
.gradio-container .html-container, #result, #where, #told { padding: 0 !important; } .dark .gradio-container button[role=tab][aria-selected=true] { color: var(--badge-ink); }
#photo { border-radius: 14px; border: 1px solid var(--line); overflow: hidden; background: var(--card); } #wrong { border-radius: 14px; border: 1px solid var(--line); background: var(--card); }
.gradio-container button:focus-visible, .gradio-container a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
@media (max-width: 47.9rem) { #sides { flex-direction: column; flex-wrap: nowrap; } #sides > .column { display: contents; } #photo { order: 1; } #result { order: 2; } #where { order: 3; } #wrong { order: 4; } #sides > .column > * { width: 100%; } }
@media (max-width: 40rem) { .pc-bar { grid-template-columns: minmax(0, 6.6rem) minmax(1.5rem, 1fr) 4.7rem; gap: .55rem; font-size: .9rem; } .pc-head .pc-logo { width: 4.6rem; } .pc-head { gap: .8rem; } .pc-card { padding: 1rem 1.05rem; } .pc-head p { font-size: .93rem; } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
"""


# ## The door

ALLOWED = re.compile(
    r"/(config/?|theme\.css|robots\.txt|manifest\.json|favicon\.ico|(static|assets|svelte)/.*|gradio_api/(info/?|openapi\.json|app_id/?|startup-events|theme\.css|upload|upload_progress|cancel|reset/?"
    r"|file=(?![a-z]+:/).*|(call|run|api|heartbeat)/.*|queue/(join|data|status).*))?",
    re.IGNORECASE,
)
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)


class Door:
    "Between the network and Gradio: only what the page needs passes, no body is larger than a picture may be, no visitor asks without end, and no browser is let to load anything from elsewhere."

    def __init__(self, app, posts_a_minute, framed=False):
        self.app, self.limit, self.policy = (
            app,
            RateLimit(posts_a_minute),
            POLICY if framed else POLICY + "; frame-ancestors 'self'",
        )

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path, most = scope["path"], UPLOAD_MEGABYTES * 1_400_000 + 100_000  # base64 makes four bytes of three
        headers = dict(scope["headers"])
        if not ALLOWED.fullmatch(path):
            return await self._refuse(send, 404, "not here")
        if scope["method"] == "POST":
            if not headers.get(b"content-length", b"0").isdigit() or int(headers.get(b"content-length", b"0")) > most:
                return await self._refuse(send, 413, f"at most {UPLOAD_MEGABYTES} MB are taken")
            if not self.limit((scope.get("client") or ("",))[0]):
                return await self._refuse(send, 429, "too many requests; wait a minute")
        taken = 0

        async def bounded():
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return {"type": "http.disconnect"} if taken > most else message

        async def with_headers(message):
            if message["type"] == "http.response.start":
                more = [
                    (b"content-security-policy", self.policy.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
                if path.startswith("/gradio_api/file="):
                    more.append((b"cache-control", b"private, no-store"))
                message = {
                    **message,
                    "headers": [
                        (name, value)
                        for name, value in message["headers"]
                        if not (name.lower() == b"cache-control" and len(more) == 4)
                    ]
                    + more,
                }
            await send(message)

        await self.app(scope, bounded, with_headers)

    async def _refuse(self, send, status, words):
        body = json.dumps({"detail": words}).encode()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": body})


# ## The app


def import_gradio(
    folder,  # where uploads go: new, private, and gone at the end
):
    "Gradio, with all that calls home turned off before it is imported, and names of uploads that nobody can guess."
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False",
        GRADIO_TEMP_DIR=str(folder),
        GRADIO_RUN_HISTORY="False",
        GRADIO_MCP_SERVER="False",
        HF_HUB_DISABLE_TELEMETRY="1",
    )
    with _no_type_stubs():
        gradio = need("gradio", "app", "the web app")
    from gradio import processing_utils

    processing_utils.hash_seed = os.urandom(32)  # the name of an upload is a digest of this secret and its contents
    return gradio


@contextlib.contextmanager
def _no_type_stubs():
    "On every import Gradio writes type stubs beside its components, which is more than half of its time. It leaves out classes without a file: so they seem to have none."
    getfile = inspect.getfile

    def unless_for_stubs(thing):
        if sys._getframe(1).f_globals.get("__name__") == "gradio.component_meta":
            raise OSError("no stubs")
        return getfile(thing)

    inspect.getfile = unless_for_stubs
    try:
        yield
    finally:
        inspect.getfile = getfile


def _picture(gradio, folder, **settings):
    "An Image whose functions get what was sent, its path or its bytes, not yet decoded; and nothing but uploads counts as sent."
    image = gradio.Image(
        type="filepath", **settings
    )  # changed in place: a subclass would make Gradio write a file beside this module
    move = image.async_move_resource_to_block_cache

    def preprocess(payload):
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            try:
                return base64.b64decode(payload.url.partition(",")[2], validate=True)
            except (binascii.Error, ValueError):
                raise gradio.Error("the picture is not in base64", print_exception=False) from None
        if not payload.path or not Path(payload.path).resolve().is_relative_to(folder):
            raise gradio.Error("no picture was sent", print_exception=False)
        return payload.path

    async def move_uploads_only(path):
        # Gradio would fetch addresses and, mounted in another app, copy any file of this computer.
        if re.match("https?:", str(path or "")):
            raise gradio.Error("addresses are not fetched; send the picture itself", print_exception=False)
        if path is not None and not Path(path).resolve().is_relative_to(folder):
            raise gradio.Error("not an upload", print_exception=False)
        return await move(path)

    image.preprocess, image.async_move_resource_to_block_cache = preprocess, move_uploads_only
    return image


def strip_front_matter(text):
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)


def curl_line(
    address,  # where the app is
) -> str:  # for a shell
    "A picture from disk to an answer."
    return (
        "(printf '{\"data\":[{\"url\":\"data:image/jpeg;base64,'; base64 < pet.jpg | tr -d '\\n'; printf '\"}]}') |\n"
        f"  curl -s -H 'Content-Type: application/json' -d @- {address}/gradio_api/run/answer"
    )


def about_text(
    card,  # the bundle's README.md
    address,  # where the app is
) -> str:  # Markdown
    "The page about the model: its card, and how to ask it over HTTP."
    card = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", strip_front_matter(card))  # nothing is loaded from elsewhere
    return (
        f'{card.strip()}\n\n## The same answers over HTTP\n\n```sh\n{curl_line(address)}\n```\n\nThe reply is `{{"data": [ANSWER], ...}}`. An answer has `predicted`, `decision`, `level`, `species`, `breed`, `coat`, '
        "`probabilities`, `species_probabilities`, `pet`, `recommendation`, `model`, `seconds` and `error`, which is empty, or says why there is no answer. "
        f"A picture may have {UPLOAD_MEGABYTES} MB and {MEGAPIXELS} megapixels, and a visitor {ANSWERS_A_MINUTE} answers a minute.\n"
    )


def make_app(
    bundle,  # of `petclf.answers.load_bundle`
    card="",  # its README.md
    shampoos=None,  # of `read_shampoos`; None: petclf's own
    feedback=None,  # a `FeedbackStore`; None: no feedback is taken
    address=f"http://127.0.0.1:{PORT}",  # where it will be, for the curl line
    folder=None,  # an empty folder for uploads; None: a new temporary one
    answers_a_minute=ANSWERS_A_MINUTE,  # of one visitor
):  # an ASGI app
    "The app around a bundle."
    folder = Path(folder or tempfile.mkdtemp(prefix="petclf-app-")).resolve()
    gradio = import_gradio(folder)
    import fastapi

    about, shampoos = bundle.about, read_shampoos() if shampoos is None else shampoos
    name, how = str(about.get("name") or "model"), (about.get("preprocessing") or {}).get("resize", "crop")
    may_ask, may_tell, may_flood = (
        RateLimit(answers_a_minute),
        RateLimit(FEEDBACK_A_MINUTE),
        threading.BoundedSemaphore(WAITING),
    )
    one_at_a_time = (
        threading.Lock()
    )  # a bundle answers one caller on all cores, and one large picture at a time is decoded

    def visitor(request):
        return request.client.host if request and request.client else ""

    def look(source):
        "The answer, or why there is none."
        try:
            check_upload(source)
        except OSError:
            raise PictureError("the upload is gone; send it again") from None
        with one_at_a_time:
            answer = bundle(source)
        if answer.error:
            raise PictureError(answer.error)
        return answer

    def ask(source, request: gradio.Request):
        "The page's question."
        hidden, nothing = gradio.update(visible=False), gradio.skip()
        if source is None:
            return [nothing] * 6
        if not may_ask(visitor(request)):
            return (
                problem_html(
                    "One moment", f"That were more than {answers_a_minute} photos in a minute. Please wait a little."
                ),
                "",
                None,
                hidden,
                "",
                nothing,
            )
        try:
            answer = look(source)
            with one_at_a_time:
                square, under_map = map_picture(source, answer.evidence, how)
        except PictureError as error:
            reason = str(error)
            return (
                problem_html(
                    "This file cannot be used",
                    f"{reason[:1].upper()}{reason[1:]}. Please choose a photo: JPEG, PNG, WebP or HEIC.",
                ),
                "",
                None,
                hidden,
                "",
                None,
            )
        seen = dict(
            source=source,
            predicted=answer.predicted,
            decision=answer.decision,
            confidence=max(answer.probabilities.values(), default=None),
        )
        return (
            answer_html(answer, about, shampoos),
            map_html(answer, square, under_map),
            seen,
            gradio.update(visible=feedback is not None, open=False),
            "",
            nothing,
        )

    def answer_over_http(picture, request: gradio.Request):
        "The answer about a picture as JSON: what it shows, how sure that is, and what to recommend."
        if picture is None:
            return dict(error="no picture was sent", model=name)
        if not may_ask(visitor(request)):
            return dict(error=f"more than {answers_a_minute} pictures in a minute; wait a little", model=name)
        if not may_flood.acquire(blocking=False):
            return dict(error="too many at once; try again in a moment", model=name)
        try:
            return answer_record(look(picture), shampoos, name)
        except PictureError as error:
            return dict(error=str(error), model=name)
        finally:
            may_flood.release()

    def tell(seen, right, consent, consent_picture, request: gradio.Request):
        "What a visitor says about an answer."
        say = lambda kind, words: f'<p class="pc-{kind}" role="status">{html.escape(words)}</p>'
        if not seen:
            return say("warn", "Show a photo first."), gradio.skip()
        if not right:
            return say("warn", "Please choose what is right."), gradio.skip()
        if not consent:
            return say(
                "warn", "Without your consent nothing is kept. Tick the first box to send your answer."
            ), gradio.skip()
        if not may_tell(visitor(request)):
            return say("warn", "That were many answers in a minute. Please wait a little."), gradio.skip()
        picture = None
        if consent_picture:
            try:
                picture = clean_picture(open_picture(seen["source"]))
            except PictureError:
                return say("warn", "The photo is not here any more. Please send it again."), gradio.skip()
        try:
            number = feedback.keep(right, True, picture, seen["predicted"], seen["decision"], seen["confidence"], name)
        except PetclfError as error:
            print(f"petclf: {error}", flush=True)
            return say("warn", "Your answer could not be kept. Sorry."), gradio.skip()
        return say(
            "thanks",
            f"Thank you. Kept: your answer{' and the photo' if picture else ', not the photo'}. Its number is {number}, should you want it deleted.",
        ), None

    choices = [(pretty(label), label) for label in sorted(bundle.classes, key=lambda label: pretty(label).lower())]
    if about.get("target") == "breed":
        choices.append(("Another breed, or a mix", ANOTHER_BREED))
    choices.append(("No pet at all", NO_PET))
    title = {"breed": "Which breed is it?", "species": "Cat or dog?"}.get(about.get("target"), "What is it?")

    with gradio.Blocks(title="petclf: " + title, analytics_enabled=False, delete_cache=(60, KEPT_SECONDS)) as blocks:
        gradio.HTML(
            f'<header class="pc-head">{LOGO}<div><h1>{title}</h1><p>A photo of your pet, and the shampoo that suits its coat.</p></div></header>',
            apply_default_css=False,
        )
        with gradio.Tabs():
            with gradio.Tab("Photo"):
                with gradio.Row(equal_height=False, elem_id="sides"):
                    with gradio.Column(scale=4, min_width=300):
                        photo = _picture(
                            gradio,
                            folder,
                            label="Photo",
                            show_label=False,
                            sources=["upload", "webcam", "clipboard"],
                            height=360,
                            buttons=[],
                            elem_id="photo",
                            placeholder="Drop a photo here\n- or -\nclick to choose one",
                        )
                        where = gradio.HTML("", apply_default_css=False, elem_id="where")
                    with gradio.Column(scale=5, min_width=300):
                        result = gradio.HTML(welcome_html(about), apply_default_css=False, elem_id="result")
                        with gradio.Accordion("That is wrong", open=False, visible=False, elem_id="wrong") as wrong:
                            right = gradio.Dropdown(choices, value=None, label="What is it really?", elem_id="right")
                            consent = gradio.Checkbox(
                                False, label="You may keep my answer to improve the model", elem_id="consent"
                            )
                            consent_picture = gradio.Checkbox(
                                False,
                                label="You may keep the photo too (made smaller, without place, time and camera)",
                                elem_id="consent-picture",
                            )
                            send = gradio.Button("Send", variant="primary", elem_id="send")
                            told = gradio.HTML("", apply_default_css=False, elem_id="told")
            with gradio.Tab("About the model"):
                gradio.Markdown(about_text(card, address), elem_id="about")
        gradio.HTML(
            f'<footer class="pc-foot">Model {html.escape(name)}. Photos are deleted within ten minutes unless you allow one to be kept; nothing is passed on.</footer>',
            apply_default_css=False,
        )
        seen = gradio.State(None, time_to_live=KEPT_SECONDS)
        hidden, sent, reply = (
            gradio.Button(visible=False),
            _picture(gradio, folder, visible=False),
            gradio.JSON(visible=False),
        )

        photo.change(
            ask,
            photo,
            [result, where, seen, wrong, told, photo],
            api_visibility="private",
            show_progress="minimal",
            show_progress_on=result,
            concurrency_limit=2,
            concurrency_id="answers",
        )
        photo.clear(
            lambda: (welcome_html(about), "", None, gradio.update(visible=False), ""),
            None,
            [result, where, seen, wrong, told],
            api_visibility="private",
            show_progress="hidden",
            queue=False,
        )
        send.click(
            tell,
            [seen, right, consent, consent_picture],
            [told, seen],
            api_visibility="private",
            show_progress="minimal",
            concurrency_limit=1,
        )
        hidden.click(answer_over_http, sent, reply, api_name="answer", queue=False)
    blocks.state_session_capacity = VISITORS
    blocks.queue(max_size=WAITING, api_open=False, default_concurrency_limit=2)

    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
    theme = gradio.themes.Base(
        primary_hue=gradio.themes.Color(
            "#e7f6f0",
            "#dff3ea",
            "#bfe6d6",
            "#8fd4b8",
            "#4fb993",
            "#045b41",
            "#045b41",
            "#04503a",
            "#034432",
            "#033528",
            "#02271d",
        ),
        neutral_hue="stone",
        radius_size="lg",
        font=fonts,
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    ).set(
        body_background_fill="#f5f5f2",
        body_background_fill_dark="#14171b",
        block_background_fill="#fff",
        block_background_fill_dark="#1c2127",
        block_border_color="#deded9",
        block_border_color_dark="#313841",
        body_text_color="#1c2126",
        body_text_color_dark="#e6e9ec",
        button_primary_background_fill="#045b41",
        button_primary_background_fill_hover="#037a57",
        button_primary_background_fill_dark="#0a7a5a",
        button_primary_text_color="#fff",
        background_fill_primary="#fff",
        background_fill_primary_dark="#1c2127",
    )
    (folder / "icon.svg").write_text(ICON, encoding="utf-8")
    server = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gradio.mount_gradio_app(
        server,
        blocks,
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
        theme=theme,
        css=STYLE,
        favicon_path=str(folder / "icon.svg"),
        allowed_paths=[],
        app_kwargs=dict(docs_url=None, redoc_url=None, openapi_url=None),
    )
    return Door(server, 8 * answers_a_minute, framed=bool(os.environ.get("SPACE_ID")))


def _listening(host, port):
    "A socket of ours, or one line that says why not."
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        return listening
    except OSError as error:
        reason = (
            "taken by another program; choose another one with --port"
            if error.errno in (48, 98, 10048)
            else f"cannot be had: {error.strerror or error}"
        )
        raise PetclfError(f"--port {port} on {host}: {reason}") from None


def serve(
    path,  # a bundle: its folder, or a zip
    host="127.0.0.1",  # who may come: 127.0.0.1 is this computer only, 0.0.0.0 everybody
    port=PORT,  # where it listens; 0: a free one
    shampoos=None,  # a CSV file; None: petclf's own
    feedback=None,  # a folder; None: beside the bundle
    engine="auto",  # `auto`, `onnxruntime` or `openvino`
    answers_a_minute=ANSWERS_A_MINUTE,  # of one visitor
    say=print,  # what tells the address
):
    "Serve a bundle until Ctrl-C."
    table = read_shampoos(shampoos)
    listening = _listening(host, port)
    threading.Thread(target=_import_early, daemon=True).start()  # Gradio's import takes longer than anything else here
    bundle, card = open_bundle(path, engine)
    port = listening.getsockname()[1]
    shown = f"http://{f'[{host}]' if ':' in host else 'localhost' if host in ('0.0.0.0', '::') else host}:{port}"
    with tempfile.TemporaryDirectory(prefix="petclf-app-", ignore_cleanup_errors=True) as folder:
        app = make_app(
            bundle, card, table, FeedbackStore(feedback or feedback_folder(path)), shown, folder, answers_a_minute
        )
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
        server = uvicorn.Server(config)
        say(f"petclf app: {shown} (Ctrl-C ends it)", flush=True)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that uploads are deleted then too
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            listening.close()


def _import_early():
    try:
        import_gradio(tempfile.gettempdir())  # `make_app` names the folder
    except Exception:
        pass  # it complains there


def open_bundle(
    path,  # a bundle: its folder, or a zip
    engine="auto",  # `auto`, `onnxruntime` or `openvino`
) -> tuple:  # the `Bundle` and its card
    "A bundle and what its README.md says."
    from petclf.answers import BundleError, load_bundle

    try:
        bundle = load_bundle(path, engine)
    except BundleError as error:
        raise PetclfError(str(error)) from None
    return bundle, read_card(path)


def read_card(path):
    "The card of a bundle; empty where it has none."
    import zipfile

    try:
        if Path(path).is_dir():
            return (Path(path) / "README.md").read_text(encoding="utf-8")
        with zipfile.ZipFile(path) as file:
            return file.read("README.md").decode("utf-8")
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile):
        return ""


# ## A Hugging Face Space

LIGHT = (
    "__init__.py",
    "errors.py",
    "files.py",
    "pixels.py",
    "engines.py",
    "answers.py",
    "feedback.py",
    "app.py",
    "tables/shampoos.csv",
    "tables/breeds.csv",
)  # what the app needs of petclf
SPACE_APP = """\
"The app of this Space: petclf's own, on the bundle beside it."
import os

from petclf.app import PORT, serve

serve({bundle!r}, host="0.0.0.0", port=int(os.environ.get("GRADIO_SERVER_PORT", PORT)), feedback="/data/feedback" if os.access("/data", os.W_OK) else "feedback")
"""


def write_space(
    bundle,  # a bundle: its folder, or a zip
    folder,  # a new or empty folder
) -> Path:  # the folder
    "Write a Hugging Face Space that serves a bundle: app file, requirements, card, bundle, and the light modules. No torch."
    from petclf.answers import BundleError, load_bundle

    bundle, folder = Path(bundle), Path(folder)
    try:
        about = load_bundle(bundle).about  # every file is the one that was exported, and none lies elsewhere
    except BundleError as error:
        raise PetclfError(str(error)) from None
    check_new_folder(folder, "--space ")
    from petclf.files import folder_written_whole

    if folder.is_dir():
        folder.rmdir()  # Windows puts no folder in the place of another
    title = {"breed": "Which breed is it?", "species": "Cat or dog?"}.get(about.get("target"), "What is it?")
    card = strip_front_matter(read_card(bundle)).strip()
    requirements = [
        "gradio>=6.14,<7",
        "numpy>=2.0,<3",
        "onnxruntime>=1.20,<2",
        "pillow>=11.0,<14",
        "pillow-heif>=0.20,<2",
    ]
    if about.get("precision") == "bf16":
        requirements.append("openvino>=2025.0")  # its thresholds hold for what onnxruntime does not have
    front = dict(
        title=f"petclf: {title}",
        emoji="\U0001f43e",
        colorFrom="green",
        colorTo="yellow",
        sdk="gradio",
        sdk_version=_gradio_version(),
        python_version="3.11",
        app_file="app.py",
        pinned=False,
    )
    with folder_written_whole(folder) as temporary:
        name = "bundle.zip" if bundle.is_file() else "bundle"
        if bundle.is_file():
            shutil.copyfile(bundle, temporary / name)
        else:
            (temporary / name).mkdir()
            for file in ["bundle.json", *about["files"]]:
                shutil.copyfile(bundle / file, temporary / name / file)
        for file in LIGHT:
            target = temporary / "petclf" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(__file__).parent / file, target)
        (temporary / "app.py").write_text(SPACE_APP.format(bundle=name), encoding="utf-8")
        (temporary / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
        (temporary / ".gitattributes").write_text(
            "".join(
                f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in ("*.onnx", "*.safetensors", "*.zip")
            ),
            encoding="utf-8",
        )
        (temporary / "README.md").write_text(
            "---\n"
            + "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in front.items())
            + f"---\n\n{card}\n",
            encoding="utf-8",
        )
    return folder


def _gradio_version():
    "The installed one, which was tried; else the one that petclf was tested with."
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gradio")
    except PackageNotFoundError:
        return "6.31.0"
