"""Formulas of the bank as HTML that every front end can show, without a typesetter.

The TeX of the bank is small: Greek letters, fractions, roots, hats, indices and powers. What else a formula uses raises
FormulaError, so that no backslash reaches a reader.
"""

from __future__ import annotations

import functools
import html
import re

SYMBOLS = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "varepsilon": "ε",
    "theta": "θ",
    "eta": "η",
    "lambda": "λ",
    "mu": "μ",
    "sigma": "σ",
    "phi": "φ",
    "partial": "∂",
    "nabla": "∇",
    "sum": "∑",
    "prod": "∏",
    "leftarrow": "←",
    "mapsto": "↦",
    "approx": "≈",
    "ne": "≠",
    "le": "≤",
    "ge": "≥",
    "in": "∈",
    "sim": "∼",
    "propto": "∝",
    "cdot": "·",
    "times": "×",
    "pm": "±",
    "top": "⊤",
    "infty": "∞",
    "mid": "∣",
    "lVert": "‖",
    "rVert": "‖",
    "log": "log",
    "ln": "ln",
    "min": "min",
    "max": "max",
    "arg": "arg",
    "sin": "sin",
}
WIDE = set("=+−<>←↦≈≠≤≥∈∼∝∣")
"""Signs with a space on both sides, where something stands before them."""
FUNCTIONS = ("log ", "ln ", "min ", "max ", "sin ")
WORDS = {"mathrm", "text"}
ACCENTS = {"hat": "\u0302", "bar": "\u0304"}
_RELATIONS = {name for name, sign in SYMBOLS.items() if sign in WIDE}
_RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|.")


class FormulaError(ValueError):
    """A formula with a command that is not known here."""


@functools.cache
def formula(tex: str) -> str:
    """One formula, without its dollar signs, as HTML.

    >>> formula(r"\\hat{x}=\\frac{x-\\mu}{\\sqrt{\\sigma^2+\\varepsilon}}")
    '<i>x̂</i> = (<i>x</i> − <i>μ</i>) / √(<i>σ</i><sup>2</sup> + <i>ε</i>)'
    """
    tokens = [token for token in _TOKEN.findall(tex) if not token.isspace()]
    tokens.reverse()
    made = _several(tokens, "")
    return re.sub(r"  +", " ", made).strip()


def _several(tokens: list[str], end: str) -> str:
    made = ""
    while tokens:
        if tokens[-1] == end:
            tokens.pop()
            return made
        made += _one(tokens, made)
    if end:
        raise FormulaError(f"a group without {end}")
    return made


def _one(tokens: list[str], before: str) -> str:
    token = tokens.pop()
    if token == "{":
        return _several(tokens, "}")
    if token in "^_":
        tag = "sup" if token == "^" else "sub"
        return f"<{tag}>{_tight(_argument(tokens))}</{tag}>"
    if token.startswith("\\"):
        return _command(token[1:], tokens, before)
    if token == "-":
        token = "−"
    if token == "'":
        token = "′"
    if token in WIDE:
        return _sign(token, before)
    if token.isalpha():
        return f"<i>{token}</i>"
    return html.escape(token)


def _command(name: str, tokens: list[str], before: str) -> str:
    if name == "frac":
        top, bottom = _argument(tokens), _argument(tokens)
        short = len(_seen(top + bottom)) <= 2
        ratio = f"{top}/{bottom}" if short else f"{_bracketed(top)} / {_bracketed(bottom)}"
        return f"({ratio})" if _times(tokens) or before.endswith(FUNCTIONS) else ratio
    if name == "sqrt":
        return f"√{_bracketed(_argument(tokens))}"
    if name in ACCENTS:
        letter = _seen(_argument(tokens))
        return f"<i>{letter}{ACCENTS[name]}</i>"
    if name in WORDS:
        word = re.sub(r"</?i>", "", _argument(tokens))
        return re.sub(r" *− *", "-", word)
    if name == ",":
        return "\u2009"
    if name in ("|", "lVert", "rVert"):
        return "‖"
    if name in ("%", "{", "}", "_"):
        return name
    if name not in SYMBOLS:
        raise FormulaError(f"the command \\{name}")
    sign = SYMBOLS[name]
    if sign in WIDE:
        return _sign(sign, before)
    if len(sign) > 1:
        return sign if tokens and tokens[-1] == "(" else f"{sign} "
    return f"<i>{sign}</i>" if sign.isalpha() else sign


def _times(tokens: list[str]) -> bool:
    """Is what follows a factor, so that a fraction before it needs brackets?"""
    return bool(tokens) and tokens[-1] not in {"}", ")", "]", ",", *"=+-<>"} and tokens[-1][1:] not in _RELATIONS


def _argument(tokens: list[str]) -> str:
    if not tokens:
        raise FormulaError("a command without its argument")
    return _one(tokens, "")


def _sign(sign: str, before: str) -> str:
    """A sign between two things has spaces; one in front of a thing has none."""
    alone = not _seen(before).strip() or _seen(before).rstrip()[-1] in "(=+−←{,"
    return html.escape(sign if alone else f" {sign} ")


def _bracketed(made: str) -> str:
    """In brackets where it has more than one part."""
    seen = _seen(made).strip()
    plain = re.fullmatch(r"[\w.,\u0302\u0304′]+|√\(.*\)|√\w+|\([^()]*\)", seen) is not None
    return made if plain else f"({made.strip()})"


def _tight(made: str) -> str:
    return re.sub(r" ?([−+=/<]) ?", r"\1", made) if "<i" not in made or len(_seen(made)) < 9 else made


def _seen(made: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", made))


def bare(made: str) -> str:
    """HTML without its tags; indices and powers stay readable.

    >>> bare("<i>σ</i><sup>2</sup>, 10<sup>−5</sup>, <i>x</i><sub>run</sub>")
    'σ², 10⁻⁵, x_run'
    """
    raised = re.sub(r"<sup>([−\d]+)</sup>", lambda m: m[1].translate(_RAISED), made)
    lowered = raised.replace("<sup>", "^").replace("<sub>", "_")
    return html.unescape(re.sub(r"<[^>]*>", "", lowered))
