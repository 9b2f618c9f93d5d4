"""Find what there is to be copied: repositories, a folder of folders, or a YAML file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from regcopy.batch.sync.folders import find_folders
from regcopy.batch.sync.listing import Answer, Lister, Question
from regcopy.batch.sync.pattern import TagPattern
from regcopy.batch.sync.request import (
    Level,
    Managed,
    Note,
    SyncImage,
    SyncPlan,
    SyncRequest,
    Tell,
)
from regcopy.batch.sync.semver import Constraint
from regcopy.batch.sync.yaml_source import RegistrySource, read_yaml_source
from regcopy.errors import InvalidDigest, InvalidReference, RegcopyError, UsageError
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName, is_tag
from regcopy.session import Access
from regcopy.text import printable


class Failed(RegcopyError):
    """The whole source cannot be looked at; the message is skopeo's."""


def find_images(request: SyncRequest, lister: Lister, tell: Tell) -> SyncPlan:
    """Find what there is to be copied.

    Args:
        request: names the source.
        lister: lists repositories of the source.
        tell: told what skopeo would log.

    Raises:
        UsageError: the source or a destination has no possible name.
        RegcopyError: a source cannot be looked at, and it is the only one.
        Cancelled: the run was stopped.
    """
    match request.source_kind:
        case "docker":
            return _from_repository(request, lister, tell)
        case "dir":
            return _from_folders(request)
        case "yaml":
            return _FromFile(request, lister, tell).plan()


@dataclass(frozen=True, slots=True)
class _Group:
    """Images that were found together.

    Attributes:
        names: of the images.
        question: what was asked, where tags were listed.
        answer: all tags.
    """

    names: tuple[ImageName, ...]
    access: Access
    question: Question | None = None
    answer: Answer = field(default_factory=Answer)


def _from_folders(request: SyncRequest) -> SyncPlan:
    folders = find_folders(request.source)
    if not folders:
        raise UsageError(f'No images to sync found in "{printable(request.source, limit=300)}"')
    images = tuple(
        SyncImage(
            f"dir:{path}",
            request.destination_of(name),
            request.source_access,
            number,
            len(folders),
        )
        for number, (path, name) in enumerate(folders, 1)
    )
    return SyncPlan(images, sources=1)


def _from_repository(request: SyncRequest, lister: Lister, tell: Tell) -> SyncPlan:
    shown = printable(request.source, limit=300)
    name = _source_name(request.source)
    is_one = bool(name.tag or name.digest)
    tell(
        Note(
            "info",
            "Tag presence check",
            {"imagename": request.source, "tagged": "true" if is_one else "false"},
        )
    )
    if is_one:
        return _plan(request, [_Group((name,), request.source_access)], failed=False)
    question = Question(name, request.source_access, request.tags.allows)
    tell(Note("info", "Getting tags", {"image": name.name}))
    (answer,) = lister.ask([question])
    if answer.error is not None:
        raise _not_listed(name, answer.error)
    group = _Group(_wanted(question, answer), request.source_access, question, answer)
    if not group.names:
        raise UsageError(f'No images to sync found in "{shown}"')
    return _plan(request, [group], failed=False)


def _source_name(text: str) -> ImageName:
    problem = "Docker references with both a tag and digest are currently not supported"
    try:
        name = ImageName.parse(text)
    except InvalidReference as error:
        problem = error.message
    else:
        if not (name.tag and name.digest):
            return name
    raise unusable_name(text, problem)


def unusable_name(text: str, problem: str) -> UsageError:
    """Make skopeo's error for a name that is none."""
    return UsageError(
        'Cannot obtain a valid image reference for transport "docker" and reference '
        f'"{printable(text, limit=300)}": {problem}'
    )


def _wanted(question: Question, answer: Answer) -> tuple[ImageName, ...]:
    return tuple(question.repository.with_tag(tag) for tag in answer.tags if question.wants(tag))


def _not_listed(name: ImageName, error: RegcopyError) -> Failed:
    return Failed(
        f"Error determining repository tags for repo {name.name}: {error}", hint=error.hint
    )


def _plan(request: SyncRequest, groups: Iterable[_Group], *, failed: bool) -> SyncPlan:
    images: list[SyncImage] = []
    managed: list[Managed] = []
    sources = 0
    for group in groups:
        sources += 1
        images += (
            SyncImage(
                f"docker://{name.familiar}",
                request.destination_of(str(name)),
                group.access,
                number,
                len(group.names),
            )
            for number, name in enumerate(group.names, 1)
        )
        if request.delete:
            managed.append(_managed(group))
    return SyncPlan(tuple(images), sources, tuple(managed), failed)


def _managed(group: _Group) -> Managed:
    question = group.question
    if question is not None:
        return Managed(question.repository, frozenset(group.answer.tags), question.wants)
    return Managed(
        replace(group.names[0], tag="", digest=None),
        frozenset(name.tag for name in group.names if name.tag),
        digests=frozenset(name.digest for name in group.names if name.digest),
    )


