"""Lists of live values, and which revision of a value is current.

Decides what a page shows when values change while it is made: each value as it was at some moment.
"""

from contex.errors import DependencyAway
from contex.index.port import Index
from contex.index.types import ValueHead, ValueInfo
from contex.query.types import Listed, ListedPage
from contex.records.names import Scope, ValueKey

ATTEMPTS_MAX = 10
"""How often values are looked up anew that got a new revision while a page was made."""


async def list_values(
    index: Index, scope: Scope, *, limit: int, after: str | None = None, prefix: str = ""
) -> ListedPage:
    """Return at most `limit` live values whose keys begin with `prefix`, by key within the page.

    Raises:
        DependencyAway: the index does not answer, or a value changes faster than it can be read:
            a page without it would say that there is none.
    """
    page = await index.value_page(scope, limit=limit, after=after, prefix=prefix)
    listed: list[Listed] = []
    heads = dict(page.heads)
    for _ in range(ATTEMPTS_MAX):
        infos = await _infos(index, heads)
        listed += [Listed(key, heads[key], info) for key, info in infos.items()]
        overtaken = [key for key in heads if key not in infos]
        # Their chunks went with the revision: the heads are read anew.
        now = await index.value_heads(overtaken) if overtaken else {}
        heads = {key: head for key, head in now.items() if not head.deleted}
        if not heads:
            listed.sort(key=lambda one: one.key)
            return ListedPage(tuple(listed), page.after)
    raise DependencyAway(f"values change faster than they can be listed: {len(heads)}")


async def current_value(index: Index, key: ValueKey) -> ValueHead | None:
    """Return the head of a live value: its revision, and where the log holds that content.

    Raises:
        DependencyAway: the index does not answer.
    """
    head = (await index.value_heads([key])).get(key)
    return None if head is None or head.deleted else head


async def _infos(index: Index, heads: dict[ValueKey, ValueHead]) -> dict[ValueKey, ValueInfo]:
    revisions = {key: head.revision for key, head in heads.items()}
    return await index.value_infos(revisions) if revisions else {}
