"""`sync`: many images between repositories and folders, copied as one list.

from regcopy.batch.sync import SyncRequest, plan_sync, sync_images

request = SyncRequest("docker", "docker", "quay.io/team/app", "mirror.example.com/team")
with Session() as session:
    plan = plan_sync(request, session)
for event in sync_images(plan, request):
    ...
"""

from regcopy.batch.sync.pattern import TagPattern
from regcopy.batch.sync.planning import plan_sync
from regcopy.batch.sync.pruning import Stale, delete_stale, find_stale
from regcopy.batch.sync.request import Note, SyncImage, SyncPlan, SyncRequest, TagFilter
from regcopy.batch.sync.run import sync_images
from regcopy.batch.sync.semver import Constraint

__all__ = [
    "Constraint",
    "Note",
    "Stale",
    "SyncImage",
    "SyncPlan",
    "SyncRequest",
    "TagFilter",
    "TagPattern",
    "delete_stale",
    "find_stale",
    "plan_sync",
    "sync_images",
]
