"""DR-1: how should support messages reach the right team? Complete, measured, ready to sign."""

from decisions.models import Role
from evaluations.sample.story import Plan

BUSINESS, DATA, OPS, UX = Role.BUSINESS, Role.DATA_SCIENCE, Role.DEVOPS, Role.UX

EVERYONE = (("ines", BUSINESS), ("tomasz", DATA), ("priya", OPS), ("lena", UX))

PLAN = Plan(
    title="How should support messages reach the right team?",
    owner="maren",
    days_ago=130,
    days=(1, 3, 118, 122, 131),
    due_in=5,
    tags=("support", "routing"),
    people=EVERYONE,
    case_set="support-routing",
    goals=(
        {
            "metric": "accuracy",
            "name": "Accuracy",
            "direction": "at_least",
            "target": 78.0,
            "worst_acceptable": 65.0,
            "unit": "%",
            "weight": 5.0,
            "is_must": True,
            "proposed_by_role": DATA,
        },
        {
            "metric": "macro_f1",
            "name": "Macro F1",
            "direction": "at_least",
            "target": 75.0,
            "worst_acceptable": 60.0,
            "unit": "%",
            "weight": 3.0,
            "is_must": False,
            "proposed_by_role": UX,
        },
        {
            "metric": "latency_p95",
            "name": "Latency, 95th percentile",
            "direction": "at_most",
            "target": 250.0,
            "worst_acceptable": 1000.0,
            "unit": "ms",
            "weight": 1.0,
            "is_must": True,
            "proposed_by_role": OPS,
        },
    ),
    candidates=(
        {
            "name": "Zero-shot prompt template",
            "approach": "prompting",
            "summary": (
                "Each team is described in one sentence. A template turns the description into a "
                "statement, and a message goes to the team whose statement lies nearest to it."
            ),
            "data_needed": "One good sentence a team. No labelled messages.",
            "risks": (
                "Little control: when two teams sound alike, the only lever is the wording, and "
                "each change of wording moves the other teams too."
            ),
            "spec": {"technique": "prompting/zero_shot"},
        },
        {
            "name": "Search over solved messages (BM25)",
            "approach": "rag",
            "summary": (
                "The words of a new message are looked up in an index of messages that people have "
                "already routed; the teams of the best matches vote."
            ),
            "data_needed": "Routed messages, the more recent the better. The index takes seconds.",
            "risks": (
                "Sees words, not meaning: a customer who says *parcel* where the index says "
                "*order* finds nothing."
            ),
            "spec": {"technique": "rag/bm25_knn"},
        },
        {
            "name": "Search by meaning (dense retrieval)",
            "approach": "rag",
            "summary": (
                "The same vote, but neighbours are found by the similarity of their embeddings, so "
                "different words for the same thing still meet."
            ),
            "data_needed": "The same routed messages, embedded once.",
            "risks": "A wrong label in the index goes on answering until someone takes it out.",
            "spec": {"technique": "rag/dense_knn", "neighbours": 10, "sharpness": 4},
        },
        {
            "name": "Tuned head on the embeddings",
            "approach": "fine_tuning",
            "summary": (
                "A small classifier is trained on the embeddings of the labelled messages. The "
                "encoder itself stays as it is, so it cannot forget anything."
            ),
            "data_needed": "Three hundred labelled messages, which we have.",
            "risks": (
                "A new team, or a team that takes over another's work, needs new labels and a new "
                "training; until then its messages go to the old one."
            ),
            "spec": {"technique": "fine_tuning/encoder_head"},
        },
    ),
    parts={
        "problem": {
            "problem": (
                "Every message lands in one inbox and is read by whoever has the early shift. "
                "About a quarter is passed on at least once before somebody can answer, and the "
                "customer waits through each hand-over. On Mondays the first answer comes in the "
                "afternoon.\n\nThe keyword rules we tried in spring sent *“I want to return the "
                "card reader”* to payments. People stopped trusting them within a week."
            ),
            "question": (
                "Which approach shall sort incoming messages to our ten teams, so that a person "
                "only reads the ones that are really unclear?"
            ),
            "scope": (
                "- In: e-mail, the contact form, and messages from the app, in English.\n"
                "- Out: writing the answers; telephone; the workshop chat, which has its own host."
            ),
            "budget": "Two people for three weeks; no new licences this year",
            "timeline": "In use before the spring season opens in March",
            "resources": "Tomasz for the models, Priya for running it, support leads for labels",
        },
        "profile_business": {
            "focus": "niche",
            "stakes": "medium",
            "citing": "no",
            "cost": "tight",
            "budget": "medium",
            "time": "weeks",
            "note": (
                "A wrong team costs a day and some goodwill. The exceptions are privacy requests, "
                "which have a legal deadline, and unsafe products: those must never get stuck."
            ),
        },
        "profile_data": {
            "change": "static",
            "knowledge": "general",
            "context": "fits",
            "labelled": "hundreds",
            "language": "plain",
            "forgetting": "narrow",
            "sensitivity": "personal",
            "note": (
                "Three hundred messages labelled by the support leads, two hundred more kept aside "
                "for measuring. What people ask changes with the season, the teams hardly ever."
            ),
        },
        "profile_operations": {
            "load": "1,100 messages a day, 300 in the busiest hour of the spring",
            "volume": "medium",
            "latency": "A message may wait seconds; the agent's screen may not",
            "response": "seconds",
            "compute": "cpu",
            "deployment": "Inside our own network: messages hold names, addresses and orders",
            "place": "own",
            "skills": "Two people who run Python services; nobody who runs GPUs",
            "ability": "data",
            "note": "Must come back by itself after a restart, with the same answers as before.",
        },
        "profile_interaction": {
            "complexity": "simple",
            "tone": "None: no customer reads what this writes",
            "style": "none",
            "control": "strict",
            "failure": (
                "A customer tells the whole story twice. An agent opens a message meant for "
                "someone else, sighs, and passes it on: after three of those in a row, they sort "
                "by hand again."
            ),
        },
    },
    ratings={
        ("A", BUSINESS): {
            "cost": (5, "Nothing to label, nothing to train."),
            "time": (5, "Could run this week."),
        },
        ("B", BUSINESS): {
            "cost": (4, "Uses messages that we have anyway."),
            "time": (4, "A few days, most of them for cleaning up old labels."),
        },
        ("C", BUSINESS): {
            "cost": (4, "The same messages; no licence for the encoder."),
            "time": (4, "A few days more than the plain search."),
        },
        ("D", BUSINESS): {
            "cost": (3, "Support leads label for two afternoons every quarter."),
            "time": (3, "Two weeks with the labelling round."),
        },
        ("A", DATA): {
            "data": (5, "Ten sentences."),
            "risk": (2, "We can only turn the wording, and it moves everything at once."),
        },
        ("B", DATA): {
            "data": (4, "Routed messages are at hand."),
            "risk": (3, "Well understood, and blind to synonyms."),
        },
        ("C", DATA): {
            "data": (4, "The same messages."),
            "risk": (4, "Each answer can be traced to its neighbours."),
        },
        ("D", DATA): {
            "data": (3, "Needs labels, and keeps needing them."),
            "risk": (4, "A linear model on fixed embeddings: small, repeatable, no forgetting."),
        },
        ("A", OPS): {
            "scalability": (5, "One embedding a message."),
            "monitoring": (2, "No neighbours to look at when it goes wrong."),
            "upkeep": (4, "Only when a team changes."),
        },
        ("B", OPS): {
            "scalability": (5, "An index of words in memory."),
            "monitoring": (4, "The matches explain the answer."),
            "upkeep": (3, "The index is rebuilt every night."),
        },
        ("C", OPS): {
            "scalability": (4, "One embedding a message, and a small matrix."),
            "monitoring": (4, "The matches explain the answer."),
            "upkeep": (3, "The index is rebuilt every night."),
        },
        ("D", OPS): {
            "scalability": (5, "One embedding a message, whatever the number of examples."),
            "monitoring": (4, "Comes with a probability that can be watched."),
            "upkeep": (3, "A training takes seconds, but someone has to label."),
        },
        ("A", UX): {
            "fit": (3, "Agents see a team without a reason."),
            "failure": (2, "Confuses neighbouring teams, the mistake agents mind most."),
        },
        ("B", UX): {
            "fit": (4, "“Because it looks like these three” is a reason agents accept."),
            "failure": (3, "Fails on short messages, which are the quick ones anyway."),
        },
        ("C", UX): {
            "fit": (5, "The three neighbours shown are nearly always about the same thing."),
            "failure": (4, "When it is wrong, the neighbours show why."),
        },
        ("D", UX): {
            "fit": (4, "A team and how sure it is; unsure ones can go to a person."),
            "failure": (4, "Knows when it does not know."),
        },
    },
    readings={
        "results_data_science": {
            "reading": (
                "All four were measured on the same two hundred messages, none of which was used "
                "for training or as a neighbour.\n\n"
                "| candidate | accuracy |\n|---|---|\n"
                "| A, zero-shot | {A.accuracy} |\n"
                "| B, BM25 | {B.accuracy} |\n"
                "| C, dense | {C.accuracy} |\n"
                "| D, tuned head | {D.accuracy} |\n\n"
                "D is the only one whose whole interval lies above the target. For A and C the "
                "target lies inside the interval: two hundred messages do not decide whether they "
                "reach it. C takes ten neighbours and a flat vote, chosen by cross-validation on "
                "the training messages alone.\n\nThe errors that C and D share are mostly messages "
                "with two requests in them, such as a *damaged item* that is also a *return*."
            ),
        },
        "results_devops": {
            "reading": (
                "On two cores and without a GPU, one message at a time, the slowest twentieth of "
                "answers takes {C.latency_p95} with dense retrieval and {D.latency_p95} with the "
                "tuned head. Either carries the busiest hour many times over on the machine "
                "we have. Everything runs inside our network."
            ),
        },
        "results_ux": {
            "reading": (
                "I read every miss of C and D with two support leads. Most would have been wrong "
                "for a person too, on the first read. What agents asked for is a visible *not "
                "sure*: a message that is likely wrong should say so and wait for a person."
            ),
        },
        "results_business": {
            "reading": (
                "At {D.accuracy} we save most hand-overs; the rest is what people are for. The "
                "labelling afternoons cost less than one day of sorting by hand. None of the "
                "candidates needs a licence."
            ),
        },
        "recommendation": {
            "chosen": ["D"],
            "rationale": (
                "We recommend the **tuned head** (D). With {D.accuracy} it is the only candidate "
                "that reaches the target for certain. It answers within {D.latency_p95}, and gives "
                "a probability, which is what lets an unsure message wait for a person. Word "
                "search (B) reaches only {B.accuracy} and would bring back the distrust of the "
                "spring.\n\n"
                "Dense retrieval (C, {C.accuracy}) is the runner-up and stays ready: it needs the "
                "same encoder and the same messages, and takes a new team without a training."
            ),
            "consequences": (
                "Messages reach a team within a second. Support leads label for two afternoons a "
                "quarter, and a change of teams now includes a training. Sorting by hand shrinks "
                "to the unsure messages."
            ),
            "risks": (
                "- The season changes what people ask; accuracy drops unseen. *Tomasz* measures "
                "again every quarter on fresh messages.\n"
                "- A privacy request goes astray. *Lena* keeps the rule that any message with the "
                "word *data* and a low probability goes to a person."
            ),
            "exit_criteria": (
                "We go back to dense retrieval if the accuracy of a quarter falls below the worst "
                "acceptable value, or if agents pass on more than one message in ten."
            ),
            "review_on": "+180",
        },
    },
)
