"""DR-2 to DR-6: the other states a decision can be in."""

from decisions.models import Role
from evaluations.sample.routing import EVERYONE
from evaluations.sample.story import Plan

BUSINESS, DATA, OPS, UX = Role.BUSINESS, Role.DATA_SCIENCE, Role.DEVOPS, Role.UX


def goal(
    metric: str,
    name: str,
    target: float,
    worst: float,
    unit: str,
    *,
    weight: float = 1.0,
    must: bool = False,
    by: Role = DATA,
) -> dict[str, object]:
    """Return a goal's values; latencies and rates are better when lower."""
    lower = metric.startswith(("latency", "error", "cost"))
    return {
        "metric": metric,
        "name": name,
        "direction": "at_most" if lower else "at_least",
        "target": target,
        "worst_acceptable": worst,
        "unit": unit,
        "weight": weight,
        "is_must": must,
        "proposed_by_role": by,
    }


ACCURACY = "Accuracy"
P95 = "Latency, 95th percentile"

PROFILE = {
    "profile_operations": {
        "load": "1,100 messages a day",
        "latency": "A few seconds a message",
        "compute": "cpu",
        "deployment": "Inside our own network",
        "skills": "Two people who run Python services",
    },
    "profile_data": {
        "change": "static",
        "labelled": "hundreds",
        "language": "plain",
        "sensitivity": "personal",
    },
}

OVERNIGHT = Plan(
    title="How is the overnight queue sorted until routing is decided?",
    owner="priya",
    days_ago=124,
    tags=("support", "stopgap"),
    visibility="everyone",
    people=EVERYONE,
    case_set="support-routing",
    goals=(
        goal("accuracy", ACCURACY, 60, 45, "%", weight=2, must=True, by=BUSINESS),
        goal("latency_p95", P95, 500, 2000, "ms", by=OPS),
    ),
    candidates=(
        {
            "name": "Search over solved messages (BM25)",
            "approach": "rag",
            "summary": "Word search in the routed messages; the teams of the best matches vote.",
            "spec": {"technique": "rag/bm25_knn"},
        },
        {
            "name": "Zero-shot prompt template",
            "approach": "prompting",
            "summary": "A sentence on each team; the nearest one wins.",
            "spec": {"technique": "prompting/zero_shot"},
        },
    ),
    parts={
        "problem": {
            "problem": (
                "Messages that arrive after eight in the evening lie unsorted until the early "
                "shift. By then there are two hundred of them and the first hour is gone."
            ),
            "question": "What sorts the overnight messages until the lasting answer is found?",
            "scope": "Only the night, only as a first pass: the early shift checks every team.",
            "timeline": "This week; good for three months at most",
        },
        "profile_business": {"focus": "niche", "stakes": "low"},
        **PROFILE,
        "profile_interaction": {
            "complexity": "simple",
            "tone": "None",
            "failure": "The early shift moves a message to another team, as it does today.",
        },
    },
    ratings={
        ("A", BUSINESS): {"cost": (5, "Nothing to buy."), "time": (5, "Two days.")},
        ("B", BUSINESS): {"cost": (5, "Nothing to buy."), "time": (5, "Two days.")},
        ("A", DATA): {"data": (4, "The messages of spring."), "risk": (4, "Simple and known.")},
        ("B", DATA): {"data": (5, "Ten sentences."), "risk": (3, "Hard to steer.")},
        ("A", OPS): {
            "scalability": (5, "Fits in memory."),
            "monitoring": (4, "Shows its matches."),
            "upkeep": (4, "A nightly rebuild."),
        },
        ("B", OPS): {
            "scalability": (4, "One embedding a message."),
            "monitoring": (2, "Gives no reason."),
            "upkeep": (5, "None for three months."),
        },
        ("A", UX): {"fit": (4, "Shows its matches."), "failure": (3, "As today.")},
        ("B", UX): {"fit": (3, "No reason given."), "failure": (3, "As today.")},
    },
    readings={
        "results_data_science": {
            "reading": (
                "Word search reaches {A.accuracy}, the zero-shot template {B.accuracy}, on the "
                "same held-out messages. The intervals overlap: this does not decide which of "
                "the two is better, only that both are good enough for a first pass."
            )
        },
        "results_devops": {"reading": "Both are far inside the budget: {A.latency_p95} at worst."},
        "results_ux": {"reading": "The early shift prefers the search: a match explains itself."},
        "results_business": {
            "reading": "Good enough for a first pass that people check, and it costs nothing."
        },
        "recommendation": {
            "chosen": ["A"],
            "rationale": (
                "Word search (A) is simple, explains itself and is in place within two days. As a "
                "first pass that a person checks, {A.accuracy} is enough."
            ),
            "consequences": "The early shift starts with sorted messages and corrects them.",
            "risks": "A stopgap that stays. The date below is there so that it does not.",
            "exit_criteria": "Ends with the routing decision, or when the early shift says so.",
            "review_on": "+100",
        },
    },
)

