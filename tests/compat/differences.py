"""Every wished-for difference from skopeo, in one place, with its reason.

`newer` follows a newer skopeo than Debian's 1.9.3; `better` is on purpose; `unsupported` is what
regcopy cannot do yet, and says so. `test_differences.py` runs each line through both programs.
"""

from __future__ import annotations

from typing import Final

from tests.compat.wished_images import IMAGES
from tests.compat.wished_keys import KEYS
from tests.compat.wished_logins import LOGINS
from tests.compat.wished_registries import REGISTRIES
from tests.compat.wished_templates import TEMPLATES

DIFFERENCES: Final = (*IMAGES, *TEMPLATES, *REGISTRIES, *LOGINS, *KEYS)
