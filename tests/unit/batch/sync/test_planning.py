"""What a sync finds to be copied, and what it refuses before anything is copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.batch.sync import TagFilter, TagPattern
from regcopy.errors import RegcopyError, Unauthorized, UsageError
from regcopy.model.digest import Digest
from regcopy.testing.samples import single_image
from regcopy.transports.base import SideOptions
from tests.faults import refuse
from tests.lists import QUICK
from tests.unit.batch.sync.conftest import World

DIGEST = Digest.of(b"x")


def test_all_tags_of_a_repository_are_found(world: World) -> None:
    world.hold("1", "2")
    plan = world.plan(world.request())
    assert world.tags(plan) == ["x/app:1", "x/app:2"]
    assert [(image.number, image.count) for image in plan.images] == [(1, 2), (2, 2)]
    assert (plan.sources, plan.failed, plan.managed) == (1, False, ())
    assert [request.path for request in world.source.seen] == ["/v2/team/app/tags/list"]


def test_one_image_needs_no_question(world: World) -> None:
    for name in ("team/app:1", f"team/app@{DIGEST}"):
        assert len(world.plan(world.request(name)).images) == 1
    assert world.source.seen == []


def test_notes_are_skopeo_s(world: World) -> None:
    world.hold("1")
    world.plan(world.request())
    assert [(note.level, note.message, dict(note.fields)) for note in world.notes] == [
        (
            "info",
            "Tag presence check",
            {"imagename": f"{world.source.host}/team/app", "tagged": "false"},
        ),
        ("info", "Getting tags", {"image": f"{world.source.host}/team/app"}),
    ]


def test_only_tags_that_are_wanted_are_found(world: World) -> None:
    world.hold("v1", "v2", "v2-rc", "latest")
    tags = TagFilter((TagPattern("^v"),), (TagPattern("rc"),))
    assert world.tags(world.plan(world.request(tags=tags))) == ["x/app:v1", "x/app:v2"]


def test_a_repository_without_a_wanted_tag_is_an_error(world: World) -> None:
    world.hold("1")
    with pytest.raises(UsageError, match="No images to sync found in"):
        world.plan(world.request(tags=TagFilter((TagPattern("^v"),))))


def test_a_repository_that_is_not_there_is_an_error(world: World) -> None:
    with pytest.raises(
        RegcopyError, match=r"Error determining repository tags for repo .*NAME_UNK"
    ):
        world.plan(world.request())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("team/APP", "repository name must be lowercase"),
        ("a b", "invalid format"),
        (f"team/app:1@{DIGEST}", "both a tag and digest are currently not supported"),
    ],
)
def test_a_source_that_is_no_name_is_refused(world: World, source: str, problem: str) -> None:
    with pytest.raises(UsageError, match=f"Cannot obtain a valid image reference .*{problem}"):
        world.plan(world.request(source))


def test_a_destination_that_is_no_name_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match=r'reference "//host/UP/app:1": .*lowercase'):
        world.plan(world.request("team/app:1", destination="host/UP"))


def test_a_suffix_behind_a_digest_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="Cannot obtain a valid image reference"):
        world.plan(world.request(f"team/app@{DIGEST}", suffix="-mirror"))


def test_a_folder_that_is_there_is_not_overwritten(world: World, tmp_path: Path) -> None:
    world.hold("1", "2")
    (tmp_path / "app:2").mkdir()
    request = world.request(destination_kind="dir", destination=str(tmp_path))
    with pytest.raises(UsageError, match=r'Refusing to overwrite destination directory ".*app:2"'):
        world.plan(request)


def test_folders_that_are_there_are_skipped_where_that_is_wanted(
    world: World, tmp_path: Path
) -> None:
    world.hold("1", "2")
    (tmp_path / "app:2").mkdir()
    request = world.request(destination_kind="dir", destination=str(tmp_path), skip_existing=True)
    assert [image.destination for image in world.plan(request).images] == [f"dir:{tmp_path}/app:1"]


def test_tags_that_are_there_are_skipped_at_the_price_of_one_question(world: World) -> None:
    world.hold("1", "2", "3")
    world.keep("x/app", **{"1": single_image(seed="other"), "3-m": single_image()})
    plan = world.plan(world.request(skip_existing=True))
    assert world.tags(plan) == ["x/app:2", "x/app:3"]
    assert [request.path for request in world.destination.seen] == ["/v2/x/app/tags/list"]
    assert world.notes[-1].message == "Skipping image ref, the destination exists"


def test_a_destination_that_cannot_be_listed_is_an_error_where_tags_are_skipped(
    world: World,
) -> None:
    world.hold("1")
    world.destination.on("GET", "tags", refuse(401))
    with pytest.raises(Unauthorized):
        world.plan(world.request(skip_existing=True))


class File:
    """A YAML file that names the source registry."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.path = folder / "sync.yaml"

    def write(self, text: str, **changes: object) -> list[str]:
        """Write what it says of the registry, and give the destinations that are found."""
        indented = "".join(f"  {line}\n" for line in text.splitlines())
        self.path.write_text(f"{self.world.source.host}:\n{indented}")
        request = self.world.request(str(self.path), source_kind="yaml", **changes)
        plan = self.world.plan(request)
        self.failed, self.sources = plan.failed, plan.sources
        return self.world.tags(plan)

    def told(self, level: str) -> list[str]:
        """What was told at a level."""
        return [note.message for note in self.world.notes if note.level == level]


