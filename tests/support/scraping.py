"""Scrapes several processes all the while, and remembers how every sample has moved."""

import threading
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Self

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

EVERY_S = 0.2
TIMEOUT_S = 2.0


def samples(url: str) -> list[Sample]:
    """Return what a process measures now."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=TIMEOUT_S) as answer:
        text = answer.read().decode()
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


class Scraper:
    """Scrapes in a thread. `urls` by the process' name; more may be added while it runs."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)
        self._peaks: dict[tuple[str, str, frozenset[tuple[str, str]]], float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def peak(self, process: str, name: str, labels: Mapping[str, str]) -> float:
        """Return the highest value of a sample that has these labels among others; 0 for none."""
        found = [
            value
            for (whose, called, having), value in list(self._peaks.items())
            if (whose, called) == (process, name) and labels.items() <= set(having)
        ]
        return max(found, default=0.0)

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            for process, url in list(self.urls.items()):
                self._scrape(process, url)

    def _scrape(self, process: str, url: str) -> None:
        try:
            found = samples(url)
        except (OSError, HTTPException):
            return  # not there yet, or not any more
        for one in found:
            key = (process, one.name, frozenset(one.labels.items()))
            self._peaks[key] = max(one.value, self._peaks.get(key, 0.0))
