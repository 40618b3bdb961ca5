"""The engine's shards in one folder: one per collection, each with its write-ahead log.

Decides where a collection lives and who may open the folder. Never optimizes: that holds the
interpreter for seconds, and exact search needs no graph.
"""

import fcntl
import re
import shutil
from pathlib import Path
from typing import TextIO

import grpc
import qdrant_edge as edge

from contex.local.engine.errors import Refusal, invalid
from contex.local.errors import FolderInUse

FREE_BYTES_MIN = 96 * 1024 * 1024
"""With less free space writes are refused: the engine maps its files, and dies on a full disk."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


class Store:
    """Every collection under `folder`, open.

    Args:
        folder: where they live; this process alone may use it.
        free_bytes_min: writes are refused while the disk has less free space.

    Raises:
        FolderInUse: when another process holds the folder.
    """

    def __init__(self, folder: Path, *, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._free_bytes_min = free_bytes_min
        self._lock = _lock(folder / "lock")
        self._unfinished = folder / "unfinished"
        self._collections = folder / "collections"
        self._collections.mkdir(exist_ok=True)
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._shards = {
            path.name: edge.EdgeShard.load(str(path)) for path in self._collections.iterdir()
        }
        self._unflushed: set[str] = set()

    def names(self) -> list[str]:
        """Return the names of the collections."""
        return sorted(self._shards)

    def create(self, name: str, config: edge.EdgeConfig) -> None:
        """Create a collection: whole, or not at all if the process dies on the way."""
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise invalid(f"Wrong input: illegal collection name {name!r}")
        if name in self._shards:
            raise Refusal(
                grpc.StatusCode.ALREADY_EXISTS,
                f"Wrong input: Collection `{name}` already exists!",
            )
        self._need_space()
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir()
        edge.EdgeShard.create(str(self._unfinished), config).close()
        path = self._unfinished.rename(self._collections / name)
        self._shards[name] = edge.EdgeShard.load(str(path))

    def drop(self, name: str) -> bool:
        """Delete a collection; say whether there was one."""
        shard = self._shards.pop(name, None)
        if shard is None:
            return False
        self._unflushed.discard(name)
        shard.close()
        shutil.rmtree(self._unfinished, ignore_errors=True)
        (self._collections / name).rename(self._unfinished)
        shutil.rmtree(self._unfinished)
        return True

    def reading(self, name: str) -> edge.EdgeShard:
        """Return a collection's shard."""
        shard = self._shards.get(name)
        if shard is None:
            raise Refusal(
                grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!"
            )
        return shard

    def writing(self, name: str) -> edge.EdgeShard:
        """Return a collection's shard, to be flushed later."""
        shard = self.reading(name)
        self._need_space()
        self._unflushed.add(name)
        return shard

    def _need_space(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < self._free_bytes_min:
            raise Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the disk of the index folder is full: {free} bytes free, "
                f"{self._free_bytes_min} needed",
            )

    def flush(self) -> None:
        """Sync what was written to disk, which also lets go of its write-ahead log."""
        while self._unflushed:
            name = self._unflushed.pop()
            try:
                self._shards[name].flush()
            except Exception:
                self._unflushed.add(name)
                raise

    def close(self) -> None:
        """Flush and close every shard and let go of the folder."""
        self.flush()
        for shard in self._shards.values():
            shard.close()
        self._shards.clear()
        self._lock.close()


def _lock(path: Path) -> TextIO:
    held = path.open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.close()
        raise FolderInUse(
            f"the index folder {path.parent} is in use by another process",
            advice="stop that process, or choose another folder with --data",
        ) from error
    return held
