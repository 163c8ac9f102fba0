"""The worker of the bench: it loads for a while and answers at once.

Arguments: how many seconds loading takes, and the file in which each load leaves a line.
"""

import json
import sys
import time

seconds, loads = sys.argv[1:]
time.sleep(float(seconds))
with open(loads, "a", encoding="utf-8") as file:
    file.write("loaded\n")


def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


say(method="ready")
for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        say(id=request["id"], result=request["params"])
