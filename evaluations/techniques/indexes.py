"""Indexes: each scores all of its texts against a question, by words, by meaning, or by both.

Whatever is searched (training messages, passages of a corpus) is a list of texts, and whatever
searches is an `Index` over it. Fusing and reordering indexes gives an index again.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from evaluations.encoder import TextEncoder, Vectors
from evaluations.scorers.support import SENTENCE_END
from evaluations.techniques.embedding import encoded
from evaluations.techniques.interface import Material, PrepareError
from evaluations.techniques.voting import Scores, best

WORD = re.compile(r"\w+")
LANGUAGES = (
    ("none", gettext_lazy("Words as written")),
    ("english", gettext_lazy("English")),
    ("french", gettext_lazy("French")),
    ("german", gettext_lazy("German")),
    ("italian", gettext_lazy("Italian")),
    ("portuguese", gettext_lazy("Portuguese")),
    ("spanish", gettext_lazy("Spanish")),
)
STEMMING_LABEL = gettext_lazy("Word stems")
STEMMING_HELP = gettext_lazy("The language whose endings are cut off, so that cards finds card.")
K1, B = 1.5, 0.75
JUST_FOUND = 1e-9  # the score of a match that is worth nothing more


class Index(Protocol):
    """Something that scores every text against a question."""

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was built; `index_bytes` is always among it."""

    def scores(self, question: str) -> Scores:
        """Return one score a text; zero or less is no match."""


class Words:
    """Splits texts into words, or into their stems."""

    def __init__(self, language: str) -> None:
        import Stemmer

        self._stemmer = None if language == "none" else Stemmer.Stemmer(language)

    def __call__(self, text: str) -> list[str]:
        """Return the stems of a text's words; stop words stay, for short messages."""
        words = WORD.findall(text.casefold())
        return self._stemmer.stemWords(words) if self._stemmer else words


def split_all(texts: Sequence[str], words: Words) -> list[list[str]]:
    """Return the words of every text; raise PrepareError if none has any."""
    found = [words(text) for text in texts]
    if not any(found):
        raise PrepareError(_("The texts to search in have no words."))
    return found


class TfidfIndex:
    """Cosine of TF-IDF weights over stems, with 1 + ln(tf) for the frequency.

    Salton and Buckley (1988), Term-weighting approaches in automatic text retrieval.
    """

    def __init__(self, texts: Sequence[str], language: str) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._words = Words(language)
        self._vectorizer = TfidfVectorizer(analyzer=list, sublinear_tf=True)
        self._weights = self._vectorizer.fit_transform(split_all(texts, self._words)).T.tocsr()

    def scores(self, question: str) -> Scores:
        """Return the cosines, shape (texts,)."""
        asked = self._vectorizer.transform([self._words(question)])
        found: Scores = (asked @ self._weights).toarray()[0]
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """Return the size of the weights and of the vocabulary."""
        weights, words = self._weights, self._vectorizer.vocabulary_
        arrays = weights.data.nbytes + weights.indices.nbytes + weights.indptr.nbytes
        size = arrays + sum(len(word.encode()) for word in words)
        return {"index_bytes": int(size), "vocabulary": len(words)}


class Bm25Index:
    """BM25 (Robertson and Zaragoza, 2009) over stems."""

    def __init__(self, texts: Sequence[str], language: str, k1: float = K1, b: float = B) -> None:
        import bm25s

        self._words = Words(language)
        tokens = split_all(texts, self._words)
        self._index = bm25s.BM25(k1=k1, b=b)
        self._index.index(tokens, show_progress=False)
        self._count = len(tokens)

    def scores(self, question: str) -> Scores:
        """Return the BM25 scores, shape (texts,)."""
        known = self._index.get_tokens_ids(self._words(question))
        if not known:
            return np.zeros(self._count, dtype=np.float32)
        found: Scores = self._index.get_scores_from_ids(known)
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """Return the size of the postings and of the vocabulary."""
        arrays = [part for part in self._index.scores.values() if isinstance(part, np.ndarray)]
        words = self._index.vocab_dict
        size = sum(part.nbytes for part in arrays) + sum(len(word.encode()) for word in words)
        return {"index_bytes": size, "vocabulary": len(words)}


class DenseIndex:
    """Cosine similarity of embeddings; the texts are encoded once, in one go."""

    def __init__(self, encoder: TextEncoder, vectors: Vectors, from_cache: bool) -> None:
        self.encoder = encoder
        self.vectors = vectors
        self.from_cache = from_cache

    @classmethod
    def build(cls, texts: Sequence[str], material: Material) -> "DenseIndex":
        """Return the index of some texts."""
        return cls(*encoded(texts, material))

    def scores(self, question: str) -> Scores:
        """Return the cosines, shape (texts,)."""
        return self.near(self.encoder.encode([question])[0])

    def near(self, vector: Vectors) -> Scores:
        """Return the cosines of the texts with a unit vector."""
        return self.vectors @ vector

    @property
    def facts(self) -> dict[str, Any]:
        """Return the index's size and the encoder; a cached index took no time to compute."""
        return {
            "index_bytes": self.vectors.nbytes,
            "encoder": self.encoder.name,
            "encoder_digest": self.encoder.digest,
            "embeddings_from_cache": self.from_cache,
        }


