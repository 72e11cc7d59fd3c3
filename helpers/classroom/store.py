"""The records of a course in one SQLite file: who is there, what has been graded under which key, what is published."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .record import Record

_LEARNER = "create table if not exists learner (name text primary key, notes text)"
_PUBLISHED = "create table if not exists published (learner text primary key, mark text)"
_TABLE = """create table if not exists record
    (learner text, notebook text, key text, body text, primary key (learner, notebook))"""


class Store:
    """Records by learner and notebook; a new one takes the place of an older one.

    Each is on the disk when :meth:`put` returns, so a driver that is killed loses none.  Close it, or use ``with``.
    """

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=full")
        self._connection.execute(_TABLE)
        self._connection.execute(_PUBLISHED)
        self._connection.execute(_LEARNER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def keys(self) -> dict[tuple[str, str], str]:
        """The key of each record by learner and notebook."""
        rows = self._connection.execute("select learner, notebook, key from record")
        return {(learner, notebook): key for learner, notebook, key in rows}

    def put(self, record: Record) -> None:
        """Keep a record."""
        row = (record.learner, record.notebook, record.key, record.as_json())
        self._connection.execute("insert or replace into record values (?, ?, ?, ?)", row)

    def forget(self, gone: Iterable[tuple[str, str]]) -> None:
        """Remove the records of notebooks that are not handed in any more."""
        self._connection.executemany("delete from record where learner = ? and notebook = ?", list(gone))

    def records(self, learner: str = "") -> Iterator[Record]:
        """All records, or those of one learner, by learner and notebook."""
        where, values = ("where learner = ?", (learner,)) if learner else ("", ())
        for (body,) in self._connection.execute(f"select body from record {where} order by learner, notebook", values):
            yield Record.from_json(body)

    def having(self, status: str) -> set[tuple[str, str]]:
        """Learner and notebook of the records with a status."""
        asked = "select learner, notebook from record where json_extract(body, '$.status') = ?"
        return set(self._connection.execute(asked, (status,)))

    def waiting(self) -> int:
        """How many notebooks have a graded cell that waits for a human."""
        asked = """select count(*) from record where exists
            (select 1 from json_each(body, '$.scores') where json_extract(value, '$.points') is null)"""
        return int(self._connection.execute(asked).fetchone()[0])

    def enrol(self, learners: Mapping[str, Sequence[str]]) -> None:
        """Note who is there, also without a record, and what is to be said of what they handed in."""
        rows = [(name, json.dumps(list(notes))) for name, notes in learners.items()]
        self._connection.executemany("insert or replace into learner values (?, ?)", rows)

    def learners(self) -> dict[str, list[str]]:
        """Everybody by name, with what is to be said of what they handed in."""
        rows = self._connection.execute("select name, notes from learner order by name")
        return {name: json.loads(notes) for name, notes in rows}

    def leave(self, names: Sequence[str]) -> None:
        """Forget learners altogether."""
        for table, column in (("record", "learner"), ("published", "learner"), ("learner", "name")):
            self._connection.executemany(f"delete from {table} where {column} = ?", [(name,) for name in names])

    def mark(self, learner: str, place: str) -> str:
        """What changes with the records of a learner, and with the ``place`` to which they are published."""
        rows = self._connection.execute(
            "select notebook, key from record where learner = ? order by notebook", (learner,)
        )
        return hashlib.sha256(repr((place, rows.fetchall())).encode()).hexdigest()

    def published(self, learner: str) -> str:
        """The mark of a learner when the records were last published, "" for one of whom nothing was."""
        row = self._connection.execute("select mark from published where learner = ?", (learner,)).fetchone()
        return str(row[0]) if row else ""

    def publish(self, learner: str, mark: str) -> None:
        """Note that the records of a learner have been published."""
        self._connection.execute("insert or replace into published values (?, ?)", (learner, mark))
