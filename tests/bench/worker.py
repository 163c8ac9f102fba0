"""The worker of the bench: it loads for a while, and then answers commands one after the other.

Arguments: how many seconds loading takes, how many an answer takes, and the file in which each load
leaves a line.
"""

import json
import sys
import time

load_seconds, answer_seconds, loads = sys.argv[1:]
time.sleep(float(load_seconds))
with open(loads, "a", encoding="utf-8") as file:
    file.write("loaded\n")


def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


say(method="ready")
for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        if float(answer_seconds) > 0:
            time.sleep(float(answer_seconds))
        say(id=request["id"], result=request["params"])
