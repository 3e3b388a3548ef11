"""What places start from: the tables of regions.toml and places.toml."""

import tomllib
from pathlib import Path
from typing import Any

FILES = [Path(__file__).with_name(name) for name in ("regions.toml", "places.toml")]
# Names of states and provinces by country and code, and everything else.
REGIONS: dict[str, dict[str, str]] = tomllib.loads(FILES[0].read_text())
PLACES: dict[str, Any] = tomllib.loads(FILES[1].read_text())