KEYWORDS = Plan(
    title="Which messages must be answered today? (word search)",
    owner="tomasz",
    days_ago=96,
    visibility="everyone",
    tags=("support", "urgency"),
    people=EVERYONE,
    case_set="support-urgency",
    goals=(goal("accuracy", ACCURACY, 60, 40, "%", weight=2, must=False),),
    candidates=(
        {
            "name": "Search over past messages (BM25)",
            "approach": "rag",
            "summary": "The urgency of the messages with the same words decides.",
            "spec": {"technique": "rag/bm25_knn"},
        },
    ),
    parts={
        "problem": {
            "problem": "Urgent messages wait in the same line as questions about bulbs.",
            "question": "Can word search alone pick out what must be answered today?",
            "scope": "English messages; a first attempt with what we have.",
        },
        "profile_business": {"focus": "niche", "stakes": "medium"},
        **PROFILE,
        "profile_interaction": {
            "complexity": "simple",
            "tone": "None",
            "failure": "Somebody stands in front of a locked greenhouse and waits until Monday.",
        },
    },
    ratings={
        ("A", BUSINESS): {"cost": (5, "Nothing to buy."), "time": (5, "Days.")},
        ("A", DATA): {"data": (4, "Labelled in spring."), "risk": (3, "Urgency is in the tone.")},
        ("A", OPS): {
            "scalability": (5, "Fits in memory."),
            "monitoring": (4, "Shows its matches."),
            "upkeep": (4, "A nightly rebuild."),
        },
        ("A", UX): {"fit": (3, "A flag on the message."), "failure": (2, "Misses quiet urgency.")},
    },
    readings={
        "results_data_science": {
            "reading": "Word search reaches {A.accuracy}. It misses urgency that is told calmly."
        },
        "results_devops": {"reading": "Answers take {A.latency_p95} at the slow end."},
        "results_ux": {"reading": "Better than no order at all, as long as nobody relies on it."},
        "results_business": {"reading": "A start, for the price of two days."},
        "recommendation": {
            "chosen": ["A"],
            "rationale": "Use word search as a hint ({A.accuracy}), and look for better.",
            "consequences": "Agents see a hint next to each message.",
            "risks": "People may come to trust the hint more than it deserves.",
            "exit_criteria": "Replaced as soon as something better is measured.",
            "review_on": "+120",
        },
    },
)