class _FromFile:
    """Reads a YAML file; what is wrong with one repository is told, and the others go on."""

    def __init__(self, request: SyncRequest, lister: Lister, tell: Tell) -> None:
        self._request = request
        self._lister = lister
        self._tell = tell
        self._failed = False

    def plan(self) -> SyncPlan:
        """Find all images."""
        registries = read_yaml_source(self._request.source)
        self._check_credentials(registries)
        # What needs no question has its images already; the others are asked all at once.
        found = [part for registry in registries for part in self._parts(registry)]
        questions = [part for part in found if isinstance(part, Question)]
        answers = iter(self._lister.ask(questions))
        groups: list[_Group] = []
        for part in found:
            group = part if isinstance(part, _Group) else self._answered(part, next(answers))
            if group is not None:
                groups.append(group)
        return _plan(self._request, groups, failed=self._failed)

    def _check_credentials(self, registries: tuple[RegistrySource, ...]) -> None:
        """Refuse to give one registry's credentials to another."""
        if self._request.source_access.credential is None:
            return
        without = [each.registry for each in registries if each.credential is None]
        if len(without) > 1:
            raise UsageError(
                "credentials on the command line are for one registry, and the file names "
                f"{len(without)} without any: {printable(', '.join(without), limit=300)}",
                hint="write credentials into the file, or into an auth file",
            )

    def _note(self, level: Level, message: str, **fields: str) -> None:
        self._tell(Note(level, message, fields))

    def _error(self, message: str, problem: str, **fields: str) -> None:
        self._failed = True
        self._note("error", message, **fields)
        self._note("error", problem)

    def _parts(self, registry: RegistrySource) -> Iterator[_Group | Question]:
        for key in registry.unknown:
            self._note("warning", f'Unknown key "{key}"', registry=registry.registry)
        if not (registry.images or registry.by_regex or registry.by_semver):
            self._note("warning", "No images specified for registry", registry=registry.registry)
        access = registry.access(self._request.source_access)
        allows = self._request.tags.allows
        for path, wanted in registry.images.items():
            labels = {"registry": registry.registry, "repo": path}
            name = self._repository(labels)
            if name is not None and wanted:
                yield from self._listed(name, wanted, access, labels)
            elif name is not None:
                yield self._question(name, access, allows, labels)
        yield from self._filtered(registry, registry.by_regex, access, _pattern)
        yield from self._filtered(registry, registry.by_semver, access, _constraint)

    def _repository(self, labels: dict[str, str]) -> ImageName | None:
        problem = "input names a reference, not a repository"
        try:
            name = ImageName.parse(f"{labels['registry']}/{labels['repo']}")
        except InvalidReference as error:
            problem = error.message
        else:
            if not name.tag and not name.digest:
                self._note("info", "Processing repo", **labels)
                return name
        self._error("Error parsing repository name, skipping", problem, **labels)
        return None

    def _listed(
        self, name: ImageName, wanted: tuple[str, ...], access: Access, labels: dict[str, str]
    ) -> Iterator[_Group]:
        names: list[ImageName] = []
        for ref in wanted:
            try:
                names.append(_with(name, ref))
            except RegcopyError as error:
                self._error("Error parsing ref, skipping", error.message, ref=ref)
        if names:
            yield _Group(tuple(names), access)
        else:
            self._note("warning", "No refs to sync found", **labels)

    def _filtered(
        self,
        registry: RegistrySource,
        rules: Iterable[str],
        access: Access,
        compiled: Callable[[RegistrySource, str], Callable[[str], bool]],
    ) -> Iterator[Question]:
        for path in rules:
            labels = {"registry": registry.registry, "repo": path}
            name = self._repository(labels)
            if name is None:
                continue
            try:
                wants = compiled(registry, path)
            except UsageError as error:
                self._error("Error processing repo, skipping", error.message, **labels)
                continue
            both = _both(wants, self._request.tags.allows)
            yield self._question(name, access, both, labels)

    def _question(
        self, name: ImageName, access: Access, wants: Callable[[str], bool], labels: dict[str, str]
    ) -> Question:
        self._note("info", "Querying registry for image tags", **labels)
        self._note("info", "Getting tags", image=name.name)
        return Question(name, access, wants, labels)

    def _answered(self, question: Question, answer: Answer) -> _Group | None:
        if answer.error is not None:
            problem = _not_listed(question.repository, answer.error).message
            self._error("Error processing repo, skipping", problem, **question.labels)
            return None
        names = _wanted(question, answer)
        if not names:
            self._note("warning", "No refs to sync found", **question.labels)
            return None
        return _Group(names, question.access, question, answer)


def _with(name: ImageName, ref: str) -> ImageName:
    try:
        return replace(name, digest=Digest.parse(ref))
    except InvalidDigest:
        if not is_tag(ref):
            raise InvalidReference("invalid tag format") from None
        return name.with_tag(ref)


def _pattern(registry: RegistrySource, path: str) -> Callable[[str], bool]:
    return TagPattern(registry.by_regex[path]).matches


def _constraint(registry: RegistrySource, path: str) -> Callable[[str], bool]:
    return Constraint.parse(registry.by_semver[path]).allows


def _both(one: Callable[[str], bool], other: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda tag: one(tag) and other(tag)
