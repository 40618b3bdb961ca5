"""What the searches of one round say together of each value they found.

Decides who is worth a look in the searches that did not find it: those that could score best. Pure.
"""

from collections.abc import Iterable, Mapping

from contex.index.lexical import saturated
from contex.index.queries import Ranking
from contex.query.decide import Rule, unseen_score_max
from contex.query.types import Evidence
from contex.records.names import ValueKey

Version = tuple[ValueKey, int]


def scores_of(ranking: Ranking) -> dict[Version, float]:
    """Return what each revision scored."""
    return {(hit.key, hit.revision): hit.score for hit in ranking.found}


class Pages:
    """The nearest passages, the nearest with every word of the query, and the best worded.

    Each may be a full page, which leaves open what is not on it.
    """

    def __init__(self, rule: Rule, dense: Ranking, literal: Ranking, worded: Ranking) -> None:
        self._rule = rule
        self._rankings = (dense, literal, worded)
        self._dense, self._literal, self._worded = map(scores_of, self._rankings)
        self._wording_unseen = None if worded.floor is None else saturated(worded.floor)

    def likely(self, unsure_max: int) -> tuple[set[Version], float | None]:
        """Return the versions to be judged, and what one that is left out could score at most.

        Left out are, of those whose score is not known yet, all but the `unsure_max` likeliest.
        """
        known = (self._dense, self._literal, self._worded)
        open_ones = [
            scores
            for scores, ranking in zip(known, self._rankings, strict=True)
            if ranking.floor is not None
        ]
        versions = {version for scores in known for version in scores}
        unsure = {
            version: self._score_max(version)
            for version in versions
            if any(version not in scores for scores in open_ones)
        }
        ordered = sorted(unsure, key=lambda version: (-unsure[version], version))
        left_out = ordered[unsure_max:]
        return versions - set(left_out), unsure[left_out[0]] if left_out else None

    def unseen_max(self, left_out_max: float | None) -> float | None:
        """Return what a value that is not judged could score at most; None: all are judged."""
        dense, literal, _ = self._rankings
        unseen = unseen_score_max(self._rule, dense, literal, self._wording_unseen)
        bounds = [bound for bound in (unseen, left_out_max) if bound is not None]
        return max(bounds, default=None)

    def evidence(self, versions: Iterable[Version]) -> Mapping[Version, Evidence]:
        """Return what speaks for each."""
        weights = self._rule.weights
        return {
            version: Evidence(
                dense=self._cosine(version) if weights.dense else None,
                lexical=saturated(self._worded.get(version, 0.0)) if weights.lexical else None,
                literal=version in self._literal,
            )
            for version in versions
        }

    def _cosine(self, version: Version) -> float | None:
        cosines = [known[version] for known in (self._dense, self._literal) if version in known]
        return max(cosines, default=None)

    def _score_max(self, version: Version) -> float:
        dense, literal, _ = self._rankings
        bm25 = self._worded.get(version)
        return self._rule.score(
            Evidence(
                dense=dense.floor if version not in self._dense else self._cosine(version),
                lexical=self._wording_unseen if bm25 is None else saturated(bm25),
                literal=version in self._literal or literal.floor is not None,
            )
        )
