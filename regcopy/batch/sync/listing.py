"""Tags of repositories, several repositories at once, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from regcopy.copying.pool import Pool
from regcopy.errors import Cancelled, ConfigurationError, NotFound, RegcopyError, Side, located
from regcopy.model.reference import ImageName
from regcopy.session import Access, Session
from regcopy.transports import parse_reference
from regcopy.transports.abilities import ListsTags

_Wants = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Question:
    """A repository whose tags are asked for.

    Attributes:
        wants: which of them are to be copied.
        labels: what notes about it say.
    """

    repository: ImageName
    access: Access
    wants: _Wants = lambda _: True
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The tags of a repository, or why there are none to be had."""

    tags: tuple[str, ...] = ()
    error: RegcopyError | None = None


class Lister:
    """Lists repositories; each is asked once for each way of reaching it.

    Args:
        session: its connections are used.
        side: whether sources or destinations are listed.
        pool: its threads are used.
    """

    def __init__(self, session: Session, side: Side, pool: Pool) -> None:
        self._session = session
        self._side: Side = side
        self._pool = pool

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer in the order of the questions.

        Raises:
            ConfigurationError: a file with credentials, certificates or the like cannot be
                used; that is not one repository's fault.
            Cancelled: the run was stopped.
        """
        places = list(dict.fromkeys((each.repository.name, each.access) for each in questions))
        found = dict(zip(places, self._pool.map(self._list, places), strict=True))
        return [found[each.repository.name, each.access] for each in questions]

    def _list(self, place: tuple[str, Access]) -> Answer:
        name, access = place
        try:
            return Answer(tuple(self._tags(name, access)))
        except (Cancelled, ConfigurationError):
            raise
        except RegcopyError as error:
            return Answer(error=error)

    def _tags(self, name: str, access: Access) -> list[str]:
        reference = parse_reference(f"docker://{name}")
        if not isinstance(reference, ListsTags):
            raise TypeError("docker references list tags")
        with located(side=self._side, reference=reference):
            return list(reference.list_tags(self._session.context(access, self._side)))

    def existing(self, repositories: Sequence[ImageName], access: Access) -> list[frozenset[str]]:
        """Give the tags of repositories that need not exist.

        Raises:
            RegcopyError: one could not be listed.
        """
        answers = self.ask([Question(name, access) for name in repositories])
        for answer in answers:
            if answer.error is not None and not isinstance(answer.error, NotFound):
                raise answer.error
        return [frozenset(answer.tags) for answer in answers]
