/**
 * The worker that `init --worker` writes. The documentation shows the same one.
 *
 * @module
 */

/** The name of its file. */
export const WORKER_FILE = "worker.py";

/** A complete worker in Python: it takes nothing but the standard library. */
export const WORKER = `import json, os, sys
out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # print() must not come between messages
def say(**message):
    out.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
model = lambda x=0, **params: {"y": 2 * x}  # load yours here
say(method="ready")
for request in map(json.loads, sys.stdin):
    if "id" in request:
        try:
            file = request.get("params_file")  # params that are too long for a line
            params = json.load(open(file)) if file else request["params"]
            say(id=request["id"], result=model(**params))
        except Exception as error:
            say(id=request["id"], error={"code": -32000, "message": repr(error)})
`;

/** What cyberwave.yml says of it. */
export function workerProgram(python: string): string {
  return `{worker: ${python} ${WORKER_FILE}}`;
}
