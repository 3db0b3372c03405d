"""Records that are hard to print: other scripts, all blocks, 60 columns, a hundred pages."""

from __future__ import annotations

from decisions.actions.lifecycle import submit
from decisions.actions.review import send_review
from decisions.actions.rows import edit_candidate
from decisions.models import Candidate, Decision, Meaning, Role, Verdict
from tests import factories
from tests.factories import People, fresh

SENTENCES = {
    "Arabic": "أين تذهب الرسائل؟ يقرر الفريق ذلك **معًا** في 3 أيام، ثم يوقّع.",
    "Hebrew": "לאן הולכות ההודעות? הצוות מחליט **יחד** בתוך 3 ימים וחותם.",
    "Chinese": "消息应该去哪里?团队在**三天**内共同决定并签名。",
    "Japanese": "メッセージはどこへ行くべきか。チームが**一緒に**直ちに決めて署名する。",
    "Korean": "메시지는 어디로 가야 합니까? 팀이 **함께** 결정하고 서명합니다.",
    "Hindi": "संदेश कहाँ जाएँ? टीम **साथ** में तय करती है और हस्ताक्षर करती है।",
    "Bengali, Tamil, Telugu": "বার্তা কোথায় যাবে? செய்திகள் எங்கே? సందేశాలు ఎక్కడికి?",
    "Thai, Lao, Khmer, Burmese": "ข้อความควรไปที่ใด ຂໍ້ຄວາມ សារ ကြေးနန်း",
    "Cyrillic and Greek": "Куда идут сообщения? Πού πάνε τα μηνύματα;",
    "Signs": "Done ✓, risky ⚠, a party 🎉, a family 👩‍👩‍👧, cuneiform 𒀀, turned \u202egnorw\u202c, "
    "a bell \a and a line\u2028end.",
}
# What is usual in Markdown, and easily told wrongly to who reads with their ears.
BLOCKS = """# A heading

### One far below

1. A loose item

   in two paragraphs

   - and another

     in it

   | A table | in it |
   |---------|-------|
   | of      | cells |

2. ```
   code
   ```

> ## A heading in a quotation

- # A heading in an item

| A head | without rows |
|--------|--------------|
"""
LONG_WORD = "Donaudampfschifffahrtselektrizitaeten" * 8 + "hauptbe"  # 303 letters


def many_scripts() -> People:
    """Make the six people with names from four scripts."""
    return People(
        owner=factories.person("olivia", "ليلى الحداد"),
        business=factories.person("bruno", "דוד כהן", time_zone="Asia/Jerusalem"),
        data_science=factories.person("dana", "山田 太郎", time_zone="Asia/Tokyo"),
        devops=factories.person("devi", "김민준", time_zone="Asia/Seoul"),
        ux=factories.person("uma", "王小明", time_zone="Asia/Shanghai"),
        outsider=factories.person("xaver", "आरती शर्मा"),
    )


def in_many_scripts(people: People) -> Decision:
    """Return a signed record whose title, candidates, texts and dissent are in many scripts."""
    record = factories.complete_draft(people, title="أين تذهب الرسائل؟ メッセージはどこへ?")
    for candidate, name in zip(record.candidates.all(), ("提示词更好", "ראש מכוונן"), strict=True):
        blocks = dict.fromkeys(("summary", "data_needed", "risks"), BLOCKS)
        _edit(candidate, people, name=name, **blocks)
    told = "\n\n".join(f"{name}: {text}\n\n{text}" for name, text in SENTENCES.items())
    listed = "\n".join(f"- {text}" for text in SENTENCES.values())
    texts = {"question": BLOCKS, "problem": told, "scope": f"{listed}\n\n{BLOCKS}"}
    factories.edit(record, "problem", people, **texts)
    return _signed(record, people, said=f"{SENTENCES['Arabic']}\n\n{BLOCKS}")


def long_and_wide(people: People) -> Decision:
    """Return a signed record of about 100 pages, 60 columns, and words of 300 letters."""
    record = factories.complete_draft(people, title=LONG_WORD[:200])
    for candidate in record.candidates.all():
        _edit(candidate, people, name=f"{candidate.letter}{LONG_WORD}"[:120])
    # Mostly headings: to lay out lines of text is what takes long.
    many = "\n\n".join(f"## {number}\n\nConsidered." for number in range(1, 1600))
    factories.edit(
        record,
        "problem",
        people,
        problem=f"{table_of(60)}\n\n{LONG_WORD}\n\n`{LONG_WORD}`\n\n{many}",
        scope=f"- {LONG_WORD}\n\n> {LONG_WORD}\n\n| a | b |\n|---|--:|\n| {LONG_WORD} | 1 |",
    )
    return _signed(record, people, said=LONG_WORD)


def table_of(columns: int, rows: int = 3) -> str:
    """Return a table in Markdown, every cell with its own text."""
    lines = [
        [f"Column {column}" for column in range(1, columns + 1)],
        ["---"] * columns,
        *([f"r{row}c{column}" for column in range(1, columns + 1)] for row in range(1, rows + 1)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _edit(candidate: Candidate, people: People, **values: str) -> None:
    edit_candidate(candidate, by=people.data_science, token=candidate.token, **values)


def _signed(record: Decision, people: People, said: str) -> Decision:
    """Submit a record, have UX review it and sign with a reservation, and the others sign."""
    submit(record, by=people.owner)
    send_review(record, by=people.ux, verdict=Verdict.COMMENT, body=said)
    for role, user in people.signatories.items():
        reserved = {"meaning": Meaning.APPROVE_WITH_RESERVATION, "text": said}
        factories.sign(record, user, role, **(reserved if role == Role.UX else {}))
    return fresh(record)