URGENCY = Plan(
    title="Which messages must be answered today?",
    owner="tomasz",
    days_ago=58,
    tags=("support", "urgency"),
    visibility="everyone",
    people=EVERYONE,
    case_set="support-urgency",
    goals=(
        goal("accuracy", ACCURACY, 60, 45, "%", weight=3, must=False),
        goal("latency_p95", P95, 500, 2000, "ms", by=OPS),
    ),
    candidates=(
        {
            "name": "Zero-shot prompt template",
            "approach": "prompting",
            "summary": "One sentence for each level of urgency; the nearest one wins.",
            "spec": {"technique": "prompting/zero_shot"},
        },
        {
            "name": "Search by meaning (dense retrieval)",
            "approach": "rag",
            "summary": "The urgency of the messages that mean the same decides.",
            "spec": {"technique": "rag/dense_knn", "neighbours": 30, "sharpness": 4},
        },
        {
            "name": "Tuned head on the embeddings",
            "approach": "fine_tuning",
            "summary": "A small classifier trained on three hundred labelled messages.",
            "spec": {"technique": "fine_tuning/encoder_head"},
        },
    ),
    parts={
        "problem": {
            "problem": (
                "The word search of summer misses urgency that is told calmly: *“the gas heater "
                "smells a little”* went to the end of the line."
            ),
            "question": "What marks the messages that a person must see today?",
            "scope": "A mark and an order, nothing else. People still read every message.",
            "timeline": "Before the clocks change",
        },
        "profile_business": {"focus": "niche", "stakes": "high"},
        **PROFILE,
        "profile_interaction": {
            "complexity": "simple",
            "tone": "None",
            "failure": "The one message that could not wait is the one that waits.",
        },
    },
    ratings={
        (letter, role): ratings
        for role, by_letter in {
            BUSINESS: {
                "A": {"cost": (5, "Nothing to label."), "time": (5, "Days.")},
                "B": {"cost": (4, "Labels exist."), "time": (4, "A week.")},
                "C": {"cost": (4, "Labels exist."), "time": (4, "A week.")},
            },
            DATA: {
                "A": {"data": (5, "Three sentences."), "risk": (1, "Urgency is not a topic.")},
                "B": {"data": (4, "At hand."), "risk": (3, "Neighbours share a topic first.")},
                "C": {"data": (3, "At hand, and few."), "risk": (4, "Learns what to look at.")},
            },
            OPS: {
                letter: {
                    "scalability": (5, "One embedding a message."),
                    "monitoring": (3, "Marks are counted by the day."),
                    "upkeep": (4, "A rebuild or a training now and then."),
                }
                for letter in "ABC"
            },
            UX: {
                "A": {"fit": (2, "Marks seem random."), "failure": (1, "Hides the urgent one.")},
                "B": {"fit": (4, "Shows similar cases."), "failure": (3, "Overdoes it a little.")},
                "C": {"fit": (4, "A mark and how sure."), "failure": (3, "Errs both ways.")},
            },
        }.items()
        for letter, ratings in by_letter.items()
    },
    readings={
        "results_data_science": {
            "reading": (
                "The tuned head reaches {C.accuracy}, dense retrieval {B.accuracy}, the zero-shot "
                "template {A.accuracy}. Urgency is not a topic, so descriptions of it help little."
            )
        },
        "results_devops": {"reading": "The tuned head answers within {C.latency_p95}."},
        "results_ux": {
            "reading": "Agents accept a mark that errs towards *today*; the reverse they don't."
        },
        "results_business": {
            "reading": "Worth it for the unsafe products alone. People still read everything."
        },
        "recommendation": {
            "chosen": ["C"],
            "rationale": (
                "The tuned head (C) measured best of the three with {C.accuracy}. Whether that "
                "reaches the goal two hundred messages do not decide, and it need not: the mark "
                "orders the line; it closes nothing and hides nothing."
            ),
            "consequences": "Marked messages come first. The rest waits as before.",
            "risks": "A calm message about a real danger. Product safety keeps its own rule.",
            "exit_criteria": "If agents find more than one missed danger in a month, it is off.",
            "review_on": "+150",
        },
    },
)

