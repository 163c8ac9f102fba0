"""Takes JSON or the path of a file of JSON, as its authors left it for both agents."""

import json
import os
import sys


def read(argument):
    if argument.lstrip().startswith("{"):
        return "inline", json.loads(argument)
    with open(argument, encoding="utf-8") as file:
        return "file", json.load(file)


form, params = read(sys.argv[1])
with open(params["image"], "rb") as image:
    size = len(image.read())
names = ["VIRTUAL_ENV", "CHECKPOINT", "HF_TOKEN", "CYBERWAVE_BASE_URL"]
print(
    json.dumps(
        {
            "form": form,
            "instruction": params["instruction"],
            "image_bytes": size,
            "python": sys.prefix,
            "env": [os.environ.get(name) for name in names],
        }
    )
)
