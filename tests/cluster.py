"""What a cluster does with the Task, on this machine: volumes, credentials, and the registries."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regcopy.testing.samples import SampleImage
from tests.command_line import Ended
from tests.containers import Image
from tests.registry_tools import RegistryTools
from tests.servers import Registry
from tests.tekton_runner import TaskRun, the_task

USER, PASSWORD = "robot", "correct horse"
UID: Final = 65532


@dataclass(frozen=True)
class Place:
    """A registry with TLS that wants USER and PASSWORD."""

    registry: Registry

    @property
    def host(self) -> str:
        """Host and port."""
        return self.registry.host

    @property
    def tools(self) -> RegistryTools:
        """The tests' own way into it."""
        tls = self.registry.setup.tls
        assert tls is not None
        return RegistryTools(
            self.registry.url, {"Authorization": f"Basic {_auth()}"}, tls.client_context()
        )

    def push(self, image: SampleImage, name: str) -> str:
        """Push an image by `repository:tag`, and give its reference."""
        self.tools.push(image, *name.rsplit(":", 1))
        return self.reference(name)

    def reference(self, name: str) -> str:
        """Give the reference of `repository:tag`."""
        return f"docker://{self.host}/{name}"

    def holds(self, image: SampleImage, name: str) -> bool:
        """Tell whether the image is there, with every byte."""
        return self.tools.holds(image, *name.rsplit(":", 1))


def _auth() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass(frozen=True)
class Cluster:
    """What a cluster would do with the Task, on this machine.

    Attributes:
        folder: has volumes and what the cluster makes for each run.
    """

    image: Image
    folder: Path
    places: Sequence[Place]

    def credentials(self) -> str:
        """The Docker config file that Tekton makes of annotated secrets."""
        entry = {"username": USER, "password": PASSWORD, "auth": _auth(), "email": "not@val.id"}
        return json.dumps({"auths": {f"https://{place.host}": entry for place in self.places}})

    def certificates(self) -> Path:
        """A volume with the authority of each registry."""
        folder = self.volume("certs")
        for place in self.places:
            tls = place.registry.setup.tls
            assert tls is not None
            tls.write_certs_d(folder / place.host)
        return folder

    def volume(self, name: str) -> Path:
        """A folder that every user may write to."""
        folder = self.folder / f"volume-of-{name}"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        return folder

    def list(self, lines: Sequence[str]) -> Path:
        """A volume with url.txt, as a ConfigMap makes it."""
        folder = self.volume("list")
        (folder / "url.txt").write_text("\n".join(lines))
        return folder

    def task_run(
        self,
        params: Mapping[str, str | Sequence[str]],
        workspaces: Mapping[str, Path] | None = None,
        *,
        trusts: bool = True,
    ) -> TaskRun:
        """Begin a run of the Task, with the authorities of the registries."""
        certs = {"certs": self.certificates()} if trusts else {}
        return TaskRun(self.folder / "run", params, {**certs, **(workspaces or {})})

    def run(self, task_run: TaskRun, *, user: int = UID, logged_in: bool = True) -> Ended:
        """Run the step of the Task as that user, after the credentials were put into its home."""
        container = task_run.step(the_task())
        if logged_in:
            self.log_in(task_run, user)
        return self.image.run(container, user=f"{user}:0")

    def log_in(self, task_run: TaskRun, user: int = UID) -> None:
        """Do as Tekton before a step: leave the credentials in its home, for its user alone."""
        folder = task_run.home / ".docker"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "config.json"
        file.write_text(self.credentials())
        for path, mode in ((folder, 0o700), (file, 0o600)):
            path.chmod(mode)
            os.chown(path, user, 0)