GUIDES = Plan(
    title="How should the app answer plant-care questions?",
    owner="ines",
    days_ago=21,
    due_in=9,
    tags=("app", "answers"),
    people=EVERYONE,
    goals=(
        goal("task_success", "Task success", 85, 70, "%", weight=4, must=True, by=UX),
        goal("latency_p95", P95, 4000, 8000, "ms", by=OPS),
        goal("cost_per_1000", "Cost of 1,000 requests", 4, 9, "USD", weight=2, by=BUSINESS),
    ),
    candidates=(
        {
            "name": "Retrieval over our care guides",
            "approach": "rag",
            "summary": (
                "The guides are cut by plant and season, found by meaning and by words together, "
                "and a hosted model answers from them with a link to the page."
            ),
            "data_needed": "412 care guides, most of them up to date.",
            "risks": "An outdated guide is quoted with confidence.",
        },
        {
            "name": "Long prompt with the season's guide",
            "approach": "prompting",
            "summary": "One prompt holds the guide of the month; no index at all.",
            "data_needed": "Twelve guides of the month.",
            "risks": "Says plausible things about plants the guide leaves out.",
        },
    ),
    parts={
        "problem": {
            "problem": (
                "Half of the questions in the app are about plants, not orders. We have good "
                "guides, and nobody finds them."
            ),
            "question": "How shall the app answer plant-care questions with our own guides?",
            "scope": "Plants we sell. No advice on chemicals or on plants that may be poisonous.",
            "budget": "300 USD a month for the first season",
            "timeline": "A closed test in January",
        },
        "profile_business": {
            "focus": "broad",
            "stakes": "medium",
            "note": "A wrong answer kills a plant, and sometimes the wish to buy another.",
        },
        "profile_data": {
            "change": "dynamic",
            "labelled": "tens",
            "language": "specialist",
            "sensitivity": "public",
            "note": "The guides change every week in season; answers must follow, and cite.",
        },
        "profile_operations": {
            "load": "2,000 questions a day in April, 150 now",
            "latency": "Four seconds to the whole answer",
            "compute": "cpu",
            "skills": "No one has run a vector index in production yet",
        },
        "profile_interaction": {
            "complexity": "complex",
            "tone": "Like a good neighbour: short, sure, with the one thing to do next",
            "failure": "A confident answer about the wrong plant.",
        },
    },
    ratings={
        ("A", BUSINESS): {"cost": (3, "Model calls and an index."), "time": (3, "Six weeks.")},
        ("B", BUSINESS): {"cost": (2, "Long prompts, every time."), "time": (5, "A week.")},
        ("A", DATA): {"data": (4, "The guides."), "risk": (3, "Chunking by plant matters.")},
        ("B", DATA): {"data": (5, "Twelve texts."), "risk": (2, "No control over the gaps.")},
        ("A", OPS): {
            "scalability": (4, "The index is small."),
            "monitoring": (3, "Needs questions with known answers."),
            "upkeep": (3, "Re-index on every change of a guide."),
        },
        ("B", OPS): {
            "scalability": (2, "Pays for the whole guide each time."),
            "monitoring": (2, "Nothing to trace an answer to."),
            "upkeep": (4, "Once a month."),
        },
        ("A", UX): {"fit": (5, "An answer and the page."), "failure": (4, "The page shows it.")},
        ("B", UX): {"fit": (3, "An answer, no page."), "failure": (2, "Sounds right when wrong.")},
    },
    readings={
        "results_data_science": {
            "reading": (
                "No run yet: we tried forty questions by hand with both, and the gaps of B showed "
                "at once. A run needs the model server that operations is setting up."
            )
        },
        "results_devops": {"reading": "To be measured with the model server; the index is ready."},
        "results_ux": {
            "reading": "Five people tried a paper prototype. All five looked for the source first."
        },
        "results_business": {
            "reading": "Within the budget at today's load, if A's calls stay short."
        },
        "recommendation": {
            "chosen": ["A"],
            "rationale": (
                "Retrieval over our guides (A): the data changes weekly, and an answer without its "
                "source is worth little to our customers."
            ),
            "consequences": "Guides become the product's data: whoever edits one changes answers.",
            "risks": "We have not run an index before; Priya plans two weeks for it.",
            "exit_criteria": "If one answer in five cites the wrong guide, we go back to search.",
            "review_on": "+200",
        },
    },
)

# What is known of them before anything is built: what eight writers said of ten drafts of A, and
# what data science thinks of B.
SCORES = (4, 5, 3, 4, 4, 5, 4, 3)
READERS = "Eight of our writers, four of them new this year"
READING = (
    "Each read ten drafts made by hand with the prompt, beside the customer's message, and said "
    "from 1 to 5 whether they would sign them."
)
BETTER = "Tuned drafts were liked a little better in a trial of another team; nobody tried here."
CLEANING = "Names come out of eight hundred replies first; the last such job took weeks."

TONE = Plan(
    title="How do refund replies get our tone of voice?",
    owner="lena",
    days_ago=6,
    due_in=22,
    tags=("replies", "tone"),
    people=(*EVERYONE, ("maren", BUSINESS)),
    goals=(goal("satisfaction", "Satisfaction", 4.2, 3.5, "", weight=3, must=True, by=UX),),
    candidates=(
        {
            "name": "Few-shot prompt with ten good replies",
            "approach": "prompting",
            "summary": "Ten replies by our best writers stand in the prompt as examples.",
            "data_needed": "Ten replies that everyone likes.",
            "risks": "The examples leak: every customer is told about the same lost parcel.",
        },
        {
            "name": "Small model tuned on past replies",
            "approach": "fine_tuning",
            "summary": "A small open model is tuned on replies that customers rated well.",
            "data_needed": "Eight hundred rated replies, to be cleaned of names.",
            "risks": "Forgets how to handle what the replies never speak of; must be checked.",
        },
    ),
    parts={
        "problem": {
            "problem": (
                "Refund replies are correct and cold. Customers answer them with another question, "
                "which is really a complaint about the tone."
            ),
            "question": "Prompt or tuning: what gives drafts a tone that our writers would sign?",
            "scope": "Drafts that an agent reads and sends. Nothing goes out by itself.",
            "timeline": "",
        },
        "profile_interaction": {
            "complexity": "complex",
            "tone": "Plain, warm, never sorry three times. Hard to put into rules: we tried.",
            "failure": "It sounds like a company pretending to be a person.",
        },
        "profile_business": {"focus": "niche", "_unfinished": True},
    },
    ratings={
        ("A", UX): {
            "fit": (4, "Drafts read well from the first day."),
            "failure": (3, "Odd borrowings from the examples."),
        },
    },
)
