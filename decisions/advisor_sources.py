"""Where the advisor's rules and experiments come from: what is published, and what is not."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from decisions.section_kinds import Text


@dataclass(frozen=True)
class Source:
    """A text that says what a rule says: how it is named in passing, and its full reference.

    `name` gives the year and `appeared` where it was published; only what is published has an
    address.
    """

    name: Text
    title: Text
    authors: str = ""
    appeared: str = ""
    address: str = ""


def _arxiv(name: str, authors: str, title: str, appeared: str, number: str) -> Source:
    """Return a paper that can be read on arXiv, wherever it was published."""
    return Source(name, title, authors, appeared, f"https://arxiv.org/abs/{number}")


SOURCES: dict[str, Source] = {
    "S1": Source(
        _("S1, a talk"),
        _(
            "A talk on fine-tuning, retrieval and prompts, and when to use each. One of four texts "
            "that this product began with; who gave it is not on record."
        ),
    ),
    "S2": Source(
        _("S2, a talk"),
        _(
            "A talk on choosing between them for a product, and on who takes part. One of four "
            "texts that this product began with; who gave it is not on record."
        ),
    ),
    "S3": Source(
        _("S3, a lecture"),
        _(
            "A course lecture on fine-tuning. One of four texts that this product began with; who "
            "gave it is not on record."
        ),
    ),
    "S4": Source(
        _("S4, an article"),
        _(
            "An article that compares the three. One of four texts that this product began with; "
            "who wrote it is not on record."
        ),
    ),
    "team": Source(
        _("judgement, no source"),
        _("What whoever wrote the rules takes to be so; no publication is known that shows it."),
    ),
    "asai": _arxiv(
        "Asai et al. 2024",
        "Akari Asai and others",
        "Reliable, Adaptable, and Attributable Language Models with Retrieval",
        "Preprint, 2024",
        "2403.03187",
    ),
    "balaguer": _arxiv(
        "Balaguer et al. 2024",
        "Angels Balaguer and others",
        "RAG vs Fine-tuning: Pipelines, Tradeoffs, and a Case Study on Agriculture",
        "Preprint, 2024",
        "2401.08406",
    ),
    "biderman": _arxiv(
        "Biderman et al. 2024",
        "Dan Biderman and others",
        "LoRA Learns Less and Forgets Less",
        "Transactions on Machine Learning Research, 2024",
        "2405.09673",
    ),
    "brown": _arxiv(
        "Brown et al. 2020",
        "Tom B. Brown and others",
        "Language Models are Few-Shot Learners",
        "NeurIPS 2020",
        "2005.14165",
    ),
    "bucher": _arxiv(
        "Bucher and Martini 2024",
        "Martin Juan José Bucher and Marco Martini",
        "Fine-Tuned ‘Small’ LLMs (Still) Significantly Outperform Zero-Shot Generative AI Models "
        "in Text Classification",
        "Preprint, 2024",
        "2406.08660",
    ),
    "card": Source(
        "Card et al. 2020",
        "With Little Power Comes Great Responsibility",
        "Dallas Card and others",
        "EMNLP 2020",
        "https://doi.org/10.18653/v1/2020.emnlp-main.745",
    ),
    "carlini": _arxiv(
        "Carlini et al. 2021",
        "Nicholas Carlini and others",
        "Extracting Training Data from Large Language Models",
        "USENIX Security Symposium 2021",
        "2012.07805",
    ),
    "chiang": _arxiv(
        "Chiang et al. 2024",
        "Wei-Lin Chiang and others",
        "Chatbot Arena: An Open Platform for Evaluating LLMs by Human Preference",
        "ICML 2024",
        "2403.04132",
    ),
    "dean": Source(
        "Dean and Barroso 2013",
        "The Tail at Scale",
        "Jeffrey Dean and Luiz André Barroso",
        "Communications of the ACM, 2013",
        "https://doi.org/10.1145/2408776.2408794",
    ),
    "gdpr": Source(
        _("GDPR, Article 28"),
        _("General Data Protection Regulation, Article 28: Processor"),
        appeared="Regulation (EU) 2016/679",
        address="https://eur-lex.europa.eu/eli/reg/2016/679/oj",
    ),
    "gekhman": _arxiv(
        "Gekhman et al. 2024",
        "Zorik Gekhman and others",
        "Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?",
        "EMNLP 2024",
        "2405.05904",
    ),
    "gururangan": _arxiv(
        "Gururangan et al. 2020",
        "Suchin Gururangan and others",
        "Don’t Stop Pretraining: Adapt Language Models to Domains and Tasks",
        "ACL 2020",
        "2004.10964",
    ),
    "hsieh": _arxiv(
        "Hsieh et al. 2023",
        "Cheng-Yu Hsieh and others",
        "Distilling Step-by-Step! Outperforming Larger Language Models with Less Training Data and "
        "Smaller Model Sizes",
        "ACL 2023",
        "2305.02301",
    ),
    "hu": _arxiv(
        "Hu et al. 2021",
        "Edward J. Hu and others",
        "LoRA: Low-Rank Adaptation of Large Language Models",
        "ICLR 2022",
        "2106.09685",
    ),
    "karpukhin": _arxiv(
        "Karpukhin et al. 2020",
        "Vladimir Karpukhin and others",
        "Dense Passage Retrieval for Open-Domain Question Answering",
        "EMNLP 2020",
        "2004.04906",
    ),
    "lewis": _arxiv(
        "Lewis et al. 2020",
        "Patrick Lewis and others",
        "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks",
        "NeurIPS 2020",
        "2005.11401",
    ),
    "lima": _arxiv(
        "C. Zhou et al. 2023",
        "Chunting Zhou and others",
        "LIMA: Less Is More for Alignment",
        "NeurIPS 2023",
        "2305.11206",
    ),
    "liu": _arxiv(
        "N. Liu et al. 2024",
        "Nelson F. Liu and others",
        "Lost in the Middle: How Language Models Use Long Contexts",
        "Transactions of the ACL, 2024",
        "2307.03172",
    ),
    "lu": _arxiv(
        "Lu et al. 2022",
        "Yao Lu and others",
        "Fantastically Ordered Prompts and Where to Find Them: Overcoming Few-Shot Prompt Order "
        "Sensitivity",
        "ACL 2022",
        "2104.08786",
    ),
    "mallen": _arxiv(
        "Mallen et al. 2023",
        "Alex Mallen and others",
        "When Not to Trust Language Models: Investigating Effectiveness of Parametric and "
        "Non-Parametric Memories",
        "ACL 2023",
        "2212.10511",
    ),
    "ovadia": _arxiv(
        "Ovadia et al. 2024",
        "Oded Ovadia and others",
        "Fine-Tuning or Retrieval? Comparing Knowledge Injection in LLMs",
        "EMNLP 2024",
        "2312.05934",
    ),
    "owasp": Source(
        "OWASP 2025",
        "LLM02:2025 Sensitive Information Disclosure",
        "OWASP",
        "Top 10 for LLM and Generative AI Security, 2025",
        "https://genai.owasp.org/llmrisk/llm022025-sensitive-information-disclosure/",
    ),
    "raft": _arxiv(
        "Zhang et al. 2024",
        "Tianjun Zhang and others",
        "RAFT: Adapting Language Model to Domain Specific RAG",
        "Preprint, 2024",
        "2403.10131",
    ),
    "rajpurkar": _arxiv(
        "Rajpurkar et al. 2018",
        "Pranav Rajpurkar, Robin Jia and Percy Liang",
        "Know What You Don’t Know: Unanswerable Questions for SQuAD",
        "ACL 2018",
        "1806.03822",
    ),
    "sculley": Source(
        "Sculley et al. 2015",
        "Hidden Technical Debt in Machine Learning Systems",
        "D. Sculley and others",
        "NIPS 2015",
        "https://proceedings.neurips.cc/paper/2015/hash/"
        "86df7dcfd896fcaf2674f757a2463eba-Abstract.html",
    ),
    "setfit": _arxiv(
        "Tunstall et al. 2022",
        "Lewis Tunstall and others",
        "Efficient Few-Shot Learning Without Prompts",
        "Preprint, 2022",
        "2209.11055",
    ),
    "t_few": _arxiv(
        "H. Liu et al. 2022",
        "Haokun Liu and others",
        "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
        "NeurIPS 2022",
        "2205.05638",
    ),
    "thakur": _arxiv(
        "Thakur et al. 2021",
        "Nandan Thakur and others",
        "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models",
        "NeurIPS 2021, Datasets and Benchmarks",
        "2104.08663",
    ),
    "touvron": _arxiv(
        "Touvron et al. 2023",
        "Hugo Touvron and others",
        "LLaMA: Open and Efficient Foundation Language Models",
        "Preprint, 2023",
        "2302.13971",
    ),
    "wang": _arxiv(
        "Wang et al. 2022",
        "Xuezhi Wang and others",
        "Self-Consistency Improves Chain of Thought Reasoning in Language Models",
        "Preprint, 2022",
        "2203.11171",
    ),
    "wei": _arxiv(
        "Wei et al. 2022",
        "Jason Wei and others",
        "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models",
        "NeurIPS 2022",
        "2201.11903",
    ),
    "zeng": _arxiv(
        "Zeng et al. 2024",
        "Shenglai Zeng and others",
        "The Good and The Bad: Exploring Privacy Issues in Retrieval-Augmented Generation (RAG)",
        "Findings of the ACL 2024",
        "2402.16893",
    ),
    "ifeval": _arxiv(
        "J. Zhou et al. 2023",
        "Jeffrey Zhou and others",
        "Instruction-Following Evaluation for Large Language Models",
        "Preprint, 2023",
        "2311.07911",
    ),
}


def sources_named(keys: tuple[str, ...]) -> str:
    """Return sources as they are named in passing."""
    return "; ".join(str(SOURCES[one].name) for one in keys)
