"""Which way a text runs, for which language its letters are drawn, and what no font draws. Pure.

Nobody says in a form in which language they write. Where letters of one code have other forms in
another language (Chinese, Japanese, Korean), it is read off the other letters of the text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from django.utils.html import format_html
from django.utils.safestring import SafeString

RIGHT_TO_LEFT, LEFT_TO_RIGHT = {"R", "AL"}, {"L"}
# The first block of letters that a text has any of says for whom Han is drawn: kana and hangul
# before Han itself, which Japanese and Korean have as well.
_LANGUAGES = (
    ("ja", 0x3040, 0x30FF),
    ("ko", 0x1100, 0x11FF),
    ("ko", 0xAC00, 0xD7AF),
    ("zh-Hant", 0x3100, 0x312F),
    ("zh", 0x4E00, 0x9FFF),
)
_FIRST_OF_THEM = 0x1100
# Behind these a text would read in another order than it is written and signed in: embeddings,
# overrides and isolates, and what ends them (Unicode Standard Annex 9).
_OVERRIDES = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_UNSEEN = {"Cf", "Zs", "Zp"}
# Ends of lines and tabs are blanks in HTML; other controls are drawn as boxes, and so are these
# marks of old scripts, of shorthand and of annotations.
_BLANKS = {0x09, 0x0A, 0x0D}
_BOXED = {0x070F, 0x0890, 0x0891, 0x110BD, 0x110CD} | {
    *range(0xFFF9, 0xFFFC),
    *range(0x13430, 0x13440),
    *range(0x1BCA0, 0x1BCA4),
}
_SYMBOLS = {"So", "Sk", "Sm"}


def runs_right_to_left(text: str) -> bool:
    """Return whether a text begins with a letter of a script that is read from right to left."""
    for letter in text:
        way = unicodedata.bidirectional(letter)
        if way in LEFT_TO_RIGHT or way in RIGHT_TO_LEFT:
            return way in RIGHT_TO_LEFT
    return False


def language_of(text: str) -> str:
    """Return the language that a text's letters are drawn for ("ja"); "" where none matters."""
    found = {ord(letter) for letter in text if ord(letter) >= _FIRST_OF_THEM}
    if not found:
        return ""
    within = (name for name, low, high in _LANGUAGES if any(low <= one <= high for one in found))
    return next(within, "")


def as_written(text: str) -> SafeString:
    """Return a text as HTML that stands apart from what is around it, in its own direction."""
    language, is_rtl = language_of(text), runs_right_to_left(text)
    if not language and not is_rtl:
        return format_html("{}", text)
    return format_html("<bdi{}>{}</bdi>", _attributes(language, is_rtl), text)


def attributes_of(text: str) -> SafeString:
    """Return ` dir="rtl"` for the element that holds a text; "" where it needs none."""
    return _attributes(language_of(text), runs_right_to_left(text))


def undrawable(text: str, drawable: Collection[int]) -> list[str]:
    """Return the letters of a text that can be seen and that no font draws, in their order.

    Among them are those that would turn the order of the letters after them around.
    """
    return sorted(one for one in set(text) if _is_undrawable(one, drawable))


def spelled_out(text: str, letters: Collection[str]) -> str:
    """Return a text with these letters written out in brackets."""
    return text.translate({ord(one): name_of(one) for one in letters})


def name_of(letter: str) -> str:
    """Return what stands in a letter's place: "[grinning face]", or "[U+12000]" for no symbol."""
    name = unicodedata.name(letter, "")
    is_symbol = unicodedata.category(letter) in _SYMBOLS and name
    return f"[{name.lower()}]" if is_symbol else f"[U+{ord(letter):04X}]"


def _attributes(language: str, is_rtl: bool) -> SafeString:
    way = format_html(' dir="{}"', "rtl") if is_rtl else ""
    spoken = format_html(' lang="{}"', language) if language else ""
    return format_html("{}{}", way, spoken)


def _is_undrawable(letter: str, drawable: Collection[int]) -> bool:
    number = ord(letter)
    if number in _OVERRIDES:
        return True
    is_unseen = unicodedata.category(letter) in _UNSEEN and number not in _BOXED
    if number in drawable or number in _BLANKS or is_unseen:
        return False
    return not unicodedata.name(letter, "").startswith("VARIATION SELECTOR")