@pytest.fixture
def file(world: World, tmp_path: Path) -> File:
    """A file that is not written yet."""
    return File(world, tmp_path)


def test_a_file_names_tags_digests_and_whole_repositories(world: World, file: File) -> None:
    world.hold("1", "2", repository="team/other")
    found = file.write(f'images: {{team/app: [1.10, "{DIGEST}"], team/other: []}}')
    assert found == ["x/app:1.10", f"x/app@{DIGEST}", "x/other:1", "x/other:2"]
    assert (file.failed, file.sources) == (False, 2)


def test_a_file_chooses_tags_by_expressions_and_versions(world: World, file: File) -> None:
    world.hold("1.13.1-alpine", "1.13.9-alpine", "1.13.2", repository="nginx")
    world.hold("3.11.0", "3.12.0", "v4.0.0", "edge", repository="alpine")
    text = "images-by-tag-regex:\n  nginx: ^1\\.13\\.[12]-alpine$\n"
    found = file.write(text + 'images-by-semver:\n  alpine: ">= 3.12.0"\n')
    assert found == ["x/nginx:1.13.1-alpine", "x/alpine:3.12.0", "x/alpine:v4.0.0"]


def test_filters_of_the_command_line_hold_for_rules_of_a_file(world: World, file: File) -> None:
    world.hold("1.0", "1.1", "2.0")
    found = file.write(
        "images-by-tag-regex: {team/app: ^1}", tags=TagFilter(exclude=(TagPattern("0$"),))
    )
    assert found == ["x/app:1.1"]


def test_a_repository_of_several_rules_is_listed_once(world: World, file: File) -> None:
    world.hold("1", "2")
    text = "images: {team/app: []}\nimages-by-tag-regex: {team/app: ^2}\n"
    found = file.write(text + "images-by-semver: {team/app: '1'}")
    assert found == ["x/app:1", "x/app:2"]
    assert len(world.source.seen) == 1


def test_what_is_wrong_with_one_repository_is_told_and_the_others_go_on(
    world: World, file: File
) -> None:
    world.hold("1")
    text = 'images: {BAD: [], team/app: ["a b", "1"], team/none: [], "team/app:1": []}\n'
    found = file.write(text + 'images-by-tag-regex: {team/app: "("}')
    assert (found, file.failed) == (["x/app:1"], True)
    errors = file.told("error")
    assert errors[0::2] == [
        "Error parsing repository name, skipping",
        "Error parsing ref, skipping",
        "Error parsing repository name, skipping",
        "Error processing repo, skipping",
        "Error processing repo, skipping",
    ]
    assert errors[7] == "error parsing regexp: missing closing ): `(`"
    assert errors[9].startswith("Error determining repository tags for repo")


def test_a_registry_without_images_and_a_key_that_means_nothing_are_warned_of(
    file: File,
) -> None:
    assert file.write("image: {a: []}") == []
    assert file.told("warning") == ['Unknown key "image"', "No images specified for registry"]
    assert not file.failed


def test_a_rule_that_no_tag_follows_is_warned_of(world: World, file: File) -> None:
    world.hold("1")
    assert file.write("images-by-tag-regex: {team/app: ^9}") == []
    assert (file.told("warning"), file.failed) == (["No refs to sync found"], False)


def test_a_file_says_how_its_registries_are_reached(world: World, file: File) -> None:
    world.hold("1")
    text = "tls-verify: false\ncredentials: {username: u, password: p}\nimages: {team/app: []}"
    strict = SideOptions(tls_verify=True)
    access = QUICK.__class__(options=strict, retry=QUICK.retry)
    assert file.write(text, source_access=access) == ["x/app:1"]


def test_one_registry_s_credentials_are_not_given_to_another(world: World, file: File) -> None:
    access = QUICK.__class__(Credential("u", "p"), options=QUICK.options)
    file.path.write_text("a.example:\n  images: {x: []}\nb.example:\n  images: {y: []}\n")
    with pytest.raises(UsageError, match="credentials on the command line are for one registry"):
        world.plan(world.request(str(file.path), source_kind="yaml", source_access=access))


def test_two_images_of_one_name_are_refused(file: File, tmp_path: Path) -> None:
    text = "images: {a/app: ['1'], b/app: ['1']}"
    with pytest.raises(UsageError, match=r"would both be copied to docker://.*/x/app:1"):
        file.write(text)
    folder = {"destination_kind": "dir", "destination": str(tmp_path)}
    assert len(file.write(text, scoped=True, **folder)) == 2


def test_images_of_folders_are_found(world: World, tmp_path: Path) -> None:
    for name in ("a/app:1", "b:2"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text("{}")
    request = world.request(str(tmp_path), source_kind="dir", scoped=True)
    plan = world.plan(request)
    assert world.tags(plan) == ["x/a/app:1", "x/b:2"]
    assert [image.source for image in plan.images] == [
        f"dir:{tmp_path}/a/app:1",
        f"dir:{tmp_path}/b:2",
    ]


def test_a_folder_without_images_is_an_error(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No images to sync found in"):
        world.plan(world.request(str(tmp_path), source_kind="dir"))
