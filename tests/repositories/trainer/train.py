"""Trains with the params in a file, or with a preset of that name."""

import json
import sys
from pathlib import Path

argument = sys.argv[1]
if Path(argument).exists():
    params = json.loads(Path(argument).read_text())
else:
    params = {"preset": argument}
print(json.dumps({"loss": 0.5, "steps": len(params.get("steps", []))}))