class SentenceIndex:
    """A text is as close to a question as its closest sentence, by the encoder.

    The maximum over parts: Dai and Callan (2019), "MaxP", there with a cross-encoder.
    """

    def __init__(self, sentences: DenseIndex, starts: NDArray[np.intp]) -> None:
        self._sentences = sentences
        self._starts = starts

    @classmethod
    def build(cls, texts: Sequence[str], material: Material) -> "SentenceIndex":
        """Return the index of the sentences of some texts."""
        cut = [sentences(text) or [text] for text in texts]
        starts = np.cumsum([0, *(len(part) for part in cut[:-1])])
        return cls(DenseIndex.build([one for part in cut for one in part], material), starts)

    def scores(self, question: str) -> Scores:
        """Return the cosine of each text's closest sentence, shape (texts,)."""
        found: Scores = np.maximum.reduceat(self._sentences.scores(question), self._starts)
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """Return the number of sentences, their index's size and the encoder."""
        return self._sentences.facts | {"sentences": len(self._sentences.vectors)}


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, without those that hold no letter or digit."""
    cut = (one.strip() for one in SENTENCE_END.split(text))
    return [one for one in cut if any(sign.isalnum() for sign in one)]


def added_up(parts: Sequence[Index]) -> dict[str, Any]:
    """Return what several indexes are together, their sizes added up."""
    facts: dict[str, Any] = {}
    for part in parts:
        size = facts.get("index_bytes", 0) + part.facts["index_bytes"]
        facts |= part.facts | {"index_bytes": size}
    return facts


class FusedIndex:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): the sum of 1 / (c + rank)."""

    def __init__(self, parts: Sequence[Index], constant: int, depth: int) -> None:
        self._parts = parts
        self._constant = constant
        self._depth = depth

    def scores(self, question: str) -> Scores:
        """Return the fused scores, shape (texts,)."""
        return self.fuse([part.scores(question) for part in self._parts])

    def fuse(self, scored: Sequence[Scores]) -> Scores:
        """Return the fused scores of several scorings of the same texts."""
        fused = np.zeros(len(scored[0]), dtype=np.float64)
        for scores in scored:
            found = best(scores, self._depth)
            fused[found] += 1 / (self._constant + 1 + np.arange(len(found)))
        return fused

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was built, the sizes added up."""
        return added_up(self._parts)


class ReorderedIndex:
    """What one index finds, in the order in which another one sees it."""

    def __init__(self, first: Index, second: Index, depth: int) -> None:
        self._parts = (first, second)
        self._depth = depth

    def scores(self, question: str) -> Scores:
        """Return the second index's scores for the first one's best; what those are stays found."""
        first, second = (part.scores(question) for part in self._parts)
        found = best(first, self._depth)
        ordered = np.zeros(len(first), dtype=np.float64)
        ordered[found] = np.maximum(second[found], JUST_FOUND)
        return ordered

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was built, the sizes added up."""
        return added_up(self._parts)


class DiverseIndex:
    """What one index finds, ordered so that what comes later says something else.

    Maximal marginal relevance, Carbonell and Goldstein (1998). How relevant a text is, is its score
    as a share of the best one's; how much it repeats, its cosine with what stands before it.
    """

    def __init__(self, first: Index, dense: DenseIndex, relevance: float, depth: int) -> None:
        self._first = first
        self._dense = dense
        self._relevance = relevance
        self._depth = depth

    def scores(self, question: str) -> Scores:
        """Return 1 / rank in the new order, shape (texts,)."""
        first = self._first.scores(question)
        found = best(first, self._depth)
        worth = first[found] / first[found[:1]]
        order = found[marginal(worth, self._dense.vectors[found], self._relevance)]
        scores = np.zeros(len(first), dtype=np.float64)
        scores[order] = 1 / (1 + np.arange(len(order)))
        return scores

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was built, the sizes added up."""
        return added_up([self._first, self._dense])


def marginal(worth: Scores, vectors: Vectors, relevance: float) -> NDArray[np.intp]:
    """Return an order of texts by maximal marginal relevance, given how relevant each is."""
    left, order = list(range(len(worth))), []
    said = np.zeros(len(worth))
    while left:
        gain = relevance * worth[left] - (1 - relevance) * said[left]
        order.append(left.pop(int(np.argmax(gain))))
        said = np.maximum(said, vectors @ vectors[order[-1]])
    return np.array(order, dtype=np.intp)
